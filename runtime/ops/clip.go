package ops

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// clipping is the operator Clip. Up to opset version 6 its limits are the
// attributes min and max; from version 11 on they are optional scalar inputs,
// and integers are taken too (12). A limit that is not given does not limit.
var clipping = []Operator{
	{Name: "Clip", Until: 10, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildClip1},
	{Name: "Clip", Since: 11, MinInputs: 1, MaxInputs: 3, Infer: inferSame, Build: buildClip11},
}

func buildClip1(n *Node) (Kernel, error) {
	low, high := n.Float("min", float32(math.Inf(-1))), n.Float("max", float32(math.Inf(1)))
	return unaryKernel(unaryTypes{
		onnx.Float32: overSlices(elementGrain, func(dst, src []float32) { vec.Clamp(dst, src, low, high) }),
		onnx.Float64: onEach(func(v float64) float64 { return min(max(v, float64(low)), float64(high)) }),
	}), n.Err()
}

func buildClip11(n *Node) (Kernel, error) {
	return unaryKernel(unaryTypes{
		onnx.Float32: clipFloat32,
		onnx.Float64: clip[float64],
		onnx.Int8:    clip[int8], onnx.Int16: clip[int16], onnx.Int32: clip[int32], onnx.Int64: clip[int64],
		onnx.Uint8: clip[uint8], onnx.Uint16: clip[uint16], onnx.Uint32: clip[uint32], onnx.Uint64: clip[uint64],
	}), n.Err()
}

func clipFloat32(c *Call) error {
	low, high, err := limits[float32](c)
	if err != nil {
		return err
	}
	l, h := float32(math.Inf(-1)), float32(math.Inf(1))
	if low != nil {
		l = *low
	}
	if high != nil {
		h = *high
	}
	return overSlices(elementGrain, func(dst, src []float32) { vec.Clamp(dst, src, l, h) })(c)
}

func clip[T number](c *Call) error {
	low, high, err := limits[T](c)
	if err != nil {
		return err
	}
	return onEach(func(v T) T {
		if low != nil {
			v = max(v, *low)
		}
		if high != nil {
			v = min(v, *high)
		}
		return v
	})(c)
}

// limits returns the limits of Clip-11, nil where they are not given.
func limits[T number](c *Call) (low, high *T, err error) {
	for i, limit := range []**T{&low, &high} {
		t := c.Tensor(i + 1)
		switch {
		case t == nil:
		case t.Type != c.Tensor(0).Type:
			return nil, nil, c.TypeError(i + 1)
		case t.Len() != 1:
			return nil, nil, c.ShapeError(i+1, "a scalar")
		default:
			*limit = &onnx.View[T](t)[0]
		}
	}
	return low, high, nil
}
