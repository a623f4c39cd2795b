// Command butterfly writes the assembly of package kernels/butterfly. Run it
// through go generate in that package.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!noasm")
	blocks("blocksAVX2", twoVectors)
	blocks("blocksNarrowAVX2", oneVector)
	blocks("blocksSingleAVX2", singleColumn)
	blocksUnrolled(2)
	blocksUnrolled(4)
	accumulate()
	accumulate2()
	residual()
	transpose8()
	addBias()
	relu()
	for _, v := range []vector{xmm, ymm} {
		lanes(v, []strip{{3, 5}, {2, 2}, {1, 1}})
	}
	lanes(zmm, []strip{{4, 6}, {3, 3}, {2, 2}, {1, 1}})
	radix4(ymm, []strip{{3, 5}, {2, 2}, {1, 1}})
	radix4(zmm, []strip{{4, 6}, {3, 3}, {2, 2}, {1, 1}})
	short := []strip{{6, 11}, {5, 9}, {4, 7}, {3, 3}, {2, 2}, {1, 1}}
	dense(xmm, 1, short)
	for _, d := range []int{1, 2, 4} {
		dense(ymm, d, short)
	}
	for _, d := range []int{1, 2, 4, 8} {
		dense(zmm, d, []strip{{12, 23}, {8, 12}, {6, 6}, {4, 4}, {3, 3}, {2, 2}, {1, 1}})
	}
	permute(2)
	permute(4)
	fused(ymm, 1)
	fused(zmm, 2)
	Generate()
}

// param loads an integer or pointer argument into a register.
func param(name string) reg.GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}

// slot is the memory of an argument. A routine whose loops need more counters
// than there are registers counts in its arguments.
func slot(name string) operand.Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// at is the memory at base + index*scale + displacement bytes.
func at(base, index reg.Register, scale uint8, displacement int) operand.Mem {
	if scale == 0 {
		return operand.Mem{Base: base, Disp: displacement}
	}
	return operand.Mem{Base: base, Index: index, Scale: scale, Disp: displacement}
}

// copyOf returns a new register with the same content.
func copyOf(r reg.Register) reg.GPVirtual {
	c := GP64()
	MOVQ(r, c)
	return c
}

// times3 returns a new register with three times the content.
func times3(r reg.Register) reg.GPVirtual {
	t := GP64()
	LEAQ(at(r, r, 2, 0), t)
	return t
}

// zeros returns n cleared vector registers.
func zeros(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = YMM()
		VXORPS(v[i], v[i], v[i])
	}
	return v
}

// imm is a constant operand. (operand.Imm makes 16-bit constants, which most
// instructions do not have.)
func imm(n int) operand.Op {
	if n < 128 {
		return operand.U8(uint8(n))
	}
	return operand.U32(uint32(n))
}
