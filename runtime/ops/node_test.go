package ops

import (
	"context"
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/pool"
)

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// intAttr, intsAttr and textAttr make attributes for tests.
func intAttr(name string, v int) onnx.Attribute {
	return onnx.Attribute{Name: name, Kind: onnx.AttrInt, Int: int64(v)}
}

func intsAttr(name string, v ...int) onnx.Attribute {
	a := onnx.Attribute{Name: name, Kind: onnx.AttrInts}
	for _, x := range v {
		a.Ints = append(a.Ints, int64(x))
	}
	return a
}

func textAttr(name, v string) onnx.Attribute {
	return onnx.Attribute{Name: name, Kind: onnx.AttrString, String: v}
}

// testNode returns a node of an operator with the given number of inputs and
// outputs.
func testNode(op string, opset, inputs, outputs int, attrs ...onnx.Attribute) *Node {
	n := &Node{Node: &onnx.Node{Op: op, Attrs: attrs}, Opset: opset}
	for i := range inputs {
		n.Inputs = append(n.Inputs, fmt.Sprint("in", i))
	}
	for i := range outputs {
		n.Outputs = append(n.Outputs, fmt.Sprint("out", i))
	}
	return n
}

// runNode builds and runs a node outside of a session, on 3 threads.
func runNode(n *Node, in ...onnx.Value) ([]onnx.Value, error) {
	op := Lookup(n.Domain, n.Op, n.Opset)
	if op == nil {
		return nil, fmt.Errorf("operator %s of version %d is not in the table", n.Op, n.Opset)
	}
	kernel, err := op.Build(n)
	if err != nil {
		return nil, err
	}
	c := NewCall(context.Background(), in, len(n.Outputs))
	c.Pool = pool.New(3)
	defer c.Pool.Close()
	err = kernel(c)
	return c.Out, err
}

// run1 runs a node of one output that must succeed.
func run1(t tester, n *Node, in ...onnx.Value) *onnx.Tensor {
	t.Helper()
	out, err := runNode(n, in...)
	if err != nil {
		t.Fatal(err)
	}
	return out[0].(*onnx.Tensor)
}

func int64s(v ...int64) *onnx.Tensor { return onnx.FromSlice(v, len(v)) }

// counting returns a float32 tensor of 0, 1, 2...
func counting(shape ...int) *onnx.Tensor {
	x := onnx.NewTensor(onnx.Float32, shape...)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i)
	}
	return x
}

// countingOf returns a tensor of the given type whose elements differ where
// the type allows it.
func countingOf(t onnx.DType, shape ...int) *onnx.Tensor {
	x := onnx.NewTensor(t, shape...)
	for i := range x.Strings {
		x.Strings[i] = fmt.Sprint(i)
	}
	if bits := t.Bits(); bits < 8 && t != onnx.String {
		codes := make([]uint8, x.Len())
		for i := range codes {
			codes[i] = uint8(i % (1 << bits))
		}
		packBits(x, codes)
		return x
	}
	for i := range x.Raw() {
		x.Raw()[i] = byte(i * 7 % 251)
	}
	return x
}

// element returns element i of any tensor as a comparable value.
func element(x *onnx.Tensor, i int) any {
	if x.Type == onnx.String {
		return x.Strings[i]
	}
	bits := x.Type.Bits()
	if bits < 8 {
		return x.Raw()[i*bits/8] >> (i * bits % 8) & (1<<bits - 1)
	}
	return string(x.Raw()[i*bits/8 : (i+1)*bits/8])
}

// at returns the row-major position of an index.
func at(shape, index []int) int {
	p := 0
	for i, s := range shape {
		p = p*s + index[i]
	}
	return p
}

// eachIndex calls f with every index of a shape.
func eachIndex(shape []int, f func(index []int)) {
	n := product(shape)
	index := make([]int, len(shape))
	for i := range n {
		for a := len(shape) - 1; a >= 0; a-- {
			index[a] = i % shape[a]
			i /= shape[a]
		}
		f(index)
	}
}

func wantShape(t tester, x *onnx.Tensor, shape ...int) {
	t.Helper()
	if !slices.Equal(x.Shape, shape) {
		t.Fatalf("shape is %v, expected %v", x.Shape, shape)
	}
}

var someTypes = []onnx.DType{onnx.Float32, onnx.Uint8, onnx.Float16, onnx.Int64, onnx.Complex128, onnx.String, onnx.Int4, onnx.Uint2}

// dims makes symbolic shapes: numbers, names, "?" for unknown.
func dims(v ...any) []onnx.Dim {
	out := []onnx.Dim{}
	for _, d := range v {
		switch d := d.(type) {
		case int:
			out = append(out, onnx.Dim{Size: d})
		case string:
			if d == "?" {
				d = ""
			}
			out = append(out, onnx.Dim{Size: -1, Symbol: d})
		}
	}
	return out
}

func infer1(t tester, n *Node, in ...Info) Info {
	t.Helper()
	out, err := Lookup(n.Domain, n.Op, n.Opset).Infer(n, in)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}
