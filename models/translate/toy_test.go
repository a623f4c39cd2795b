package main

import (
	"path/filepath"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// vocabulary is the number of tokens of the models that saveToyModels makes.
const vocabulary = 23

// saveToyModels writes an encoder and a decoder whose next token is a known
// function of the source, the token before and everything in the cache:
//
//	(sum of source + 3 * sum of tokens so far + sum of positions so far) mod 23
func saveToyModels(t *testing.T) (encoder, decoder string) {
	dir := t.TempDir()
	encoder, decoder = filepath.Join(dir, "encoder.onnx"), filepath.Join(dir, "decoder.onnx")
	saveGraph(t, encoder, &onnx.Graph{
		Inputs:  []onnx.ValueInfo{input("source", onnx.Int64, 1, -1), input("source_mask", onnx.Float32, 1, -1)},
		Outputs: []onnx.ValueInfo{input("cross_key", onnx.Float32), input("cross_value", onnx.Float32)},
		Nodes: []*onnx.Node{
			toFloat("source", "source_float"),
			sum("source_float", "cross_key"),
			sum("source_mask", "cross_value"),
		},
	})
	saveGraph(t, decoder, &onnx.Graph{
		Inputs: []onnx.ValueInfo{
			input("token", onnx.Int64, 1, 1), input("position", onnx.Int64, 1),
			input("past_key", onnx.Float32, 1, 1, 1, -1, 1), input("past_value", onnx.Float32, 1, 1, 1, -1, 1),
			input("cross_key", onnx.Float32), input("cross_value", onnx.Float32),
			input("source_mask", onnx.Float32, 1, -1),
		},
		Outputs: []onnx.ValueInfo{
			input("logits", onnx.Float32, 1, vocabulary),
			input("present_key", onnx.Float32, 1, 1, 1, -1, 1), input("present_value", onnx.Float32, 1, 1, 1, -1, 1),
		},
		Initializers: []*onnx.Tensor{
			constant("one_position", onnx.FromSlice([]int64{1, 1, 1, 1, 1}, 5)),
			constant("three", onnx.Scalar[float32](3)),
			constant("vocabulary", onnx.Scalar[float32](vocabulary)),
			constant("tokens", tokens()),
		},
		Nodes: []*onnx.Node{
			toFloat("token", "token_float"), node("Reshape", "token_float", "one_position", "key"),
			toFloat("position", "position_float"), node("Reshape", "position_float", "one_position", "value"),
			concat("past_key", "key", "present_key"),
			concat("past_value", "value", "present_value"),
			sum("present_key", "token_sum"), sum("present_value", "position_sum"),
			node("Mul", "token_sum", "three", "tripled"),
			node("Add", "tripled", "position_sum", "cached"),
			node("Add", "cached", "cross_key", "total"),
			mod("total", "vocabulary", "next"),
			node("Sub", "tokens", "next", "difference"),
			node("Abs", "difference", "distance"),
			node("Neg", "distance", "logits"),
		},
	})
	return encoder, decoder
}

func saveGraph(t *testing.T, path string, g *onnx.Graph) {
	g.Name = "toy"
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int{"": 17}, Graph: g}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
}

func input(name string, elem onnx.DType, shape ...int) onnx.ValueInfo {
	v := onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: elem, HasShape: true}}
	for _, n := range shape {
		v.Type.Shape = append(v.Type.Shape, onnx.Dim{Size: n})
	}
	return v
}

func constant(name string, t *onnx.Tensor) *onnx.Tensor {
	t.Name = name
	return t
}

// tokens returns the token ids as float32 [1, vocabulary].
func tokens() *onnx.Tensor {
	t := onnx.NewTensor(onnx.Float32, 1, vocabulary)
	for i := range t.Float32s() {
		t.Float32s()[i] = float32(i)
	}
	return t
}

// node returns a node whose last value is the output.
func node(op string, values ...string) *onnx.Node {
	last := len(values) - 1
	return &onnx.Node{Name: values[last], Op: op, Inputs: values[:last], Outputs: values[last:]}
}

func toFloat(from, to string) *onnx.Node {
	n := node("Cast", from, to)
	n.SetAttr(onnx.IntAttr("to", int64(onnx.Float32)))
	return n
}

// sum adds up all elements into a scalar.
func sum(from, to string) *onnx.Node {
	n := node("ReduceSum", from, to)
	n.SetAttr(onnx.IntAttr("keepdims", 0))
	return n
}

func concat(a, b, to string) *onnx.Node {
	n := node("Concat", a, b, to)
	n.SetAttr(onnx.IntAttr("axis", 3))
	return n
}

func mod(a, b, to string) *onnx.Node {
	n := node("Mod", a, b, to)
	n.SetAttr(onnx.IntAttr("fmod", 1))
	return n
}
