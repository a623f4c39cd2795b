package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// quantizing holds QuantizeLinear of ai.onnx, y = saturate(round(x / scale) +
// zero point), ties to even: opset 10 (one scale), 13 (axis), 19 (float8), 21
// (blocks, 16 and 4 bits, output_dtype), 23 (precision, float4), 24 and 25 (2
// bits), and that of com.microsoft, which has the newest form from its version
// 1 on; and DynamicQuantizeLinear of opset 11.
var quantizing = []Operator{
	{Name: "QuantizeLinear", Since: 10, MinInputs: 2, MaxInputs: 3, Build: buildQuantize, Infer: inferQuantize},
	{Domain: microsoft, Name: "QuantizeLinear", MinInputs: 2, MaxInputs: 3, Build: buildQuantize, Infer: inferQuantize},
	{Name: "DynamicQuantizeLinear", Since: 11, MinInputs: 1, MaxInputs: 1, Build: buildDynamicQuantize, Infer: inferDynamicQuantize},
}

func inferQuantize(n *Node, in []Info) ([]Info, error) {
	t := typeAttr(n, "output_dtype")
	switch {
	case n.Has(2):
		t = in[2].Type.Elem
	case t == onnx.Undefined:
		t = onnx.Uint8
	}
	return []Info{infoLike(t, in[0])}, n.Err()
}

func buildQuantize(n *Node) (Kernel, error) {
	axis, block := n.Int("axis", 1), n.Int("block_size", 0)
	dtype, precision := typeAttr(n, "output_dtype"), typeAttr(n, "precision")
	saturate := n.Bool("saturate", true)
	return func(c *Call) error {
		x, scale, zero := c.Tensor(0), c.Tensor(1), c.Tensor(2)
		t, err := quantizedType(dtype, zero)
		if err != nil {
			return err
		}
		g, err := newGranularity(x.Shape, scale.Shape, axis, block)
		if err != nil {
			return err
		}
		if zero != nil && zero.Len() != scale.Len() {
			return c.ShapeError(2, fmt.Sprintf("that of the scale, %v", scale.Shape))
		}
		switch x.Type {
		case onnx.Float32, onnx.Float16, onnx.BFloat16, onnx.Int32:
		default:
			return c.TypeError(0)
		}
		values, err := float32sOf(x)
		if err != nil {
			return err
		}
		scales, err := float32sOf(scale)
		if err != nil {
			return err
		}
		if p := divisionType(precision, scale.Type); isHalf(p) {
			// The quotient is rounded to 16 bits before it is rounded to a
			// quantized number.
			values = quotients(c, values, scales, g, p)
			scales = slices.Clone(scales)
			for i := range scales {
				scales[i] = 1
			}
		}
		y, err := c.Output(0, t, x.Shape...)
		if err != nil {
			return err
		}
		if _, _, ok := quantizedRange(t); ok {
			return quantizeInts(c, y, values, scales, zero, g)
		}
		return quantizeFloats(c, y, values, scales, zero, g, saturate)
	}, n.Err()
}

// quantizedType returns the element type that is quantized to.
func quantizedType(attribute onnx.DType, zero *onnx.Tensor) (onnx.DType, error) {
	t := onnx.Uint8
	switch {
	case zero != nil && attribute != onnx.Undefined && attribute != zero.Type:
		return t, fmt.Errorf("output_dtype is %v but the zero point is %v", attribute, zero.Type)
	case zero != nil:
		t = zero.Type
	case attribute != onnx.Undefined:
		t = attribute
	}
	switch t {
	case onnx.Float8E4M3FN, onnx.Float8E4M3FNUZ, onnx.Float8E5M2, onnx.Float8E5M2FNUZ, onnx.Float4E2M1:
		return t, nil
	}
	if _, _, ok := quantizedRange(t); !ok {
		return t, fmt.Errorf("can not quantize to %v", t)
	}
	return t, nil
}

// divisionType returns the type in which x / scale is computed.
func divisionType(attribute, scale onnx.DType) onnx.DType {
	if attribute != onnx.Undefined {
		return attribute
	}
	return scale
}

// quotients returns x / scale rounded to a 16-bit type.
func quotients(c *Call, x, scale []float32, g granularity, t onnx.DType) []float32 {
	q := make([]float32, len(x))
	eachQuotient(c, q, x, scale, g)
	bits := make([]uint16, len(x))
	narrow(bits, q, t)
	return widen(onnx.FromBits(t, bits, len(x))).Float32s()
}

// eachQuotient computes q = x / scale.
func eachQuotient(c *Call, q, x, scale []float32, g granularity) {
	c.Parallel(g.spans, g.grain(), func(from, to int) {
		for s := from; s < to; s++ {
			lo, hi, at, step := g.at(s)
			for i := lo; i < hi; i++ {
				q[i] = x[i] / scale[at]
				at += step
			}
		}
	})
}

// quantizeInts quantizes to an integer type.
func quantizeInts(c *Call, y *onnx.Tensor, x, scale []float32, zero *onnx.Tensor, g granularity) error {
	zeros, err := zeroPoints(zero, len(scale))
	if err != nil {
		return err
	}
	switch y.Type {
	case onnx.Int8:
		quantizeSpans(c, onnx.View[int8](y), y.Type, x, scale, zeros, g, quantizeInt8Span)
	case onnx.Uint8:
		quantizeSpans(c, onnx.View[uint8](y), y.Type, x, scale, zeros, g, quantizeUint8Span)
	case onnx.Int16:
		quantizeSpans(c, onnx.View[int16](y), y.Type, x, scale, zeros, g, quantizeSpan)
	case onnx.Uint16:
		quantizeSpans(c, onnx.View[uint16](y), y.Type, x, scale, zeros, g, quantizeSpan)
	default: // packed: threads must not share bytes
		values := make([]int32, len(x))
		quantizeSpans(c, values, y.Type, x, scale, zeros, g, quantizeSpan)
		packInts(y, values)
	}
	return nil
}

// spanQuantizer quantizes a span with one scale to numbers from lowest to
// highest.
type spanQuantizer[T signed | unsigned] func(y []T, x []float32, scale float32, zero, lowest, highest int32)

// quantizeSpans quantizes x; spans with one scale are left to span.
func quantizeSpans[T int8 | uint8 | int16 | uint16 | int32](c *Call, y []T, t onnx.DType, x, scale []float32, zero []int32, g granularity, span spanQuantizer[T]) {
	lowest, highest, _ := quantizedRange(t)
	c.Parallel(g.spans, g.grain(), func(from, to int) {
		for s := from; s < to; s++ {
			lo, hi, at, step := g.at(s)
			var z int32
			if step == 0 {
				if zero != nil {
					z = zero[at]
				}
				span(y[lo:hi], x[lo:hi], scale[at], z, lowest, highest)
				continue
			}
			for i := lo; i < hi; i++ {
				if zero != nil {
					z = zero[at]
				}
				y[i] = T(quantizeTo(x[i]/scale[at], z, lowest, highest))
				at++
			}
		}
	})
}

// quantizeUint8Span and quantizeInt8Span are quantizeSpan for the whole range
// of a byte.
func quantizeUint8Span(y []uint8, x []float32, scale float32, zero, _, _ int32) {
	vec.QuantizeUint8(y, x, scale, uint8(zero))
}

func quantizeInt8Span(y []int8, x []float32, scale float32, zero, _, _ int32) {
	vec.QuantizeInt8(y, x, scale, int8(zero))
}

// quantizeSpan is quantizeTo for a span with one scale.
func quantizeSpan[T int8 | uint8 | int16 | uint16 | int32](y []T, x []float32, scale float32, zero, lowest, highest int32) {
	low, high := float32(lowest-zero), float32(highest-zero)
	offset := int32(math.Float32bits(roundingShift)) - zero
	y = y[:len(x)]
	for i, v := range x {
		v /= scale
		if !(v >= low) {
			v = low
		}
		if v > high {
			v = high
		}
		y[i] = T(int32(math.Float32bits(float32(v+roundingShift))) - offset)
	}
}

// quantizeFloats quantizes to a float8 or float4 type.
func quantizeFloats(c *Call, y *onnx.Tensor, x, scale []float32, zero *onnx.Tensor, g granularity, saturate bool) error {
	var zeros []float32
	if zero != nil {
		var err error
		if zeros, err = float32sOf(zero); err != nil {
			return err
		}
	}
	floats, err := c.Scratch(len(x))
	if err != nil {
		return err
	}
	eachQuotient(c, floats, x, scale, g)
	if zeros != nil {
		c.Parallel(g.spans, g.grain(), func(from, to int) {
			for s := from; s < to; s++ {
				lo, hi, at, step := g.at(s)
				for i := lo; i < hi; i++ {
					floats[i] += zeros[at]
					at += step
				}
			}
		})
	}
	return storeRounded(y, floats, onnx.Saturate(saturate))
}
