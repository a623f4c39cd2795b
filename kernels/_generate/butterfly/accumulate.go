package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// accumulate writes the gradient of the values of any block: dot products
// over the columns, three outputs by four inputs at a time, summed across the
// lanes of the vectors at the end.
func accumulate() {
	TEXT("accumulateAVX2", NOSPLIT, "func(gradient, dDst, src *float32, count, width, outputs, inputs, dDstBlock, srcBlock, gradientBlock, row int)")
	Doc("accumulateAVX2 adds the gradient of the values of count blocks:",
		"",
		"	for ; count > 0; count-- {",
		"		for o := range outputs { for q := range inputs { for j := range width/4 {",
		"			gradient[o*inputs+q] += dDst[o*row+j] * src[q*row+j]",
		"		} } }",
		"		gradient += gradientBlock; dDst += dDstBlock; src += srcBlock",
		"	}",
		"",
		"Everything but count, outputs and inputs is in bytes; width is a multiple of 64.",
		"The columns are summed in eight lanes before they are added to the gradient.")
	row := param("row")
	row3 := times3(row)
	gradientRow := param("inputs")
	SHLQ(imm(2), gradientRow)
	dy, x, g, gRow, o, q := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()

	Label("block")
	MOVQ(slot("dDst"), dy)
	MOVQ(slot("gradient"), gRow)
	MOVQ(slot("outputs"), o)
	Label("outputs")
	CMPQ(o, imm(4)) // two and two rather than three and one
	JE(operand.LabelRef("outputs2"))
	for _, p := range []int{3, 2, 1} {
		CMPQ(o, imm(p))
		JGE(operand.LabelRef(fmt.Sprintf("outputs%d", p)))
	}
	advance("dDst", "dDstBlock")
	advance("src", "srcBlock")
	advance("gradient", "gradientBlock")
	DECQ(slot("count"))
	JNZ(operand.LabelRef("block"))
	VZEROUPPER()
	RET()

	for _, p := range []int{3, 2, 1} {
		tile := func(inputs int) string { return fmt.Sprintf("tile%dx%d", p, inputs) }
		next := fmt.Sprintf("inputs%d", p)
		Label(fmt.Sprintf("outputs%d", p))
		MOVQ(slot("src"), x)
		MOVQ(gRow, g)
		MOVQ(slot("inputs"), q)
		Label(next)
		CMPQ(q, imm(4))
		JGE(operand.LabelRef(tile(4)))
		CMPQ(q, imm(1))
		JGE(operand.LabelRef(tile(1)))
		for range p {
			ADDQ(row, dy)
			ADDQ(gradientRow, gRow)
		}
		SUBQ(imm(p), o)
		JMP(operand.LabelRef("outputs"))
		for _, inputs := range []int{4, 1} {
			Label(tile(inputs))
			acc := dots(tile(inputs)+"columns", p, inputs, dy, x, row, row3)
			gp := copyOf(g)
			for t := range p {
				addAcrossLanes(acc[t*inputs:][:inputs], gp)
				if t+1 < p {
					ADDQ(gradientRow, gp)
				}
			}
			for range inputs {
				ADDQ(row, x)
			}
			ADDQ(imm(4*inputs), g)
			SUBQ(imm(inputs), q)
			JMP(operand.LabelRef(next))
		}
	}
}

// dots returns the products of p rows at dy with `inputs` rows at x, in lanes.
func dots(label string, p, inputs int, dy, x, row, row3 reg.Register) []reg.VecVirtual {
	acc := zeros(p * inputs)
	dyp, xp, k := copyOf(dy), copyOf(x), GP64()
	MOVQ(slot("width"), k)
	Label(label)
	d := make([]reg.VecVirtual, p)
	for t := range d {
		d[t] = YMM()
		VMOVUPS(nthValue(dyp, row, row3, nil, t), d[t])
	}
	for i := range inputs {
		v := YMM()
		VMOVUPS(nthValue(xp, row, row3, nil, i), v)
		for t := range d {
			VFMADD231PS(v, d[t], acc[t*inputs+i])
		}
	}
	ADDQ(imm(32), dyp)
	ADDQ(imm(32), xp)
	SUBQ(imm(32), k)
	JNZ(operand.LabelRef(label))
	return acc
}

// addAcrossLanes adds the sum of the lanes of one or four registers to as
// many numbers in memory.
func addAcrossLanes(acc []reg.VecVirtual, g reg.Register) {
	sum := acc[0]
	if len(acc) == 4 {
		VHADDPS(acc[1], acc[0], acc[0])
		VHADDPS(acc[3], acc[2], acc[2])
		VHADDPS(acc[2], acc[0], sum)
	} else {
		VHADDPS(sum, sum, sum)
		VHADDPS(sum, sum, sum)
	}
	high := XMM()
	VEXTRACTF128(imm(1), sum, high)
	VADDPS(sum.AsX(), high, high)
	if len(acc) == 4 {
		VADDPS(at(g, nil, 0, 0), high, high)
		VMOVUPS(high, at(g, nil, 0, 0))
		return
	}
	VADDSS(at(g, nil, 0, 0), high, high)
	VMOVSS(high, at(g, nil, 0, 0))
}

// accumulate2 writes the gradient of 2x2 blocks, whose four values are one
// short vector.
func accumulate2() {
	TEXT("accumulate2AVX2", NOSPLIT, "func(gradient, dDst, src *float32, count, width, dDstBlock, srcBlock, gradientBlock, row int)")
	Doc("accumulate2AVX2 is accumulateAVX2 for 2 outputs and 2 inputs.")
	row := param("row")
	gradient, dy, x := param("gradient"), param("dDst"), param("src")
	Label("block")
	outer := dots("columns", 2, 2, dy, x, row, nil)
	addAcrossLanes(outer, gradient)
	ADDQ(slot("dDstBlock"), dy)
	ADDQ(slot("srcBlock"), x)
	ADDQ(slot("gradientBlock"), gradient)
	DECQ(slot("count"))
	JNZ(operand.LabelRef("block"))
	VZEROUPPER()
	RET()
}
