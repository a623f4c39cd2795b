package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// weightedSum stands for the elements of the input that one element of the output is the
// weighted sum of: len(weights) consecutive ones from first on, those outside
// of the input being the nearest inside. outside means that the element takes
// the extrapolation value.
type weightedSum struct {
	first   int
	weights []float64
	outside bool
}

// original returns the coordinate in the input of coordinate x of the output.
func (v *resize) original(a resizedAxis, x int) float64 {
	p, in := float64(x), float64(a.in)
	switch v.coordinates {
	case "asymmetric":
		return p / a.scale
	case "pytorch_half_pixel":
		if a.length <= 1 {
			return 0
		}
	case "align_corners":
		if a.length <= 1 {
			return 0
		}
		return p * (in - 1) / (a.length - 1)
	case "half_pixel_symmetric":
		adjustment := float64(a.out) / a.length
		return in/2*(1-adjustment) + (p+0.5)/a.scale - 0.5
	case "tf_half_pixel_for_nn": // of version 11 only
		return (p + 0.5) / a.scale
	case "tf_crop_and_resize":
		if a.out <= 1 {
			return 0.5 * (a.roiStart + a.roiEnd) * (in - 1)
		}
		return a.roiStart*(in-1) + p*(a.roiEnd-a.roiStart)*(in-1)/float64(a.out-1)
	}
	return (p+0.5)/a.scale - 0.5
}

// isOutside reports whether an input coordinate takes the extrapolation value.
func (v *resize) isOutside(a resizedAxis, at float64) bool {
	return v.coordinates == "tf_crop_and_resize" && !(at >= 0 && at <= float64(a.in-1))
}

// nearestIndex returns the element of the input that is nearest to a
// coordinate.
func (v *resize) nearestIndex(a resizedAxis, at float64) int {
	switch {
	case v.nearest == "ceil" || v.nearest == "outward" && a.scale < 1:
		at = math.Ceil(at)
	case v.nearest == "floor" || v.nearest == "outward":
		at = math.Floor(at)
	case v.nearest == "round_prefer_ceil":
		at = math.Floor(at + 0.5)
	default:
		at = math.Ceil(at - 0.5)
	}
	return int(min(max(at, 0), float64(a.in-1)))
}

// axisSums returns the weights of every element along an axis.
func (v *resize) axisSums(a resizedAxis) []weightedSum {
	list := make([]weightedSum, a.out)
	for x := range list {
		at := v.original(a, x)
		if v.isOutside(a, at) || math.IsNaN(at) {
			list[x].outside = true
			continue
		}
		// Far outside of the input all is its border.
		at = min(max(at, -8), float64(a.in)+8)
		floor := math.Floor(at)
		fraction := at - floor
		if fraction == 0 { // the element itself is the last of the first half
			floor, fraction = floor-1, 1
		}
		start, weights := v.weights(a, fraction)
		t := weightedSum{first: int(floor) + start, weights: weights}
		if v.excludeOutside {
			for i := range weights {
				if k := t.first + i; k < 0 || k >= a.in {
					weights[i] = 0
				}
			}
			sumToOne(weights)
		}
		list[x] = t
	}
	return list
}

// weights returns the weights of the elements around a point that lies
// fraction after element 0, the first being element start.
func (v *resize) weights(a resizedAxis, fraction float64) (start int, weights []float64) {
	kernel, reach := v.linearKernel, 1.0
	if v.mode == "cubic" {
		kernel, reach = v.cubicKernel, 2.0
	}
	shrink := 1.0
	if v.antialias {
		// Downscaling stretches the kernel, at most over the whole input.
		shrink = max(min(a.scale, 1), 0.25/float64(a.in))
	}
	start = int(math.Floor(-reach/shrink)) + 1
	weights = make([]float64, 2-2*start)
	for i := range weights {
		weights[i] = kernel((float64(start+i) - fraction) * shrink)
	}
	if v.antialias {
		sumToOne(weights)
	}
	return start, weights
}

func sumToOne(weights []float64) {
	var sum float64
	for _, w := range weights {
		sum += w
	}
	if sum == 0 {
		return
	}
	for i := range weights {
		weights[i] /= sum
	}
}

func (v *resize) linearKernel(x float64) float64 { return max(0, 1-math.Abs(x)) }

// cubicKernel is the cubic convolution kernel of Keys (1981).
func (v *resize) cubicKernel(x float64) float64 {
	x, a := math.Abs(x), v.cubicA
	switch {
	case x <= 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}

// isUnchanged reports whether resizing leaves an axis as it is.
func (v *resize) isUnchanged(a resizedAxis) bool {
	return a.in == a.out && a.scale == 1 && v.coordinates != "tf_crop_and_resize"
}

// pick is the mode nearest, for any element type.
func (v *resize) pick(y, x *onnx.Tensor, axes []resizedAxis) error {
	sources := make([][]int, len(axes)) // of each coordinate, -1 for the extrapolation value
	for i, a := range axes {
		sources[i] = make([]int, a.out)
		for p := range sources[i] {
			at := v.original(a, p)
			switch {
			case v.isUnchanged(a):
				sources[i][p] = p
			case v.isOutside(a, at) || math.IsNaN(at):
				sources[i][p] = -1
			default:
				sources[i][p] = v.nearestIndex(a, at)
			}
		}
	}
	if x.Type == onnx.String {
		pickElements(y.Strings, x.Strings, axes, sources, "")
		return nil
	}
	outside := onnx.NewTensor(x.Type)
	if v.extrapolation != 0 {
		var err error
		if outside, err = onnx.Scalar(v.extrapolation).ConvertTo(x.Type); err != nil {
			return err
		}
	}
	switch x.Type.Bits() {
	case 8:
		pickElements(onnx.View[uint8](y), onnx.View[uint8](x), axes, sources, onnx.View[uint8](outside)[0])
	case 16:
		pickElements(onnx.View[uint16](y), onnx.View[uint16](x), axes, sources, onnx.View[uint16](outside)[0])
	case 32:
		pickElements(onnx.View[uint32](y), onnx.View[uint32](x), axes, sources, onnx.View[uint32](outside)[0])
	case 64:
		pickElements(onnx.View[uint64](y), onnx.View[uint64](x), axes, sources, onnx.View[uint64](outside)[0])
	case 128:
		pickElements(onnx.View[complex128](y), onnx.View[complex128](x), axes, sources, onnx.View[complex128](outside)[0])
	default:
		return fmt.Errorf("element type %v can not be resized", x.Type)
	}
	return nil
}

// pickElements sets each element of y, in row-major order, to the element of x
// that sources gives for its coordinates.
func pickElements[T any](y, x []T, axes []resizedAxis, sources [][]int, outside T) {
	last := len(axes) - 1
	if last < 0 {
		copy(y, x)
		return
	}
	at := make([]int, last+1)
	for first := 0; first < len(y); first += axes[last].out {
		row, inside := 0, true
		for i := range last {
			s := sources[i][at[i]]
			inside = inside && s >= 0
			row = (row + s) * axes[i+1].in
		}
		for j, s := range sources[last] {
			if y[first+j] = outside; inside && s >= 0 {
				y[first+j] = x[row+s]
			}
		}
		for i := last - 1; i >= 0; i-- {
			if at[i]++; at[i] < axes[i].out {
				break
			}
			at[i] = 0
		}
	}
}
