package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// panelWidth is the number of columns of a panel, at every level.
const panelWidth = 16

// width is what differs between vector widths.
type width struct {
	name  string // suffix of the function names
	lanes int    // float32 values in a register
	new   func() reg.VecVirtual
}

var (
	avx2   = width{"AVX2", 8, YMM}
	avx512 = width{"AVX512", 16, ZMM}
)

// bytes is the size of a register.
func (w width) bytes() int { return 4 * w.lanes }

// vectorsPerPanel is how many registers hold one row of a panel.
func (w width) vectorsPerPanel() int { return panelWidth / w.lanes }

// registers returns n new vector registers.
func (w width) registers(n int) []reg.VecVirtual {
	r := make([]reg.VecVirtual, n)
	for i := range r {
		r[i] = w.new()
	}
	return r
}
