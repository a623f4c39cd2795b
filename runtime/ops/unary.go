package ops

import (
	"github.com/kcompress/kcompress/onnx"
)

// unaryFunc computes output 0 of a unary operator from input 0 for one element
// type. The result has the shape of the input.
type unaryFunc func(c *Call) error

// unaryTypes maps the element type of the input to the implementation.
type unaryTypes map[onnx.DType]unaryFunc

// functionGrain is the number of elements that one thread takes at a time in
// operators that compute a function such as exp of each.
const functionGrain = 1 << 12

// overSlices returns the implementation that applies f to parts of the input;
// dst may be src. A thread takes grain elements at a time.
func overSlices[T, R onnx.Element](grain int, f func(dst []R, src []T)) unaryFunc {
	part := slicesWork[T, R].part // forming it takes memory
	return func(c *Call) error {
		x := c.Tensor(0)
		y, err := outputOverAny(c, onnx.TypeOf[R](), x.Shape, 0)
		if err != nil {
			return err
		}
		dst, src := onnx.View[R](y), onnx.View[T](x)
		parallelOn(c, slicesWork[T, R]{dst, src, f}, len(dst), grain, part)
		return nil
	}
}

// slicesWork is a function to be applied to parts of a slice.
type slicesWork[T, R any] struct {
	dst []R
	src []T
	f   func(dst []R, src []T)
}

func (w slicesWork[T, R]) part(from, to int) { w.f(w.dst[from:to], w.src[from:to]) }

// onEach returns the implementation that applies f to every element.
func onEach[T, R onnx.Element](f func(T) R) unaryFunc {
	return overSlices(functionGrain, func(dst []R, src []T) {
		for i, v := range src {
			dst[i] = f(v)
		}
	})
}

// unaryKernel returns the kernel that picks the implementation for the type of
// the input. float16 and bfloat16 go through float32 unless types has them.
func unaryKernel(types unaryTypes) Kernel {
	direct := func(c *Call) error {
		f := types[c.Tensor(0).Type]
		if f == nil {
			return c.TypeError(0)
		}
		return f(c)
	}
	if types[onnx.Float32] == nil || types[onnx.Float16] != nil {
		return direct
	}
	return throughFloat32(direct)
}

// buildUnary returns the Build of a unary operator without attributes.
func buildUnary(types unaryTypes) func(n *Node) (Kernel, error) {
	k := unaryKernel(types)
	return func(n *Node) (Kernel, error) { return k, n.Err() }
}

// floatUnary is an operator on floats: f32 for slices of float32, f64 for one
// float64.
func floatUnary(f32 func(dst, src []float32), f64 func(float64) float64) unaryTypes {
	return unaryTypes{onnx.Float32: overSlices(functionGrain, f32), onnx.Float64: onEach(f64)}
}

// float64Unary is an operator on floats that computes float32 in float64.
func float64Unary(f func(float64) float64) unaryTypes {
	return unaryTypes{onnx.Float32: onEach(func(v float32) float32 { return float32(f(float64(v))) }), onnx.Float64: onEach(f)}
}

// integerUnary collects a unary operator for the integer types.
func integerUnary(
	i8 func(int8) int8, i16 func(int16) int16, i32 func(int32) int32, i64 func(int64) int64,
	u8 func(uint8) uint8, u16 func(uint16) uint16, u32 func(uint32) uint32, u64 func(uint64) uint64,
) unaryTypes {
	return unaryTypes{
		onnx.Int8: onEach(i8), onnx.Int16: onEach(i16), onnx.Int32: onEach(i32), onnx.Int64: onEach(i64),
		onnx.Uint8: onEach(u8), onnx.Uint16: onEach(u16), onnx.Uint32: onEach(u32), onnx.Uint64: onEach(u64),
	}
}

// withFloatUnary adds the float types to a unary operator.
func withFloatUnary(types unaryTypes, f32 func(float32) float32, f64 func(float64) float64) unaryTypes {
	types[onnx.Float32], types[onnx.Float64] = onEach(f32), onEach(f64)
	return types
}
