package distil

import (
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/onnx"
)

// checkpoint is what a run needs to go on after it was stopped.
type checkpoint struct {
	// Key tells runs apart: only the same run goes on from it.
	Key           string
	Step, Steps   int
	Before, After float64
	Parameters    []savedParameter
}

// savedParameter is a parameter with the state of Adam and its best values.
type savedParameter struct {
	Name                      string
	Values, Best              []float32
	First, Second             []float32
	FirstWeight, SecondWeight float64
}

// runKey is a hash of all that the result of a run depends on.
func runKey(student *onnx.Model, data, held *calibrate.Data, o Options) (string, error) {
	h := sha256.New()
	encoded, err := student.Encode()
	if err != nil {
		return "", err
	}
	h.Write(encoded)
	fmt.Fprintln(h, o.Steps, o.TimeLimit, o.BatchSize, o.FactorRate, o.OtherRate, o.Int8Aware, o.NoMixup, o.EvaluateEvery, o.Seed, o.MemoryBytes)
	for _, d := range []*calibrate.Data{data, held} {
		fmt.Fprintln(h, d.Samples, len(d.Batches))
		for _, batch := range d.Batches {
			for _, name := range slices.Sorted(maps.Keys(batch)) {
				fmt.Fprintln(h, name, batch[name])
				h.Write(batch[name].Raw())
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// save writes the state after the given number of steps, completely or not at
// all, if a file is named.
func (t *trainer) save(step int, before, after float64, best map[string]*onnx.Tensor) error {
	if t.options.Checkpoint == "" {
		return nil
	}
	c := checkpoint{Key: t.key, Step: step, Steps: t.steps, Before: before, After: after}
	for _, p := range t.parameters {
		c.Parameters = append(c.Parameters, savedParameter{
			Name: p.name, Values: p.value.Float32s(), Best: best[p.name].Float32s(),
			First: p.first, Second: p.second, FirstWeight: p.firstWeight, SecondWeight: p.secondWeight,
		})
	}
	return onnx.WriteFile(t.options.Checkpoint, func(w io.Writer) error { return gob.NewEncoder(w).Encode(c) })
}

// resume continues from the checkpoint of this very run, if there is one; ok
// tells. A checkpoint of another run is an error: it is not to be overwritten.
func (t *trainer) resume() (c checkpoint, best map[string]*onnx.Tensor, ok bool, err error) {
	if t.options.Checkpoint == "" {
		return c, nil, false, nil
	}
	f, err := os.Open(t.options.Checkpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil, false, nil
	}
	if err != nil {
		return c, nil, false, err
	}
	defer f.Close()
	if err := gob.NewDecoder(f).Decode(&c); err != nil {
		return c, nil, false, fmt.Errorf("%s: is no checkpoint of a distillation: %w", t.options.Checkpoint, err)
	}
	if c.Key != t.key || !t.fits(c) {
		return c, nil, false, fmt.Errorf("%s: is the checkpoint of another run (other model, data or options): remove it to start anew", t.options.Checkpoint)
	}
	best = map[string]*onnx.Tensor{}
	for i, p := range t.parameters {
		s := c.Parameters[i]
		copy(p.value.Float32s(), s.Values)
		copy(p.first, s.First)
		copy(p.second, s.Second)
		p.firstWeight, p.secondWeight = s.FirstWeight, s.SecondWeight
		best[p.name] = onnx.FromSlice(s.Best, p.value.Shape...)
		best[p.name].Name = p.name
	}
	for range c.Step {
		t.batches.choose()
	}
	t.steps = c.Steps
	return c, best, true, nil
}

// fits reports whether a checkpoint has the shape of this run.
func (t *trainer) fits(c checkpoint) bool {
	if len(c.Parameters) != len(t.parameters) || c.Step < 0 || c.Step > c.Steps || c.Steps > t.steps {
		return false
	}
	for i, p := range t.parameters {
		s, n := c.Parameters[i], p.value.Len()
		if s.Name != p.name || len(s.Values) != n || len(s.Best) != n || len(s.First) != n || len(s.Second) != n {
			return false
		}
	}
	return true
}
