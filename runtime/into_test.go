package runtime_test

import (
	"context"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// smallModels are models of the shapes that matter: an MLP with its
// normalisation of images, a convolution before a transformer, a transformer
// with a mask, and one step of a decoder with a cache.
var smallModels = map[string]func(b *graphBuilder){
	"mlp": func(b *graphBuilder) {
		x := b.op("Div", b.op("Sub", b.node("Cast", []string{b.input(onnx.FromSlice(make([]uint8, 2*49), 2, 1, 7, 7), "batch")}, map[string]any{"to": 1}), b.constant(b.tensor(1, 1, 1, 1))), b.scalar(3))
		x = b.op("Reshape", x, b.ints(-1, 49))
		for _, size := range [][2]int{{49, 65}, {65, 30}} {
			x = b.op("Relu", b.node("Gemm", []string{x, b.constant(b.tensor(size[1], size[0])), b.constant(b.tensor(size[1]))}, map[string]any{"transB": 1}))
		}
		b.output(b.op("MatMul", x, b.constant(b.tensor(30, 10))))
	},
	"vision": func(b *graphBuilder) {
		x := b.op("Div", b.input(b.tensor(1, 3, 8, 8), "batch"), b.constant(b.tensor(1, 3, 1, 1)))
		x = b.node("Conv", []string{x, b.constant(b.tensor(16, 3, 2, 2)), b.constant(b.tensor(16))}, map[string]any{"strides": []int64{2, 2}})
		x = b.node("Transpose", []string{b.op("Reshape", x, b.ints(1, 16, 16))}, map[string]any{"perm": []int64{0, 2, 1}})
		first := b.op("Expand", b.constant(b.tensor(1, 1, 16)), b.ints(1, 1, 16))
		x = b.op("Add", b.node("Concat", []string{first, x}, map[string]any{"axis": 1}), b.constant(b.tensor(1, 17, 16)))
		x = transformerLayer(b, x, x, "")
		b.output(b.node("Softmax", []string{b.node("Gather", []string{x, b.constant(onnx.FromSlice([]int64{0}))}, map[string]any{"axis": 1})}, map[string]any{"axis": -1}))
	},
	"text": func(b *graphBuilder) {
		ids := b.input(onnx.FromSlice([]int64{3, 1, 4, 1, 5}, 1, 5), "batch", "length")
		mask := b.op("Unsqueeze", b.op("Unsqueeze", b.input(b.tensor(1, 5), "batch", "length"), b.ints(1)), b.ints(2))
		x := b.op("Gather", b.constant(b.tensor(9, 16)), ids)
		x = transformerLayer(b, x, x, mask)
		b.output(transformerLayer(b, x, x, mask))
	},
	"decoder step": func(b *graphBuilder) {
		x := b.input(b.tensor(1, 1, 16), "batch")
		past := b.input(b.tensor(1, 7, 16), "batch", "past")
		present := b.node("Concat", []string{past, x}, map[string]any{"axis": 1})
		b.output(transformerLayer(b, x, present, ""), present)
	},
}

// transformerLayer is attention of x to memory and a small feed-forward layer,
// of width 16 with 4 heads.
func transformerLayer(b *graphBuilder, x, memory, mask string) string {
	linear := func(x string, in, out int) string {
		return b.op("Add", b.op("MatMul", x, b.constant(b.tensor(in, out))), b.constant(b.tensor(out)))
	}
	split := func(x string, perm ...int64) string {
		return b.node("Transpose", []string{b.op("Reshape", x, b.ints(0, -1, 4, 4))}, map[string]any{"perm": perm})
	}
	n := b.node("LayerNormalization", []string{x, b.constant(b.tensor(16)), b.constant(b.tensor(16))}, nil)
	s := b.op("MatMul", split(linear(n, 16, 16), 0, 2, 1, 3), split(linear(memory, 16, 16), 0, 2, 3, 1))
	s = b.op("Div", s, b.scalar(2))
	if mask != "" {
		s = b.op("Add", s, mask)
	}
	y := b.op("MatMul", b.node("Softmax", []string{s}, map[string]any{"axis": -1}), split(linear(memory, 16, 16), 0, 2, 1, 3))
	y = b.op("Reshape", b.node("Transpose", []string{y}, map[string]any{"perm": []int64{0, 2, 1, 3}}), b.ints(0, 0, 16))
	x = b.op("Add", x, linear(y, 16, 16))
	return b.op("Add", x, linear(b.op("Gelu", linear(x, 16, 40)), 40, 16))
}

// A run in steady state takes no memory from the heap.
func TestRunIntoAllocatesNothing(t *testing.T) {
	for name, write := range smallModels {
		t.Run(name, func(t *testing.T) {
			b := newGraphBuilder(20)
			write(b)
			b.compareFused(t, 20)
			s, err := runtime.New(b.model(20), runtime.WithThreads(1))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			ctx := context.Background()
			out, err := s.Run(ctx, b.inputs)
			if err != nil {
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(50, func() {
				if err := s.RunInto(ctx, b.inputs, out); err != nil {
					t.Fatal(err)
				}
			}); n != 0 && !raceDetector {
				t.Errorf("%v allocations for each run", n)
			}
		})
	}
}

// RunInto gives what Run gives, whatever the tensors held before.
func TestRunInto(t *testing.T) {
	b := newGraphBuilder(21)
	x := b.input(b.tensor(3, 4), "batch")
	y := b.op("Relu", x)
	b.output(y, x, b.op("Reshape", y, b.ints(-1)), b.op("Shape", x), b.op("Identity", y))
	s, err := runtime.New(b.model(20), runtime.WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	out := map[string]*onnx.Tensor{}
	for i, info := range b.graph.Outputs {
		out[info.Name] = []*onnx.Tensor{{}, onnx.NewTensor(onnx.Uint8, 5), onnx.NewTensor(onnx.Float64, 40), onnx.NewTensor(onnx.Int64, 2)}[i%4]
	}
	for _, batch := range []int{3, 1, 7, 0} {
		inputs := map[string]*onnx.Tensor{x: b.tensor(batch, 4)}
		want, err := s.Run(ctx, inputs)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.RunInto(ctx, inputs, out); err != nil {
			t.Fatal(err)
		}
		for name, w := range want {
			if y := out[name]; y.Type != w.Type || !slices.Equal(y.Shape, w.Shape) || !slices.Equal(y.Raw(), w.Raw()) {
				t.Errorf("batch %d: output %s is %v %v, want %v %v", batch, name, y, y.Raw(), w, w.Raw())
			}
		}
	}
	inputs := map[string]*onnx.Tensor{x: b.tensor(2, 4)}
	if err := s.RunInto(ctx, inputs, map[string]*onnx.Tensor{"nobody": {}}); err == nil {
		t.Error("no error for an output that the model has not got")
	}
	if err := s.RunInto(ctx, inputs, map[string]*onnx.Tensor{y: nil}); err == nil {
		t.Error("no error for a nil tensor")
	}
	if err := s.RunInto(ctx, inputs, map[string]*onnx.Tensor{y: {}}); err != nil {
		t.Errorf("some of the outputs: %v", err)
	}
}
