package main

import (
	"fmt"
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Kernels for a single activation have no columns to share a value among:
// each value is used once, so the values are packed in exactly the order in
// which they are read, and are operands of the multiplication themselves.

// vectorSize is a vector of 8 or 4 numbers.
type vectorSize struct{ bytes int }

var singleVectors = []vectorSize{{32}, {16}}

func (s vectorSize) lanes() int { return s.bytes / 4 }

func (s vectorSize) register() reg.VecVirtual {
	if s.bytes == 16 {
		return XMM()
	}
	return YMM()
}

func (s vectorSize) zeros(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = s.register()
		VXORPS(v[i], v[i], v[i])
	}
	return v
}

// singleTiles are how many vectors of outputs are computed at a time.
var singleTiles = []int{8, 7, 6, 5, 4, 3, 2, 1}

// minimum sets r to the smaller of r and limit.
func minimum(r, limit reg.GPVirtual) {
	CMPQ(r, limit)
	CMOVQGT(limit, r)
}

// addPacked multiplies x with the next values and adds to acc.
func (s vectorSize) addPacked(values reg.Register, x reg.VecVirtual, acc []reg.VecVirtual) {
	for t, sum := range acc {
		VFMADD231PS(at(values, nil, 0, t*s.bytes), x, sum)
	}
	ADDQ(imm(len(acc)*s.bytes), values)
}

// lanes writes the product of blocks whose stride is at least a vector long:
// neighbouring blocks share a vector.
func lanes(s vectorSize) {
	TEXT(fmt.Sprintf("lanes%dAVX2", s.lanes()), NOSPLIT, "func(dst, src, values *float32, count, outputs, inputs, row, dstBlock, srcBlock int)")
	Doc(fmt.Sprintf("lanes%dAVX2 multiplies a single activation with a pattern of stride d >= %d,", s.lanes(), s.lanes()),
		fmt.Sprintf("%d blocks at a time:", s.lanes()),
		"",
		"	for ; count > 0; count-- {",
		"		for l := range row/4 { for o := range outputs {",
		"			sum := float32(0)",
		"			for q := range inputs { sum = fma(value, src[q*row+l], sum) }",
		"			dst[o*row+l] = sum",
		"		} }",
		"		dst += dstBlock; src += srcBlock",
		"	}",
		"",
		"row (d numbers), dstBlock and srcBlock are in bytes. The values are as packLanes",
		"leaves them. The last vector of a row overlaps the one before if d is no multiple.")
	dst, src, values, row := param("dst"), param("src"), param("values"), param("row")
	l, last, in, out, o := GP64(), GP64(), GP64(), GP64(), GP64()
	LEAQ(at(row, nil, 0, -s.bytes), last)

	Label("block")
	XORQ(l, l)
	Label("vector")
	LEAQ(at(src, l, 1, 0), in)
	LEAQ(at(dst, l, 1, 0), out)
	MOVQ(slot("outputs"), o)
	Label("outputs")
	for _, tile := range singleTiles {
		CMPQ(o, imm(tile))
		JGE(operand.LabelRef(fmt.Sprintf("tile%d", tile)))
	}
	CMPQ(l, last)
	JE(operand.LabelRef("next"))
	ADDQ(imm(s.bytes), l)
	minimum(l, last)
	JMP(operand.LabelRef("vector"))
	Label("next")
	ADDQ(slot("dstBlock"), dst)
	ADDQ(slot("srcBlock"), src)
	DECQ(slot("count"))
	JNZ(operand.LabelRef("block"))
	VZEROUPPER()
	RET()

	for _, tile := range singleTiles {
		Label(fmt.Sprintf("tile%d", tile))
		acc := s.zeros(tile)
		sp, k, x := copyOf(in), GP64(), s.register()
		MOVQ(slot("inputs"), k)
		loop := fmt.Sprintf("inputs%d", tile)
		Label(loop)
		VMOVUPS(at(sp, nil, 0, 0), x)
		s.addPacked(values, x, acc)
		ADDQ(row, sp)
		DECQ(k)
		JNZ(operand.LabelRef(loop))
		for _, sum := range acc {
			VMOVUPS(sum, at(out, nil, 0, 0))
			ADDQ(row, out)
		}
		SUBQ(imm(tile), o)
		JMP(operand.LabelRef("outputs"))
	}
}

// dense writes the product of blocks with at least a vector of outputs.
func dense(s vectorSize) {
	TEXT(fmt.Sprintf("dense%dAVX2", s.lanes()), NOSPLIT, "func(dst, src, values *float32, count, outputs, inputs, row, srcBlock int)")
	Doc(fmt.Sprintf("dense%dAVX2 multiplies a single activation with blocks of at least %d outputs,", s.lanes(), s.lanes()),
		fmt.Sprintf("%d outputs at a time:", s.lanes()),
		"",
		"	for ; count > 0; count-- {",
		"		for o := range outputs {",
		"			sum := float32(0)",
		"			for q := range inputs { sum = fma(value, src[q*row], sum) }",
		"			dst[o] = sum",
		"		}",
		"		dst += outputs; src += srcBlock",
		"	}",
		"",
		"row and srcBlock are in bytes. The values are as packDense leaves them. The last",
		"vector of a block overlaps the one before if outputs is no multiple.")
	dst, src, values, row := param("dst"), param("src"), param("values"), param("row")
	o, out, last, block := GP64(), GP64(), GP64(), param("outputs")
	SHLQ(imm(2), block)

	Label("block")
	MOVQ(dst, out)
	LEAQ(at(dst, block, 1, -s.bytes), last)
	LEAQ(at(block, nil, 0, s.bytes-1), o)
	SHRQ(imm(bits.TrailingZeros(uint(s.bytes))), o) // in vectors
	Label("outputs")
	for _, tile := range singleTiles {
		CMPQ(o, imm(tile))
		JGE(operand.LabelRef(fmt.Sprintf("tile%d", tile)))
	}
	ADDQ(block, dst)
	ADDQ(slot("srcBlock"), src)
	DECQ(slot("count"))
	JNZ(operand.LabelRef("block"))
	VZEROUPPER()
	RET()

	for _, tile := range singleTiles {
		Label(fmt.Sprintf("tile%d", tile))
		acc := s.zeros(tile)
		sp, k, x := copyOf(src), GP64(), s.register()
		MOVQ(slot("inputs"), k)
		loop := fmt.Sprintf("inputs%d", tile)
		Label(loop)
		VBROADCASTSS(at(sp, nil, 0, 0), x)
		s.addPacked(values, x, acc)
		ADDQ(row, sp)
		DECQ(k)
		JNZ(operand.LabelRef(loop))
		for t, sum := range acc[:tile-1] {
			VMOVUPS(sum, at(out, nil, 0, t*s.bytes))
		}
		end := GP64()
		LEAQ(at(out, nil, 0, (tile-1)*s.bytes), end)
		minimum(end, last)
		VMOVUPS(acc[tile-1], at(end, nil, 0, 0))
		ADDQ(imm(tile*s.bytes), out)
		SUBQ(imm(tile), o)
		JMP(operand.LabelRef("outputs"))
	}
}

// permute writes the product of square blocks that lie within one vector.
func permute(radix int) {
	TEXT(fmt.Sprintf("permute%dAVX2", radix), NOSPLIT, "func(dst, src, values *float32, indexes *uint32, n int)")
	Doc(fmt.Sprintf("permute%dAVX2 multiplies a single activation of n >= 8 numbers with square blocks", radix),
		fmt.Sprintf("of radix %d whose inputs and outputs lie within eight neighbouring numbers:", radix),
		"",
		"	for v := range vectors of 8 { for j := range 8 {",
		"		sum := float32(0)",
		fmt.Sprintf("		for q := range %d { sum = fma(value, src[8*v+indexes[8*q+j]], sum) }", radix),
		"		dst[8*v+j] = sum",
		"	} }",
		"",
		"The values are as packPermute leaves them. The last vector overlaps the one",
		"before if n is no multiple of 8.")
	dst, src, values, indexes, last := param("dst"), param("src"), param("values"), param("indexes"), param("n")
	SHLQ(imm(2), last)
	SUBQ(imm(32), last)
	index := make([]reg.VecVirtual, radix)
	for q := range index {
		index[q] = YMM()
		VMOVDQU(at(indexes, nil, 0, 32*q), index[q])
	}
	s := GP64()
	XORQ(s, s)
	Label("vector")
	x := YMM()
	VMOVUPS(at(src, s, 1, 0), x)
	sum := zeros(1)[0]
	for q := range index {
		input := YMM()
		VPERMPS(x, index[q], input)
		VFMADD231PS(at(values, nil, 0, 32*q), input, sum)
	}
	ADDQ(imm(32*radix), values)
	VMOVUPS(sum, at(dst, s, 1, 0))
	CMPQ(s, last)
	JE(operand.LabelRef("done"))
	ADDQ(imm(32), s)
	minimum(s, last)
	JMP(operand.LabelRef("vector"))
	Label("done")
	VZEROUPPER()
	RET()
}
