package main

import (
	"fmt"
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// denseTile is how many vectors of outputs a packed tile has.
const denseTile = 2

// dense writes the product of activations with blocks of a stride d shorter
// than a vector: the outputs of d neighbouring blocks lie side by side and
// make up the vectors, and d inputs are repeated along them.
func dense(v vector, d int, strips []strip) {
	name := fmt.Sprintf("dense%dx%d%s", v.lanes, d, v.level)
	TEXT(name, NOSPLIT, "func(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s multiplies activations with blocks of stride %d; outputs >= %d is the", name, d, v.lanes),
		fmt.Sprintf("number of outputs of %d neighbouring blocks:", d),
		"",
		"	for i := range count { for o := range outputs { for r := range rows {",
		"		sum := float32(0)",
		fmt.Sprintf("		for q := range inputs { sum = fma(value(i,o,q), src[r*srcRow+(i*inputs+q)*%d+o%%%d], sum) }", d, d),
		"		dst[r*dstRow+i*outputs+o] = sum",
		"	} } }",
		"",
		"dstRow and srcRow are in bytes. The values are as packDense leaves them. The last",
		"vector overlaps the one before if outputs is no multiple.")
	values, dstRow, srcRow := param("values"), param("dstRow"), param("srcRow")
	block := param("outputs")
	SHLQ(imm(2), block)
	offset := local() // of the next outputs, in bytes
	s, out, left, second := GP64(), GP64(), GP64(), GP64()

	Label("block")
	MOVQ(operand.U32(0), offset)
	Label("outputs")
	MOVQ(slot("src"), s)
	MOVQ(slot("dst"), out)
	ADDQ(offset, out)
	MOVQ(slot("rows"), left)
	rest := copyOf(block) // bytes of outputs that remain
	SUBQ(offset, rest)
	JLE(operand.LabelRef("nextBlock"))
	for _, streams := range []int{4, 2} {
		skip := fmt.Sprintf("fewer%d", streams)
		CMPQ(left, imm(1))
		JNE(operand.LabelRef(skip))
		CMPQ(rest, imm((denseTile*streams-1)*v.bytes()+1))
		JGE(operand.LabelRef(fmt.Sprintf("single%d", streams)))
		Label(skip)
	}
	CMPQ(rest, imm(v.bytes()))
	JLE(operand.LabelRef("tail"))
	// The second vector ends with the outputs.
	LEAQ(at(rest, nil, 0, -v.bytes()), second)
	limit := GP64()
	MOVQ(operand.U32(v.bytes()), limit)
	minimum(second, limit)
	denseStrips(v, d, denseTile, strips, s, out, values, srcRow, dstRow, left, second)
	ADDQ(imm(denseTile*v.bytes()), offset)
	JMP(operand.LabelRef("outputs"))

	Label("tail")
	// The only vector ends with the outputs.
	ADDQ(rest, out)
	SUBQ(imm(v.bytes()), out)
	denseStrips(v, d, 1, strips, s, out, values, srcRow, dstRow, left, nil)
	Label("nextBlock")
	width := GP64()
	MOVQ(operand.U32(4*d), width)
	advanceBy("src", "inputs", width)
	ADDQ(block, slot("dst"))
	DECQ(slot("count"))
	JNZ(operand.LabelRef("block"))
	VZEROUPPER()
	RET()

	for _, streams := range []int{4, 2} {
		denseSingle(v, d, streams, s, out, values, block, offset)
	}
}

// denseStrips computes one tile of vectors for all rows.
func denseStrips(v vector, d, vectors int, strips []strip, s, out, values, srcRow, dstRow, left, second reg.GPVirtual) {
	prefix := fmt.Sprintf("tile%dx", vectors)
	selectLabel, done := fmt.Sprintf("rows%d", vectors), fmt.Sprintf("done%d", vectors)
	Label(selectLabel)
	jumpToStrip(strips, left, prefix)
	for _, strip := range strips {
		height := strip.height
		Label(fmt.Sprintf("%s%d", prefix, height))
		acc := v.zeros(vectors * height)
		x, vp, k := rowPointers(s, srcRow, height), copyOf(values), GP64()
		MOVQ(slot("inputs"), k)
		loop := fmt.Sprintf("inputs%dx%d", vectors, height)
		Label(loop)
		w := v.registers(vectors)
		for t := range w {
			VMOVUPS(at(vp, nil, 0, t*v.bytes()), w[t])
		}
		for r := range height {
			m := nthRow(x, srcRow, r, 0)
			if v.lanes == 16 && d == 1 && vectors == 1 {
				VFMADD231PS_BCST(m, w[0], acc[r])
				continue
			}
			input := v.register()
			v.broadcast(d, m, input)
			for t := range w {
				VFMADD231PS(input, w[t], acc[r*vectors+t])
			}
		}
		for _, p := range x {
			ADDQ(imm(4*d), p)
		}
		ADDQ(imm(vectors*v.bytes()), vp)
		DECQ(k)
		JNZ(operand.LabelRef(loop))
		y := rowPointers(out, dstRow, height)
		for r := range height {
			VMOVUPS(acc[r*vectors], nthRow(y, dstRow, r, 0))
		}
		if vectors == 2 {
			for _, p := range y {
				ADDQ(second, p)
			}
			for r := range height {
				VMOVUPS(acc[r*vectors+1], nthRow(y, dstRow, r, 0))
			}
		}
		nextStrip(s, srcRow, out, dstRow, height)
		SUBQ(imm(height), left)
		JNZ(operand.LabelRef(selectLabel))
		MOVQ(vp, values)
		JMP(operand.LabelRef(done))
	}
	Label(done)
}

// denseSingle computes several packed tiles of a single activation at a time,
// so that enough sums are in flight.
func denseSingle(v vector, d, streams int, s, out, values, block reg.GPVirtual, offset operand.Mem) {
	Label(fmt.Sprintf("single%d", streams))
	acc := v.zeros(streams * denseTile)
	k, step := GP64(), GP64()
	MOVQ(slot("inputs"), k)
	MOVQ(k, step)
	SHLQ(imm(log2(denseTile*v.bytes())), step)
	step3 := times3(step)
	steps := []reg.Register{nil, step, step, step3}
	scales := []uint8{0, 1, 2, 1}
	loop := fmt.Sprintf("inputsSingle%d", streams)
	Label(loop)
	x := v.register()
	v.broadcast(d, at(s, nil, 0, 0), x)
	for stream := range streams {
		for t := range denseTile {
			VFMADD231PS(at(values, steps[stream], scales[stream], t*v.bytes()), x, acc[stream*denseTile+t])
		}
	}
	ADDQ(imm(4*d), s)
	ADDQ(imm(denseTile*v.bytes()), values)
	DECQ(k)
	JNZ(operand.LabelRef(loop))
	for range streams - 1 {
		ADDQ(step, values)
	}
	last := len(acc) - 1
	for t, sum := range acc[:last] {
		VMOVUPS(sum, at(out, nil, 0, t*v.bytes()))
	}
	// The last vector ends with the outputs at the latest.
	end, limit := copyOf(block), GP64()
	SUBQ(offset, end)
	SUBQ(imm(v.bytes()), end)
	MOVQ(operand.U32(last*v.bytes()), limit)
	minimum(end, limit)
	VMOVUPS(acc[last], at(out, end, 1, 0))
	ADDQ(imm(len(acc)*v.bytes()), offset)
	JMP(operand.LabelRef("outputs"))
}

// minimum sets r to the smaller of r and limit.
func minimum(r, limit reg.GPVirtual) {
	CMPQ(r, limit)
	CMOVQGT(limit, r)
}

func log2(n int) int { return bits.TrailingZeros(uint(n)) }
