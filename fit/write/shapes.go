package write

import (
	"github.com/kcompress/kcompress/onnx"
)

// foldShapes replaces the shapes of constants by their values, so that a large
// constant of which nothing but the shape is used can go. Exporters leave such
// behind.
func (w *writer) foldShapes() {
	g := w.model.Graph
	stored := map[string]*onnx.Tensor{}
	for _, t := range g.Initializers {
		stored[t.Name] = t
	}
	for i, n := range g.Nodes {
		if n.Op != "Shape" || n.Domain != "" || len(n.Attrs) > 0 || len(n.Inputs) != 1 || len(n.Outputs) != 1 {
			continue
		}
		t := stored[n.Inputs[0]]
		if t == nil || t.Len() < MinRounded || g.Input(t.Name) != nil {
			continue
		}
		shape := onnx.NewTensor(onnx.Int64, t.Rank())
		for axis, size := range t.Shape {
			shape.Int64s()[axis] = int64(size)
		}
		g.Nodes[i] = &onnx.Node{Name: n.Name, Op: "Constant", Outputs: n.Outputs, Attrs: []onnx.Attribute{onnx.TensorAttr("value", shape)}}
	}
}
