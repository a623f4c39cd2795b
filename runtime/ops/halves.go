package ops

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
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
			inner.In[i] = widenParallel(c, t)
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
		dst, src := onnx.View[uint16](y), t.Float32s()
		c.Parallel(len(dst), elementGrain, func(from, to int) { narrow(dst[from:to], src[from:to], half) })
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
func (heapFrame) Alias(c *Call, _, in, from int, shape []int) *onnx.Tensor {
	return PartOf(c.Tensor(in), from, shape)
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
func widen(t *onnx.Tensor) *onnx.Tensor { return widenParallel(&Call{}, t) }

// widenParallel is widen on the threads of the call.
func widenParallel(c *Call, t *onnx.Tensor) *onnx.Tensor {
	y := onnx.NewTensor(onnx.Float32, t.Shape...)
	dst, src := y.Float32s(), onnx.View[uint16](t)
	convert := vec.Float16ToFloat32
	if t.Type == onnx.BFloat16 {
		convert = vec.Bfloat16ToFloat32
	}
	c.Parallel(len(dst), elementGrain, func(from, to int) { convert(dst[from:to], src[from:to]) })
	return y
}

// narrow stores src as float16 or bfloat16 bits, rounded to nearest even.
func narrow(dst []uint16, src []float32, t onnx.DType) {
	if t == onnx.BFloat16 {
		vec.Float32ToBfloat16(dst, src)
	} else {
		vec.Float32ToFloat16(dst, src)
	}
}
