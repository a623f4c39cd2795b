package onnx

import (
	"path/filepath"
	"slices"
	"testing"
)

// What has been released is read again, and its neighbours are left alone.
func TestReleasePages(t *testing.T) {
	values := make([]float32, mapFrom)
	for i := range values {
		values[i] = float32(i)
	}
	g := &Graph{Name: "g", Nodes: []*Node{{Op: "Add", Inputs: []string{"a", "b"}, Outputs: []string{"y"}}}}
	for i, name := range []string{"a", "b"} {
		x := FromSlice(values[i*1001:][:mapFrom-5000], mapFrom-5000)
		x.Name = name
		g.Initializers = append(g.Initializers, x)
	}
	g.Outputs = []ValueInfo{{Name: "y"}}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := (&Model{IRVersion: 8, Opsets: map[string]int{"": 17}, Graph: g}).Save(path); err != nil {
		t.Fatal(err)
	}
	m, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i, x := range m.Graph.Initializers {
			x.ReleasePages()
			for _, y := range m.Graph.Initializers[:i+1] {
				if !slices.Equal(y.Float32s(), g.Initializer(y.Name).Float32s()) {
					t.Fatalf("initializer %s has changed", y.Name)
				}
			}
		}
	}
	g.Initializers[0].ReleasePages() // in memory: nothing happens
	if g.Initializers[0].Float32s()[7] != 7 {
		t.Error("a tensor in memory has changed")
	}
	(&Tensor{}).ReleasePages()
}
