package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// residual writes the gradient and the value of the squared error of one row.
func residual() {
	TEXT("residualAVX2", NOSPLIT, "func(dst, y, target *float32, n int) float32")
	Doc("residualAVX2 is residualGeneric for n numbers, a positive multiple of 16.")
	dst, y, target, n := param("dst"), param("y"), param("target"), param("n")
	sums := zeros(2)
	Label("loop")
	for i, sum := range sums {
		r := YMM()
		VMOVUPS(at(y, nil, 0, 32*i), r)
		VSUBPS(at(target, nil, 0, 32*i), r, r)
		VFMADD231PS(r, r, sum)
		VADDPS(r, r, r)
		VMOVUPS(r, at(dst, nil, 0, 32*i))
	}
	for _, p := range []reg.Register{dst, y, target} {
		ADDQ(imm(64), p)
	}
	SUBQ(imm(16), n)
	JNZ(operand.LabelRef("loop"))
	VADDPS(sums[0], sums[1], sums[0])
	high := XMM()
	VEXTRACTF128(imm(1), sums[0], high)
	VADDPS(sums[0].AsX(), high, high)
	VHADDPS(high, high, high)
	VHADDPS(high, high, high)
	VZEROUPPER()
	Store(high, ReturnIndex(0))
	RET()
}

// transpose8 writes the exchange of rows and columns of 8x8 squares.
func transpose8() {
	TEXT("transpose8AVX2", NOSPLIT, "func(dst, src *float32, count, dstRow, srcRow, dstStep, srcStep int)")
	Doc("transpose8AVX2 transposes count squares of 8x8 numbers:",
		"",
		"	for ; count > 0; count-- {",
		"		for i := range 8 { for j := range 8 { dst[j*dstRow+i] = src[i*srcRow+j] } }",
		"		dst += dstStep; src += srcStep",
		"	}",
		"",
		"Rows and steps are in bytes.")
	dst, src, count := param("dst"), param("src"), param("count")
	dstRow, srcRow, dstStep, srcStep := param("dstRow"), param("srcRow"), param("dstStep"), param("srcStep")
	dstRow3, srcRow3 := times3(dstRow), times3(srcRow)
	low, d := GP64(), GP64()
	Label("square")
	LEAQ(at(src, srcRow, 4, 0), low) // row 4 of the source
	MOVQ(dst, d)
	for _, half := range []int{0, 16} {
		// Lane 0 holds rows 0 to 3, lane 1 rows 4 to 7.
		var rows [4]reg.VecVirtual
		for i := range rows {
			rows[i] = YMM()
			upper, lower := nthValue(src, srcRow, srcRow3, nil, i), nthValue(low, srcRow, srcRow3, nil, i)
			upper.Disp, lower.Disp = half, half
			VMOVUPS(upper, rows[i].AsX())
			VINSERTF128(imm(1), lower, rows[i], rows[i])
		}
		for i, column := range transposeLanes(rows) {
			VMOVUPS(column, nthValue(d, dstRow, dstRow3, nil, i))
		}
		if half == 0 {
			LEAQ(at(dst, dstRow, 4, 0), d)
		}
	}
	ADDQ(dstStep, dst)
	ADDQ(srcStep, src)
	DECQ(count)
	JNZ(operand.LabelRef("square"))
	VZEROUPPER()
	RET()
}

// transposeLanes transposes the 4x4 numbers of each lane.
func transposeLanes(r [4]reg.VecVirtual) [4]reg.VecVirtual {
	var t, out [4]reg.VecVirtual
	for i := range t {
		t[i], out[i] = YMM(), YMM()
	}
	VUNPCKLPS(r[1], r[0], t[0])
	VUNPCKHPS(r[1], r[0], t[1])
	VUNPCKLPS(r[3], r[2], t[2])
	VUNPCKHPS(r[3], r[2], t[3])
	VUNPCKLPD(t[2], t[0], out[0])
	VUNPCKHPD(t[2], t[0], out[1])
	VUNPCKLPD(t[3], t[1], out[2])
	VUNPCKHPD(t[3], t[1], out[3])
	return out
}

func addBias() {
	TEXT("addBiasAVX2", NOSPLIT, "func(y, bias *float32, n int)")
	Doc("addBiasAVX2 does y[i] += bias[i] for n numbers, a positive multiple of 8.")
	y, bias, n := param("y"), param("bias"), param("n")
	Label("loop")
	v := YMM()
	VMOVUPS(at(y, nil, 0, 0), v)
	VADDPS(at(bias, nil, 0, 0), v, v)
	VMOVUPS(v, at(y, nil, 0, 0))
	ADDQ(imm(32), y)
	ADDQ(imm(32), bias)
	SUBQ(imm(8), n)
	JNZ(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func relu() {
	TEXT("reluAVX2", NOSPLIT, "func(y *float32, n int)")
	Doc("reluAVX2 replaces negative numbers by zero in n numbers, a positive multiple",
		"of 8. NaN stays, since VMAXPS returns its second operand then.")
	y, n := param("y"), param("n")
	zero := zeros(1)[0]
	Label("loop")
	v := YMM()
	VMAXPS(at(y, nil, 0, 0), zero, v)
	VMOVUPS(v, at(y, nil, 0, 0))
	ADDQ(imm(32), y)
	SUBQ(imm(8), n)
	JNZ(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}
