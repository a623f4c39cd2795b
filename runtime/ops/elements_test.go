package ops

import (
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// shapeInfo is what is known about an int64 tensor that holds a shape.
func shapeInfo(dims ...onnx.Dim) Info {
	in := TensorInfo(onnx.Int64, []onnx.Dim{{Size: len(dims)}})
	in.Dims = dims
	return in
}

// constantInfo is what is known about a constant.
func constantInfo(values ...int64) Info {
	in := TensorInfo(onnx.Int64, []onnx.Dim{{Size: len(values)}})
	in.Const = onnx.FromSlice(values, len(values))
	return in
}

// TestShapeArithmetic follows shapes through the operators that compute with
// them.
func TestShapeArithmetic(t *testing.T) {
	batch, unknown := onnx.Dim{Size: -1, Symbol: "batch"}, onnx.Dim{Size: -1}
	size := func(n int) onnx.Dim { return onnx.Dim{Size: n} }
	condition := TensorInfo(onnx.Bool, []onnx.Dim{{Size: 3}})
	condition.Dims = []onnx.Dim{size(1), size(0), unknown}
	for _, c := range []struct {
		n    *Node
		in   []Info
		want []onnx.Dim
	}{
		{node("Add", 14), []Info{shapeInfo(batch, size(3)), constantInfo(0, 4)}, []onnx.Dim{batch, size(7)}},
		{node("Add", 14), []Info{shapeInfo(batch, size(3)), constantInfo(1)}, []onnx.Dim{unknown, size(4)}},
		{node("Sub", 14), []Info{shapeInfo(batch, size(3)), constantInfo(0)}, []onnx.Dim{batch, size(3)}},
		{node("Sub", 14), []Info{shapeInfo(size(3)), constantInfo(5)}, []onnx.Dim{unknown}}, // negative
		{node("Mul", 14), []Info{shapeInfo(batch, size(3)), constantInfo(1, 2)}, []onnx.Dim{batch, size(6)}},
		{node("Mul", 14), []Info{constantInfo(2), shapeInfo(batch)}, []onnx.Dim{unknown}},
		{node("Div", 14), []Info{shapeInfo(batch, size(7)), constantInfo(1, 2)}, []onnx.Dim{batch, size(3)}},
		{node("Div", 14), []Info{shapeInfo(batch, size(7)), constantInfo(0)}, []onnx.Dim{unknown, unknown}},
		{node("Equal", 14), []Info{shapeInfo(batch, size(7), size(2)), constantInfo(-1, 7, 3)}, []onnx.Dim{size(0), size(1), size(0)}},
		{node("Equal", 14), []Info{shapeInfo(batch, unknown), shapeInfo(batch, batch)}, []onnx.Dim{size(1), unknown}},
		{node("Where", 16), []Info{condition, shapeInfo(batch, size(2), size(3)), constantInfo(8, 9, 10)}, []onnx.Dim{batch, size(9), unknown}},
		{node("Cast", 13, intAttr("to", int(onnx.Int32))), []Info{shapeInfo(batch, size(2))}, []onnx.Dim{batch, size(2)}},
		{node("Cast", 13, intAttr("to", int(onnx.Float32))), []Info{shapeInfo(batch, size(2))}, nil},
	} {
		op := Lookup("", c.n.Op, c.n.Opset)
		out, err := op.Infer(c.n, c.in)
		if err != nil || !slices.Equal(out[0].Dims, c.want) {
			t.Errorf("%s: got %v, %v; want %v", c.n.Op, out[0].Dims, err, c.want)
		}
	}
}

// TestInferredShapes checks result types and shapes with symbols.
func TestInferredShapes(t *testing.T) {
	batch, unknown := onnx.Dim{Size: -1, Symbol: "batch"}, onnx.Dim{Size: -1}
	size := func(n int) onnx.Dim { return onnx.Dim{Size: n} }
	x := TensorInfo(onnx.Float32, []onnx.Dim{batch, size(3), size(4)})
	bias := TensorInfo(onnx.Float32, []onnx.Dim{size(4)})
	withAxes := func(op string, opset int, attrs ...onnx.Attribute) *Node {
		n := node(op, opset, attrs...)
		n.Inputs = []string{"x", "axes"}
		return n
	}
	for _, c := range []struct {
		n     *Node
		in    []Info
		elem  onnx.DType
		shape []onnx.Dim
	}{
		{node("Add", 14), []Info{x, bias}, onnx.Float32, []onnx.Dim{batch, size(3), size(4)}},
		{node("Add", 6, intAttr("broadcast", 1), intAttr("axis", 1)), []Info{x, TensorInfo(onnx.Float32, []onnx.Dim{size(3)})}, onnx.Float32, []onnx.Dim{batch, size(3), size(4)}},
		{node("Less", 13), []Info{x, bias}, onnx.Bool, []onnx.Dim{batch, size(3), size(4)}},
		{node("IsNaN", 13), []Info{x}, onnx.Bool, []onnx.Dim{batch, size(3), size(4)}},
		{node("Max", 13), []Info{x, bias, x}, onnx.Float32, []onnx.Dim{batch, size(3), size(4)}},
		{node("ReduceMean", 13, intsAttr("axes", -1)), []Info{x}, onnx.Float32, []onnx.Dim{batch, size(3), size(1)}},
		{node("ReduceMean", 13, intsAttr("axes", -1), intAttr("keepdims", 0)), []Info{x}, onnx.Float32, []onnx.Dim{batch, size(3)}},
		{withAxes("ReduceSum", 13), []Info{x, constantInfo(1)}, onnx.Float32, []onnx.Dim{batch, size(1), size(4)}},
		{withAxes("ReduceSum", 13), []Info{x, TensorInfo(onnx.Int64, []onnx.Dim{unknown})}, onnx.Float32, []onnx.Dim{unknown, unknown, unknown}},
		{node("ArgMax", 13, intAttr("axis", 1), intAttr("keepdims", 0)), []Info{x}, onnx.Int64, []onnx.Dim{batch, size(4)}},
		{node("TopK", 11, intAttr("axis", 1)), []Info{x, constantInfo(2)}, onnx.Float32, []onnx.Dim{batch, size(2), size(4)}},
		{node("Einsum", 12, textAttr("equation", "bij,j->bi")), []Info{x, bias}, onnx.Float32, []onnx.Dim{batch, size(3)}},
		{node("Cast", 13, intAttr("to", int(onnx.Float16))), []Info{x}, onnx.Float16, []onnx.Dim{batch, size(3), size(4)}},
		{node("Softmax", 13), []Info{x}, onnx.Float32, []onnx.Dim{batch, size(3), size(4)}},
		{node("Det", 11), []Info{TensorInfo(onnx.Float32, []onnx.Dim{batch, size(4), size(4)})}, onnx.Float32, []onnx.Dim{batch}},
		{node("NegativeLogLikelihoodLoss", 13), []Info{x, TensorInfo(onnx.Int64, []onnx.Dim{batch, size(4)})}, onnx.Float32, nil},
		{node("RandomNormal", 22, intsAttr("shape", 2, 3)), nil, onnx.Float32, []onnx.Dim{size(2), size(3)}},
	} {
		op := Lookup("", c.n.Op, c.n.Opset)
		out, err := op.Infer(c.n, c.in)
		if err != nil || elemOf(out[0]) != c.elem || !slices.Equal(out[0].Type.Shape, c.shape) || !out[0].Type.HasShape {
			t.Errorf("%s: got %v, %v; want %v%v", c.n.Op, out, err, c.elem, c.shape)
		}
	}
}
