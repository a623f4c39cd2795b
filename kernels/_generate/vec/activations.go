package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func activations() {
	unary := func(name, summary, element string, f func(reg.VecVirtual) reg.VecVirtual) {
		elementwise{
			name: name, summary: summary, element: element, sources: []string{"a"},
			body: func(x, _ []reg.VecVirtual) reg.VecVirtual { return f(x[0]) },
		}.emit()
	}
	unary("exp", "computes the exponential function.", "exp(a[i])", exp)
	unary("tanh", "computes the hyperbolic tangent.", "tanh(a[i])", tanh)
	unary("sigmoid", "computes the logistic function.", "1 / (1 + exp(-a[i]))", sigmoid)
	unary("erf", "computes the error function.", "erf(a[i])", erf)
	unary("gelu", "computes GELU with the error function.", "a[i] / 2 * (1 + erf(a[i]/sqrt(2)))", gelu)
	unary("geluTanh", "computes the tanh approximation of GELU, which is x sigmoid(2u).",
		"a[i] * sigmoid(2*sqrt(2/pi)*(a[i]+0.044715*a[i]*a[i]*a[i]))", geluTanh)
	unary("silu", "computes x times the logistic function of x.", "a[i] * sigmoid(a[i])", silu)
}

// exp returns e^x = 2^n e^r with n whole and |r| <= ln(2)/2. It is right for
// results below the normal range too, and keeps NaN.
func exp(x reg.VecVirtual) reg.VecVirtual {
	// Outside of these limits the result is 0 or infinite all the same.
	x = clampVector(x, float(-104), float(89))
	n := YMM()
	VMULPS(float(math.Log2E), x, n)
	VROUNDPS(U8(0), n, n)

	// n ln(2) in two parts, so that r is as exact as x.
	high := float64(float32(math.Ln2))
	r := YMM()
	VMOVAPS(x, r)
	VFNMADD231PS(float(high), n, r)
	VFNMADD231PS(float(math.Ln2-high), n, r)

	half := math.Ln2 / 2 * 1.001 // a little more, since n is rounded in float32
	rest := fit(func(r float64) float64 { return (math.Expm1(r) - r) / (r * r) }, -half, half, 5)
	y := horner(r, append([]float64{1, 1}, rest...))
	return scale(y, n)
}

// scale returns y 2^n in two steps, since 2^n alone may be out of range.
func scale(y, n reg.VecVirtual) reg.VecVirtual {
	whole, first := YMM(), YMM()
	VCVTPS2DQ(n, whole)
	VPSRAD(U8(1), whole, first)
	VPSUBD(first, whole, whole)
	for _, e := range []reg.VecVirtual{first, whole} {
		VPADDD(word(127), e, e)
		VPSLLD(U8(23), e, e)
		VMULPS(e, y, y)
	}
	return y
}

// sign returns the sign bits of x, and magnitude x without them.
func sign(x reg.VecVirtual) reg.VecVirtual {
	s := YMM()
	VANDPS(word(1<<31), x, s)
	return s
}

func magnitude(x reg.VecVirtual) reg.VecVirtual {
	m := YMM()
	VANDPS(word(1<<31-1), x, m)
	return m
}

// where returns x in the lanes in which value < limit, else y. NaN counts as
// not below.
func where(value reg.VecVirtual, limit Mem, x, y reg.VecVirtual) reg.VecVirtual {
	mask, z := YMM(), YMM()
	VCMPPS(U8(lessThan), limit, value, mask)
	VBLENDVPS(mask, x, y, z)
	return z
}

// tanh uses a polynomial in x^2 near zero and 1 - 2/(e^(2|x|) + 1) elsewhere.
func tanh(x reg.VecVirtual) reg.VecVirtual {
	const limit = 0.625
	m := magnitude(x)

	square := YMM()
	VMULPS(x, x, square)
	near := horner(square, fit(func(z float64) float64 {
		r := math.Sqrt(z)
		return (math.Tanh(r)/r - 1) / z
	}, 0, limit*limit, 5))
	VMULPS(square, near, near)
	VFMADD213PS(x, x, near)

	double := YMM()
	VADDPS(m, m, double)
	e := exp(double)
	VADDPS(float(1), e, e)
	far := YMM()
	VMOVUPS(float(2), far)
	VDIVPS(e, far, far)
	one := YMM()
	VMOVUPS(float(1), one)
	VSUBPS(far, one, far)
	VORPS(sign(x), far, far)
	return where(m, float(limit), near, far)
}

// sigmoid computes 1/(1+e) or e/(1+e) with e = e^-|x|, which never overflows
// and stays exact where the result is tiny.
func sigmoid(x reg.VecVirtual) reg.VecVirtual {
	negative := YMM()
	VORPS(word(1<<31), x, negative)
	e := exp(negative)
	one, below := YMM(), YMM()
	VMOVUPS(float(1), one)
	VADDPS(one, e, below)
	above := YMM()
	VBLENDVPS(x, e, one, above) // by the sign of x
	VDIVPS(below, above, above)
	return above
}

// erf uses a polynomial in x^2 below 1 and 1 - e^-h(|x|) above, where
// h(x) = -log(erfc(x)) is close to a polynomial.
func erf(x reg.VecVirtual) reg.VecVirtual {
	const (
		limit = 1
		one   = 4 // from here on erf is 1 in float32
	)
	m := magnitude(x)
	square := YMM()
	VMULPS(x, x, square)
	near := horner(square, fit(func(z float64) float64 {
		r := math.Sqrt(z)
		return math.Erf(r)/r - 1
	}, 0, limit*limit, 7))
	VFMADD213PS(x, x, near)

	bounded := clampVector(m, float(0), float(one))
	h := horner(bounded, fit(func(x float64) float64 { return math.Log(math.Erfc(x)) }, limit, one, 8))
	e := exp(h)
	far := YMM()
	VMOVUPS(float(1), far)
	VSUBPS(e, far, far)
	VORPS(sign(x), far, far)
	return where(m, float(limit), near, far)
}

func gelu(x reg.VecVirtual) reg.VecVirtual {
	scaled := YMM()
	VMULPS(float(math.Sqrt2/2), x, scaled)
	y := erf(scaled)
	VADDPS(float(1), y, y)
	half := YMM()
	VMULPS(float(0.5), x, half)
	VMULPS(half, y, y)
	return y
}

func geluTanh(x reg.VecVirtual) reg.VecVirtual {
	factor := 2 * math.Sqrt(2/math.Pi)
	u := YMM()
	VMULPS(x, x, u)
	coefficient := YMM()
	VMOVUPS(float(factor*0.044715), coefficient)
	VFMADD213PS(float(factor), coefficient, u)
	VMULPS(x, u, u)
	y := sigmoid(u)
	VMULPS(x, y, y)
	return y
}

func silu(x reg.VecVirtual) reg.VecVirtual {
	y := sigmoid(x)
	VMULPS(x, y, y)
	return y
}
