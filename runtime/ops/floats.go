package ops

import (
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// isHalf reports whether t is one of the 16-bit float types, which kernels
// compute in float32.
func isHalf(t onnx.DType) bool { return t == onnx.Float16 || t == onnx.BFloat16 }

// inFloat32 runs a kernel on copies in float32 of the 16-bit inputs and gives
// its float32 outputs the type of input 0, except those named in keep.
func inFloat32(c *Call, kernel Kernel, keep ...int) error {
	half := c.Tensor(0).Type
	inner := &Call{Context: c.Context, Pool: c.Pool, In: append([]onnx.Value(nil), c.In...), Out: make([]onnx.Value, len(c.Out)), Wanted: c.Wanted}
	for i := range c.In {
		if t := c.Tensor(i); t != nil && isHalf(t.Type) {
			inner.In[i] = toFloat32(t)
		}
	}
	if err := kernel(inner); err != nil {
		return err
	}
	for i, v := range inner.Out {
		t, ok := v.(*onnx.Tensor)
		if !ok || !c.Wants(i) {
			continue
		}
		y, err := c.Output(i, outputType(t.Type, half, i, keep), t.Shape...)
		if err != nil {
			return err
		}
		if y.Type == t.Type {
			copy(y.Raw(), t.Raw())
			continue
		}
		fromFloat32(onnx.View[uint16](y), t.Float32s(), half)
	}
	return nil
}

func outputType(t, half onnx.DType, i int, keep []int) onnx.DType {
	if t != onnx.Float32 {
		return t
	}
	for _, k := range keep {
		if k == i {
			return t
		}
	}
	return half
}

func toFloat32(t *onnx.Tensor) *onnx.Tensor {
	x := onnx.NewTensor(onnx.Float32, t.Shape...)
	for i, bits := range onnx.View[uint16](t) {
		if t.Type == onnx.BFloat16 {
			x.Float32s()[i] = math.Float32frombits(uint32(bits) << 16)
		} else {
			x.Float32s()[i] = float16Value(bits)
		}
	}
	return x
}

func fromFloat32(dst []uint16, src []float32, t onnx.DType) {
	for i, v := range src {
		if t == onnx.BFloat16 {
			b := math.Float32bits(v)
			if v != v {
				dst[i] = uint16(b>>16) | 0x40
			} else {
				dst[i] = uint16((b + 0x7fff + b>>16&1) >> 16)
			}
		} else {
			dst[i] = float16Bits(v)
		}
	}
}

func float16Value(h uint16) float32 {
	e, m := int(h>>10&31), float64(h&1023)
	var v float64
	switch e {
	case 0:
		v = math.Ldexp(m, -24)
	case 31:
		v = math.Inf(1)
		if m != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+m, e-25)
	}
	if h>>15 == 1 {
		v = -v
	}
	return float32(v)
}

func float16Bits(f float32) uint16 {
	sign := uint16(math.Float32bits(f) >> 16 & 0x8000)
	a := math.Abs(float64(f))
	switch {
	case a != a:
		return sign | 0x7e00
	case a >= 65520:
		return sign | 0x7c00
	case a < 0x1p-14:
		return sign | uint16(math.RoundToEven(a*0x1p24))
	}
	_, e := math.Frexp(a)
	return sign + uint16(e+13)<<10 + uint16(math.RoundToEven(math.Ldexp(a, 11-e)))
}
