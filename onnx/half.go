package onnx

import "math"

// Float16Bits returns v as float16 (IEEE 754 binary16), rounded to nearest even.
func Float16Bits(v float32) uint16 {
	bits := math.Float32bits(v)
	sign := uint16(bits >> 16 & 0x8000)
	magnitude := bits & 0x7fffffff
	switch {
	case magnitude > 0x7f800000: // NaN
		return sign | 0x7e00
	case magnitude >= 0x47800000: // 2^16 and above
		return sign | 0x7c00
	case magnitude < 0x38800000: // below 2^-14, a subnormal float16
		// The last bit of a float32 near 0.5 is 2^-24, that of such a float16:
		// the addition rounds.
		return sign | uint16(math.Float32bits(math.Float32frombits(magnitude)+0.5)-math.Float32bits(0.5))
	}
	magnitude += 0xfff + magnitude>>13&1 // round the 13 bits that go, ties to even
	return sign | uint16((magnitude-112<<23)>>13)
}

// Float16Value returns the value of a float16.
func Float16Value(bits uint16) float32 {
	sign := uint32(bits&0x8000) << 16
	magnitude := uint32(bits & 0x7fff)
	switch {
	case magnitude >= 0x7c00: // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | magnitude<<13)
	case magnitude < 0x400: // subnormal
		return math.Float32frombits(sign | math.Float32bits(float32(magnitude)*0x1p-24))
	}
	return math.Float32frombits(sign | (magnitude<<13 + 112<<23))
}

// BFloat16Bits returns v as bfloat16, rounded to nearest even.
func BFloat16Bits(v float32) uint16 {
	bits := math.Float32bits(v)
	if bits&0x7fffffff > 0x7f800000 { // NaN
		return uint16(bits>>16&0x8000) | 0x7fc0
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// BFloat16Value returns the value of a bfloat16.
func BFloat16Value(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }
