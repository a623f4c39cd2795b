package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// permute writes the product of activations with square blocks of a small
// radix that lie within a vector.
func permute(radix int) {
	TEXT(fmt.Sprintf("permute%dAVX2", radix), NOSPLIT, "func(dst, src, values *float32, indexes *uint32, rows, dstRow, srcRow, n int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("permute%dAVX2 multiplies activations of n >= 8 numbers with square blocks of", radix),
		fmt.Sprintf("radix %d whose inputs and outputs lie within four neighbouring numbers:", radix),
		"",
		"	for v := range vectors of 8 { for r := range rows { for j := range 8 {",
		"		sum := float32(0)",
		fmt.Sprintf("		for q := range %d { sum = fma(value(v,q,j), src[r*srcRow+8*v+indexes[8*q+j]], sum) }", radix),
		"		dst[r*dstRow+8*v+j] = sum",
		"	} } }",
		"",
		"dstRow and srcRow are in bytes. The values are as packPermute leaves them. The",
		"last vector overlaps the one before if n is no multiple of 8.")
	dst, src, values, indexes, last := param("dst"), param("src"), param("values"), param("indexes"), param("n")
	dstRow, srcRow := param("dstRow"), param("srcRow")
	SHLQ(imm(2), last)
	SUBQ(imm(32), last)
	index, w := ymm.registers(radix), ymm.registers(radix)
	for q := range index {
		VMOVDQU(at(indexes, nil, 0, 32*q), index[q])
	}
	s := GP64()
	XORQ(s, s)
	Label("vector")
	for q := range w {
		VMOVUPS(at(values, nil, 0, 32*q), w[q])
	}
	in, out, left := GP64(), GP64(), GP64()
	LEAQ(at(src, s, 1, 0), in)
	LEAQ(at(dst, s, 1, 0), out)
	MOVQ(slot("rows"), left)
	Label("row")
	x := YMM()
	VMOVUPS(at(in, nil, 0, 0), x)
	sum := ymm.zeros(1)[0]
	for q := range index {
		input := YMM()
		VPERMILPS(index[q], x, input)
		VFMADD231PS(w[q], input, sum)
	}
	VMOVUPS(sum, at(out, nil, 0, 0))
	ADDQ(srcRow, in)
	ADDQ(dstRow, out)
	DECQ(left)
	JNZ(operand.LabelRef("row"))
	ADDQ(imm(32*radix), values)
	CMPQ(s, last)
	JE(operand.LabelRef("done"))
	ADDQ(imm(32), s)
	minimum(s, last)
	JMP(operand.LabelRef("vector"))
	Label("done")
	VZEROUPPER()
	RET()
}
