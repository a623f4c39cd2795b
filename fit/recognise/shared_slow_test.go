//go:build slow

package recognise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
	"github.com/kcompress/kcompress/runtime/conformance"
)

// Every weight of the models in ../shared is looked at. Those that are found are
// transforms, filter banks and the like: they are listed, and give the weight
// back within float32.
func TestTrainedWeights(t *testing.T) {
	var files []string
	for _, folder := range []string{"zoo", "bench"} {
		_ = filepath.WalkDir(filepath.Join("../../../shared", folder), func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".onnx") {
				files = append(files, path)
			}
			return nil
		})
	}
	if len(files) == 0 {
		t.Skip("no models in ../shared")
	}
	looked, found := 0, 0
	for _, file := range files {
		m, err := onnx.Load(file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, w := range weights(m.Graph) {
			values := make([]float32, 0, w.Len())
			floats, err := w.Floats()
			if err != nil {
				continue
			}
			for _, v := range floats {
				values = append(values, float32(v))
			}
			out := w.Shape[0]
			looked++
			s := Recognise(values, out, w.Len()/out)
			if s == nil {
				continue
			}
			found++
			pays := s.Pays(out, w.Len()/out, w.Len()+4*out)
			t.Logf("%s: %s %v is %s, error %.2g, pays: %v", filepath.Base(filepath.Dir(file)), w.Name, w.Shape, s.Kind, s.Error, pays)
		}
	}
	t.Logf("%d weights of %d models looked at, %d found", looked, len(files), found)
}

// weights returns the matrices and kernels of a graph and its subgraphs.
func weights(g *onnx.Graph) []*onnx.Tensor {
	var list []*onnx.Tensor
	add := func(t *onnx.Tensor) {
		if t != nil && t.Type.IsFloat() && t.Rank() >= 2 && t.Len() >= 64 {
			list = append(list, t)
		}
	}
	for _, t := range g.Initializers {
		add(t)
	}
	for _, n := range g.Nodes {
		if a := n.Attr("value"); n.Op == "Constant" && a != nil {
			add(a.Tensor)
		}
		for _, sub := range n.Subgraphs() {
			list = append(list, weights(sub)...)
		}
	}
	return list
}

// The bases of the audio models in ../shared/zoo are found, and the outputs of
// the rewritten models are those that ONNX Runtime gave for the originals.
func TestAudioModels(t *testing.T) {
	for name, want := range map[string]int{
		"wakeword-melspectrogram": 1, "vad-silero-v4": 2, "vad-silero-v5": 2, "vad-silero-v6": 2, "denoise-gtcrn": 2,
	} {
		folder := filepath.Join("../../../shared/zoo", name)
		m, err := onnx.Load(filepath.Join(folder, "model.onnx"))
		if err != nil {
			t.Skip("no models in ../shared")
		}
		s, err := runtime.New(m)
		if err != nil {
			t.Fatal(err)
		}
		after, found, err := Model(m, Options{Weights: compact.INT8, Type: s.Type})
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		replaced := 0
		for _, f := range found {
			if f.Kept == "" {
				replaced++
			}
			t.Logf("%s: %v [%d, %d] is %s: %d -> %d bytes, kept: %q", name, f.Nodes, f.Out, f.In, f.Kind, f.Bytes, f.Structure.Bytes(), f.Kept)
		}
		if replaced != want {
			t.Errorf("%s: %d replaced, want %d", name, replaced, want)
		}
		if err := sameOutputs(t, after, folder); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sameOutputs runs a model on the test data of a folder, with the tolerance of
// the ONNX suite.
func sameOutputs(t *testing.T, m *onnx.Model, folder string) error {
	t.Helper()
	data, err := m.Encode()
	if err != nil {
		return err
	}
	path := filepath.Join(t.TempDir(), filepath.Base(folder), "model.onnx")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return err
	}
	if keep := os.Getenv("KEEP"); keep != "" {
		if err := os.WriteFile(filepath.Join(keep, filepath.Base(folder)+".onnx"), data, 0o644); err != nil {
			return err
		}
	}
	from, err := filepath.Abs(filepath.Join(folder, "test_data_set_0"))
	if err != nil {
		return err
	}
	if err := os.Symlink(from, filepath.Join(filepath.Dir(path), "test_data_set_0")); err != nil {
		return err
	}
	cases, err := conformance.Find(filepath.Dir(path))
	if err != nil {
		return err
	}
	if len(cases) != 1 {
		return fmt.Errorf("%d cases", len(cases))
	}
	tolerance := conformance.Tolerance{Relative: 1e-3, Absolute: 1e-4}
	if r := cases[0].Run(context.Background(), conformance.Options{Tolerance: tolerance}); r.Status != conformance.Passed {
		return errors.New(r.Reason)
	}
	return nil
}
