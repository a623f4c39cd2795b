package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// scaleSums emits the kernel that turns a row of integer sums into numbers.
func scaleSums() {
	TEXT("scaleSumsAVX2", NOSPLIT, "func(dst *float32, sums *int32, columns *int32, n int, zero int32, scale float32, scales *float32, bias *float32)")
	Pragma("noescape")
	Doc("scaleSumsAVX2 scales n sums, a positive multiple of 8. scales and bias may be nil.",
		"",
		"\tfor j := range n {",
		"\t\tdst[j] = float32(sums[j] - zero*columns[j]) * (scale * scales[j]) + bias[j]",
		"\t}")
	dst, sums := Load(Param("dst"), GP64()), Load(Param("sums"), GP64())
	columns, n := Load(Param("columns"), GP64()), Load(Param("n"), GP64())
	scales, bias := Load(Param("scales"), GP64()), Load(Param("bias"), GP64())
	zero, scale := avx2.new(), avx2.new()
	VMOVD(Load(Param("zero"), GP32()), zero.AsX())
	VPBROADCASTD(zero.AsX(), zero)
	VBROADCASTSS(argument("scale"), scale)
	j := GP64()
	XORQ(j, j)
	Label("loop")
	x, factor := YMM(), YMM()
	VPMULLD(Mem{Base: columns, Index: j, Scale: 4}, zero, factor)
	VMOVDQU(Mem{Base: sums, Index: j, Scale: 4}, x)
	VPSUBD(factor, x, x)
	VCVTDQ2PS(x, x)
	VMOVAPS(scale, factor)
	TESTQ(scales, scales)
	JZ(LabelRef("scaled"))
	VMULPS(Mem{Base: scales, Index: j, Scale: 4}, scale, factor)
	Label("scaled")
	VMULPS(factor, x, x)
	TESTQ(bias, bias)
	JZ(LabelRef("store"))
	VADDPS(Mem{Base: bias, Index: j, Scale: 4}, x, x)
	Label("store")
	VMOVUPS(x, Mem{Base: dst, Index: j, Scale: 4})
	ADDQ(U8(8), j)
	CMPQ(j, n)
	JL(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
