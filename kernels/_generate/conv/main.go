// Command conv writes the assembly of package kernels/conv:
//
//	go run ./conv -out ../conv/conv_amd64.s -stubs ../conv/stubs_amd64.go -pkg conv
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// level is what differs between AVX2 and AVX-512.
type level struct {
	name  string
	lanes int
	// wide is how many registers a block has; a narrow block has 16 elements.
	wide     int
	register func() reg.VecVirtual
}

func main() {
	ConstraintExpr("amd64,!noasm")
	weightedSum(level{"AVX2", 8, 6, YMM})
	weightedSum(level{"AVX512", 16, 8, ZMM})
	Generate()
}

// weightedSum emits the sum of shifted parts of src: blocks of many elements
// with the sums in registers, then blocks of 16.
func weightedSum(l level) {
	name := "weightedSum" + l.name
	TEXT(name, NOSPLIT, "func(dst *float32, src *float32, offsets *int, weights *float32, taps int, n int, bias float32)")
	Pragma("noescape")
	Doc(name+" adds up shifted and weighted parts of src. n is a multiple of 16.",
		"",
		"\tfor j := range n {",
		"\t\tsum := bias",
		"\t\tfor t := range taps {",
		"\t\t\tsum += weights[t] * src[offsets[t]+j] // fused",
		"\t\t}",
		"\t\tdst[j] = sum",
		"\t}")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	offsets := Load(Param("offsets"), GP64())
	weights := Load(Param("weights"), GP64())
	taps := Load(Param("taps"), GP64())
	n := Load(Param("n"), GP64())
	bias := l.register()
	address, err := Param("bias").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(address.Addr, bias)

	for _, registers := range []int{l.wide, 16 / l.lanes} {
		loop, next := fmt.Sprintf("blocks%d", registers), fmt.Sprintf("after%d", registers)
		elements := registers * l.lanes
		Label(loop)
		CMPQ(n, U32(elements))
		JL(LabelRef(next))
		block(l, registers, dst, src, offsets, weights, taps, bias, loop)
		ADDQ(U32(4*elements), dst)
		ADDQ(U32(4*elements), src)
		SUBQ(U32(elements), n)
		JMP(LabelRef(loop))
		Label(next)
	}
	VZEROUPPER()
	RET()
}

// block computes the sums of one block.
func block(l level, registers int, dst, src, offsets, weights, taps reg.Register, bias reg.VecVirtual, label string) {
	sums := make([]reg.VecVirtual, registers)
	for i := range sums {
		sums[i] = l.register()
		VMOVAPS(bias, sums[i])
	}
	t, offset, weight := GP64(), GP64(), l.register()
	XORQ(t, t)
	Label(label + "Taps")
	CMPQ(t, taps)
	JGE(LabelRef(label + "Store"))
	MOVQ(Mem{Base: offsets, Index: t, Scale: 8}, offset)
	VBROADCASTSS(Mem{Base: weights, Index: t, Scale: 4}, weight)
	for i, sum := range sums {
		VFMADD231PS(Mem{Base: src, Index: offset, Scale: 4, Disp: 4 * l.lanes * i}, weight, sum)
	}
	INCQ(t)
	JMP(LabelRef(label + "Taps"))
	Label(label + "Store")
	for i, sum := range sums {
		VMOVUPS(sum, Mem{Base: dst, Disp: 4 * l.lanes * i})
	}
}
