package ops

import (
	"fmt"
	"sort"

	"github.com/kcompress/kcompress/onnx"
)

// interpolate is the modes linear and cubic. Types other than float32 and
// float64 are computed in float64 and rounded towards zero.
func (v *resize) interpolate(c *Call, y, x *onnx.Tensor, axes []resizedAxis) error {
	for i, a := range axes {
		if _, weights := v.weights(a, 1); len(weights) > maxResizeWeights/max(1, a.out) {
			return fmt.Errorf("antialiasing axis %d from size %d to %d with scale %v takes too many weights", i, a.in, a.out, a.scale)
		}
	}
	switch x.Type {
	case onnx.Float32:
		copy(y.Float32s(), resizeAxes(c, v, x.Float32s(), axes))
	case onnx.Float64:
		copy(onnx.View[float64](y), resizeAxes(c, v, onnx.View[float64](x), axes))
	default:
		values, err := x.Floats()
		if err != nil {
			return c.TypeError(0)
		}
		result, err := onnx.FromSlice(resizeAxes(c, v, values, axes), y.Shape...).ConvertTo(x.Type)
		if err != nil {
			return err
		}
		copy(y.Raw(), result.Raw())
	}
	return nil
}

// maxResizeWeights bounds the weights of one axis. Downscaling takes a few for
// each element of the input; only regions far outside of it take more.
const maxResizeWeights = 1 << 26

// resizeAxes resizes one axis after the other: those that shrink first, so that
// nothing between is larger than input or output.
func resizeAxes[T float](c *Call, v *resize, x []T, axes []resizedAxis) []T {
	order := make([]int, len(axes))
	shape := make([]int, len(axes))
	for i, a := range axes {
		order[i], shape[i] = i, a.in
	}
	sort.SliceStable(order, func(i, j int) bool {
		a, b := axes[order[i]], axes[order[j]]
		return float64(a.out)/float64(a.in) < float64(b.out)/float64(b.in)
	})
	for _, i := range order {
		a := axes[i]
		if v.isUnchanged(a) {
			continue
		}
		outer, inner := sizeOf(shape[:i]), sizeOf(shape[i+1:])
		y := make([]T, outer*a.out*inner)
		resizeAxis(c, y, x, v.axisSums(a), a, outer, inner, T(v.extrapolation))
		x, shape[i] = y, a.out
	}
	return x
}

// resizeAxis turns x, of shape [outer, in, inner], into y, of shape [outer,
// out, inner].
func resizeAxis[T float](c *Call, y, x []T, sums []weightedSum, a resizedAxis, outer, inner int, outside T) {
	c.Parallel(outer, max(1, rangeWork/16/max(1, a.out*inner)), func(from, to int) {
		for o := from; o < to; o++ {
			in := x[o*a.in*inner:][:a.in*inner]
			for p, sum := range sums {
				row := y[(o*a.out+p)*inner:][:inner]
				if sum.outside {
					fillWith(row, outside)
					continue
				}
				clear(row)
				for i, w := range sum.weights {
					if w != 0 {
						k := min(max(sum.first+i, 0), a.in-1)
						addWeighted(row, in[k*inner:][:inner], T(w))
					}
				}
			}
		}
	})
}
