package write

import (
	"fmt"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/onnx"
)

// part returns the MatMul of one weight of a MatMul with several. The first time
// it takes the node apart: its input is split, and the products put together.
func (w *writer) part(u discover.Use, old *onnx.Node) (*onnx.Node, error) {
	if parts := w.parts[old]; parts != nil {
		return parts[u.Part.Index], nil
	}
	axis := onnx.IntAttr("axis", int64(u.Rank-3))
	var nodes, products []*onnx.Node
	var inputs, outputs []string
	for i := range u.Part.Count {
		inputs = append(inputs, old.Inputs[0])
		outputs = append(outputs, w.names.fresh(fmt.Sprintf("%s.part%d", old.Outputs[0], i+1)))
	}
	if u.Part.Split {
		for i := range inputs {
			inputs[i] = w.names.fresh(fmt.Sprintf("%s.part%d", old.Inputs[0], i+1))
		}
		split := &onnx.Node{Name: w.names.fresh(old.Name + ".split"), Op: "Split", Inputs: old.Inputs[:1], Outputs: inputs, Attrs: []onnx.Attribute{axis}}
		if w.model.Opset("") >= 18 {
			split.Attrs = append(split.Attrs, onnx.IntAttr("num_outputs", int64(u.Part.Count)))
		}
		nodes = append(nodes, split)
	}
	shape := u.Part.Weights.Shape
	rows, columns := shape[len(shape)-2], shape[len(shape)-1]
	for i := range u.Part.Count {
		value := onnx.FromSlice(u.Part.Weights.Float32s()[i*rows*columns:(i+1)*rows*columns:(i+1)*rows*columns], rows, columns)
		name := w.names.fresh(fmt.Sprintf("%s.part%d", old.Name, i+1))
		products = append(products, &onnx.Node{Name: name, Op: "MatMul", Inputs: []string{inputs[i], w.store(value, old.Inputs[1]+".part")}, Outputs: outputs[i : i+1]})
	}
	nodes = append(append(nodes, products...), &onnx.Node{Name: w.names.fresh(old.Name + ".concat"), Op: "Concat", Inputs: outputs, Outputs: old.Outputs, Attrs: []onnx.Attribute{axis}})
	w.parts[old] = products
	return products[u.Part.Index], w.put(old, nodes...)
}
