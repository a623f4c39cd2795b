package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/kernels/vec"
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
		sums, err := v.sums(c, r)
		if err != nil {
			return err
		}
		if y.Type == onnx.Int8 {
			storeConv(c, onnx.View[int8](y), sums, out, r.positions, vec.QuantizeInt8)
			return nil
		}
		storeConv(c, onnx.View[uint8](y), sums, out, r.positions, vec.QuantizeUint8)
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
func storeConv[T int8 | uint8](c *Call, y []T, sums convSums, out *convOutput, plane int, quantize func(dst []T, src []float32, scale float32, zero T)) {
	if len(y) == 0 {
		return
	}
	filters := len(out.factor)
	c.Parallel(len(y)/plane, max(1, spanOfTensor/plane), func(from, to int) {
		var ints []int32
		for i := from; i < to; i++ {
			f, bias := out.factor[i%filters], int32(0)
			if out.bias != nil {
				bias = out.bias[i%filters]
			}
			var values []float32
			if sums.float32s != nil && int64(float32(bias)) == int64(bias) {
				values = sums.float32s[i*plane : (i+1)*plane]
				vec.AddScalar(values, values, float32(bias)) // rounds as the integer sum would
			} else {
				ints = slices.Grow(ints[:0], plane)[:plane]
				sums.read(ints, i*plane)
				values = make([]float32, plane)
				for j, v := range ints {
					values[j] = float32(v + bias)
				}
			}
			vec.Scale(values, values, f)
			quantize(y[i*plane:(i+1)*plane], values, 1, T(out.zero))
		}
	})
}
