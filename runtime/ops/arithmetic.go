package ops

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// arithmetic is the family Add, Sub, Mul, Div, Mod and Pow: binary operators
// on numbers.
//
// Up to opset version 6 only the second input is broadcast, as the attributes
// broadcast and axis say; from version 7 on both are, as in numpy. Later
// versions add element types only, all of which are taken in every version.
// Integers wrap around; a division by zero gives 0 as in numpy.
var arithmetic = []Operator{
	{Name: "Add", MinInputs: 2, MaxInputs: 2, Infer: inferArithmetic(onnx.Undefined, addElements),
		Build: buildBinary(withFloats(integerPairs(add, add, add, add, add, add, add, add), addFloat32, add))},
	{Name: "Sub", MinInputs: 2, MaxInputs: 2, Infer: inferArithmetic(onnx.Undefined, subElements),
		Build: buildBinary(withFloats(integerPairs(sub, sub, sub, sub, sub, sub, sub, sub), subFloat32, sub))},
	{Name: "Mul", MinInputs: 2, MaxInputs: 2, Infer: inferArithmetic(onnx.Undefined, mulElements),
		Build: buildBinary(withFloats(integerPairs(mul, mul, mul, mul, mul, mul, mul, mul), mulFloat32, mul))},
	{Name: "Div", MinInputs: 2, MaxInputs: 2, Infer: inferArithmetic(onnx.Undefined, divElements),
		Build: buildBinary(withFloats(integerPairs(quo, quo, quo, quo, quo, quo, quo, quo), divFloat32, div))},
	{Name: "Mod", Since: 10, MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Undefined), Build: buildMod},
	{Name: "Pow", MinInputs: 2, MaxInputs: 2, Infer: inferPairs(onnx.Undefined), Build: buildPow},
}

func add[T number](a, b T) T { return a + b }
func sub[T number](a, b T) T { return a - b }
func mul[T number](a, b T) T { return a * b }
func div[T float](a, b T) T  { return a / b }

// quo is division rounded towards zero, and 0 where b is 0.
func quo[T integer](a, b T) T {
	if b == 0 {
		return 0
	}
	return a / b
}

// buildMod builds Mod: the sign of the result is that of the divisor, as in
// Python, or that of the dividend as in C if the attribute fmod is set.
func buildMod(n *Node) (Kernel, error) {
	types := withFloats(integerPairs(floorMod, floorMod, floorMod, floorMod, rem, rem, rem, rem), each(floorModFloat[float32]), floorModFloat)
	if n.Bool("fmod", false) {
		types = withFloats(integerPairs(rem, rem, rem, rem, rem, rem, rem, rem), each(fmod[float32]), fmod)
	}
	return throughFloat32(binaryKernel(types, multidirectional)), n.Err()
}

// rem is the remainder of quo, and 0 where b is 0.
func rem[T integer](a, b T) T {
	if b == 0 {
		return 0
	}
	return a % b
}

func floorMod[T signed](a, b T) T {
	r := rem(a, b)
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

func fmod[T float](a, b T) T { return T(math.Mod(float64(a), float64(b))) }

func floorModFloat[T float](a, b T) T {
	r := fmod(a, b)
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

// buildPow builds Pow. From version 12 on the exponent may have another type
// than the base, which the result has.
func buildPow(n *Node) (Kernel, error) {
	shapes := shapesFor(n)
	kernel := throughFloat32(func(c *Call) error {
		a, b := c.Tensor(0), c.Tensor(1)
		out, b, err := shapes(a, b)
		if err != nil {
			return err
		}
		as := exponentType(a.Type, b.Type)
		f := powTypes[[2]onnx.DType{a.Type, as}]
		if f == nil {
			return c.TypeError(0)
		}
		if b, err = b.ConvertTo(as); err != nil {
			return err
		}
		return f(c, out, a, b)
	})
	return kernel, n.Err()
}

// exponentType returns the type as which exponents take part.
func exponentType(base, exponent onnx.DType) onnx.DType {
	switch {
	case base == onnx.Float32 && exponent == onnx.Float32:
		return onnx.Float32
	case base.IsInteger() && exponent.IsInteger():
		return onnx.Int64
	}
	return onnx.Float64
}

// powTypes holds Pow for the types of the base and, after exponentType, of the
// exponent.
var powTypes = map[[2]onnx.DType]pairwise{
	{onnx.Float32, onnx.Float32}: overRows(powFloat32),
	{onnx.Float32, onnx.Float64}: onPairs(powFloat[float32]),
	{onnx.Float64, onnx.Float64}: onPairs(powFloat[float64]),
	{onnx.Int32, onnx.Float64}:   onPairs(powFloat[int32]),
	{onnx.Int64, onnx.Float64}:   onPairs(powFloat[int64]),
	{onnx.Int32, onnx.Int64}:     onPairs(powInteger[int32]),
	{onnx.Int64, onnx.Int64}:     onPairs(powInteger[int64]),
}

func powFloat[T float | int32 | int64](a T, b float64) T { return T(math.Pow(float64(a), b)) }

// powInteger is exponentiation that wraps around; a negative exponent gives
// the power rounded towards zero.
func powInteger[T int32 | int64](a T, b int64) T {
	if b < 0 {
		switch {
		case a == 1 || a == -1 && b%2 == 0:
			return 1
		case a == -1:
			return -1
		}
		return 0
	}
	power := T(1)
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			power *= a
		}
		a *= a
	}
	return power
}

// powFloat32 computes powers of float32; the constant exponents that models
// use most are products and roots.
func powFloat32(dst, a, b []float32) {
	if len(b) == 1 && len(a) == len(dst) {
		switch b[0] {
		case 1:
			copy(dst, a)
			return
		case 2:
			vec.Mul(dst, a, a)
			return
		case 3:
			for i, v := range a {
				dst[i] = v * v * v
			}
			return
		case -1:
			vec.ScalarDiv(dst, 1, a)
			return
		}
	}
	powRow(dst, a, b)
}

var powRow = each(func(a, b float32) float32 { return float32(math.Pow(float64(a), float64(b))) })
