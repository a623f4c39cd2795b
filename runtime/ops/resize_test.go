package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

var (
	resizeModes       = []string{"nearest", "linear", "cubic"}
	resizeCoordinates = []string{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"}
)

// TestResizeKeepsConstants checks that the weights of every element sum to 1.
func TestResizeKeepsConstants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := onnx.NewTensor(onnx.Float32, rapid.SliceOfN(rapid.IntRange(1, 6), 1, 4).Draw(t, "shape")...)
		for i := range x.Float32s() {
			x.Float32s()[i] = 3
		}
		sizes := make([]int64, x.Rank())
		for i := range sizes {
			sizes[i] = int64(rapid.IntRange(1, 9).Draw(t, "size"))
		}
		n := testNode("Resize", 19, 4, 1, textAttr("mode", rapid.SampledFrom(resizeModes).Draw(t, "mode")),
			textAttr("coordinate_transformation_mode", rapid.SampledFrom(resizeCoordinates).Draw(t, "coordinates")),
			intAttr("antialias", rapid.IntRange(0, 1).Draw(t, "antialias")), intAttr("exclude_outside", rapid.IntRange(0, 1).Draw(t, "exclude")))
		y := run1(t, n, x, nil, nil, int64s(sizes...))
		for i, v := range y.Float32s() {
			if math.Abs(float64(v)-3) > 1e-5 {
				t.Fatalf("element %d of a constant image is %v", i, v)
			}
		}
	})
}

// TestResizeOfARamp checks that linear interpolation is exact where the image
// is linear, away from its borders.
func TestResizeOfARamp(t *testing.T) {
	x := counting(1, 1, 8)
	for _, out := range []int{8, 12, 17} {
		y := run1(t, testNode("Resize", 13, 4, 1, textAttr("mode", "linear")), x, nil, nil, int64s(1, 1, int64(out)))
		for i, v := range y.Float32s() {
			want := (float64(i)+0.5)*8/float64(out) - 0.5
			if want = math.Min(math.Max(want, 0), 7); math.Abs(float64(v)-want) > 1e-5 {
				t.Errorf("element %d of %d is %v, expected %v", i, out, v, want)
			}
		}
	}
}

// TestResize10TakesTheNearest checks which element Resize of opset 10 takes: the
// next one where an axis shrinks, the one before where it grows (the cases of
// ONNX 1.5).
func TestResize10TakesTheNearest(t *testing.T) {
	x := counting(2, 4)
	y := run1(t, testNode("Resize", 10, 2, 1), x, onnx.FromSlice([]float32{2, 0.6}, 2))
	at := func(row, column int) float32 { return x.Float32s()[4*row+column] }
	want := []float32{at(0, 0), at(0, 2), at(0, 0), at(0, 2), at(1, 0), at(1, 2), at(1, 0), at(1, 2)}
	if !slices.Equal(y.Float32s(), want) {
		t.Errorf("got %v, expected %v", y.Float32s(), want)
	}
}

// TestUpsampleRepeats checks the three versions of the operator's inputs.
func TestUpsampleRepeats(t *testing.T) {
	x := counting(1, 1, 2, 3)
	var want []float64
	for i := range 4 {
		for j := range 9 {
			want = append(want, float64(i/2*3+j/3))
		}
	}
	scales := onnx.FromSlice([]float32{1, 1, 2, 3}, 4)
	attribute := onnx.Attribute{Name: "scales", Kind: onnx.AttrFloats, Floats: scales.Float32s()}
	wantNear(t, run1(t, testNode("Upsample", 9, 2, 1), x, scales), want, 0)
	wantNear(t, run1(t, testNode("Upsample", 7, 1, 1, attribute), x), want, 0)
	wantNear(t, run1(t, testNode("Upsample", 1, 1, 1, floatAttr("height_scale", 2), floatAttr("width_scale", 3)), x), want, 0)
	wantNear(t, run1(t, testNode("Resize", 10, 2, 1), x, scales), want, 0)
}

func TestNearestResizeOfEveryType(t *testing.T) {
	for dtype := onnx.Float32; dtype.Valid(); dtype++ {
		if dtype != onnx.String && dtype.Bits() < 8 {
			continue
		}
		x := countingOf(dtype, 1, 3)
		y := run1(t, testNode("Resize", 19, 4, 1), x, nil, nil, int64s(1, 6))
		for i := range 6 {
			if element(y, i) != element(x, i/2) {
				t.Errorf("%v: element %d is not element %d of the input", dtype, i, i/2)
			}
		}
	}
}

// TestGridSampleOfTheIdentity checks that the grid of AffineGrid for the
// identity gives back the image, in 2 and 3 axes and all modes.
func TestGridSampleOfTheIdentity(t *testing.T) {
	for _, shape := range [][]int{{2, 3, 4, 5}, {1, 2, 3, 2, 4}} {
		axes := len(shape) - 2
		theta := onnx.NewTensor(onnx.Float32, shape[0], axes, axes+1)
		size := make([]int64, len(shape))
		for i, s := range shape {
			size[i] = int64(s)
		}
		for i := range shape[0] * axes {
			theta.Float32s()[i*(axes+1)+i%axes] = 1
		}
		x := waves(1, shape...)
		for _, align := range []int{0, 1} {
			grid := run1(t, testNode("AffineGrid", 20, 2, 1, intAttr("align_corners", align)), theta, int64s(size...))
			for _, mode := range resizeModes {
				for _, padding := range []string{"zeros", "border", "reflection"} {
					n := testNode("GridSample", 20, 2, 1, intAttr("align_corners", align), textAttr("mode", mode), textAttr("padding_mode", padding))
					wantNear(t, run1(t, n, x, grid), convertFloats[float64](x.Float32s()), 1e-5)
				}
			}
		}
	}
}

// TestRoiAlignOfALinearImage checks that the average of bilinear points in a
// linear image is its value in the middle of the bin.
func TestRoiAlignOfALinearImage(t *testing.T) {
	x := onnx.NewTensor(onnx.Float32, 1, 1, 16, 16)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i/16*3 + i%16)
	}
	rois := onnx.FromSlice([]float32{2, 3, 8, 9}, 1, 4)
	y := run1(t, testNode("RoiAlign", 16, 3, 1, intAttr("output_height", 2), intAttr("output_width", 3), intAttr("sampling_ratio", 2)), x, rois, int64s(0))
	wantShape(t, y, 1, 1, 2, 3)
	for i, v := range y.Float32s() {
		row, column := 3-0.5+(float64(i/3)+0.5)*3, 2-0.5+(float64(i%3)+0.5)*2
		if math.Abs(float64(v)-(3*row+column)) > 1e-4 {
			t.Errorf("bin %d is %v, expected %v", i, v, 3*row+column)
		}
	}
	// Bins of whole elements are plain maxima.
	pooled := run1(t, testNode("MaxRoiPool", 1, 2, 1, intsAttr("pooled_shape", 2, 2)), x, onnx.FromSlice([]float32{0, 2, 4, 5, 9}, 1, 5))
	wantNear(t, pooled, []float64{3*6 + 3, 3*6 + 5, 3*9 + 3, 3*9 + 5}, 0)
}

// TestSelectedBoxesDoNotOverlap checks what NonMaxSuppression promises, for
// random boxes: falling scores, no overlap above the threshold, and every box
// that is left out overlaps a selected one.
func TestSelectedBoxesDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 12).Draw(t, "count")
		corners := rapid.SliceOfN(rapid.IntRange(0, 6), 4*count, 4*count).Draw(t, "corners")
		boxes, scores := onnx.NewTensor(onnx.Float32, 1, count, 4), waves(1, 1, 1, count)
		for i, v := range corners {
			boxes.Float32s()[i] = float32(v)
		}
		threshold := float32(0.25)
		y := run1(t, testNode("NonMaxSuppression", 11, 4, 1), boxes, scores, int64s(100), onnx.FromSlice([]float32{threshold}, 1))
		area := func(i int) float64 {
			return math.Abs(float64((corners[4*i] - corners[4*i+2]) * (corners[4*i+1] - corners[4*i+3])))
		}
		shared := func(i, j int) float64 {
			side := func(a int) float64 {
				low := max(min(corners[4*i+a], corners[4*i+a+2]), min(corners[4*j+a], corners[4*j+a+2]))
				high := min(max(corners[4*i+a], corners[4*i+a+2]), max(corners[4*j+a], corners[4*j+a+2]))
				return float64(max(0, high-low))
			}
			both := side(0) * side(1)
			if both == 0 {
				return 0
			}
			return both / (area(i) + area(j) - both)
		}
		chosen := map[int]bool{}
		last := math.Inf(1)
		for r := range y.Shape[0] {
			i := int(y.Int64s()[3*r+2])
			if s := float64(scores.Float32s()[i]); s > last {
				t.Fatal("scores do not fall")
			} else {
				last = s
			}
			for j := range chosen {
				if shared(i, j) > float64(threshold) {
					t.Fatalf("boxes %d and %d overlap by %v", i, j, shared(i, j))
				}
			}
			chosen[i] = true
		}
		for i := range count {
			free := !chosen[i]
			for j := range chosen {
				free = free && !(scores.Float32s()[j] >= scores.Float32s()[i] && shared(i, j) > float64(threshold))
			}
			if free {
				t.Fatalf("box %d is left out without a reason", i)
			}
		}
	})
}
