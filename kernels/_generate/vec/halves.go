package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// halves emits the conversions between float32 and the 16-bit formats. They
// take whole registers of 8 elements only; Go code does the rest, since the
// conversions are exact in every bit.
func halves() {
	widen("float16ToFloat32", func(m Mem) reg.VecVirtual {
		x := YMM()
		VCVTPH2PS(m, x)
		return x
	})
	widen("bfloat16ToFloat32", func(m Mem) reg.VecVirtual {
		x := YMM()
		VPMOVZXWD(m, x)
		VPSLLD(U8(16), x, x)
		return x
	})
	narrow("float32ToFloat16", func(x reg.VecVirtual) reg.VecVirtual {
		half := XMM()
		VCVTPS2PH(U8(0), x, half)
		return half
	})
	narrow("float32ToBfloat16", bfloat16)
}

// bfloat16 rounds to nearest even by adding to the bits: 0x7fff, and one more
// if the last bit that stays is set. NaN is made quiet instead, since the sum
// could turn it into infinity.
func bfloat16(x reg.VecVirtual) reg.VecVirtual {
	nan, y := YMM(), YMM()
	VCMPPS(U8(unordered), x, x, nan)
	VPSRLD(U8(16), x, y)
	VPAND(word(1), y, y)
	VPADDD(word(0x7fff), y, y)
	VPADDD(x, y, y)
	quiet := YMM()
	VPOR(word(1<<22), x, quiet)
	VBLENDVPS(nan, quiet, y, y)
	VPSRLD(U8(16), y, y)
	high := XMM()
	VEXTRACTI128(U8(1), y, high)
	low := XMM()
	VPACKUSDW(high, y.(interface{ AsX() reg.Register }).AsX(), low)
	return low
}

func widen(name string, convert func(Mem) reg.VecVirtual) {
	convertLoop(name, "func(dst []float32, src []uint16)", nil, func(dst, src, i reg.Register, _ []reg.VecVirtual) {
		VMOVUPS(convert(Mem{Base: src, Index: i, Scale: 2}), Mem{Base: dst, Index: i, Scale: 4})
	})
}

func narrow(name string, convert func(reg.VecVirtual) reg.VecVirtual) {
	convertLoop(name, "func(dst []uint16, src []float32)", nil, func(dst, src, i reg.Register, _ []reg.VecVirtual) {
		x := YMM()
		VMOVUPS(Mem{Base: src, Index: i, Scale: 4}, x)
		VMOVUPS(convert(x), Mem{Base: dst, Index: i, Scale: 2})
	})
}

// convertLoop emits a loop over registers of 8 elements. scalars are the names
// of float32 arguments in the signature.
func convertLoop(name, signature string, scalars []string, body func(dst, src, i reg.Register, scalars []reg.VecVirtual)) {
	TEXT(name+"AVX2", NOSPLIT, signature)
	Pragma("noescape")
	call := strings.Join(append([]string{"src[i]"}, scalars...), ", ")
	Doc(name+"AVX2 converts the elements up to the last multiple of 8.", "",
		"\tfor i := range len(dst) / 8 * 8 {", "\t\tdst[i] = "+name+"("+call+")", "\t}")
	dst := Load(Param("dst").Base(), GP64())
	n := Load(Param("dst").Len(), GP64())
	src := Load(Param("src").Base(), GP64())
	values := loadScalars(scalars)
	i := GP64()
	XORQ(i, i)
	SUBQ(U8(lanes), n)
	JL(LabelRef("done"))
	Label("loop")
	body(dst, src, i, values)
	ADDQ(U8(lanes), i)
	CMPQ(i, n)
	JLE(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}
