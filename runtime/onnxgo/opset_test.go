package onnxgo

import (
	"testing"

	"gorgonia.org/tensor"

	"github.com/kcompress/kcompress/onnx"
)

// The opset version is the one nearest to 9 that has all operators with their
// numbers of inputs.
func TestFindOpset(t *testing.T) {
	type operator struct {
		name   string
		inputs int
	}
	for _, test := range []struct {
		operators []operator
		want      int
	}{
		{[]operator{{"Add", 2}, {"Softmax", 1}}, 9},
		{[]operator{{"Slice", 1}}, 9},
		{[]operator{{"Slice", 4}}, 10},
		{[]operator{{"TopK", 1}}, 9},
		{[]operator{{"TopK", 2}, {"Add", 2}}, 10},
		{[]operator{{"Mod", 2}}, 10},
		{[]operator{{"Resize", 2}}, 10},
		{[]operator{{"Resize", 4}}, 11},
		{[]operator{{"Clip", 3}, {"Slice", 5}}, 11},
		{[]operator{{"Squeeze", 2}}, 13},
		{[]operator{{"ReduceSum", 2}, {"Clip", 1}}, 13},
		{[]operator{{"Tile", 3}}, 5},
		{[]operator{{"Wobble", 1}}, 9},
		{[]operator{{"LinearClassifier", 1}, {"Pad", 2}}, 11},
	} {
		b := New()
		for _, o := range test.operators {
			op := &operation{name: o.name}
			for range o.inputs {
				op.inputs = append(op.inputs, &value{name: "x"})
			}
			b.operations = append(b.operations, op)
		}
		if got := b.findOpset(); got != test.want {
			t.Errorf("%v: opset %d, expected %d", test.operators, got, test.want)
		}
	}
}

// Softmax takes axis 1 and all after it together up to opset 12, and the last
// axis alone after that.
func TestWithOpset(t *testing.T) {
	softmax := func(options ...Option) tensor.Tensor {
		m := opset9(&onnx.Graph{
			Inputs: vectors(4, "x"), Outputs: vectors(4, "z"),
			Nodes: []*onnx.Node{node("Softmax", []string{"x"}, []string{"z"})},
		})
		b, decoded := decode(t, m, options...)
		setInputs(t, decoded, tensor.New(tensor.WithShape(1, 2, 2), tensor.WithBacking(make([]float32, 4))))
		return run(t, b, decoded)[0]
	}
	expect(t, "opset 9", softmax(), 0.25, 0.25, 0.25, 0.25)
	expect(t, "opset 13", softmax(WithOpset(13)), 0.5, 0.5, 0.5, 0.5)
}

// The domain of an operator is found by its name.
func TestOtherDomain(t *testing.T) {
	scaler := node("Scaler", []string{"x"}, []string{"z"}, onnx.FloatsAttr("offset", 1), onnx.FloatsAttr("scale", 3))
	scaler.Domain = "ai.onnx.ml"
	model := opset9(&onnx.Graph{Inputs: vectors(2, "x"), Outputs: vectors(2, "z"), Nodes: []*onnx.Node{scaler}})
	model.Opsets["ai.onnx.ml"] = 1
	b, m := decode(t, model)
	setInputs(t, m, vector(2, 5))
	expect(t, "z", run(t, b, m)[0], 3, 12)
}
