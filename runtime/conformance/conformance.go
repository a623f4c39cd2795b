// Package conformance runs test cases in the layout of the ONNX backend test
// suite: a folder with model.onnx and folders test_data_set_N that hold
// input_I.pb and output_I.pb.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// Case is one model with data sets.
type Case struct {
	// Name is the name of the folder, or of the file of a light case.
	Name string
	Dir  string
	// light is the path of the model less ".onnx" if the case is a light one
	// (light.go).
	light string
}

// Status is the outcome of a case.
type Status string

// The outcomes. A case is skipped only for a reason that Result states.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Result is what became of a case.
type Result struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// Options says how cases are run.
type Options struct {
	Threads int
	// Tolerance is for floating-point outputs; everything else must be equal.
	Tolerance Tolerance
	// Tolerances gives, by the name of a case, a tolerance of its own.
	Tolerances map[string]Tolerance
	// Skips gives, by the name of a case, the reason why it is not run.
	Skips map[string]string
}

// Find returns the cases in a folder: the folder itself, or all folders below
// it that hold a model.onnx, and light cases, sorted by path.
func Find(dir string) ([]Case, error) {
	var cases []Case
	dir, err := filepath.EvalSymlinks(dir) // WalkDir does not follow a link
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() && d.Name() == "model.onnx" {
			folder := filepath.Dir(path)
			abs, err := filepath.Abs(folder)
			if err != nil {
				return err
			}
			cases = append(cases, Case{Name: filepath.Base(abs), Dir: folder})
		}
		if stem := strings.TrimSuffix(path, ".onnx"); !d.IsDir() && isLight(stem) {
			cases = append(cases, Case{Name: filepath.Base(stem), Dir: filepath.Dir(path), light: stem})
		}
		return nil
	})
	sort.Slice(cases, func(i, j int) bool { return cases[i].Dir+cases[i].Name < cases[j].Dir+cases[j].Name })
	return cases, err
}

// Run runs all data sets of a case.
func (c Case) Run(ctx context.Context, o Options) Result {
	if reason, skip := o.Skips[c.Name]; skip {
		return Result{c.Name, Skipped, reason}
	}
	if own, ok := o.Tolerances[c.Name]; ok {
		o.Tolerance = own
	}
	err := c.run(ctx, o)
	var unsupported *runtime.UnsupportedError
	switch {
	case err == nil:
		return Result{Name: c.Name, Status: Passed}
	case errors.As(err, &unsupported):
		return Result{c.Name, Skipped, err.Error()}
	}
	return Result{c.Name, Failed, err.Error()}
}

func (c Case) run(ctx context.Context, o Options) error {
	if c.light != "" {
		return c.runLight(ctx, o)
	}
	s, err := runtime.Open(filepath.Join(c.Dir, "model.onnx"), runtime.WithThreads(o.Threads))
	if err != nil {
		return err
	}
	defer s.Close()
	sets, err := filepath.Glob(filepath.Join(c.Dir, "test_data_set_*"))
	if err != nil {
		return err
	}
	if len(sets) == 0 {
		return fmt.Errorf("%s has no test_data_set_* folder", c.Dir)
	}
	for _, set := range sets {
		if err := runSet(ctx, s, set, o.Tolerance); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(set), err)
		}
	}
	return nil
}

func runSet(ctx context.Context, s *runtime.Session, dir string, tol Tolerance) error {
	g := s.Model().Graph
	inputs, err := readInputs(dir, g)
	if err != nil {
		return err
	}
	got, err := s.RunValues(ctx, inputs)
	if err != nil {
		return err
	}
	compared := 0
	for i, info := range g.Outputs {
		want, err := ReadValue(dir, "output", i, info)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := Compare(got[info.Name], want, tol); err != nil {
			return fmt.Errorf("output %q: %w", info.Name, err)
		}
		compared++
	}
	if compared == 0 {
		return errors.New("the data set has no outputs to compare with")
	}
	return nil
}

// readInputs reads input_0.pb, input_1.pb and so on. A file belongs to the input
// that its tensor names, if it names one; else the files are in the order of
// the graph's inputs, of which those with a default do not count where there
// are no files for them.
func readInputs(dir string, g *onnx.Graph) (map[string]onnx.Value, error) {
	files, err := filepath.Glob(filepath.Join(dir, "input_*.pb"))
	if err != nil {
		return nil, err
	}
	byName := map[string]onnx.ValueInfo{}
	var required []onnx.ValueInfo
	for _, info := range g.Inputs {
		byName[info.Name] = info
		if g.Initializer(info.Name) == nil {
			required = append(required, info)
		}
	}
	order := g.Inputs
	if len(files) <= len(required) {
		order = required
	}
	inputs := map[string]onnx.Value{}
	for i := range files {
		info := onnx.ValueInfo{}
		if i < len(order) {
			info = order[i]
		}
		v, err := ReadValue(dir, "input", i, info)
		if t, ok := v.(*onnx.Tensor); ok {
			if named, known := byName[t.Name]; known {
				info = named
			}
		}
		if err != nil {
			return nil, err
		}
		inputs[info.Name] = v
	}
	return inputs, nil
}

// ReadValue reads value i of one kind, "input" or "output", of the data set in a
// folder. The type says how the bytes are to be read.
func ReadValue(dir, kind string, i int, info onnx.ValueInfo) (onnx.Value, error) {
	path := filepath.Join(dir, fmt.Sprintf("%s_%d.pb", kind, i))
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v, err := onnx.DecodeValue(data, info.Type)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}
