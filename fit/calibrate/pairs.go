package calibrate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/pool"
)

// Pair is what the inputs of one layer are in a student, x, beside those in its
// teacher, t: means over all rows.
type Pair struct {
	Student []float64 // of x x', [In, In]
	Cross   []float64 // of t x', [In, In]
	Rows    int

	use      discover.Use
	features int
	samples  int
}

// Pairs runs the teacher and a student, which has the layers' inputs under the
// same names, on the data and returns the pairs of the layers, by name. Layers in
// subgraphs have none, nor have those without a moment, see Moments.
func Pairs(ctx context.Context, teacher, student *onnx.Model, layers []*discover.Layer, d *Data, threads int) (map[string]*Pair, error) {
	inputs, moments := map[string]*Pair{}, map[string]*Moment{}
	var paired []*discover.Layer
	for _, l := range affordable(layers) {
		u := l.Uses[0]
		if u.Nested {
			continue
		}
		paired = append(paired, l)
		if key := u.Key(); inputs[key] == nil {
			inputs[key] = &Pair{Student: make([]float64, l.In*l.In), Cross: make([]float64, l.In*l.In), use: u, features: l.In}
			moments[key] = &Moment{use: u}
		}
	}
	before, err := observe(teacher, moments, threads, nil)
	if err != nil {
		return nil, err
	}
	defer before.Close()
	after, err := observe(student, moments, threads, nil)
	if err != nil {
		return nil, err
	}
	defer after.Close()
	workers := pool.New(threads)
	defer workers.Close()
	for _, i := range spread(len(d.Batches)) {
		batch := Inputs(d.Batches[i], before.Inputs())
		expected, err := before.Run(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("calibration batch %d: %w", i+1, err)
		}
		found, err := after.Run(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("calibration batch %d: %w", i+1, err)
		}
		full := true
		err = eachPair(workers, inputs, func(p *Pair) error {
			p.samples += d.Samples / len(d.Batches)
			return p.add(expected[p.use.Input], found[p.use.Input])
		})
		if err != nil {
			return nil, fmt.Errorf("calibration batch %d: %w", i+1, err)
		}
		for _, p := range inputs {
			full = full && p.Rows >= rowsPerFeature*p.features && p.samples >= leastSamples
		}
		if full {
			break
		}
	}
	pairs := map[string]*Pair{}
	for _, p := range inputs {
		for i := range p.Student {
			p.Student[i] /= float64(max(p.Rows, 1))
			p.Cross[i] /= float64(max(p.Rows, 1))
		}
	}
	for _, l := range paired {
		pairs[l.Name] = inputs[l.Uses[0].Key()]
	}
	return pairs, nil
}

// add adds the rows of one run.
func (p *Pair) add(expected, found *onnx.Tensor) error {
	n := p.features
	t, err := p.use.Vectors(expected, n)
	if err != nil {
		return err
	}
	x, err := p.use.Vectors(found, n)
	if err != nil {
		return err
	}
	if len(t) != len(x) {
		return fmt.Errorf("value %q: %d elements, %d in the original", p.use.Input, len(x), len(t))
	}
	rows := len(x) / n
	if bad := onnx.FromSlice(x, rows, n).NonFinite(); bad > 0 {
		return fmt.Errorf("value %q: %d activations are NaN or infinite", p.use.Input, bad)
	}
	gemm.SymmetricUpdate(p.Student, x, rows, n, 0, n)
	product := make([]float32, n*n)
	gemm.Multiply(product, t, x, n, n, rows, gemm.Options{TransposeA: true})
	for i, v := range product {
		p.Cross[i] += float64(v)
	}
	p.Rows += rows
	return nil
}

// eachPair calls f for every pair, on the threads of a pool.
func eachPair(workers *pool.Pool, inputs map[string]*Pair, f func(*Pair) error) error {
	keys := slices.Sorted(maps.Keys(inputs))
	failures := make([]error, len(keys))
	workers.For(len(keys), 1, func(from, to int) {
		for i := from; i < to; i++ {
			failures[i] = f(inputs[keys[i]])
		}
	})
	return errors.Join(failures...)
}
