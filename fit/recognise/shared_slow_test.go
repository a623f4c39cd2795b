//go:build slow

package recognise

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
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
