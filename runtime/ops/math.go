package ops

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
)

// mathFunctions is the family of elementwise mathematical functions. Their
// opset versions differ in element types and in the attribute consumed_inputs
// of version 1, which has no meaning here; the definitions are the same.
var mathFunctions = []Operator{
	{Name: "Abs", MinInputs: 1, MaxInputs: 1, Infer: inferSame,
		Build: buildUnary(withFloatUnary(integerUnary(abs, abs, abs, abs, self, self, self, self), absFloat, absFloat))},
	{Name: "Neg", MinInputs: 1, MaxInputs: 1, Infer: inferSame,
		Build: buildUnary(withFloatUnary(integerUnary(neg, neg, neg, neg, neg, neg, neg, neg), neg, neg))},
	{Name: "Sign", Since: 9, MinInputs: 1, MaxInputs: 1, Infer: inferSame,
		Build: buildUnary(withFloatUnary(integerUnary(sign, sign, sign, sign, sign, sign, sign, sign), sign, sign))},
	{Name: "Reciprocal", MinInputs: 1, MaxInputs: 1, Infer: inferSame,
		Build: buildUnary(floatUnary(func(dst, src []float32) { vec.ScalarDiv(dst, 1, src) }, func(v float64) float64 { return 1 / v }))},
	{Name: "Floor", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Floor))},
	{Name: "Ceil", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Ceil))},
	{Name: "Round", Since: 11, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.RoundToEven))},
	{Name: "Sqrt", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(floatUnary(sqrtFloat32, math.Sqrt))},
	{Name: "Exp", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(floatUnary(vec.Exp, math.Exp))},
	{Name: "Log", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Log))},
	{Name: "Erf", Since: 9, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildErf},
	{Name: "Sin", Since: 7, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Sin))},
	{Name: "Cos", Since: 7, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Cos))},
	{Name: "Tan", Since: 7, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Tan))},
	{Name: "Asin", Since: 7, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Asin))},
	{Name: "Acos", Since: 7, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Acos))},
	{Name: "Atan", Since: 7, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Atan))},
	{Name: "Sinh", Since: 9, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Sinh))},
	{Name: "Cosh", Since: 9, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Cosh))},
	{Name: "Asinh", Since: 9, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Asinh))},
	{Name: "Acosh", Since: 9, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Acosh))},
	{Name: "Atanh", Since: 9, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(math.Atanh))},
}

func self[T unsigned](a T) T { return a }
func neg[T number](a T) T    { return -a }

func abs[T signed](a T) T {
	if a < 0 {
		return -a
	}
	return a
}

func absFloat[T float](a T) T { return T(math.Abs(float64(a))) }

// sign returns -1, 0 or 1, and NaN for NaN.
func sign[T number](a T) T {
	switch {
	case a > 0:
		return 1
	case a < 0:
		return neg(T(1))
	}
	return a
}

func sqrtFloat32(dst, src []float32) {
	for i, v := range src {
		dst[i] = float32(math.Sqrt(float64(v)))
	}
}

// buildErf builds Erf, which up to version 13 takes integers too.
func buildErf(n *Node) (Kernel, error) {
	types := floatUnary(vec.Erf, math.Erf)
	integers := integerUnary(erfInteger, erfInteger, erfInteger, erfInteger, erfInteger, erfInteger, erfInteger, erfInteger)
	for t, f := range integers {
		types[t] = f
	}
	return unaryKernel(types), n.Err()
}

// erfInteger rounds the error function towards zero.
func erfInteger[T integer](a T) T { return T(math.Erf(float64(a))) }
