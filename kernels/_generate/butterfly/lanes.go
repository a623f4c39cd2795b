package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	// lanesTile is how many outputs a lanes kernel computes at a time.
	lanesTile = 4
	// lanesWide is the same for a single activation, from two packed tiles.
	lanesWide = 2 * lanesTile
)

// lanes writes the product of activations with blocks whose stride is at
// least a vector long: neighbouring blocks share a vector. A tile of four
// outputs by the height of a strip is summed at a time.
func lanes(v vector, strips []strip) {
	name := fmt.Sprintf("lanes%d%s", v.lanes, v.level)
	TEXT(name, NOSPLIT, "func(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs, stride int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s multiplies activations with a pattern of stride d >= %d, %d blocks at a time:", name, v.lanes, v.lanes),
		"",
		"	for i := range count { for l := range stride/4 { for o := range outputs { for r := range rows {",
		"		sum := float32(0)",
		"		for q := range inputs { sum = fma(value(i,l,o,q), src[r*srcRow+(i*inputs+q)*stride+l], sum) }",
		"		dst[r*dstRow+(i*outputs+o)*stride+l] = sum",
		"	} } } }",
		"",
		"stride (d numbers), dstRow and srcRow are in bytes. The values are as packLanes",
		"leaves them. The last vector overlaps the one before if d is no multiple.")
	stride, dstRow, srcRow, values := param("stride"), param("dstRow"), param("srcRow"), param("values")
	l, o := local(), local()
	in, out, s, d, left := GP64(), GP64(), GP64(), GP64(), GP64()

	Label("block")
	MOVQ(operand.U32(0), l)
	Label("vector")
	MOVQ(slot("src"), in)
	ADDQ(l, in)
	MOVQ(slot("dst"), out)
	ADDQ(l, out)
	copySlot(slot("outputs"), o)

	Label("outputs")
	MOVQ(in, s)
	MOVQ(out, d)
	MOVQ(slot("rows"), left)
	tile := GP64()
	MOVQ(o, tile)
	CMPQ(left, imm(1))
	JNE(operand.LabelRef("tiles"))
	CMPQ(tile, imm(lanesWide))
	JGE(operand.LabelRef("wide"))
	Label("tiles")
	for _, outputs := range []int{4, 3, 2, 1} {
		CMPQ(tile, imm(outputs))
		JGE(operand.LabelRef(fmt.Sprintf("rows%d", outputs)))
	}
	// All outputs are done: on to the next vector of blocks.
	lastVector, next := GP64(), GP64()
	LEAQ(at(stride, nil, 0, -v.bytes()), lastVector)
	MOVQ(l, next)
	CMPQ(next, lastVector)
	JE(operand.LabelRef("nextBlock"))
	ADDQ(imm(v.bytes()), next)
	minimum(next, lastVector)
	MOVQ(next, l)
	JMP(operand.LabelRef("vector"))
	Label("nextBlock")
	advanceBy("src", "inputs", stride)
	advanceBy("dst", "outputs", stride)
	DECQ(slot("count"))
	JNZ(operand.LabelRef("block"))
	VZEROUPPER()
	RET()

	for outputs := lanesTile; outputs >= 1; outputs-- {
		select_ := fmt.Sprintf("rows%d", outputs)
		Label(select_)
		jumpToStrip(strips, left, fmt.Sprintf("tile%dx", outputs))
		for _, strip := range strips {
			height := strip.height
			Label(fmt.Sprintf("tile%dx%d", outputs, height))
			acc := v.zeros(outputs * height)
			x, vp, k := rowPointers(s, srcRow, height), copyOf(values), GP64()
			MOVQ(slot("inputs"), k)
			loop := fmt.Sprintf("inputs%dx%d", outputs, height)
			Label(loop)
			addTile(v, acc, x, srcRow, vp, height, outputs)
			for _, p := range x {
				ADDQ(stride, p)
			}
			ADDQ(imm(outputs*v.bytes()), vp)
			DECQ(k)
			JNZ(operand.LabelRef(loop))
			y := rowPointers(d, dstRow, height)
			for t := range outputs {
				for r := range height {
					VMOVUPS(acc[t*height+r], nthRow(y, dstRow, r, 0))
				}
				if t+1 < outputs {
					for _, p := range y {
						ADDQ(stride, p)
					}
				}
			}
			nextStrip(s, srcRow, d, dstRow, height)
			SUBQ(imm(height), left)
			JNZ(operand.LabelRef(select_))
			MOVQ(vp, values)
			JMP(operand.LabelRef(fmt.Sprintf("done%d", outputs)))
		}
		Label(fmt.Sprintf("done%d", outputs))
		nextOutputs(o, out, stride, outputs)
	}
	lanesSingle(v, in, out, values, stride, o)
}

// addTile adds the products of one input to a tile of sums: acc[t*height+r].
func addTile(v vector, acc []reg.VecVirtual, x []reg.GPVirtual, srcRow, values reg.Register, height, outputs int) {
	inputs := v.registers(height)
	for r := range inputs {
		VMOVUPS(nthRow(x, srcRow, r, 0), inputs[r])
	}
	for t := range outputs {
		value := at(values, nil, 0, t*v.bytes())
		if height == 1 {
			VFMADD231PS(value, inputs[0], acc[t])
			continue
		}
		w := v.register()
		VMOVUPS(value, w)
		for r := range inputs {
			VFMADD231PS(inputs[r], w, acc[t*height+r])
		}
	}
}

// lanesSingle writes the tile of a single activation: two packed tiles side by
// side.
func lanesSingle(v vector, in, out, values, stride reg.GPVirtual, o operand.Mem) {
	Label("wide")
	acc := v.zeros(lanesWide)
	sp, k, second := copyOf(in), GP64(), GP64()
	MOVQ(slot("inputs"), k)
	MOVQ(k, second)
	SHLQ(imm(log2(lanesTile*v.bytes())), second)
	Label("inputsWide")
	x := v.register()
	VMOVUPS(at(sp, nil, 0, 0), x)
	for t, sum := range acc {
		m := at(values, nil, 0, t*v.bytes())
		if t >= lanesTile {
			m = at(values, second, 1, (t-lanesTile)*v.bytes())
		}
		VFMADD231PS(m, x, sum)
	}
	ADDQ(stride, sp)
	ADDQ(imm(lanesTile*v.bytes()), values)
	DECQ(k)
	JNZ(operand.LabelRef("inputsWide"))
	ADDQ(second, values)
	y := copyOf(out)
	for t, sum := range acc {
		VMOVUPS(sum, at(y, nil, 0, 0))
		if t+1 < len(acc) {
			ADDQ(stride, y)
		}
	}
	nextOutputs(o, out, stride, lanesWide)
}

// nextOutputs goes on to the outputs behind a tile.
func nextOutputs(o operand.Mem, out, stride reg.GPVirtual, outputs int) {
	for _, part := range powersOfTwo(outputs) {
		LEAQ(at(out, stride, uint8(part), 0), out)
	}
	SUBQ(imm(outputs), o)
	JMP(operand.LabelRef("outputs"))
}

// nextStrip moves the pointers to the rows below a strip.
func nextStrip(s, srcRow, d, dstRow reg.GPVirtual, height int) {
	for _, part := range powersOfTwo(height) {
		LEAQ(at(s, srcRow, uint8(part), 0), s)
		LEAQ(at(d, dstRow, uint8(part), 0), d)
	}
}

// advanceBy adds an argument times a step to another argument.
func advanceBy(what, times string, step reg.Register) {
	r := GP64()
	MOVQ(slot(times), r)
	IMULQ(step, r)
	ADDQ(r, slot(what))
}

// copySlot copies memory through a register.
func copySlot(from, to operand.Mem) {
	r := GP64()
	MOVQ(from, r)
	MOVQ(r, to)
}
