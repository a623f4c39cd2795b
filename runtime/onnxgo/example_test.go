package onnxgo_test

import (
	"fmt"
	"log"

	onnx "github.com/owulveryck/onnx-go"
	"gorgonia.org/tensor"

	kcompress "github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/onnxgo"
)

// A program on onnx-go names another backend; nothing else changes.
func Example() {
	backend := onnxgo.New() // instead of gorgonnx.NewGraph()
	model := onnx.NewModel(backend)
	if err := model.UnmarshalBinary(modelFile()); err != nil {
		log.Fatal(err)
	}
	x := tensor.New(tensor.WithShape(1, 3), tensor.WithBacking([]float32{1, 2, 3}))
	if err := model.SetInput(0, x); err != nil {
		log.Fatal(err)
	}
	if err := backend.Run(); err != nil {
		log.Fatal(err)
	}
	outputs, err := model.GetOutputTensors()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outputs[0].Data())
	// Output: [14 1]
}

// modelFile stands for os.ReadFile("model.onnx"): a dense layer and Relu.
func modelFile() []byte {
	weight := kcompress.FromSlice([]float32{1, 0, 2, -1, 3, 1}, 3, 2)
	weight.Name = "weight"
	matrix := kcompress.Type{Kind: kcompress.TensorType, Elem: kcompress.Float32}
	model := &kcompress.Model{
		IRVersion: 4,
		Opsets:    map[string]int{"": 9},
		Graph: &kcompress.Graph{
			Name:         "layer",
			Inputs:       []kcompress.ValueInfo{{Name: "x", Type: matrix}},
			Outputs:      []kcompress.ValueInfo{{Name: "y", Type: matrix}},
			Initializers: []*kcompress.Tensor{weight},
			Nodes: []*kcompress.Node{
				{Op: "MatMul", Inputs: []string{"x", "weight"}, Outputs: []string{"h"}},
				{Op: "Relu", Inputs: []string{"h"}, Outputs: []string{"y"}},
			},
		},
	}
	data, err := model.Encode()
	if err != nil {
		log.Fatal(err)
	}
	return data
}
