package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// buildMaxUnpool builds MaxUnpool (ai.onnx 9, 11, 22): zeros, and the elements
// of input 0 where the indices of MaxPool say. The indices count the elements
// of the output that the attributes give; input 2 may enlarge it.
func buildMaxUnpool(n *Node) (Kernel, error) {
	w, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	if w.kernel == nil {
		return nil, fmt.Errorf("attribute kernel_shape is missing")
	}
	return func(c *Call) error { return maxUnpool(c, w) }, nil
}

func maxUnpool(c *Call, w *window) error {
	x, indices := c.Tensor(0), c.Tensor(1)
	if isHalf(x.Type) {
		return inFloat32(c, func(c *Call) error { return maxUnpool(c, w) })
	}
	if x.Rank() < 3 {
		return c.ShapeError(0, "batch, channels and at least one spatial axis")
	}
	if indices.Type != onnx.Int64 {
		return c.TypeError(1)
	}
	if !sameShape(indices.Shape, x.Shape) {
		return c.ShapeError(1, fmt.Sprint(x.Shape))
	}
	p, err := w.defaults(x.Rank()-2, nil)
	if err != nil {
		return err
	}
	small := append([]int(nil), x.Shape[:2]...)
	for i, size := range x.Shape[2:] {
		if size >= 1<<32 {
			return c.ShapeError(0, "smaller spatial axes")
		}
		small = append(small, max(0, (size-1)*p.strides[i]+p.kernel[i]-p.begin[i]-p.end[i]))
	}
	shape := small
	if t := c.Tensor(2); t != nil {
		if shape, err = IntsOf(t); err != nil {
			return err
		}
		if len(shape) != x.Rank() {
			return fmt.Errorf("output_shape %v does not fit an input of rank %d", shape, x.Rank())
		}
		for i := range shape {
			if shape[i] < small[i] {
				small = shape // the indices count the elements of the stated shape
				break
			}
		}
	}
	if _, err := onnx.Elements(small); err != nil {
		return err
	}
	y, err := c.Zeroed(0, x.Type, shape...)
	if err != nil {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		return unpool(y.Float32s(), x.Float32s(), indices.Int64s(), shape, small)
	case onnx.Float64:
		return unpool(onnx.View[float64](y), onnx.View[float64](x), indices.Int64s(), shape, small)
	}
	return c.TypeError(0)
}

// unpool writes x to the elements of y, of the given shape, whose indices in a
// tensor of shape small are given.
func unpool[T float](y, x []T, indices []int64, shape, small []int) error {
	n := sizeOf(small)
	at := make([]int, len(small))
	for i, v := range x {
		index := indices[i]
		if index < 0 || index >= int64(n) {
			return fmt.Errorf("index %d is outside of an output of shape %v", index, small)
		}
		unravel(at, int(index), small)
		k := 0
		for a := range at {
			k = k*shape[a] + at[a]
		}
		y[k] = v
	}
	return nil
}
