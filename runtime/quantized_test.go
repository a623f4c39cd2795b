package runtime_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// quantizedModel is x -> Q -> DQ -> Conv by a dequantized weight -> Q -> DQ -> y.
func quantizedModel(r *rand.Rand) *onnx.Model {
	weight, bias := onnx.NewTensor(onnx.Int8, 5, 3, 3, 3), onnx.NewTensor(onnx.Int32, 5)
	for i := range weight.Raw() {
		weight.Raw()[i] = byte(r.IntN(256))
	}
	for i := range 5 {
		onnx.View[int32](bias)[i] = r.Int32N(200) - 100
	}
	return newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{tensor("x", onnx.Float32, 1, 3, 6, 6)},
		Outputs: []onnx.ValueInfo{untyped("y")},
		Initializers: []*onnx.Tensor{
			named("scale", onnx.Scalar(float32(0.05))), named("zero", onnx.Scalar(uint8(120))),
			named("w", weight), named("wScale", onnx.Scalar(float32(0.01))), named("wZero", onnx.Scalar(int8(0))),
			named("b", bias), named("bScale", onnx.Scalar(float32(0.05)*float32(0.01))),
			named("yScale", onnx.Scalar(float32(0.1))), named("yZero", onnx.Scalar(uint8(128))),
		},
		Nodes: []*onnx.Node{
			node("DequantizeLinear", "w wScale wZero", "wFloat"),
			node("DequantizeLinear", "b bScale", "bFloat"),
			node("QuantizeLinear", "x scale zero", "xInt"),
			node("DequantizeLinear", "xInt scale zero", "xFloat"),
			node("Conv", "xFloat wFloat bFloat", "c"),
			node("QuantizeLinear", "c yScale yZero", "cInt"),
			node("DequantizeLinear", "cInt yScale yZero", "y"),
		},
	})
}

// A group of a quantized model runs as one operator of integers, gives what its
// nodes give within a step, and leaves the weight to be seen.
func TestQuantizedGroups(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	x := onnx.NewTensor(onnx.Float32, 1, 3, 6, 6)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(r.NormFloat64())
	}
	results := map[bool]*onnx.Tensor{}
	for _, observed := range []bool{false, true} {
		m := quantizedModel(rand.New(rand.NewPCG(1, 1)))
		if observed { // then the group can not be one operator
			m.Graph.Outputs = append(m.Graph.Outputs, untyped("c"))
		}
		ran := map[string]bool{}
		s := open(t, m, runtime.WithTrace(func(n runtime.NodeTime) { ran[n.Node.Op] = true }))
		out, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": x})
		if err != nil {
			t.Fatal(err)
		}
		results[observed] = out["y"]
		if ran["QLinearConv"] == observed || ran["Conv"] != observed {
			t.Errorf("with c observed: %v, the operators %v ran", observed, ran)
		}
		w := s.Constant("wFloat")
		if w == nil || w.Type != onnx.Float32 || w.Len() != 5*3*3*3 {
			t.Fatalf("the dequantized weight is %v", w)
		}
		for i, v := range w.Float32s() {
			if want := float32(onnx.View[int8](m.Graph.Initializer("w"))[i]) * 0.01; v != want {
				t.Fatalf("element %d of the weight is %v, want %v", i, v, want)
			}
		}
		for _, name := range []string{"xFloat", "x", "xInt", "nothing"} {
			if c := s.Constant(name); c != nil {
				t.Errorf("%s is the constant %v", name, c)
			}
		}
	}
	differ := 0
	for i, v := range results[false].Float32s() {
		step := (v - results[true].Float32s()[i]) / 0.1
		if step < -1.01 || step > 1.01 {
			t.Fatalf("element %d is %v, want %v within a step", i, v, results[true].Float32s()[i])
		}
		if step != 0 {
			differ++
		}
	}
	if differ > results[false].Len()/20 {
		t.Errorf("%d of %d elements differ by a step", differ, results[false].Len())
	}
}
