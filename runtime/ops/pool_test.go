package ops

import (
	"math"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

// windows calls f with every element of the input, in a plane,
// under the window at each output position, and with the number of positions
// of the padded input under it.
func (v drawnConv) windows(f func(position int, elements []int, padded int)) {
	position := 0
	eachIndex(v.out, func(o []int) {
		var elements []int
		padded := 0
		eachIndex(v.kernel, func(k []int) {
			x := make([]int, len(k))
			inside, inPadding := true, true
			for a := range k {
				x[a] = o[a]*v.strides[a] - v.pads[a] + k[a]*v.dilations[a]
				inside = inside && x[a] >= 0 && x[a] < v.in[a]
				inPadding = inPadding && x[a] < v.in[a]+v.pads[len(k)+a]
			}
			if inPadding {
				padded++
			}
			if inside {
				elements = append(elements, at(v.in, x))
			}
		})
		f(position, elements, padded)
		position++
	})
}

// ceilMode makes the output as large as the attribute ceil_mode does.
func (v *drawnConv) ceilMode() {
	for a := range v.out {
		room := v.in[a] + v.pads[a] + v.pads[len(v.in)+a] - (v.kernel[a]-1)*v.dilations[a] - 1
		v.out[a] = (room+v.strides[a]-1)/v.strides[a] + 1
		if (v.out[a]-1)*v.strides[a] >= v.in[a]+v.pads[a] {
			v.out[a]-- // it would start in the padding behind
		}
	}
}

func TestPoolsAreTheirDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawConv(t)
		ceil, include, power := rapid.IntRange(0, 1).Draw(t, "ceil"), rapid.IntRange(0, 1).Draw(t, "include"), rapid.IntRange(1, 3).Draw(t, "p")
		if ceil == 1 {
			v.ceilMode()
		}
		x := waves(rapid.IntRange(0, 9).Draw(t, "seed"), append([]int{v.images, v.channels}, v.in...)...)
		plane := sizeOf(v.in)
		var largest, averages, norms []float64
		for p := range v.images * v.channels {
			v.windows(func(_ int, elements []int, padded int) {
				best, sum, powers := math.Inf(-1), 0.0, 0.0
				for _, e := range elements {
					value := float64(x.Float32s()[p*plane+e])
					best, sum = max(best, value), sum+value
					powers += math.Pow(math.Abs(value), float64(power))
				}
				if include == 0 {
					padded = max(1, len(elements))
				}
				largest = append(largest, best)
				averages = append(averages, sum/float64(padded))
				norms = append(norms, math.Pow(powers, 1/float64(power)))
			})
		}
		attributes := append(v.attributes()[:4], intAttr("ceil_mode", ceil))
		checkFloatNode(t, node("MaxPool", 12, attributes...), largest, x)
		checkFloatNode(t, node("AveragePool", 19, append(attributes, intAttr("count_include_pad", include))...), averages, x)
		checkFloatNode(t, node("LpPool", 18, append(attributes, intAttr("p", power))...), norms, x)
	})
}

// TestMaxPoolIndicesPointAtMaxima also sends the result back by MaxUnpool.
func TestMaxPoolIndicesPointAtMaxima(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawConv(t)
		x := waves(rapid.IntRange(0, 9).Draw(t, "seed"), append([]int{v.images, v.channels}, v.in...)...)
		n := testNode("MaxPool", 12, 1, 2, v.attributes()[:4]...)
		out, err := runNode(n, x)
		if err != nil {
			t.Fatal(err)
		}
		y, indices := out[0].(*onnx.Tensor), out[1].(*onnx.Tensor)
		plain := run1(t, testNode("MaxPool", 12, 1, 1, v.attributes()[:4]...), x)
		wantNear(t, y, convertFloats[float64](plain.Float32s()), 0)
		back := make([]float64, x.Len())
		for i, index := range indices.Int64s() {
			if index < 0 { // nothing but padding
				return
			}
			if x.Float32s()[index] != y.Float32s()[i] {
				t.Fatalf("index %d of element %d points at %v, the maximum is %v", index, i, x.Float32s()[index], y.Float32s()[i])
			}
			back[index] = float64(y.Float32s()[i])
		}
		shape := make([]int64, x.Rank())
		for i, s := range x.Shape {
			shape[i] = int64(s)
		}
		// The indices count in the shape of x, which the attributes of a pool
		// that covers all of it give; others need the same pads and strides.
		unpool := testNode("MaxUnpool", 11, 3, 1, intsAttr("kernel_shape", v.in...))
		for a := range v.in {
			if v.out[a] != 1 {
				return
			}
		}
		wantNear(t, run1(t, unpool, y, indices, int64s(shape...)), back, 0)
	})
}

func TestMaxPoolOfBytes(t *testing.T) {
	x := onnx.FromSlice([]int8{-5, -3, -8, -1}, 1, 1, 4)
	y := run1(t, testNode("MaxPool", 12, 1, 1, intsAttr("kernel_shape", 2)), x)
	if got := onnx.View[int8](y); got[0] != -3 || got[1] != -3 || got[2] != -1 {
		t.Errorf("maxima of neighbours are %v", got)
	}
}

func TestGlobalPools(t *testing.T) {
	x := waves(3, 2, 3, 4, 5)
	var largest, averages, norms []float64
	for p := range 6 {
		best, sum, squares := math.Inf(-1), 0.0, 0.0
		for _, v := range x.Float32s()[p*20 : (p+1)*20] {
			best, sum, squares = max(best, float64(v)), sum+float64(v), squares+float64(v)*float64(v)
		}
		largest, averages, norms = append(largest, best), append(averages, sum/20), append(norms, math.Sqrt(squares))
	}
	checkFloatNode(t, node("GlobalMaxPool", 1), largest, x)
	checkFloatNode(t, node("GlobalAveragePool", 1), averages, x)
	wantShape(t, checkFloatNode(t, node("GlobalLpPool", 2), norms, x), 2, 3, 1, 1)
}
