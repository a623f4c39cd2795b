package onnx

import "math"

// floatFormat describes a floating-point type of at most 16 bits: a sign, an
// exponent and a mantissa, from the high bits to the low ones.
type floatFormat struct {
	exponent, mantissa, bias int
	// max holds the bits of the largest finite number, nan those of NaN, or what
	// NaN becomes if the format has none (noNaN).
	max, nan uint16
	// inf says that the bits after max are infinity.
	inf bool
	// fnuz says that there is no negative zero, whose bits are NaN.
	fnuz, noNaN bool
}

// floatFormats holds the formats of IEEE 754 (float16), of "FP8 Formats for
// Deep Learning" (arXiv 2209.05433), of "8-bit Numerical Formats for Deep
// Neural Networks" (arXiv 2206.02915, the FNUZ types), and of OCP Microscaling
// Formats 1.0 (float4e2m1).
var floatFormats = map[DType]*floatFormat{
	Float16:        {exponent: 5, mantissa: 10, bias: 15, max: 0x7bff, nan: 0x7e00, inf: true},
	BFloat16:       {exponent: 8, mantissa: 7, bias: 127, max: 0x7f7f, nan: 0x7fc0, inf: true},
	Float8E4M3FN:   {exponent: 4, mantissa: 3, bias: 7, max: 0x7e, nan: 0x7f},
	Float8E4M3FNUZ: {exponent: 4, mantissa: 3, bias: 8, max: 0x7f, nan: 0x80, fnuz: true},
	Float8E5M2:     {exponent: 5, mantissa: 2, bias: 15, max: 0x7b, nan: 0x7e, inf: true},
	Float8E5M2FNUZ: {exponent: 5, mantissa: 2, bias: 16, max: 0x7f, nan: 0x80, fnuz: true},
	Float4E2M1:     {exponent: 2, mantissa: 1, bias: 1, max: 0x7, nan: 0x8, noNaN: true},
}

// decode returns the value of bits.
func (f *floatFormat) decode(bits uint16) float64 {
	signBit := uint16(1) << (f.exponent + f.mantissa)
	magnitude := bits &^ signBit
	sign := 1.0
	if bits&signBit != 0 {
		sign = -1
	}
	switch {
	case f.fnuz && bits == f.nan:
		return math.Copysign(math.NaN(), -1)
	case magnitude > f.max && f.inf && magnitude == f.max+1:
		return math.Inf(int(sign))
	case magnitude > f.max:
		return math.Copysign(math.NaN(), sign)
	}
	exponent := int(magnitude >> f.mantissa)
	fraction := float64(magnitude & (1<<f.mantissa - 1))
	if exponent == 0 {
		return math.Copysign(math.Ldexp(fraction, 1-f.bias-f.mantissa), sign)
	}
	return math.Copysign(math.Ldexp(fraction+float64(int(1)<<f.mantissa), exponent-f.bias-f.mantissa), sign)
}

// encode returns the bits of v rounded to nearest, ties to even. Beyond the
// largest finite number it is that number if saturate is set or there is
// nothing else, otherwise infinity, or NaN without one.
func (f *floatFormat) encode(v float64, saturate bool) uint16 {
	sign := uint16(0)
	if math.Signbit(v) {
		sign = 1 << (f.exponent + f.mantissa)
	}
	if math.IsNaN(v) {
		if f.fnuz || f.noNaN {
			return f.nan
		}
		return sign | f.nan
	}
	magnitude := f.magnitude(math.Abs(v))
	if magnitude > int(f.max) {
		switch {
		case saturate || f.noNaN:
			return sign | f.max
		case f.inf:
			return sign | (f.max + 1)
		case f.fnuz:
			return f.nan
		}
		return sign | f.nan
	}
	if f.fnuz && magnitude == 0 {
		return 0
	}
	return sign | uint16(magnitude)
}

// magnitude returns the bits of v >= 0 rounded to nearest even, as if there
// were no largest number; infinity gives more than max.
func (f *floatFormat) magnitude(v float64) int {
	switch {
	case v == 0:
		return 0
	case math.IsInf(v, 0):
		return math.MaxInt32
	}
	_, e := math.Frexp(v) // v < 2^e
	e = max(e-1, 1-f.bias)
	if e > f.bias+1 {
		return math.MaxInt32
	}
	// Scaled so that the last bit of the mantissa is 1. A carry into the
	// exponent comes out right by itself.
	return (e+f.bias-1)<<f.mantissa + int(math.RoundToEven(math.Ldexp(v, f.mantissa-e)))
}

// RoundMode says how numbers between two powers of two become float8e8m0.
type RoundMode int

// The values of the attribute round_mode of Cast (opset 25).
const (
	RoundUp RoundMode = iota
	RoundDown
	RoundNearest // ties up
)

// decodeE8M0 returns the power of two that bits stand for, or NaN.
func decodeE8M0(bits uint8) float64 {
	if bits == 0xff {
		return math.NaN()
	}
	return math.Ldexp(1, int(bits)-127)
}

// encodeE8M0 returns the power of two for v, of which the sign is ignored: the
// standard leaves negative numbers open. Out of range it is the nearest power
// with saturate and NaN without, as Cast of opset 25 says.
func encodeE8M0(v float64, saturate bool, mode RoundMode) uint8 {
	const nan, largest = 0xff, 0xfe
	v = math.Abs(v)
	outside := func(nearest uint8) uint8 {
		if saturate {
			return nearest
		}
		return nan
	}
	switch {
	case math.IsNaN(v):
		return nan
	case math.IsInf(v, 0):
		return outside(largest)
	case v < math.Ldexp(1, -127):
		return outside(0)
	}
	fraction, e := math.Frexp(v) // v = fraction * 2^e, fraction in [0.5, 1)
	e--
	if mode == RoundUp && fraction > 0.5 || mode == RoundNearest && fraction >= 0.75 {
		e++
	}
	if e > 127 {
		return outside(largest)
	}
	return uint8(e + 127)
}
