package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// deformConv is a DeformConv node (ai.onnx 19, 22) for any number of spatial
// axes: a Conv whose kernel elements read at positions moved by the offset
// input, by linear interpolation, 0 outside of the image
// (https://arxiv.org/abs/1811.11168).
type deformConv struct {
	window             *window
	group, offsetGroup int
}

// maxDeformAxes bounds the spatial axes: 2^axes elements are interpolated.
const maxDeformAxes = 6

func buildDeformConv(n *Node) (Kernel, error) {
	w, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	v := &deformConv{window: w, group: n.Int("group", 1), offsetGroup: n.Int("offset_group", 1)}
	return v.run, n.Err()
}

func (v *deformConv) run(c *Call) error {
	x, w := c.Tensor(0), c.Tensor(1)
	if err := sameTypes(c, 1, 2, 3, 4); err != nil {
		return err
	}
	if isHalf(x.Type) {
		return inFloat32(c, v.run)
	}
	s, err := (&conv{window: v.window, group: v.group, allAxes: true}).shapes(c, x, w)
	if err != nil {
		return err
	}
	if err := v.check(c, s); err != nil {
		return err
	}
	y, err := c.Output(0, x.Type, append([]int{s.images, s.filters}, s.out...)...)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		deformConvolve[float32](c, v, s, y)
	case onnx.Float64:
		deformConvolve[float64](c, v, s, y)
	default:
		return c.TypeError(0)
	}
	return nil
}

// check checks the shapes of bias, offset and mask.
func (v *deformConv) check(c *Call, s *convCall) error {
	axes := len(s.in)
	if axes > maxDeformAxes {
		return c.ShapeError(0, fmt.Sprintf("at most %d spatial axes", maxDeformAxes))
	}
	if v.offsetGroup < 1 || s.channels%v.offsetGroup != 0 {
		return fmt.Errorf("offset_group is %d, expected a divisor of the %d channels", v.offsetGroup, s.channels)
	}
	if _, err := channelBias(c, 3, s.filters); err != nil {
		return err
	}
	taps := v.offsetGroup * sizeOf(s.kernel)
	for i, channels := range map[int]int{2: taps * axes, 4: taps} {
		want := append([]int{s.images, channels}, s.out...)
		if t := c.Tensor(i); t != nil && !sameShape(t.Shape, want) {
			return c.ShapeError(i, fmt.Sprint(want))
		}
	}
	return nil
}

func deformConvolve[T float](c *Call, v *deformConv, s *convCall, y *onnx.Tensor) {
	w, yv := onnx.View[T](c.Tensor(1)), onnx.View[T](y)
	var bias []T
	if b := c.Tensor(3); b != nil {
		bias = onnx.View[T](b)
	}
	filters := s.filters / s.group
	block := min(s.positions, max(1, columnElements/max(1, s.channels*sizeOf(s.kernel))))
	blocks := (s.positions + block - 1) / block
	c.Parallel(s.images*blocks, max(1, rangeWork/max(1, s.filters*s.inner*block)), func(from, to int) {
		columns := borrow[T](s.channels * sizeOf(s.kernel) * block)
		defer columns.release()
		for i := from; i < to; i++ {
			n, first := i/blocks, i%blocks*block
			width := min(block, s.positions-first)
			deformColumns(c, v, s, columns.data, n, first, width)
			for g := range s.group {
				target := yv[(n*s.filters+g*filters)*s.positions+first:]
				setBias(target, s.positions, filters, width, bias, g*filters)
				left := matrix[T]{data: w[g*filters*s.inner:], stride: s.inner}
				right := matrix[T]{data: columns.data[g*s.inner*width:], stride: width}
				matrixProduct(target, s.positions, left, right, filters, width, s.inner, true)
			}
		}
	})
}

// deformColumns is im2col with moved positions.
func deformColumns[T float](c *Call, v *deformConv, s *convCall, columns []T, n, first, width int) {
	x, offsets := onnx.View[T](c.Tensor(0)), onnx.View[T](c.Tensor(2))
	var mask []T
	if m := c.Tensor(4); m != nil {
		mask = onnx.View[T](m)
	}
	axes, taps := len(s.in), sizeOf(s.kernel)
	channels := s.channels / v.offsetGroup
	at, tap, point := make([]int, axes), make([]int, axes), make([]float64, axes)
	corners := newCorners(s.in)
	for k := range v.offsetGroup * taps {
		unravel(tap, k%taps, s.kernel)
		for pos := first; pos < first+width; pos++ {
			unravel(at, pos, s.out)
			for a := range axes {
				move := offsets[((n*v.offsetGroup*taps+k)*axes+a)*s.positions+pos]
				point[a] = float64(at[a]*s.strides[a]-s.begin[a]+tap[a]*s.dilations[a]) + float64(move)
			}
			corners.around(point)
			factor := T(1)
			if mask != nil {
				factor = mask[(n*v.offsetGroup*taps+k)*s.positions+pos]
			}
			for ch := k / taps * channels; ch < (k/taps+1)*channels; ch++ {
				value := cornerSum(corners, x[(n*s.channels+ch)*s.plane:][:s.plane])
				columns[(ch*taps+k%taps)*width+pos-first] = value * factor
			}
		}
	}
}

// corners holds the elements of a plane around a point, with their weights in
// linear interpolation. Elements outside of the plane are left out.
type corners struct {
	sizes   []int
	index   []int
	weights []float64
}

func newCorners(sizes []int) *corners { return &corners{sizes: sizes} }

// around finds the elements around point.
func (c *corners) around(point []float64) {
	c.index, c.weights = append(c.index[:0], 0), append(c.weights[:0], 1)
	for a, size := range c.sizes {
		low := math.Floor(point[a])
		fraction := point[a] - low
		if !(low >= -1 && low < float64(size)) { // outside, or not a number
			c.index = c.index[:0]
			return
		}
		count := len(c.index)
		for i := range count {
			index, weight := c.index[i]*size, c.weights[i]
			c.index[i], c.weights[i] = index+int(low), weight*(1-fraction)
			if low < 0 {
				c.weights[i] = 0
				c.index[i] = index
			}
			if int(low)+1 < size {
				c.index, c.weights = append(c.index, index+int(low)+1), append(c.weights, weight*fraction)
			}
		}
	}
}

func cornerSum[T float](c *corners, plane []T) T {
	var sum float64
	for i, at := range c.index {
		if w := c.weights[i]; w != 0 {
			sum += w * float64(plane[at])
		}
	}
	return T(sum)
}

func inferDeformConv(n *Node, in []Info) ([]Info, error) {
	return inferConv(n, in)
}
