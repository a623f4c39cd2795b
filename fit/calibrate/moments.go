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
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/pool"
)

// Moment is the second moment of the input of one layer.
type Moment struct {
	// Values is the sum of x x' over all rows, [In, In].
	Values []float64
	// Rows is the number of inputs seen; Runs the number of runs of the model.
	Rows, Runs int
	// Samples is the number of samples that the rows come from.
	Samples  int
	features int
	use      discover.Use // one of those that take the input
}

// Moments runs the model on the data and returns the second moment of the input
// of each layer that can become a chain, by the layer's name. progress is
// called after each batch. A moment of n features is taken from some 64 n rows
// and 1024 samples, from batches spread over the data: more would change little.
//
// Memory: the moments themselves (8 In^2 bytes for each different input), and
// the inputs of all layers for one batch. Layers for which that would be more
// than maxMomentBytes in all, the widest first, have no moment in the result.
func Moments(ctx context.Context, m *onnx.Model, layers []*discover.Layer, d *Data, threads int, progress func(done, all int)) (map[string]*Moment, error) {
	layers = affordable(layers)
	inputs := map[string]*Moment{} // by the use's key: layers often share an input
	moments := map[string]*Moment{}
	for _, l := range layers {
		for _, u := range l.Uses {
			if key := u.Key(); inputs[key] == nil {
				inputs[key] = &Moment{Values: make([]float64, l.In*l.In), features: l.In, use: u}
			}
		}
	}
	var failure error // of nested layers
	s, err := observe(m, inputs, threads, func(m *Moment, value onnx.Value) {
		t, _ := value.(*onnx.Tensor)
		if err := m.add(t); err != nil && failure == nil {
			failure = fmt.Errorf("value %q: %w", m.use.Input, err)
		}
	})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	p := pool.New(threads)
	defer p.Close()
	for done, i := range spread(len(d.Batches)) {
		values, err := s.Run(ctx, Inputs(d.Batches[i], s.Inputs()))
		if err == nil {
			err = addAll(p, inputs, values, d.Samples/len(d.Batches))
		}
		if err == nil {
			err = failure
		}
		if err != nil {
			return nil, fmt.Errorf("calibration batch %d: %w", i+1, err)
		}
		if progress != nil {
			progress(done+1, len(d.Batches))
		}
		if !slices.ContainsFunc(slices.Collect(maps.Values(inputs)), func(m *Moment) bool { return !m.full() }) {
			break
		}
	}
	for _, l := range layers {
		moments[l.Name] = combine(l, inputs)
	}
	return moments, nil
}

// maxMomentBytes bounds the memory of all moments of a model.
const maxMomentBytes = 2 << 30

// affordable returns the layers that can become chains and whose moments fit in
// maxMomentBytes together, the narrowest first; in the order of layers.
func affordable(layers []*discover.Layer) []*discover.Layer {
	byWidth := slices.DeleteFunc(slices.Clone(layers), func(l *discover.Layer) bool { return l.Skip != "" })
	slices.SortStableFunc(byWidth, func(a, b *discover.Layer) int { return a.In - b.In })
	left := maxMomentBytes
	taken := map[string]bool{} // inputs
	keep := map[*discover.Layer]bool{}
	for _, l := range byWidth {
		cost := 0
		for _, u := range l.Uses {
			if !taken[u.Key()] && l.In > left/8/l.In {
				cost = left + 1
				break
			}
			if !taken[u.Key()] {
				cost += 8 * l.In * l.In
			}
		}
		if cost > left {
			continue
		}
		left -= cost
		keep[l] = true
		for _, u := range l.Uses {
			taken[u.Key()] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(layers), func(l *discover.Layer) bool { return !keep[l] })
}

// observe returns a session of the model that gives the inputs of the moments
// beside its outputs. Those of layers in subgraphs it gives to nested, each time
// that they are used, in the order of a run.
func observe(m *onnx.Model, moments map[string]*Moment, threads int, nested func(m *Moment, value onnx.Value)) (*runtime.Session, error) {
	c, g := *m, *m.Graph // over the same nodes
	c.Graph, g.Outputs = &g, slices.Clone(g.Outputs)
	isOutput := map[string]bool{}
	for _, info := range g.Outputs {
		isOutput[info.Name] = true
	}
	observed := map[*onnx.Node]bool{}
	byNode := map[*onnx.Node]*Moment{} // a node in a subgraph has one dense layer
	for _, key := range slices.Sorted(maps.Keys(moments)) {
		u := moments[key].use
		switch name := u.Input; {
		case u.Nested:
			observed[u.Node], byNode[u.Node] = true, moments[key]
		case !isOutput[name]:
			isOutput[name] = true
			g.Outputs = append(g.Outputs, onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: u.Elem}})
		}
	}
	return runtime.New(&c, runtime.WithThreads(threads), runtime.WithObserver(observed, func(n *onnx.Node, inputs []onnx.Value) {
		if m := byNode[n]; !m.full() {
			nested(m, inputs[slices.Index(n.Inputs, m.use.Input)])
		}
	}))
}

// What a moment is taken from at the least, if there is so much: rows, as a
// multiple of its features, and samples, since the rows of one are alike.
const (
	rowsPerFeature = 64
	leastSamples   = 1024
)

func (m *Moment) full() bool {
	return m.Rows >= rowsPerFeature*m.features && m.Samples >= leastSamples
}

// spread returns the numbers below n in an order whose beginnings are spread
// over all: every 16th, then those after them.
func spread(n int) []int {
	const stride = 16
	order := make([]int, 0, n)
	for first := range stride {
		for i := first * 5 % stride; i < n; i += stride { // 5 and 16 have no common divisor
			order = append(order, i)
		}
	}
	return order
}

// addAll adds the values of a run on that many samples to the moments that are
// not full.
func addAll(p *pool.Pool, moments map[string]*Moment, values map[string]*onnx.Tensor, samples int) error {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(moments)), func(name string) bool { return moments[name].full() || moments[name].use.Nested })
	failures := make([]error, len(names))
	p.For(len(names), 1, func(from, to int) {
		for i := from; i < to; i++ {
			m := moments[names[i]]
			m.Samples += samples
			if err := m.add(values[m.use.Input]); err != nil {
				failures[i] = fmt.Errorf("value %q: %w", m.use.Input, err)
			}
		}
	})
	return errors.Join(failures...)
}

func (m *Moment) add(t *onnx.Tensor) error {
	n := m.features
	vectors, err := m.use.Vectors(t, n)
	if err != nil {
		return err
	}
	rows := len(vectors) / n
	if bad := onnx.FromSlice(vectors, rows, n).NonFinite(); bad > 0 {
		return fmt.Errorf("%d activations are NaN or infinite", bad)
	}
	gemm.SymmetricUpdate(m.Values, vectors, rows, n, 0, n)
	m.Rows += rows
	m.Runs++
	return nil
}

// combine adds the moments of all inputs of a tied layer and divides by the
// number of rows.
func combine(l *discover.Layer, inputs map[string]*Moment) *Moment {
	sum := &Moment{Values: make([]float64, l.In*l.In), features: l.In}
	seen := map[string]bool{}
	for _, u := range l.Uses {
		if seen[u.Key()] {
			continue
		}
		seen[u.Key()] = true
		part := inputs[u.Key()]
		for i, v := range part.Values {
			sum.Values[i] += v
		}
		sum.Rows += part.Rows
		sum.Runs, sum.Samples = part.Runs, part.Samples
	}
	if sum.Rows > 0 {
		for i := range sum.Values {
			sum.Values[i] /= float64(sum.Rows)
		}
	}
	return sum
}

// Inputs returns the arrays of a batch that the model takes.
func Inputs(batch map[string]*onnx.Tensor, inputs []onnx.ValueInfo) map[string]*onnx.Tensor {
	taken := make(map[string]*onnx.Tensor, len(inputs))
	for _, info := range inputs {
		taken[info.Name] = batch[info.Name]
	}
	return taken
}
