package ops

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/pool"
	"pgregory.net/rapid"
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

func TestTransposeMovesEveryElement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 2, 3, 5, 17, 40}), 0, 4).Draw(t, "shape")
		perm := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
			for i := range shape {
				if !yield(i) {
					return
				}
			}
		})).Draw(t, "perm")
		x := countingOf(rapid.SampledFrom(someTypes).Draw(t, "type"), shape...)
		y := run1(t, testNode("Transpose", 21, 1, 1, intsAttr("perm", perm...)), x)
		from := make([]int, len(shape))
		eachIndex(y.Shape, func(index []int) {
			for i, axis := range perm {
				from[axis] = index[i]
			}
			if element(y, at(y.Shape, index)) != element(x, at(x.Shape, from)) {
				t.Fatalf("element %v differs", index)
			}
		})
		if y.Type != x.Type || y.Len() != x.Len() {
			t.Fatalf("got %v", y)
		}
	})
}

func TestBigTransposeOnThreads(t *testing.T) {
	x := counting(3, 130, 257)
	y := run1(t, testNode("Transpose", 13, 1, 1, intsAttr("perm", 0, 2, 1)), x)
	z := run1(t, testNode("Transpose", 13, 1, 1, intsAttr("perm", 0, 2, 1)), y)
	if !slices.Equal(x.Float32s(), z.Float32s()) || slices.Equal(x.Float32s(), y.Float32s()) {
		t.Fatal("transposing twice is not the identity")
	}
	if y.Float32s()[5*130+7] != x.Float32s()[7*257+5] {
		t.Fatal("wrong element")
	}
}

// numpySlice lists the indices that start:end:step takes, as the standard
// clamps them, by walking.
func numpySlice(start, end, step, size int) (indices []int) {
	if start < 0 {
		start += size
	}
	if end < 0 {
		end += size
	}
	if step > 0 {
		for i := max(start, 0); i < min(end, size); i += step {
			indices = append(indices, i)
		}
		return indices
	}
	for i := max(0, min(start, size-1)); i > max(end, -1) && size > 0; i += step {
		indices = append(indices, i)
	}
	return indices
}

func TestSliceTakesTheIndicesOfTheStandard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := []int{rapid.IntRange(0, 4).Draw(t, "rows"), rapid.IntRange(0, 12).Draw(t, "cols")}
		x := countingOf(rapid.SampledFrom(someTypes).Draw(t, "type"), shape...)
		draw := func(name string) int64 { return int64(rapid.IntRange(-15, 15).Draw(t, name)) }
		starts, ends := int64s(draw("s0"), draw("s1")), int64s(draw("e0"), draw("e1"))
		nonZero := rapid.IntRange(-4, 4).Filter(func(v int) bool { return v != 0 })
		steps := int64s(int64(nonZero.Draw(t, "st0")), int64(nonZero.Draw(t, "st1")))
		y := run1(t, testNode("Slice", 13, 5, 1), x, starts, ends, int64s(1, -2), steps)
		cols := numpySlice(int(starts.Int64s()[0]), int(ends.Int64s()[0]), int(steps.Int64s()[0]), shape[1])
		rows := numpySlice(int(starts.Int64s()[1]), int(ends.Int64s()[1]), int(steps.Int64s()[1]), shape[0])
		wantShape(t, y, len(rows), len(cols))
		for i, r := range rows {
			for j, c := range cols {
				if element(y, i*len(cols)+j) != element(x, r*shape[1]+c) {
					t.Fatalf("element %d,%d differs", i, j)
				}
			}
		}
	})
}

func TestSliceOfExtremeBounds(t *testing.T) {
	const low, high = -1 << 63, 1<<63 - 1
	for _, c := range []struct {
		start, end, step int64
		want             []float32
	}{
		{low, high, 1, []float32{0, 1, 2, 3}},
		{high, low, -1, []float32{3, 2, 1, 0}},
		{high, low, low, []float32{3}},
		{0, high, high, []float32{0}},
		{1, high, 2, []float32{1, 3}},
	} {
		y := run1(t, testNode("Slice", 13, 5, 1), counting(4), int64s(c.start), int64s(c.end), int64s(0), int64s(c.step))
		if !slices.Equal(y.Float32s(), c.want) {
			t.Errorf("%+v gives %v", c, y.Float32s())
		}
	}
	if _, err := runNode(testNode("Slice", 13, 5, 1), counting(4), int64s(0), int64s(1), int64s(0), int64s(0)); err == nil {
		t.Error("step 0 passes")
	}
}

func TestSplitAndConcatUndoEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 4).Draw(t, "sizes")
		sum := 0
		split := int64s()
		for _, s := range sizes {
			sum += s
			split = int64s(append(split.Int64s(), int64(s))...)
		}
		shape := []int{rapid.IntRange(0, 3).Draw(t, "a"), sum, rapid.IntRange(0, 4).Draw(t, "b")}
		x := countingOf(rapid.SampledFrom(someTypes).Draw(t, "type"), shape...)
		parts, err := runNode(testNode("Split", 13, 2, len(sizes), intAttr("axis", 1)), x, split)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range parts {
			wantShape(t, p.(*onnx.Tensor), shape[0], sizes[i], shape[2])
		}
		y := run1(t, testNode("Concat", 13, len(parts), 1, intAttr("axis", -2)), parts...)
		wantShape(t, y, shape...)
		for i := range x.Len() {
			if element(x, i) != element(y, i) {
				t.Fatalf("element %d differs", i)
			}
		}
	})
}

func TestReshapeShapes(t *testing.T) {
	for _, c := range []struct {
		want      []int64
		allowZero int
		shape     []int // nil: an error
	}{
		{[]int64{4, 6}, 0, []int{4, 6}},
		{[]int64{-1, 3}, 0, []int{8, 3}},
		{[]int64{0, -1}, 0, []int{2, 12}},
		{[]int64{0, 0, 4}, 0, []int{2, 3, 4}},
		{[]int64{0, -1}, 1, nil},
		{[]int64{5, -1}, 0, nil},
		{[]int64{-1, -1}, 0, nil},
		{[]int64{-2, 12}, 0, nil},
		{[]int64{0, 0, 0, 0}, 0, nil},
		{[]int64{1 << 62, 1 << 62, 0}, 0, nil},
		{[]int64{1 << 40, 1 << 40, -1}, 0, nil},
	} {
		out, err := runNode(testNode("Reshape", 14, 2, 1, intAttr("allowzero", c.allowZero)), counting(2, 3, 4), int64s(c.want...))
		if c.shape == nil {
			if err == nil {
				t.Errorf("%v passes", c.want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		wantShape(t, out[0].(*onnx.Tensor), c.shape...)
	}
}

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

func TestReshapeInference(t *testing.T) {
	for _, c := range []struct{ from, to, want []onnx.Dim }{
		{dims("n", 12, 64), dims(0, 12, "?"), dims("n", 12, 64)},
		{dims("n", 12, 64), dims("n", "?", 4, 16), dims("n", 12, 4, 16)},
		{dims("n", "s", 64), dims("?", 64), dims("?", 64)},
		{dims("n", 8, 8), dims("?", 64), dims("n", 64)},
		{dims("n", 8, 8), dims("n", "?"), dims("n", 64)},
		{dims("n", "n", 8), dims("n", "?"), dims("n", "?")},
		{dims(2, 3, 4), dims("?", 6), dims(4, 6)},
	} {
		shape := Info{Type: TensorInfo(onnx.Int64, dims(len(c.to))).Type, Dims: c.to}
		got := infer1(t, testNode("Reshape", 14, 2, 1), TensorInfo(onnx.Float32, c.from), shape)
		if !slices.Equal(got.Type.Shape, c.want) {
			t.Errorf("%v to %v: got %v", c.from, c.to, got.Type.Shape)
		}
	}
}
