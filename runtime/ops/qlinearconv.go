package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

func inferQLinearConv(n *Node, in []Info) ([]Info, error) {
	t := elemOf(in[7])
	if n.Bool("channels_last", false) {
		return []Info{UnknownShape(t)}, n.Err()
	}
	out, err := inferConv(n, []Info{in[0], in[3]})
	if err != nil || len(out) == 0 {
		return out, err
	}
	return []Info{infoLike(t, out[0])}, nil
}

// buildQLinearConv is QLinearConv: the inputs are x, its scale and zero point,
// the weight, its scale and zero point, the scale and zero point of the output
// and an int32 bias, whose scale is the product of those of x and the weight.
func buildQLinearConv(n *Node) (Kernel, error) {
	v, err := newIntegerConv(n, 3, 5)
	if err != nil {
		return nil, err
	}
	kernel := func(c *Call) error {
		r, err := v.start(c, c.Tensor(0), c.Tensor(2), c.Tensor(3), c.Tensor(5))
		if err != nil {
			return err
		}
		out, err := newConvOutput(c, r.filters)
		if err != nil {
			return err
		}
		y, err := c.Output(0, c.Tensor(7).Type, r.shape...)
		if err != nil {
			return err
		}
		read, err := r.sums(c)
		if err != nil {
			return err
		}
		plane := r.positions
		if y.Type == onnx.Int8 {
			storeConv(c, onnx.View[int8](y), read, out, plane, -128, 127)
			return nil
		}
		storeConv(c, onnx.View[uint8](y), read, out, plane, 0, 255)
		return nil
	}
	if n.Bool("channels_last", false) {
		kernel = channelsLast(kernel)
	}
	return kernel, n.Err()
}

// convOutput is how the sums of a QLinearConv become its output.
type convOutput struct {
	factor []float32 // for each filter
	bias   []int32   // for each filter, or nil
	zero   int32
}

func newConvOutput(c *Call, filters int) (*convOutput, error) {
	if !isByte(c.Tensor(7).Type) || c.Tensor(7).Len() != 1 {
		return nil, fmt.Errorf("the zero point of the output is %v, expected one 8-bit integer", c.Tensor(7))
	}
	zeros, err := smallInts(c.Tensor(7))
	if err != nil {
		return nil, err
	}
	out := &convOutput{factor: make([]float32, filters), zero: zeros[0]}
	xScale, err := scalarFloat(c, 1)
	if err != nil {
		return nil, err
	}
	yScale, err := scalarFloat(c, 6)
	if err != nil {
		return nil, err
	}
	scales, err := float32sOf(c.Tensor(4))
	if err != nil {
		return nil, err
	}
	if len(scales) != 1 && len(scales) != filters {
		return nil, c.ShapeError(4, fmt.Sprintf("one number or one for each of %d filters", filters))
	}
	for i := range out.factor {
		out.factor[i] = float32(xScale) * scales[i%len(scales)] / float32(yScale)
	}
	if b := c.Tensor(8); b != nil {
		if b.Type != onnx.Int32 || b.Len() != filters {
			return nil, fmt.Errorf("the bias is %v, expected int32[%d]", b, filters)
		}
		out.bias = onnx.View[int32](b)
	}
	return out, nil
}

// storeConv quantizes the sums, a plane of one filter at a time.
func storeConv[T int8 | uint8](c *Call, y []T, read func(dst []int32, first int), out *convOutput, plane int, lo, hi int32) {
	if len(y) == 0 {
		return
	}
	filters := len(out.factor)
	c.Parallel(len(y)/plane, max(1, spanOfTensor/plane), func(from, to int) {
		sums := make([]int32, plane)
		for i := from; i < to; i++ {
			read(sums, i*plane)
			f, bias := out.factor[i%filters], int32(0)
			if out.bias != nil {
				bias = out.bias[i%filters]
			}
			dst := y[i*plane : (i+1)*plane]
			for j, v := range sums {
				dst[j] = T(quantizeTo(float32(v+bias)*f, out.zero, lo, hi))
			}
		}
	})
}
