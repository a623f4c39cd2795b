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
	Key                        string
	Steps, Done, Drawn, Probed int
	Rate                       float64
	Before, After              float64
	Parameters                 []savedParameter
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
	fmt.Fprintln(h, o.Steps, o.TimeLimit, o.BatchSize, o.Rate, o.Int8Aware, o.NoMixup, o.EvaluateEvery, o.Seed, o.MemoryBytes)
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

// save writes the state, completely or not at all, if a folder is named.
func (t *trainer) save(l *progress) error {
	path := t.checkpointFile()
	if path == "" {
		return nil
	}
	c := checkpoint{Key: t.key, Steps: t.steps, Done: t.done, Drawn: t.drawn, Probed: t.probed, Rate: t.rate, Before: l.before, After: l.after}
	for _, p := range t.parameters {
		c.Parameters = append(c.Parameters, savedParameter{
			Name: p.name, Values: p.value.Float32s(), Best: l.best[p.name].Float32s(),
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
func (t *trainer) resume() (l *progress, ok bool, err error) {
	path := t.checkpointFile()
	if path == "" {
		return nil, false, nil
	}
	if err := os.MkdirAll(t.options.Checkpoint, 0o777); err != nil {
		return nil, false, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	var c checkpoint
	if err := gob.NewDecoder(f).Decode(&c); err != nil {
		return nil, false, fmt.Errorf("%s: is no checkpoint of a distillation: %w; remove it", path, err)
	}
	if c.Key != t.key || !t.fits(c) {
		return nil, false, fmt.Errorf("%s: is the checkpoint of another run: remove it", path)
	}
	l = &progress{before: c.Before, after: c.After, best: map[string]*onnx.Tensor{}}
	for i, p := range t.parameters {
		s := c.Parameters[i]
		copy(p.value.Float32s(), s.Values)
		copy(p.first, s.First)
		copy(p.second, s.Second)
		p.firstWeight, p.secondWeight = s.FirstWeight, s.SecondWeight
		l.best[p.name] = onnx.FromSlice(s.Best, p.value.Shape...)
		l.best[p.name].Name = p.name
	}
	for range c.Drawn {
		t.batches.choose()
	}
	t.steps, t.done, t.drawn, t.probed, t.rate = c.Steps, c.Done, c.Drawn, c.Probed, c.Rate
	return l, true, nil
}

// fits reports whether a checkpoint has the shape of this run.
func (t *trainer) fits(c checkpoint) bool {
	if len(c.Parameters) != len(t.parameters) || c.Done < 0 || c.Done > c.Steps || c.Steps > t.steps || c.Probed < 0 || c.Probed > c.Done || c.Drawn < 0 || c.Drawn > c.Steps {
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
