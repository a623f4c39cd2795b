package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fusedVectors is how many vectors of an activation are in registers at a
// time; crossStages is how many strides they have between them.
const (
	fusedVectors = 8
	crossStages  = 3
)

// fused writes the product of activations with several radix-2 factors, whose
// levels are done one after the other on vectors that stay in registers. rows
// is how many activations are taken at a time.
func fused(v vector, rows int) {
	name := "fused" + v.level
	TEXT(name, NOSPLIT, "func(dst, src, values *float32, stages *uint8, rows, dstRow, srcRow, count, stride int)")
	Pragma("noescape")
	laneStages := log2(v.lanes)
	Doc(fmt.Sprintf("%s multiplies activations with radix-2 factors, a chunk of %d vectors of %d", name, fusedVectors, v.lanes),
		"numbers at a time, which are `stride` apart:",
		"",
		"	for i := range count { for l := 0; l < stride; l += vector { for r := range rows {",
		fmt.Sprintf("		x := the vectors src[r*srcRow + (%d*i+j)*stride + l], j < %d", fusedVectors, fusedVectors),
		"		for s := range stages until endOfStages { x = stage s of x, with values(i,l,s) }",
		fmt.Sprintf("		store x to dst[r*dstRow + (%d*i+j)*stride + l]", fusedVectors),
		"	} } }",
		"",
		fmt.Sprintf("Stages 0 to %d combine vectors 1, 2 and 4 apart; stage %d+s combines the numbers", crossStages-1, crossStages),
		fmt.Sprintf("of a vector that are 1<<s apart, s < %d. dstRow, srcRow and stride are in bytes,", laneStages),
		"stride a multiple of a vector. The values are as packFused leaves them. dst may be",
		"src.")
	dst, src, values := param("dst"), param("src"), param("values")
	dstRow, srcRow, stride := param("dstRow"), param("srcRow"), param("stride")
	stride3 := times3(stride)
	l, left, s, d, vp, stages, stage := GP64(), GP64(), GP64(), GP64(), GP64(), GP64(), GP64()

	Label("block")
	XORQ(l, l)
	Label("chunk")
	LEAQ(at(src, l, 1, 0), s)
	LEAQ(at(dst, l, 1, 0), d)
	MOVQ(slot("rows"), left)
	for n := rows; n >= 1; n-- {
		suffix := fmt.Sprintf("x%d", n)
		Label("rows" + suffix)
		if n > 1 {
			CMPQ(left, imm(n))
			JL(operand.LabelRef(fmt.Sprintf("rowsx%d", n-1)))
		}
		MOVQ(values, vp)
		MOVQ(slot("stages"), stages)
		data := make([][]reg.VecVirtual, n)
		for r := range data {
			data[r] = v.registers(fusedVectors)
			eachVector(s, stride, stride3, func(j int, m operand.Mem) {
				if r == 1 {
					m = addRow(m, srcRow)
				}
				VMOVUPS(m, data[r][j])
			})
		}
		fusedStages(v, suffix, data, vp, stages, stage)
		for r := range data {
			eachVector(d, stride, stride3, func(j int, m operand.Mem) {
				if r == 1 {
					m = addRow(m, dstRow)
				}
				VMOVUPS(data[r][j], m)
			})
		}
		nextStrip(s, srcRow, d, dstRow, n)
		SUBQ(imm(n), left)
		JNZ(operand.LabelRef(fmt.Sprintf("rowsx%d", rows)))
		if n > 1 {
			JMP(operand.LabelRef("chunkDone"))
		}
	}
	Label("chunkDone")
	MOVQ(vp, values)
	ADDQ(imm(v.bytes()), l)
	CMPQ(l, stride)
	JL(operand.LabelRef("chunk"))
	LEAQ(at(src, stride, fusedVectors, 0), src)
	LEAQ(at(dst, stride, fusedVectors, 0), dst)
	DECQ(slot("count"))
	JNZ(operand.LabelRef("block"))
	VZEROUPPER()
	RET()
}

// eachVector calls visit with the memory of each of the vectors of a chunk.
func eachVector(base, stride, stride3 reg.GPVirtual, visit func(j int, m operand.Mem)) {
	half := GP64()
	LEAQ(at(base, stride, 4, 0), half)
	for j := range fusedVectors {
		from := base
		if j >= 4 {
			from = half
		}
		visit(j, nthValue(from, stride, stride3, nil, j%4))
	}
}

// addRow is the memory one row further on.
func addRow(m operand.Mem, row reg.GPVirtual) operand.Mem {
	p := GP64()
	LEAQ(m, p)
	return at(p, row, 1, 0)
}

// fusedStages goes through the stages of a chunk. The jumps repeat for every
// chunk, so that they are foreseen.
func fusedStages(v vector, suffix string, data [][]reg.VecVirtual, values, stages, stage reg.GPVirtual) {
	count := crossStages + log2(v.lanes)
	label := func(k int) string { return fmt.Sprintf("stage%d%s", k, suffix) }
	next := "next" + suffix
	Label(next)
	MOVBQZX(at(stages, nil, 0, 0), stage)
	INCQ(stages)
	for k := 0; k < count; k += 2 { // two labels for one comparison
		CMPQ(stage, imm(k+1))
		JL(operand.LabelRef(label(k)))
		if k+1 < count {
			JE(operand.LabelRef(label(k + 1)))
		}
	}
	JMP(operand.LabelRef("store" + suffix))
	for k := range count {
		Label(label(k))
		vectors := 0
		if k < crossStages {
			vectors = crossStage(v, data, values, 1<<k)
		} else {
			vectors = laneStage(v, data, values, 1<<(k-crossStages))
		}
		ADDQ(imm(vectors*v.bytes()), values)
		JMP(operand.LabelRef(next))
	}
	Label("store" + suffix)
}

// crossStage multiplies pairs of vectors with 2x2 blocks. It returns the
// number of vectors of values.
func crossStage(v vector, data [][]reg.VecVirtual, values reg.GPVirtual, apart int) int {
	n := 0
	value := func(i int) operand.Mem { return at(values, nil, 0, (n+i)*v.bytes()) }
	for j := range fusedVectors {
		if j&apart != 0 {
			continue
		}
		if len(data) == 1 {
			x0, x1, t := data[0][j], data[0][j+apart], v.register()
			VMULPS(value(0), x0, t)
			VMULPS(value(2), x0, x0)
			VFMADD231PS(value(1), x1, t)
			VFMADD132PS(value(3), x0, x1)
			VMOVAPS(t, x0)
			n += 4
			continue
		}
		w, t := v.registers(4), v.registers(len(data))
		for i := range w {
			VMOVUPS(value(i), w[i])
		}
		for r, x := range data {
			x0, x1 := x[j], x[j+apart]
			VMULPS(w[0], x0, t[r])
			VMULPS(w[2], x0, x0)
			VFMADD231PS(w[1], x1, t[r])
			VFMADD132PS(w[3], x0, x1)
			VMOVAPS(t[r], x0)
		}
		n += 4
	}
	return n
}

// laneStage multiplies pairs of numbers of the same vector with 2x2 blocks.
func laneStage(v vector, data [][]reg.VecVirtual, values reg.GPVirtual, apart int) int {
	for j := range fusedVectors {
		own, other := at(values, nil, 0, 2*j*v.bytes()), at(values, nil, 0, (2*j+1)*v.bytes())
		if len(data) == 1 {
			x, y := data[0][j], v.register()
			exchange(v, apart, x, y)
			VMULPS(own, x, x)
			VFMADD231PS(other, y, x)
			continue
		}
		w := v.registers(2)
		VMOVUPS(own, w[0])
		VMOVUPS(other, w[1])
		for _, x := range data {
			y := v.register()
			exchange(v, apart, x[j], y)
			VMULPS(w[0], x[j], x[j])
			VFMADD231PS(w[1], y, x[j])
		}
	}
	return 2 * fusedVectors
}

// exchange sets y to x with numbers `apart` from each other exchanged.
func exchange(v vector, apart int, x, y reg.VecVirtual) {
	switch {
	case apart == 1:
		VPERMILPS(operand.U8(0b10110001), x, y)
	case apart == 2:
		VPERMILPS(operand.U8(0b01001110), x, y)
	case apart == 4 && v.lanes == 8:
		VPERM2F128(imm(1), x, x, y)
	case apart == 4:
		VSHUFF32X4(operand.U8(0b10110001), x, x, y)
	case apart == 8:
		VSHUFF32X4(operand.U8(0b01001110), x, x, y)
	}
}
