package ops

import (
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// BenchmarkElementwise runs operators of this family on the shapes that they
// have in a small transformer or convolutional network, on one thread.
func BenchmarkElementwise(b *testing.B) {
	tensor := func(shape ...int) *onnx.Tensor {
		x := onnx.NewTensor(onnx.Float32, shape...)
		for i := range x.Float32s() {
			x.Float32s()[i] = float32(i%97)/50 - 1
		}
		return x
	}
	mask := onnx.NewTensor(onnx.Bool, 1, 1, 128, 128)
	for _, c := range []struct {
		name string
		n    *Node
		in   []*onnx.Tensor
	}{
		{"AddEqual", node("Add", 14), []*onnx.Tensor{tensor(128, 768), tensor(128, 768)}},
		{"AddRow", node("Add", 14), []*onnx.Tensor{tensor(128, 768), tensor(768)}},
		{"SubColumn", node("Sub", 14), []*onnx.Tensor{tensor(128, 768), tensor(128, 1)}},
		{"MulChannel", node("Mul", 14), []*onnx.Tensor{tensor(1, 64, 28, 28), tensor(64, 1, 1)}},
		{"DivScalar", node("Div", 14), []*onnx.Tensor{tensor(12, 128, 128), tensor()}},
		{"AddSmall", node("Add", 14), []*onnx.Tensor{tensor(1, 64), tensor(64)}},
		{"Pow2", node("Pow", 15), []*onnx.Tensor{tensor(128, 768), onnx.Scalar[float32](2)}},
		{"Sqrt", node("Sqrt", 13), []*onnx.Tensor{tensor(128, 768)}},
		{"Erf", node("Erf", 13), []*onnx.Tensor{tensor(128, 768)}},
		{"Gelu", node("Gelu", 20), []*onnx.Tensor{tensor(128, 768)}},
		{"HardSwish", node("HardSwish", 14), []*onnx.Tensor{tensor(1, 64, 28, 28)}},
		{"Clip", node("Clip", 13), []*onnx.Tensor{tensor(1, 64, 28, 28), onnx.Scalar[float32](0), onnx.Scalar[float32](6)}},
		{"Softmax", node("Softmax", 13), []*onnx.Tensor{tensor(12, 128, 128)}},
		{"ReduceMeanLast", node("ReduceMean", 13, intsAttr("axes", -1)), []*onnx.Tensor{tensor(128, 768)}},
		{"ReduceMeanFirst", node("ReduceMean", 13, intsAttr("axes", 0)), []*onnx.Tensor{tensor(128, 768)}},
		{"ReduceMeanPool", node("ReduceMean", 13, intsAttr("axes", 2, 3)), []*onnx.Tensor{tensor(1, 64, 28, 28)}},
		{"WhereMask", node("Where", 16), []*onnx.Tensor{mask, tensor(1, 12, 128, 128), onnx.Scalar[float32](-1e9)}},
		{"CastInt64", node("Cast", 13, intAttr("to", 1)), []*onnx.Tensor{onnx.NewTensor(onnx.Int64, 128, 768)}},
		{"ArgMax", node("ArgMax", 13, intAttr("axis", -1)), []*onnx.Tensor{tensor(128, 768)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.n.Outputs = []string{"y"}
			var in []onnx.Value
			for _, x := range c.in {
				in = append(in, x)
			}
			benchmarkNode(b, c.n, c.in[0].Bytes(), in...)
		})
	}
}
