package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// dequantization holds DequantizeLinear of ai.onnx, y = (x - zero point) * scale:
// opset 10 (one scale), 13 (axis), 19 (float8), 21 (blocks, 16 and 4 bits), 23
// (output_dtype, float4, float8e8m0 scales), 24 and 25 (2 bits), and that of
// com.microsoft, which has the newest form from its version 1 on.
var dequantization = []Operator{
	{Name: "DequantizeLinear", Since: 10, MinInputs: 2, MaxInputs: 3, Build: buildDequantize, Infer: inferDequantize},
	{Domain: microsoft, Name: "DequantizeLinear", MinInputs: 2, MaxInputs: 3, Build: buildDequantize, Infer: inferDequantize},
}

// microsoft is the domain of the operators that ONNX Runtime adds.
const microsoft = "com.microsoft"

// dequantizedType returns the element type of the result: the attribute
// output_dtype or else the type of the scale.
func dequantizedType(attribute, scale onnx.DType) (onnx.DType, error) {
	t := attribute
	if t == onnx.Undefined {
		t = scale
	}
	switch t {
	case onnx.Float32, onnx.Float16, onnx.BFloat16:
		return t, nil
	}
	return t, fmt.Errorf("can not dequantize to %v", t)
}

func inferDequantize(n *Node, in []Info) ([]Info, error) {
	t, err := dequantizedType(typeAttr(n, "output_dtype"), in[1].Type.Elem)
	if err != nil {
		return nil, nil // the scale's type may not be known yet
	}
	return []Info{infoLike(t, in[0])}, n.Err()
}

func buildDequantize(n *Node) (Kernel, error) {
	axis, block, dtype := n.Int("axis", 1), n.Int("block_size", 0), typeAttr(n, "output_dtype")
	if n.Opset < 13 && n.Domain == "" {
		axis = 0 // opset 10 has a single scale only
	}
	return func(c *Call) error {
		x, scale, zero := c.Tensor(0), c.Tensor(1), c.Tensor(2)
		t, err := dequantizedType(dtype, scale.Type)
		if err != nil {
			return err
		}
		if zero != nil && zero.Type != x.Type {
			return errZeroPointType
		}
		if zero != nil && zero.Len() != scale.Len() {
			return c.ShapeError(2, fmt.Sprintf("that of the scale, %v", scale.Shape))
		}
		g, err := newGranularity(x.Shape, scale.Shape, axis, block)
		if err != nil {
			return err
		}
		scales, err := float32sOf(scale)
		if err != nil {
			return err
		}
		if t == onnx.Float32 {
			y, err := c.Output(0, t, x.Shape...)
			if err != nil {
				return err
			}
			return dequantize(c, y.Float32s(), x, zero, scales, g)
		}
		y, err := c.Output(0, t, x.Shape...)
		if err != nil {
			return err
		}
		floats, err := c.Scratch(x.Len())
		if err != nil {
			return err
		}
		if err := dequantize(c, floats, x, zero, scales, g); err != nil {
			return err
		}
		return storeRounded(y, floats)
	}, n.Err()
}

// dequantize writes the values of x to y.
func dequantize(c *Call, y []float32, x, zero *onnx.Tensor, scale []float32, g granularity) error {
	switch x.Type {
	case onnx.Int8:
		dequantizeSpans(c, y, onnx.View[int8](x), viewOrNil[int8](zero), scale, g, vec.DequantizeInt8)
	case onnx.Uint8:
		dequantizeSpans(c, y, onnx.View[uint8](x), viewOrNil[uint8](zero), scale, g, vec.DequantizeUint8)
	case onnx.Int16:
		dequantizeSpans(c, y, onnx.View[int16](x), viewOrNil[int16](zero), scale, g, dequantizeSpan)
	case onnx.Uint16:
		dequantizeSpans(c, y, onnx.View[uint16](x), viewOrNil[uint16](zero), scale, g, dequantizeSpan)
	case onnx.Int32:
		dequantizeSpans(c, y, onnx.View[int32](x), viewOrNil[int32](zero), scale, g, dequantizeSpan)
	case onnx.Int4, onnx.Uint4, onnx.Int2, onnx.Uint2,
		onnx.Float8E4M3FN, onnx.Float8E4M3FNUZ, onnx.Float8E5M2, onnx.Float8E5M2FNUZ, onnx.Float4E2M1:
		values, err := float32sOf(x)
		if err != nil {
			return err
		}
		var zeros []float32
		if zero != nil {
			if zeros, err = float32sOf(zero); err != nil {
				return err
			}
		}
		dequantizeSpans(c, y, values, zeros, scale, g, dequantizeSpan)
	default:
		return c.TypeError(0)
	}
	return nil
}

func viewOrNil[T onnx.Element](t *onnx.Tensor) []T {
	if t == nil {
		return nil
	}
	return onnx.View[T](t)
}

// dequantizable are the Go types of the elements that are dequantized.
type dequantizable interface {
	int8 | uint8 | int16 | uint16 | int32 | float32
}

// dequantizeSpan computes dst = (src - zero) * scale.
func dequantizeSpan[T dequantizable](dst []float32, src []T, scale float32, zero T) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] = (float32(v) - float32(zero)) * scale
	}
}

// dequantizeSpans computes y = (x - zero) * scale; zero may be nil. Spans with
// one scale are left to span.
func dequantizeSpans[T dequantizable](c *Call, y []float32, x, zero []T, scale []float32, g granularity, span func(dst []float32, src []T, scale float32, zero T)) {
	c.Parallel(g.spans, g.grain(), func(from, to int) {
		for s := from; s < to; s++ {
			lo, hi, at, step := g.at(s)
			dst, src := y[lo:hi], x[lo:hi]
			src = src[:len(dst)]
			switch {
			case step == 0:
				var z T
				if zero != nil {
					z = zero[at]
				}
				span(dst, src, scale[at], z)
			case zero == nil:
				for i, factor := range scale[at : at+len(dst)] {
					dst[i] = float32(src[i]) * factor
				}
			default:
				zeros := zero[at : at+len(dst)]
				for i, factor := range scale[at : at+len(dst)] {
					dst[i] = (float32(src[i]) - float32(zeros[i])) * factor
				}
			}
		}
	})
}
