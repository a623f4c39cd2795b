package onnxgo

import (
	"testing"

	onnxgo "github.com/owulveryck/onnx-go"
	"gorgonia.org/tensor"

	"github.com/kcompress/kcompress/onnx"
)

// opset9 wraps a graph as a model of opset 9.
func opset9(g *onnx.Graph) *onnx.Model {
	g.Name = "test"
	return &onnx.Model{IRVersion: 7, Opsets: map[string]int{"": 9}, Graph: g}
}

// decode gives m to onnx-go, with a backend of ours.
func decode(t *testing.T, m *onnx.Model, options ...Option) (*Backend, *onnxgo.Model) {
	t.Helper()
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b := New(options...)
	decoded := onnxgo.NewModel(b)
	if err := decoded.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	return b, decoded
}

// setInputs sets the inputs in order.
func setInputs(t *testing.T, m *onnxgo.Model, inputs ...tensor.Tensor) {
	t.Helper()
	for i, x := range inputs {
		if err := m.SetInput(i, x); err != nil {
			t.Fatal(err)
		}
	}
}

// run computes b and returns the outputs of m.
func run(t *testing.T, b *Backend, m *onnxgo.Model) []tensor.Tensor {
	t.Helper()
	if err := b.Run(); err != nil {
		t.Fatal(err)
	}
	outputs, err := m.GetOutputTensors()
	if err != nil {
		t.Fatal(err)
	}
	return outputs
}

// vector returns a float32 tensor of one axis.
func vector(values ...float32) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(values)), tensor.WithBacking(values))
}

// floatVector declares a float32 tensor of one axis.
func floatVector(name string, size int) onnx.ValueInfo {
	return onnx.ValueInfo{Name: name, Type: onnx.Type{
		Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Size: size}},
	}}
}

func vectors(size int, names ...string) []onnx.ValueInfo {
	var infos []onnx.ValueInfo
	for _, name := range names {
		infos = append(infos, floatVector(name, size))
	}
	return infos
}

// initializer returns a float32 tensor of one axis with a name.
func initializer(name string, values ...float32) *onnx.Tensor {
	t := onnx.FromSlice(values, len(values))
	t.Name = name
	return t
}

func node(op string, inputs, outputs []string, attributes ...onnx.Attribute) *onnx.Node {
	return &onnx.Node{Op: op, Inputs: inputs, Outputs: outputs, Attrs: attributes}
}

// expect fails unless the elements of got are want.
func expect(t *testing.T, what string, got tensor.Tensor, want ...float64) {
	t.Helper()
	if got == nil {
		t.Fatalf("%s: no tensor", what)
	}
	g := floats(t, got)
	if len(g) != len(want) {
		t.Fatalf("%s: %v, expected %v", what, g, want)
	}
	for i := range g {
		if g[i] != want[i] {
			t.Fatalf("%s: %v, expected %v", what, g, want)
		}
	}
}
