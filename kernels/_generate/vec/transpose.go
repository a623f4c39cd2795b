package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose emits the transposition of a matrix whose sizes are multiples of 8.
func transpose() {
	TEXT("transpose8x8AVX2", NOSPLIT, "func(dst *uint32, dstStride int, src *uint32, srcStride int, rows int, columns int)")
	Pragma("noescape")
	Doc("transpose8x8AVX2 transposes src. rows and columns are multiples of 8 and positive, strides are in elements.", "",
		"\tfor i := range rows {", "\t\tfor j := range columns {",
		"\t\t\tdst[j*dstStride+i] = src[i*srcStride+j]", "\t\t}", "\t}")
	dstColumn := Load(Param("dst"), GP64()) // first of the 8 rows of dst in work
	dstStride := Load(Param("dstStride"), GP64())
	srcColumn := Load(Param("src"), GP64()) // first of the 8 columns of src in work
	srcStride := Load(Param("srcStride"), GP64())
	columns := Load(Param("columns"), GP64())
	SHLQ(U8(2), dstStride)
	SHLQ(U8(2), srcStride)
	SHRQ(U8(3), columns)

	Label("nextColumns")
	rows, src, dst := Load(Param("rows"), GP64()), GP64(), GP64()
	SHRQ(U8(3), rows)
	MOVQ(srcColumn, src)
	MOVQ(dstColumn, dst)
	Label("nextRows")
	x := make([]reg.VecVirtual, 8)
	for i := range x {
		x[i] = YMM()
		VMOVUPS(Mem{Base: src}, x[i])
		ADDQ(srcStride, src)
	}
	x = transpose8x8(x)
	row := GP64()
	MOVQ(dst, row)
	for i := range x {
		VMOVUPS(x[i], Mem{Base: row})
		ADDQ(dstStride, row)
	}
	ADDQ(U8(32), dst)
	DECQ(rows)
	JNZ(LabelRef("nextRows"))

	MOVQ(row, dstColumn)
	last := GP64()
	Load(Param("rows"), last)
	SHLQ(U8(2), last)
	SUBQ(U8(32), last)
	SUBQ(last, dstColumn) // row had moved along by all rows but the first 8
	ADDQ(U8(32), srcColumn)
	DECQ(columns)
	JNZ(LabelRef("nextColumns"))
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
