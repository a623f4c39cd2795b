package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lanes is the number of float32 values in a register.
const lanes = 8

var constants = map[uint32]Mem{}

// word returns a register's worth of copies of a 32-bit word in memory.
func word(bits uint32) Mem {
	if m, ok := constants[bits]; ok {
		return m
	}
	m := GLOBL(fmt.Sprintf("word%08x", bits), attr.RODATA|attr.NOPTR)
	for i := range lanes {
		DATA(4*i, U32(bits))
	}
	constants[bits] = m
	return m
}

// float returns a register's worth of copies of float32(x) in memory.
func float(x float64) Mem { return word(math.Float32bits(float32(x))) }

var maskTable *Mem

// tailMask returns a mask of the first n lanes, for n in a register below
// the number of lanes.
func tailMask(n reg.Register) reg.VecVirtual {
	if maskTable == nil {
		m := GLOBL("tailMasks", attr.RODATA|attr.NOPTR)
		for i := range lanes {
			DATA(4*i, U32(math.MaxUint32))
		}
		for i := range lanes {
			DATA(4*(i+lanes), U32(0))
		}
		maskTable = &m
	}
	table, offset := GP64(), GP64()
	LEAQ(*maskTable, table)
	MOVQ(U32(lanes), offset)
	SUBQ(n, offset)
	mask := YMM()
	VMOVUPS(Mem{Base: table, Index: offset, Scale: 4}, mask)
	return mask
}

// horner returns the value of the polynomial with the given coefficients,
// lowest power first.
func horner(x reg.VecVirtual, coefficients []float64) reg.VecVirtual {
	last := len(coefficients) - 1
	y := YMM()
	VMOVUPS(float(coefficients[last]), y)
	for i := last - 1; i >= 0; i-- {
		VFMADD213PS(float(coefficients[i]), x, y)
	}
	return y
}
