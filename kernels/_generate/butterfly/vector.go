package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vector is what differs between the kernels of one kind: the length of their
// vectors and how many of them there are.
type vector struct {
	level string // suffix of the function names
	lanes int    // float32 values in a register
}

var (
	xmm = vector{"AVX2", 4}
	ymm = vector{"AVX2", 8}
	zmm = vector{"AVX512", 16}
)

func (v vector) bytes() int { return 4 * v.lanes }

func (v vector) register() reg.VecVirtual {
	switch v.lanes {
	case 4:
		return XMM()
	case 8:
		return YMM()
	}
	return ZMM()
}

func (v vector) registers(n int) []reg.VecVirtual {
	r := make([]reg.VecVirtual, n)
	for i := range r {
		r[i] = v.register()
	}
	return r
}

// zeros returns n cleared registers.
func (v vector) zeros(n int) []reg.VecVirtual {
	r := v.registers(n)
	for _, x := range r {
		VXORPS(x, x, x)
	}
	return r
}

// broadcast fills a register with copies of n numbers at m.
func (v vector) broadcast(n int, m operand.Mem, x reg.VecVirtual) {
	switch {
	case n == 1:
		VBROADCASTSS(m, x)
	case n == 2 && v.lanes == 4:
		VMOVDDUP(m, x)
	case n == 2:
		VBROADCASTSD(m, x)
	case n == 4 && v.lanes == 8:
		VBROADCASTF128(m, x)
	case n == 4:
		VBROADCASTF32X4(m, x)
	case n == 8:
		VBROADCASTF32X8(m, x)
	default:
		panic(fmt.Sprintf("no broadcast of %d numbers", n))
	}
}

// local is a counter on the stack, for loops that need more of them than
// there are registers.
func local() operand.Mem { return AllocLocal(8) }

// strips are the heights, largest first, into which a number of rows is cut:
// the next strip has height h if at least `from` rows remain, or exactly h.
// The bounds keep the last strips from being low, where too few sums are in
// flight.
type strip struct{ height, from int }

// jumpToStrip jumps to prefix+height for the rows that remain.
func jumpToStrip(strips []strip, left operand.Op, prefix string) {
	for _, s := range strips {
		label := operand.LabelRef(fmt.Sprintf("%s%d", prefix, s.height))
		CMPQ(left, imm(s.from))
		JGE(label)
		if s.from > s.height {
			CMPQ(left, imm(s.height))
			JE(label)
		}
	}
}

// rowPointers returns pointers to rows 0, 3, 6...; row computes the memory of
// any row from them.
func rowPointers(first, step reg.Register, height int) []reg.GPVirtual {
	pointers := []reg.GPVirtual{copyOf(first)}
	for i := 3; i < height; i += 3 {
		next := GP64()
		LEAQ(at(pointers[len(pointers)-1], step, 2, 0), next)
		ADDQ(step, next)
		pointers = append(pointers, next)
	}
	return pointers
}

func nthRow(pointers []reg.GPVirtual, step reg.Register, r, displacement int) operand.Mem {
	return at(pointers[r/3], step, uint8(r%3), displacement)
}
