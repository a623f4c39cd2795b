package ops

import (
	"github.com/kcompress/kcompress/onnx"
)

// comparison is the family Equal, Less, LessOrEqual, Greater and
// GreaterOrEqual. Broadcasting changed in opset version 7 as for arithmetic;
// later versions add element types only. LessOrEqual and GreaterOrEqual came
// with version 12. NaN is not equal to, less than or greater than anything.
var comparison = []Operator{
	{Name: "Equal", MinInputs: 2, MaxInputs: 2, Build: buildEqual, Infer: inferArithmetic(onnx.Bool, equalElements)},
	{Name: "Less", MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Bool),
		Build: buildBinary(comparePairs(less, less, less, less, less, less, less, less, less, less))},
	{Name: "LessOrEqual", Since: 12, MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Bool),
		Build: buildBinary(comparePairs(lessEqual, lessEqual, lessEqual, lessEqual, lessEqual, lessEqual, lessEqual, lessEqual, lessEqual, lessEqual))},
	{Name: "Greater", MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Bool),
		Build: buildBinary(comparePairs(greater, greater, greater, greater, greater, greater, greater, greater, greater, greater))},
	{Name: "GreaterOrEqual", Since: 12, MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Bool),
		Build: buildBinary(comparePairs(greaterEqual, greaterEqual, greaterEqual, greaterEqual, greaterEqual, greaterEqual, greaterEqual, greaterEqual, greaterEqual, greaterEqual))},
}

func equal[T comparable](a, b T) bool    { return a == b }
func less[T number](a, b T) bool         { return a < b }
func lessEqual[T number](a, b T) bool    { return a <= b }
func greater[T number](a, b T) bool      { return a > b }
func greaterEqual[T number](a, b T) bool { return a >= b }

// comparePairs collects one comparison for the numeric types.
func comparePairs(
	i8 func(a, b int8) bool, i16 func(a, b int16) bool, i32 func(a, b int32) bool, i64 func(a, b int64) bool,
	u8 func(a, b uint8) bool, u16 func(a, b uint16) bool, u32 func(a, b uint32) bool, u64 func(a, b uint64) bool,
	f32 func(a, b float32) bool, f64 func(a, b float64) bool,
) pairTypes {
	return pairTypes{
		onnx.Int8: onPairs(i8), onnx.Int16: onPairs(i16), onnx.Int32: onPairs(i32), onnx.Int64: onPairs(i64),
		onnx.Uint8: onPairs(u8), onnx.Uint16: onPairs(u16), onnx.Uint32: onPairs(u32), onnx.Uint64: onPairs(u64),
		onnx.Float32: onPairs(f32), onnx.Float64: onPairs(f64),
	}
}

// buildEqual builds Equal, which compares truth values and strings as well.
func buildEqual(n *Node) (Kernel, error) {
	types := comparePairs(equal, equal, equal, equal, equal, equal, equal, equal, equal, equal)
	types[onnx.Bool] = onPairs(equal[bool])
	types[onnx.String] = equalStrings
	return buildBinary(types)(n)
}

func equalStrings(c *Call, shape []int, a, b *onnx.Tensor) error {
	y, err := c.Output(0, onnx.Bool, shape...)
	if err != nil {
		return err
	}
	dst, row := onnx.View[bool](y), each(equal[string])
	nest := newNest(shape, a.Shape, b.Shape)
	nest.rows(0, nest.total, func(out, count int, at []int) {
		row(dst[out:out+count], rowOf(a.Strings, at[0], count, nest.step(0)), rowOf(b.Strings, at[1], count, nest.step(1)))
	})
	return nil
}
