package ops

import (
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

func drawShape(t *rapid.T, name string, minRank, maxRank int) []int {
	return rapid.SliceOfN(rapid.IntRange(1, 4), minRank, maxRank).Draw(t, name)
}

func drawType(t *rapid.T) onnx.DType { return rapid.SampledFrom(someTypes).Draw(t, "type") }

func drawIndices(t *rapid.T, size int, shape ...int) *onnx.Tensor {
	x := onnx.NewTensor(onnx.Int64, shape...)
	for i := range x.Int64s() {
		x.Int64s()[i] = int64(rapid.IntRange(-size, size-1).Draw(t, "index"))
	}
	return x
}

func wrap(index int64, size int) int {
	if index < 0 {
		return int(index) + size
	}
	return int(index)
}

func TestGatherPicksSlices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := countingOf(drawType(t), drawShape(t, "shape", 1, 4)...)
		axis := rapid.IntRange(0, x.Rank()-1).Draw(t, "axis")
		indices := drawIndices(t, x.Shape[axis], drawShape(t, "indices", 0, 2)...)
		y := run1(t, testNode("Gather", 13, 2, 1, intAttr("axis", axis-x.Rank())), x, indices)
		wantShape(t, y, slices.Concat(x.Shape[:axis], indices.Shape, x.Shape[axis+1:])...)
		eachIndex(y.Shape, func(index []int) {
			picked := indices.Int64s()[at(indices.Shape, index[axis:axis+indices.Rank()])]
			from := slices.Concat(index[:axis], []int{wrap(picked, x.Shape[axis])}, index[axis+indices.Rank():])
			if element(y, at(y.Shape, index)) != element(x, at(x.Shape, from)) {
				t.Fatalf("element %v differs", index)
			}
		})
	})
}

func TestGatherElementsAndScatterElements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := countingOf(drawType(t), drawShape(t, "shape", 1, 3)...)
		axis := rapid.IntRange(0, x.Rank()-1).Draw(t, "axis")
		shape := slices.Clone(x.Shape)
		for a := range shape {
			if a != axis {
				shape[a] = rapid.IntRange(1, shape[a]).Draw(t, "size")
			}
		}
		indices := drawIndices(t, x.Shape[axis], shape...)
		y := run1(t, testNode("GatherElements", 13, 2, 1, intAttr("axis", axis)), x, indices)
		from := func(index []int) int {
			to := slices.Clone(index)
			to[axis] = wrap(indices.Int64s()[at(shape, index)], x.Shape[axis])
			return at(x.Shape, to)
		}
		eachIndex(shape, func(index []int) {
			if element(y, at(shape, index)) != element(x, from(index)) {
				t.Fatalf("element %v differs", index)
			}
		})
		// Scattering what was gathered changes nothing.
		z := run1(t, testNode("ScatterElements", 18, 3, 1, intAttr("axis", axis)), x, indices, y)
		for i := range x.Len() {
			if element(x, i) != element(z, i) {
				t.Fatalf("element %d differs", i)
			}
		}
	})
}

func TestScatterElementsAdds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := counting(rapid.IntRange(1, 6).Draw(t, "size"))
		indices := drawIndices(t, x.Len(), rapid.IntRange(0, 8).Draw(t, "count"))
		updates := counting(indices.Len())
		want := slices.Clone(x.Float32s())
		for i, index := range indices.Int64s() {
			want[wrap(index, x.Len())] += float32(i)
		}
		y := run1(t, testNode("ScatterElements", 18, 3, 1, textAttr("reduction", "add")), x, indices, updates)
		if !slices.Equal(y.Float32s(), want) {
			t.Fatalf("got %v, expected %v", y.Float32s(), want)
		}
		if x.Len() > 1 && x.Float32s()[1] != 1 {
			t.Fatal("the input has changed")
		}
	})
}

func TestGatherNDAndScatterND(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := countingOf(drawType(t), drawShape(t, "shape", 1, 4)...)
		length := rapid.IntRange(1, x.Rank()).Draw(t, "length")
		count := rapid.IntRange(0, 5).Draw(t, "count")
		indices := onnx.NewTensor(onnx.Int64, count, length)
		for i := range indices.Int64s() {
			size := x.Shape[i%length]
			indices.Int64s()[i] = int64(rapid.IntRange(-size, size-1).Draw(t, "index"))
		}
		y := run1(t, testNode("GatherND", 13, 2, 1), x, indices)
		wantShape(t, y, slices.Concat([]int{count}, x.Shape[length:])...)
		eachIndex(y.Shape, func(index []int) {
			var from []int
			for a, v := range indices.Int64s()[index[0]*length : (index[0]+1)*length] {
				from = append(from, wrap(v, x.Shape[a]))
			}
			if element(y, at(y.Shape, index)) != element(x, at(x.Shape, append(from, index[1:]...))) {
				t.Fatalf("element %v differs", index)
			}
		})
		z := run1(t, testNode("ScatterND", 18, 3, 1), x, indices, y)
		for i := range x.Len() {
			if element(x, i) != element(z, i) {
				t.Fatalf("element %d differs", i)
			}
		}
	})
}

// padded returns which element of an axis a position outside of it shows, by
// walking from the border; -1 is the constant.
func padded(p, size int, mode string) int {
	direction := 1
	if p < 0 {
		direction = -1
	}
	inside := min(max(p, 0), size-1)
	for left := (p - inside) * direction; left > 0; left-- {
		switch {
		case mode == "constant":
			return -1
		case mode == "wrap":
			inside = (inside + direction + size) % size
		case mode == "reflect" && size > 1:
			if inside+direction < 0 || inside+direction >= size {
				direction = -direction
				inside += direction
				continue
			}
			inside += direction
		}
	}
	return inside
}

func TestPadShowsTheElementsOfItsMode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := countingOf(drawType(t), drawShape(t, "shape", 1, 3)...)
		mode := rapid.SampledFrom([]string{"constant", "edge", "reflect", "wrap"}).Draw(t, "mode")
		amounts := onnx.NewTensor(onnx.Int64, 2*x.Rank())
		for i := range amounts.Int64s() {
			amounts.Int64s()[i] = int64(rapid.IntRange(-1, 6).Draw(t, "amount"))
		}
		out, err := runNode(testNode("Pad", 23, 2, 1, textAttr("mode", mode)), x, amounts)
		if err != nil {
			return // more was cut than there is
		}
		y := out[0].(*onnx.Tensor)
		zero := element(onnx.NewTensor(x.Type, 1), 0)
		eachIndex(y.Shape, func(index []int) {
			from, want := make([]int, len(index)), any(nil)
			for a, p := range index {
				from[a] = padded(p-int(amounts.Int64s()[a]), x.Shape[a], mode)
				if from[a] < 0 {
					want = zero
				}
			}
			if want == nil {
				want = element(x, at(x.Shape, from))
			}
			if got := element(y, at(y.Shape, index)); got != want {
				t.Fatalf("element %v is %v, expected %v", index, got, want)
			}
		})
	})
}

func TestTileAndExpandRepeat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := countingOf(drawType(t), drawShape(t, "shape", 1, 3)...)
		repeats := onnx.NewTensor(onnx.Int64, x.Rank())
		want := onnx.NewTensor(onnx.Int64, x.Rank())
		for a, size := range x.Shape {
			repeats.Int64s()[a] = int64(rapid.IntRange(0, 3).Draw(t, "repeat"))
			want.Int64s()[a] = 1
			if size == 1 {
				want.Int64s()[a] = repeats.Int64s()[a]
			}
		}
		for _, y := range []*onnx.Tensor{run1(t, testNode("Tile", 13, 2, 1), x, repeats), run1(t, testNode("Expand", 13, 2, 1), x, want)} {
			eachIndex(y.Shape, func(index []int) {
				from := slices.Clone(index)
				for a := range from {
					from[a] %= x.Shape[a]
				}
				if element(y, at(y.Shape, index)) != element(x, at(x.Shape, from)) {
					t.Fatalf("element %v of %v differs", index, y)
				}
			})
		}
	})
}

func TestSpaceToDepthUndoesDepthToSpace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.IntRange(1, 3).Draw(t, "blocksize")
		x := countingOf(drawType(t), 2, b*b*rapid.IntRange(1, 2).Draw(t, "channels"), 2, 3)
		if x.Type.Bits() < 8 && x.Type != onnx.String {
			return
		}
		y := run1(t, testNode("DepthToSpace", 13, 1, 1, intAttr("blocksize", b)), x)
		z := run1(t, testNode("SpaceToDepth", 13, 1, 1, intAttr("blocksize", b)), y)
		wantShape(t, z, x.Shape...)
		for i := range x.Len() {
			if element(x, i) != element(z, i) {
				t.Fatalf("element %d differs", i)
			}
		}
	})
}

func TestUniqueFindsEveryElement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(-2, 2), 0, 8).Draw(t, "values")
		sorted := rapid.Bool().Draw(t, "sorted")
		flag := 0
		if sorted {
			flag = 1
		}
		out, err := runNode(testNode("Unique", 11, 1, 4, intAttr("sorted", flag)), int64s(values...))
		if err != nil {
			t.Fatal(err)
		}
		part := func(i int) []int64 { return out[i].(*onnx.Tensor).Int64s() }
		y, first, inverse, count := part(0), part(1), part(2), part(3)
		for i, v := range values {
			if y[inverse[i]] != v {
				t.Fatalf("inverse of element %d is %d", i, inverse[i])
			}
		}
		total := int64(0)
		for i, v := range y {
			total += count[i]
			if slices.Index(values, v) != int(first[i]) || slices.Index(y, v) != i {
				t.Fatalf("value %d: first %v in %v", v, first, values)
			}
		}
		if sorted && !slices.IsSorted(y) || !sorted && !slices.IsSorted(first) || int(total) != len(values) {
			t.Fatalf("order of %v, first %v", y, first)
		}
	})
}
