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
	"path/filepath"
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
	path := t.checkpointFile()
	if path == "" {
		return nil
	}
	c := checkpoint{Key: t.key, Step: step, Steps: t.steps, Before: before, After: after}
	for _, p := range t.parameters {
		c.Parameters = append(c.Parameters, savedParameter{
			Name: p.name, Values: p.value.Float32s(), Best: best[p.name].Float32s(),
			First: p.first, Second: p.second, FirstWeight: p.firstWeight, SecondWeight: p.secondWeight,
		})
	}
	return onnx.WriteFile(path, func(w io.Writer) error { return gob.NewEncoder(w).Encode(c) })
}

// checkpointFile is where the state of this very run is kept, empty if it is
// not. Runs that differ in any way have files of their own.
func (t *trainer) checkpointFile() string {
	if t.options.Checkpoint == "" {
		return ""
	}
	return filepath.Join(t.options.Checkpoint, "distil-"+t.key[:32]+".state")
}

// resume continues from the checkpoint of this run, if there is one; ok tells.
func (t *trainer) resume() (c checkpoint, best map[string]*onnx.Tensor, ok bool, err error) {
	path := t.checkpointFile()
	if path == "" {
		return c, nil, false, nil
	}
	if err := os.MkdirAll(t.options.Checkpoint, 0o777); err != nil {
		return c, nil, false, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil, false, nil
	}
	if err != nil {
		return c, nil, false, err
	}
	defer f.Close()
	if err := gob.NewDecoder(f).Decode(&c); err != nil {
		return c, nil, false, fmt.Errorf("%s: is no checkpoint of a distillation: %w; remove it", path, err)
	}
	if c.Key != t.key || !t.fits(c) {
		return c, nil, false, fmt.Errorf("%s: is the checkpoint of another run: remove it", path)
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
