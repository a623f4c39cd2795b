package vec

import (
	"math"
	"math/bits"
)

func float16ToFloat32Generic(dst []float32, src []uint16) {
	for i, h := range src {
		dst[i] = math.Float32frombits(widenFloat16(uint32(h)))
	}
}

func float32ToFloat16Generic(dst []uint16, src []float32) {
	for i, x := range src {
		dst[i] = narrowFloat16(math.Float32bits(x))
	}
}

func bfloat16ToFloat32Generic(dst []float32, src []uint16) {
	for i, h := range src {
		dst[i] = math.Float32frombits(uint32(h) << 16)
	}
}

func float32ToBfloat16Generic(dst []uint16, src []float32) {
	for i, x := range src {
		dst[i] = narrowBfloat16(math.Float32bits(x))
	}
}

// widenFloat16 returns the float32 bits of a binary16 value: 1 sign bit, 5 of
// the exponent (bias 15), 10 of the fraction, against 1, 8 (bias 127) and 23.
func widenFloat16(h uint32) uint32 {
	sign, exponent, fraction := h>>15<<31, h>>10&31, h&0x3ff
	switch {
	case exponent == 31 && fraction != 0:
		return sign | 0x7fc00000 | fraction<<13 // quiet NaN
	case exponent == 31:
		return sign | 0x7f800000
	case exponent != 0:
		return sign | (exponent+127-15)<<23 | fraction<<13
	case fraction == 0:
		return sign
	}
	// Denormal: fraction 2^-24, to be written with its highest bit implied.
	shift := uint32(bits.LeadingZeros32(fraction)) - 21
	return sign | (127-14-shift)<<23 | fraction<<(shift+13)&0x7fffff
}

// narrowFloat16 returns the binary16 value nearest to a float32.
func narrowFloat16(u uint32) uint16 {
	sign, magnitude := uint16(u>>31<<15), u&0x7fffffff
	switch {
	case magnitude > 0x7f800000: // NaN: keep the upper payload, quiet
		return sign | 0x7e00 | uint16(magnitude>>13&0x3ff)
	case magnitude >= 0x477ff000: // 65520 and above round to infinity
		return sign | 0x7c00
	case magnitude >= 0x38800000: // 2^-14, the smallest normal value
		return sign | uint16(roundShift(magnitude-(127-15)<<23, 13))
	case magnitude <= 0x33000000: // 2^-25, a tie, and below round to zero
		return sign
	}
	// Denormal: a whole number of 2^-24.
	exponent := magnitude >> 23
	return sign | uint16(roundShift(magnitude&0x7fffff|0x800000, 126-exponent))
}

// roundShift returns u / 2^n rounded to nearest, ties to even, 1 <= n <= 31.
func roundShift(u, n uint32) uint32 {
	return (u + 1<<(n-1) - 1 + u>>n&1) >> n
}

// narrowBfloat16 returns the bfloat16 value nearest to a float32: its upper 16
// bits, rounded.
func narrowBfloat16(u uint32) uint16 {
	if u&0x7fffffff > 0x7f800000 {
		return uint16(u>>16) | 0x40 // quiet NaN
	}
	return uint16(roundShift(u, 16))
}
