package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// blocksUnrolled writes the product for square blocks of a small radix,
// without the loops over outputs and inputs.
func blocksUnrolled(radix int) {
	g := twoVectors
	TEXT(fmt.Sprintf("blocks%dAVX2", radix), NOSPLIT, "func(dst, src, values *float32, count, width, dstBlock, srcBlock, valueBlock, row, outputStep, inputStep int)")
	Doc(fmt.Sprintf("blocks%dAVX2 is blocksAVX2 for %d outputs and %d inputs.", radix, radix, radix))
	row, outputStep, inputStep := param("row"), param("outputStep"), param("inputStep")
	dst, src, values := param("dst"), param("src"), param("values")
	row3, outputStep3 := row, outputStep
	if radix == 4 {
		row3, outputStep3 = times3(row), times3(outputStep)
	}
	column, s, d, v := GP64(), GP64(), GP64(), GP64()

	Label("block")
	XORQ(column, column)
	Label("group")
	LEAQ(at(src, column, 1, 0), s)
	LEAQ(at(dst, column, 1, 0), d)
	MOVQ(values, v)
	acc := zeros(2 * radix)
	for q := range radix {
		x := g.loadAll(nthValue(s, row, row3, nil, q))
		for t := range radix {
			g.addProducts(nthValue(v, outputStep, outputStep3, nil, t), x, acc[2*t:][:2])
		}
		if q+1 < radix {
			ADDQ(inputStep, v)
		}
	}
	for t := range radix {
		g.storeAll(acc[2*t:][:2], nthValue(d, row, row3, nil, t))
	}
	ADDQ(imm(g.registers*g.bytes), column)
	CMPQ(column, slot("width"))
	JL(operand.LabelRef("group"))
	ADDQ(slot("dstBlock"), dst)
	ADDQ(slot("srcBlock"), src)
	ADDQ(slot("valueBlock"), values)
	DECQ(slot("count"))
	JNZ(operand.LabelRef("block"))
	VZEROUPPER()
	RET()
}
