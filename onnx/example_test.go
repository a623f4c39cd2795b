package onnx_test

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// A model is made, written, read and checked.
func Example() {
	weight := onnx.FromSlice([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	weight.Name = "w"
	batch := []onnx.Dim{{Size: -1, Symbol: "batch"}}
	float := func(name string, columns int) onnx.ValueInfo {
		return onnx.ValueInfo{Name: name, Type: onnx.Type{
			Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true, Shape: append(batch, onnx.Dim{Size: columns})}}
	}
	m := &onnx.Model{
		IRVersion: 8,
		Opsets:    map[string]int{"": 17},
		Graph: &onnx.Graph{
			Name:         "dense",
			Inputs:       []onnx.ValueInfo{float("x", 2)},
			Outputs:      []onnx.ValueInfo{float("y", 3)},
			Initializers: []*onnx.Tensor{weight},
			Nodes:        []*onnx.Node{{Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
		},
	}
	data, err := m.Encode()
	if err != nil {
		fmt.Println(err)
		return
	}
	read, err := onnx.Decode(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(read.Check(), read.Graph.Initializer("w"))

	read.Graph.Nodes[0].Inputs[1] = "v"
	fmt.Println(read.Check())
	// Output:
	// <nil> float32[2,3]
	// node without a name, output "y" (MatMul): "v": invalid model: missing input: no node, input or initializer has this name
}

func ExampleTensor_ConvertTo() {
	x := onnx.FromSlice([]float32{1, 1.0001, 70000}, 3)
	half, err := x.ConvertTo(onnx.Float16)
	if err != nil {
		fmt.Println(err)
		return
	}
	values, err := half.Floats()
	fmt.Println(half, values, err)
	// Output: float16[3] [1 1 +Inf] <nil>
}
