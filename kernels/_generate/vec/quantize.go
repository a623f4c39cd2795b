package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// quantize emits the conversions between float32 and 8-bit integers, signed
// and unsigned. The integers of both are written as bytes.
func quantize() {
	for _, signed := range []bool{true, false} {
		name := "Uint8"
		if signed {
			name = "Int8"
		}
		convertLoop("quantize"+name, "func(dst []uint8, src []float32, scale float32, zero float32, low float32, high float32)",
			[]string{"scale", "zero", "low", "high"},
			func(dst, src, i reg.Register, s []reg.VecVirtual) {
				x := YMM()
				VMOVUPS(Mem{Base: src, Index: i, Scale: 4}, x)
				VMOVQ(quantizeVector(x, s, signed), Mem{Base: dst, Index: i, Scale: 1})
			})
		convertLoop("dequantize"+name, "func(dst []float32, src []uint8, scale float32, zero float32)",
			[]string{"scale", "zero"},
			func(dst, src, i reg.Register, s []reg.VecVirtual) {
				x := YMM()
				if signed {
					VPMOVSXBD(Mem{Base: src, Index: i, Scale: 1}, x)
				} else {
					VPMOVZXBD(Mem{Base: src, Index: i, Scale: 1}, x)
				}
				VCVTDQ2PS(x, x)
				VSUBPS(s[1], x, x)
				VMULPS(s[0], x, x)
				VMOVUPS(x, Mem{Base: dst, Index: i, Scale: 4})
			})
	}
}

// quantizeVector returns 8 bytes: x / scale limited to low..high (NaN gives
// low), rounded to the nearest integer, ties to even, plus zero.
func quantizeVector(x reg.VecVirtual, s []reg.VecVirtual, signed bool) reg.VecVirtual {
	scale, zero, low, high := s[0], s[1], s[2], s[3]
	VDIVPS(scale, x, x)
	VMAXPS(low, x, x)
	VMINPS(high, x, x)
	VROUNDPS(U8(0), x, x)
	VADDPS(zero, x, x)
	VCVTPS2DQ(x, x)
	upper, words := XMM(), XMM()
	VEXTRACTI128(U8(1), x, upper)
	VPACKSSDW(upper, x.(interface{ AsX() reg.Register }).AsX(), words)
	if signed {
		VPACKSSWB(words, words, words)
	} else {
		VPACKUSWB(words, words, words)
	}
	return words
}
