package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// groupBytes is a group of 16 columns, two vectors, in bytes.
const groupBytes = 64

// outputTiles are how many outputs of a block are computed at a time: six
// outputs by two vectors fill 12 of the 16 registers.
var outputTiles = []int{6, 4, 3, 2, 1}

const blocksSignature = "(dst, src, values *float32, count, width, outputs, inputs, dstBlock, srcBlock, valueBlock, row, outputStep, inputStep int)"

// blocks writes the product of any block with all columns of a tile.
func blocks() {
	TEXT("blocksAVX2", NOSPLIT, "func"+blocksSignature)
	Doc("blocksAVX2 multiplies count blocks, each with all columns of a tile:",
		"",
		"	for ; count > 0; count-- {",
		"		for o := range outputs { for j := range width/4 {",
		"			sum := float32(0)",
		"			for q := range inputs { sum = fma(values[o*outputStep+q*inputStep], src[q*row+j], sum) }",
		"			dst[o*row+j] = sum",
		"		} }",
		"		dst += dstBlock; src += srcBlock; values += valueBlock",
		"	}",
		"",
		"Everything but count, outputs and inputs is in bytes; width is a multiple of 64.")
	row, outputStep, inputStep := param("row"), param("outputStep"), param("inputStep")
	outputStep3 := times3(outputStep)
	outputStep5 := GP64()
	LEAQ(at(outputStep, outputStep, 4, 0), outputStep5)
	column, s, d, v, o := GP64(), GP64(), GP64(), GP64(), GP64()

	Label("block")
	XORQ(column, column)
	Label("group")
	MOVQ(column, s)
	ADDQ(slot("src"), s)
	MOVQ(column, d)
	ADDQ(slot("dst"), d)
	MOVQ(slot("values"), v)
	MOVQ(slot("outputs"), o)

	Label("outputs")
	// Eight outputs are four and four rather than six and two.
	CMPQ(o, operand.Imm(8))
	JE(operand.LabelRef("tile4"))
	for _, tile := range outputTiles {
		CMPQ(o, operand.Imm(uint64(tile)))
		JGE(operand.LabelRef(fmt.Sprintf("tile%d", tile)))
	}
	ADDQ(operand.Imm(groupBytes), column)
	CMPQ(column, slot("width"))
	JL(operand.LabelRef("group"))

	advance("dst", "dstBlock")
	advance("src", "srcBlock")
	advance("values", "valueBlock")
	DECQ(slot("count"))
	JNZ(operand.LabelRef("block"))
	VZEROUPPER()
	RET()

	for _, tile := range outputTiles {
		Label(fmt.Sprintf("tile%d", tile))
		acc := zeros(2 * tile)
		sp, vp, k := copyOf(s), copyOf(v), GP64()
		MOVQ(slot("inputs"), k)
		loop := fmt.Sprintf("inputs%d", tile)
		Label(loop)
		x0, x1 := YMM(), YMM()
		VMOVUPS(at(sp, nil, 0, 0), x0)
		VMOVUPS(at(sp, nil, 0, 32), x1)
		for t := range tile {
			w := YMM()
			VBROADCASTSS(nthValue(vp, outputStep, outputStep3, outputStep5, t), w)
			VFMADD231PS(x0, w, acc[2*t])
			VFMADD231PS(x1, w, acc[2*t+1])
		}
		ADDQ(row, sp)
		ADDQ(inputStep, vp)
		DECQ(k)
		JNZ(operand.LabelRef(loop))
		for t := range tile {
			VMOVUPS(acc[2*t], at(d, nil, 0, 0))
			VMOVUPS(acc[2*t+1], at(d, nil, 0, 32))
			ADDQ(row, d)
		}
		for _, part := range powersOfTwo(tile) {
			LEAQ(at(v, outputStep, uint8(part), 0), v)
		}
		SUBQ(operand.Imm(uint64(tile)), o)
		JMP(operand.LabelRef("outputs"))
	}
}

// nthValue is the memory of the value of output t.
func nthValue(v, step, step3, step5 reg.Register, t int) operand.Mem {
	switch t {
	case 0:
		return at(v, nil, 0, 0)
	case 3:
		return at(v, step3, 1, 0)
	case 5:
		return at(v, step5, 1, 0)
	default:
		return at(v, step, uint8(t), 0)
	}
}

// powersOfTwo splits n into powers of two up to 4.
func powersOfTwo(n int) []int {
	var parts []int
	for _, p := range []int{4, 2, 1} {
		if n&p != 0 {
			parts = append(parts, p)
		}
	}
	return parts
}

// advance adds one argument to another, through a register.
func advance(what, step string) {
	r := GP64()
	MOVQ(slot(step), r)
	ADDQ(r, slot(what))
}

// blocksUnrolled writes the product for square blocks of a small radix,
// without the loops over outputs and inputs.
func blocksUnrolled(radix int) {
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
		x0, x1 := YMM(), YMM()
		input := nthValue(s, row, row3, nil, q)
		VMOVUPS(input, x0)
		input.Disp = 32
		VMOVUPS(input, x1)
		for t := range radix {
			w := YMM()
			VBROADCASTSS(nthValue(v, outputStep, outputStep3, nil, t), w)
			VFMADD231PS(x0, w, acc[2*t])
			VFMADD231PS(x1, w, acc[2*t+1])
		}
		if q+1 < radix {
			ADDQ(inputStep, v)
		}
	}
	for t := range radix {
		output := nthValue(d, row, row3, nil, t)
		VMOVUPS(acc[2*t], output)
		output.Disp = 32
		VMOVUPS(acc[2*t+1], output)
	}
	ADDQ(operand.Imm(groupBytes), column)
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
