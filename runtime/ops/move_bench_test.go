package ops

import (
	"context"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// benchmarkNode measures a node whose outputs have memory already.
func benchmarkNode(b *testing.B, n *Node, bytes int, in ...onnx.Value) {
	b.Helper()
	kernel, err := Lookup(n.Domain, n.Op, n.Opset).Build(n)
	if err != nil {
		b.Fatal(err)
	}
	c := NewCall(context.Background(), in, len(n.Outputs))
	f := &reusingFrame{outputs: make([]*onnx.Tensor, len(n.Outputs))}
	c.Frame = f
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	for b.Loop() {
		if err := kernel(c); err != nil {
			b.Fatal(err)
		}
	}
}

// reusingFrame hands out the same output tensors again and again.
type reusingFrame struct{ outputs []*onnx.Tensor }

func (f *reusingFrame) Output(_ *Call, i int, t onnx.DType, shape []int) (*onnx.Tensor, error) {
	if f.outputs[i] == nil {
		f.outputs[i] = onnx.NewTensor(t, shape...)
	}
	return f.outputs[i], nil
}
func (f *reusingFrame) Reuse(*Call, int, int) *onnx.Tensor { return nil }
func (f *reusingFrame) Alias(c *Call, _, in, from int, shape []int) *onnx.Tensor {
	return PartOf(c.Tensor(in), from, shape)
}
func (f *reusingFrame) Scratch(_ *Call, n int) ([]byte, error) { return onnx.AlignedBytes(n), nil }
func (f *reusingFrame) Captured(string) (onnx.Value, bool)     { return nil, false }
func (f *reusingFrame) Limit() int                             { return 1 << 40 }

func BenchmarkTransposeHeads(b *testing.B) { // [batch, time, heads, size] to [batch, heads, time, size]
	x := counting(1, 128, 12, 64)
	benchmarkNode(b, testNode("Transpose", 13, 1, 1, intsAttr("perm", 0, 2, 1, 3)), 8*x.Len(), x)
}

func BenchmarkTransposeKeys(b *testing.B) {
	x := counting(1, 128, 12, 64)
	benchmarkNode(b, testNode("Transpose", 13, 1, 1, intsAttr("perm", 0, 2, 3, 1)), 8*x.Len(), x)
}

func BenchmarkTransposeMatrix(b *testing.B) {
	x := counting(512, 512)
	benchmarkNode(b, testNode("Transpose", 13, 1, 1), 8*x.Len(), x)
}

func BenchmarkTransposeSmall(b *testing.B) {
	x := counting(1, 16, 4)
	benchmarkNode(b, testNode("Transpose", 13, 1, 1, intsAttr("perm", 0, 2, 1)), 8*x.Len(), x)
}

func BenchmarkGatherRows(b *testing.B) {
	x := counting(1000, 512)
	indices := onnx.NewTensor(onnx.Int64, 1, 64)
	for i := range indices.Int64s() {
		indices.Int64s()[i] = int64(i * 7)
	}
	benchmarkNode(b, testNode("Gather", 13, 2, 1), 64*512*8, x, indices)
}

func BenchmarkSplitLastAxis(b *testing.B) {
	x := counting(128, 3*256)
	benchmarkNode(b, testNode("Split", 18, 1, 3, intAttr("axis", -1)), 8*x.Len(), x)
}

func BenchmarkConcatSmall(b *testing.B) {
	x := counting(1, 32)
	benchmarkNode(b, testNode("Concat", 13, 2, 1, intAttr("axis", -1)), 16*x.Len(), x, x)
}

func BenchmarkSliceRow(b *testing.B) {
	x := counting(16, 128, 64)
	benchmarkNode(b, testNode("Slice", 13, 4, 1), 16*64*8, x, int64s(5), int64s(6), int64s(1))
}

func BenchmarkExpandRow(b *testing.B) {
	x := counting(64, 1)
	benchmarkNode(b, testNode("Expand", 13, 2, 1), 64*64*8, x, int64s(64, 64))
}

func BenchmarkPadImage(b *testing.B) {
	x := counting(1, 16, 32, 32)
	benchmarkNode(b, testNode("Pad", 13, 2, 1), 8*x.Len(), x, int64s(0, 0, 1, 1, 0, 0, 1, 1))
}

func BenchmarkPadReflect(b *testing.B) {
	x := counting(1, 16, 32, 32)
	benchmarkNode(b, testNode("Pad", 13, 2, 1, textAttr("mode", "reflect")), 8*x.Len(), x, int64s(0, 0, 1, 1, 0, 0, 1, 1))
}
