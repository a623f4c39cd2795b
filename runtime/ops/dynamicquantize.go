package ops

import (
	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

func inferDynamicQuantize(n *Node, in []Info) ([]Info, error) {
	return []Info{infoLike(onnx.Uint8, in[0]), TensorInfo(onnx.Float32, nil), TensorInfo(onnx.Uint8, nil)}, nil
}

// buildDynamicQuantize is DynamicQuantizeLinear: x is quantized to uint8 with
// the scale and zero point that its smallest and largest elements (and 0) give.
func buildDynamicQuantize(n *Node) (Kernel, error) {
	return func(c *Call) error {
		x := c.Tensor(0)
		if x.Type != onnx.Float32 {
			return c.TypeError(0)
		}
		y, err := c.Output(0, onnx.Uint8, x.Shape...)
		if err != nil {
			return err
		}
		scaleOut, err := c.Output(1, onnx.Float32)
		if err != nil {
			return err
		}
		zeroOut, err := c.Output(2, onnx.Uint8)
		if err != nil {
			return err
		}
		src, dst := x.Float32s(), onnx.View[uint8](y)
		scale, zero := dynamicScale(src)
		scaleOut.Float32s()[0] = scale
		onnx.View[uint8](zeroOut)[0] = uint8(zero)
		c.Parallel(len(src), spanOfTensor, func(from, to int) {
			vec.QuantizeUint8(dst[from:to], src[from:to], scale, uint8(zero))
		})
		return nil
	}, nil
}

// dynamicScale returns the scale and the uint8 zero point for values x. Where
// all are 0 the scale is 1, as in ONNX Runtime.
func dynamicScale(x []float32) (scale float32, zero int32) {
	var low, high float32
	if len(x) > 0 {
		low, high = min(0, vec.Min(x)), max(0, vec.Max(x))
	}
	scale = (high - low) / 255
	if scale == 0 {
		return 1, 0
	}
	return scale, quantizeTo(-low/scale, 0, 0, 255)
}
