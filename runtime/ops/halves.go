package ops

import (
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// isHalf reports whether t is one of the two 16-bit float types.
func isHalf(t onnx.DType) bool { return t == onnx.Float16 || t == onnx.BFloat16 }

// throughFloat32 returns a kernel that takes float16 and bfloat16 as well as
// what k takes: inputs of those types are converted to float32, k runs on
// them, and its float32 outputs are converted back to the type of the first
// such input. For one addition, subtraction, multiplication, division or
// square root that gives the correctly rounded result.
func throughFloat32(k Kernel) Kernel {
	return func(c *Call) error {
		half := onnx.Undefined
		for i := range c.In {
			if t := c.Tensor(i); t != nil && isHalf(t.Type) {
				half = t.Type
				break
			}
		}
		if half == onnx.Undefined {
			return k(c)
		}
		inner := wideCall(c)
		if err := k(inner); err != nil {
			return err
		}
		return narrowOutputs(c, inner, half)
	}
}

// wideCall returns a call with the inputs of c, those of 16 bits as float32.
func wideCall(c *Call) *Call {
	inner := &Call{Context: c.Context, Pool: c.Pool, Wanted: c.Wanted,
		In: make([]onnx.Value, len(c.In)), Out: make([]onnx.Value, len(c.Out))}
	if c.Frame != nil {
		inner.Frame = heapFrame{c.Frame}
	}
	for i, v := range c.In {
		inner.In[i] = v
		if t := c.Tensor(i); t != nil && isHalf(t.Type) {
			inner.In[i] = widen(t)
		}
	}
	return inner
}

// narrowOutputs gives c the outputs of inner, float32 ones as the given type.
func narrowOutputs(c, inner *Call, half onnx.DType) error {
	for i, v := range inner.Out {
		t, ok := v.(*onnx.Tensor)
		if !ok || t == nil || t.Type != onnx.Float32 {
			if v != nil {
				c.Set(i, v)
			}
			continue
		}
		y, err := c.Output(i, half, t.Shape...)
		if err != nil {
			return err
		}
		narrow(onnx.View[uint16](y), t.Float32s(), half)
	}
	return nil
}

// heapFrame is a Frame whose outputs are not planned: for calls inside of a
// kernel.
type heapFrame struct{ Frame }

// Output implements Frame.
func (heapFrame) Output(_ *Call, _ int, t onnx.DType, shape []int) (*onnx.Tensor, error) {
	return onnx.NewTensor(t, shape...), nil
}

// Reuse implements Frame.
func (heapFrame) Reuse(*Call, int, int) *onnx.Tensor { return nil }

// Alias implements Frame.
func (heapFrame) Alias(c *Call, _, in int, shape []int) *onnx.Tensor {
	return c.Tensor(in).Reshaped(shape...)
}

// Scratch implements Frame.
func (heapFrame) Scratch(_ *Call, bytes int) ([]byte, error) { return onnx.AlignedBytes(bytes), nil }

// Limit implements Frame: a float32 tensor takes twice the bytes of the half
// that is kept.
func (f heapFrame) Limit() int {
	if l := f.Frame.Limit(); l < math.MaxInt/2 {
		return 2 * l
	}
	return math.MaxInt
}

// widen returns a float16 or bfloat16 tensor as float32.
func widen(t *onnx.Tensor) *onnx.Tensor {
	y := onnx.NewTensor(onnx.Float32, t.Shape...)
	dst, src := y.Float32s(), onnx.View[uint16](t)
	if t.Type == onnx.BFloat16 {
		for i, b := range src {
			dst[i] = math.Float32frombits(uint32(b) << 16)
		}
		return y
	}
	for i, b := range src {
		dst[i] = float16Value(b)
	}
	return y
}

// narrow stores src as float16 or bfloat16 bits, rounded to nearest even.
func narrow(dst []uint16, src []float32, t onnx.DType) {
	if t == onnx.BFloat16 {
		for i, v := range src {
			dst[i] = bfloat16Bits(v)
		}
		return
	}
	for i, v := range src {
		dst[i] = float16Bits(v)
	}
}

// float16Value returns the number that IEEE binary16 bits stand for.
func float16Value(b uint16) float32 {
	sign, exponent, mantissa := uint32(b>>15)<<31, uint32(b>>10)&31, uint32(b)&1023
	switch exponent {
	case 0: // zero or subnormal: mantissa * 2^-24
		v := float32(mantissa) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | mantissa<<13)
}

// float16Bits rounds v to IEEE binary16, to nearest even.
func float16Bits(v float32) uint16 {
	bits := math.Float32bits(v)
	sign, magnitude := uint16(bits>>16)&0x8000, bits&0x7fffffff
	switch {
	case magnitude > 0x7f800000:
		return sign | 0x7e00
	case magnitude >= 0x477ff000: // 65520 and above round to infinity
		return sign | 0x7c00
	case magnitude < 0x38800000: // below 2^-14: a multiple of 2^-24
		scaled := math.Float32frombits(magnitude) * (1 << 24)
		return sign | uint16(math.RoundToEven(float64(scaled)))
	}
	magnitude += 0xfff + magnitude>>13&1
	return sign | uint16((magnitude-(112<<23))>>13)
}

// bfloat16Bits rounds v to bfloat16, to nearest even.
func bfloat16Bits(v float32) uint16 {
	bits := math.Float32bits(v)
	if v != v {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
