package main

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// model returns the network as an ONNX model with uint8 images
// [batch, 1, 28, 28] as input and logits [batch, 10] as output.
func (n network) model(metadata ...onnx.Property) *onnx.Model {
	g := &onnx.Graph{
		Name:    "digits",
		Inputs:  []onnx.ValueInfo{value("image", onnx.Uint8, 1, side, side)},
		Outputs: []onnx.ValueInfo{value("logits", onnx.Float32, n[len(n)-1].out)},
		Nodes: []*onnx.Node{
			{Name: "cast", Op: "Cast", Inputs: []string{"image"}, Outputs: []string{"image_float"},
				Attrs: []onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float32))}},
			node("centre", "Sub", "image_float", "mean", "centred"),
			node("scale", "Div", "centred", "deviation", "normalised"),
			node("flatten", "Flatten", "normalised", "pixels"),
		},
		Initializers: []*onnx.Tensor{
			named("mean", onnx.Scalar[float32](mean)),
			named("deviation", onnx.Scalar[float32](deviation)),
		},
	}
	x := "pixels"
	for i, l := range n {
		x = l.addTo(g, fmt.Sprintf("dense%d", i+1), x, i == len(n)-1)
	}
	return &onnx.Model{
		IRVersion: 8,
		Producer:  "kcompress models/digits/make",
		Opsets:    map[string]int{"": 17},
		Graph:     g,
		Metadata:  metadata,
	}
}

// addTo adds the layer to the graph as Gemm, and Relu unless it is the last, and
// returns the name of its output.
func (l *layer) addTo(g *onnx.Graph, name, input string, last bool) string {
	weight, bias := name+".weight", name+".bias"
	g.Initializers = append(g.Initializers,
		named(weight, onnx.FromSlice(l.weight, l.out, l.in)),
		named(bias, onnx.FromSlice(l.bias, l.out)))
	output := name + "_output"
	if last {
		output = "logits"
	}
	g.Nodes = append(g.Nodes, &onnx.Node{Name: name, Op: "Gemm",
		Inputs: []string{input, weight, bias}, Outputs: []string{output},
		Attrs: []onnx.Attribute{onnx.IntAttr("transB", 1)}})
	if last {
		return output
	}
	g.Nodes = append(g.Nodes, node(name+"_relu", "Relu", output, name+"_hidden"))
	return name + "_hidden"
}

// node returns a node without attributes whose last value is the output.
func node(name, op string, values ...string) *onnx.Node {
	last := len(values) - 1
	return &onnx.Node{Name: name, Op: op, Inputs: values[:last], Outputs: values[last:]}
}

// named gives a tensor a name.
func named(name string, t *onnx.Tensor) *onnx.Tensor {
	t.Name = name
	return t
}

// value describes an input or output with any number of rows of the given shape.
func value(name string, t onnx.DType, shape ...int) onnx.ValueInfo {
	dims := []onnx.Dim{{Size: -1, Symbol: "batch"}}
	for _, n := range shape {
		dims = append(dims, onnx.Dim{Size: n})
	}
	return onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: t, Shape: dims, HasShape: true}}
}
