package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose emits the transposition of a block of 8 columns and any multiple
// of 8 rows.
func transpose() {
	TEXT("transpose8AVX2", NOSPLIT, "func(dst *uint32, dstStride int, src *uint32, srcStride int, rows int)")
	Pragma("noescape")
	Doc("transpose8AVX2 transposes 8 columns of src. rows is a multiple of 8, strides are in elements.", "",
		"\tfor i := range rows {", "\t\tfor j := range 8 {",
		"\t\t\tdst[j*dstStride+i] = src[i*srcStride+j]", "\t\t}", "\t}")
	dst := Load(Param("dst"), GP64())
	dstStride := Load(Param("dstStride"), GP64())
	src := Load(Param("src"), GP64())
	srcStride := Load(Param("srcStride"), GP64())
	rows := Load(Param("rows"), GP64())
	SHLQ(U8(2), dstStride)
	SHLQ(U8(2), srcStride)
	SHRQ(U8(3), rows)
	JZ(LabelRef("done"))

	Label("loop")
	x := make([]reg.VecVirtual, 8)
	walk := GP64()
	MOVQ(src, walk)
	for i := range x {
		x[i] = YMM()
		VMOVUPS(Mem{Base: walk}, x[i])
		ADDQ(srcStride, walk)
	}
	MOVQ(walk, src)
	x = transpose8x8(x)
	MOVQ(dst, walk)
	for i := range x {
		VMOVUPS(x[i], Mem{Base: walk})
		if i < 7 {
			ADDQ(dstStride, walk)
		}
	}
	ADDQ(U8(32), dst)
	DECQ(rows)
	JNZ(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}

// transpose8x8 returns the transpose of eight registers: first of 2x2 blocks,
// then of 4x4 blocks, then of the halves.
func transpose8x8(x []reg.VecVirtual) []reg.VecVirtual {
	pairs := make([]reg.VecVirtual, 8)
	for i := 0; i < 8; i += 2 {
		pairs[i], pairs[i+1] = YMM(), YMM()
		VUNPCKLPS(x[i+1], x[i], pairs[i])
		VUNPCKHPS(x[i+1], x[i], pairs[i+1])
	}
	quads := make([]reg.VecVirtual, 8)
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			low, high := YMM(), YMM()
			VUNPCKLPD(pairs[i+2+j], pairs[i+j], low)
			VUNPCKHPD(pairs[i+2+j], pairs[i+j], high)
			quads[i+2*j], quads[i+2*j+1] = low, high
		}
	}
	y := make([]reg.VecVirtual, 8)
	for i := range 4 {
		y[i], y[i+4] = YMM(), YMM()
		VPERM2F128(U8(0x20), quads[i+4], quads[i], y[i])
		VPERM2F128(U8(0x31), quads[i+4], quads[i], y[i+4])
	}
	return y
}
