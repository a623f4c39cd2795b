package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

// epsilon is the default of the operators, a float32.
var epsilon = float64(float32(1e-5))

// normalizedBy returns (x-mean)/sqrt(variance+epsilon) where mean and variance
// are over the elements for which group gives the same number.
func normalizedBy(x *onnx.Tensor, epsilon float64, group func(i int) int) []float64 {
	sums, squares, counts := map[int]float64{}, map[int]float64{}, map[int]float64{}
	for i, v := range x.Float32s() {
		g := group(i)
		sums[g] += float64(v)
		squares[g] += float64(v) * float64(v)
		counts[g]++
	}
	y := make([]float64, x.Len())
	for i, v := range x.Float32s() {
		g := group(i)
		mean := sums[g] / counts[g]
		y[i] = (float64(v) - mean) / math.Sqrt(squares[g]/counts[g]-mean*mean+epsilon)
	}
	return y
}

func TestLayerNormalization(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(1, 5), 1, 4).Draw(t, "shape")
		axis := rapid.IntRange(0, len(shape)-1).Draw(t, "axis")
		scaleShape := slices.Clone(shape[rapid.IntRange(0, axis).Draw(t, "scale axes"):])
		for i := range scaleShape {
			if rapid.Bool().Draw(t, "one") {
				scaleShape[i] = 1
			}
		}
		x, scale, bias := waves(1, shape...), waves(2, scaleShape...), waves(3, shape[axis:]...)
		size := sizeOf(shape[axis:])
		want := normalizedBy(x, 0.125, func(i int) int { return i / size })
		for i := range want {
			want[i] = want[i]*float64(scale.Float32s()[broadcastIndex(i, shape, scaleShape)]) + float64(bias.Float32s()[i%size])
		}
		checkFloatNode(t, node("LayerNormalization", 17, intAttr("axis", axis-len(shape)), floatAttr("epsilon", 0.125)), want, x, scale, bias)
	})
}

func TestRMSNormalizationHasUnitSquares(t *testing.T) {
	x, scale := waves(4, 3, 5, 8), onnx.FromSlice([]float32{2}, 1)
	y := run1(t, testNode("RMSNormalization", 23, 2, 1, floatAttr("epsilon", 0)), x, scale)
	for r := range 15 {
		var squares float64
		for i := range 8 {
			squares += float64(y.Float32s()[r*8+i]) * float64(y.Float32s()[r*8+i])
		}
		if math.Abs(squares/8-4) > 1e-4 {
			t.Errorf("row %d has mean square %v, expected 4", r, squares/8)
		}
	}
}

func TestGroupAndInstanceNormalization(t *testing.T) {
	x, scale, bias := waves(5, 2, 6, 3, 4), waves(6, 6), waves(7, 6)
	affine := func(y []float64) []float64 {
		for i := range y {
			c := i / 12 % 6
			y[i] = y[i]*float64(scale.Float32s()[c]) + float64(bias.Float32s()[c])
		}
		return y
	}
	want := affine(normalizedBy(x, epsilon, func(i int) int { return i / 12 }))
	checkFloatNode(t, node("InstanceNormalization", 6), want, x, scale, bias)
	checkFloatNode(t, node("GroupNormalization", 21, intAttr("num_groups", 6)), want, x, scale, bias)
	want = affine(normalizedBy(x, epsilon, func(i int) int { return i / 24 }))
	checkFloatNode(t, node("GroupNormalization", 21, intAttr("num_groups", 3)), want, x, scale, bias)
	// Version 18 has a scale for each group.
	perGroup := onnx.FromSlice([]float32{1, 2, 3}, 3)
	want = normalizedBy(x, epsilon, func(i int) int { return i / 24 })
	for i := range want {
		g := float64(i/24%3 + 1)
		want[i] = want[i]*g + g
	}
	checkFloatNode(t, node("GroupNormalization", 18, intAttr("num_groups", 3)), want, x, perGroup, perGroup)
}

func TestBatchNormalization(t *testing.T) {
	x, scale, bias, mean := waves(8, 3, 4, 2, 5), waves(1, 4), waves(2, 4), waves(3, 4)
	variance := onnx.FromSlice([]float32{1, 4, 0.25, 9}, 4)
	want := make([]float64, x.Len())
	for i, v := range x.Float32s() {
		c := i / 10 % 4
		want[i] = (float64(v)-float64(mean.Float32s()[c]))/math.Sqrt(float64(variance.Float32s()[c])+epsilon)*float64(scale.Float32s()[c]) + float64(bias.Float32s()[c])
	}
	for _, opset := range []int{6, 7, 9, 14, 15} {
		checkFloatNode(t, node("BatchNormalization", opset), want, x, scale, bias, mean, variance)
	}
	// With spatial 0 each element of an example has parameters of its own.
	perElement := onnx.NewTensor(onnx.Float32, 4, 2, 5)
	ones, zeros := perElement.Clone(), perElement
	for i := range ones.Float32s() {
		ones.Float32s()[i] = 1
	}
	y := run1(t, testNode("BatchNormalization", 7, 5, 1, intAttr("spatial", 0), floatAttr("epsilon", 0)), x, ones, waves(4, 4, 2, 5), zeros, ones)
	for i, v := range x.Float32s() {
		want[i] = float64(v) + float64(waves(4, 4, 2, 5).Float32s()[i%40])
	}
	wantNear(t, y, want, 1e-6)
}

func TestBatchNormalizationInTraining(t *testing.T) {
	x, one, zero := waves(9, 5, 2, 3), onnx.FromSlice([]float32{1, 1}, 2), onnx.NewTensor(onnx.Float32, 2)
	out, err := runNode(testNode("BatchNormalization", 15, 5, 3, intAttr("training_mode", 1), floatAttr("momentum", 0.5)), x, one, zero, one, zero)
	if err != nil {
		t.Fatal(err)
	}
	wantNear(t, out[0].(*onnx.Tensor), normalizedBy(x, epsilon, func(i int) int { return i / 3 % 2 }), 1e-4)
	for c := range 2 {
		var sum float64
		for i, v := range x.Float32s() {
			if i/3%2 == c {
				sum += float64(v)
			}
		}
		if got := float64(out[1].(*onnx.Tensor).Float32s()[c]); math.Abs(got-0.5-0.5*sum/15) > 1e-6 {
			t.Errorf("running mean of channel %d is %v, expected %v", c, got, 0.5+0.5*sum/15)
		}
	}
}

func TestLRN(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		channels, size := rapid.IntRange(1, 6).Draw(t, "channels"), rapid.IntRange(1, 15).Draw(t, "size")
		x := waves(1, 2, channels, 3)
		want := make([]float64, x.Len())
		for i, v := range x.Float32s() {
			c := i / 3 % channels
			var squares float64
			for k := range channels {
				if k >= c-(size-1)/2 && k <= c+size/2 {
					w := float64(x.Float32s()[i+(k-c)*3])
					squares += w * w
				}
			}
			want[i] = float64(v) / math.Pow(2+0.5/float64(size)*squares, 0.75)
		}
		checkFloatNode(t, node("LRN", 13, intAttr("size", size), floatAttr("alpha", 0.5), floatAttr("bias", 2)), want, x)
	})
}

func TestLpNormalization(t *testing.T) {
	x := onnx.FromSlice([]float32{3, 0, -4, 0}, 2, 2)
	checkFloatNode(t, node("LpNormalization", 1, intAttr("axis", 0)), []float64{0.6, 0, -0.8, 0}, x)
	checkFloatNode(t, node("LpNormalization", 1, intAttr("p", 1)), []float64{1, 0, -1, 0}, x)
}

func TestMeanVarianceNormalization(t *testing.T) {
	x := waves(2, 3, 4, 2, 5)
	want := normalizedBy(x, 0, func(i int) int { return i / 10 % 4 })
	checkFloatNode(t, node("MeanVarianceNormalization", 13), want, x)
}
