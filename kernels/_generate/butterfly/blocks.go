package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columnGroup is how many columns of a tile a block kernel takes at a time:
// a number of registers of some bytes each.
type columnGroup struct {
	columns   int
	registers int
	bytes     int // of the part of a register that is used
}

// The groups: two vectors for tiles, one vector for narrow tiles, and a single
// column for what no vector fits.
var (
	twoVectors   = columnGroup{16, 2, 32}
	oneVector    = columnGroup{8, 1, 32}
	singleColumn = columnGroup{1, 1, 4}
)

// load, store and multiply act on one register of the group.
func (g columnGroup) load(m operand.Mem, v reg.VecVirtual) {
	if g.bytes == 4 {
		VMOVSS(m, v.AsX())
		return
	}
	VMOVUPS(m, v)
}

func (g columnGroup) store(v reg.VecVirtual, m operand.Mem) {
	if g.bytes == 4 {
		VMOVSS(v.AsX(), m)
		return
	}
	VMOVUPS(v, m)
}

// addProducts adds the products of the value at m with all columns.
func (g columnGroup) addProducts(m operand.Mem, x, acc []reg.VecVirtual) {
	if g.bytes == 4 {
		VFMADD231SS(m, x[0].AsX(), acc[0].AsX())
		return
	}
	w := YMM()
	VBROADCASTSS(m, w)
	for i := range x {
		VFMADD231PS(x[i], w, acc[i])
	}
}

// loadAll loads the columns of one row.
func (g columnGroup) loadAll(m operand.Mem) []reg.VecVirtual {
	x := make([]reg.VecVirtual, g.registers)
	for i := range x {
		x[i] = YMM()
		g.load(m, x[i])
		m.Disp += g.bytes
	}
	return x
}

// storeAll stores the columns of one row.
func (g columnGroup) storeAll(x []reg.VecVirtual, m operand.Mem) {
	for _, v := range x {
		g.store(v, m)
		m.Disp += g.bytes
	}
}

// outputTiles are how many outputs of a block are computed at a time: six
// outputs by two vectors fill 12 of the 16 registers.
var outputTiles = []int{6, 4, 3, 2, 1}

const blocksSignature = "(dst, src, values *float32, count, width, outputs, inputs, dstBlock, srcBlock, valueBlock, row, outputStep, inputStep int)"

// blocks writes the product of any block with all columns of a tile.
func blocks(name string, g columnGroup) {
	TEXT(name, NOSPLIT, "func"+blocksSignature)
	Doc(name+" multiplies count blocks, each with all columns of a tile:",
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
		"Everything but count, outputs and inputs is in bytes; width is a multiple of", fmt.Sprintf("%d columns.", g.columns))
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
	// Tiles of one or two outputs leave the multipliers waiting.
	for _, split := range []struct{ outputs, tile int }{{8, 4}, {7, 4}, {5, 3}} {
		CMPQ(o, imm(split.outputs))
		JE(operand.LabelRef(fmt.Sprintf("tile%d", split.tile)))
	}
	for _, tile := range outputTiles {
		CMPQ(o, imm(tile))
		JGE(operand.LabelRef(fmt.Sprintf("tile%d", tile)))
	}
	ADDQ(imm(g.registers*g.bytes), column)
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
		acc := zeros(g.registers * tile)
		sp, vp, k := copyOf(s), copyOf(v), GP64()
		MOVQ(slot("inputs"), k)
		loop := fmt.Sprintf("inputs%d", tile)
		Label(loop)
		x := g.loadAll(at(sp, nil, 0, 0))
		for t := range tile {
			g.addProducts(nthValue(vp, outputStep, outputStep3, outputStep5, t), x, acc[t*g.registers:][:g.registers])
		}
		ADDQ(row, sp)
		ADDQ(inputStep, vp)
		DECQ(k)
		JNZ(operand.LabelRef(loop))
		for t := range tile {
			g.storeAll(acc[t*g.registers:][:g.registers], at(d, nil, 0, 0))
			ADDQ(row, d)
		}
		for _, part := range powersOfTwo(tile) {
			LEAQ(at(v, outputStep, uint8(part), 0), v)
		}
		SUBQ(imm(tile), o)
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

// powersOfTwo splits n into powers of two up to 8.
func powersOfTwo(n int) []int {
	var parts []int
	for _, p := range []int{8, 4, 2, 1} {
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
