package ops

import (
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

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
