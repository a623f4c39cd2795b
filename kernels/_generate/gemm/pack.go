package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// copyPanel emits the kernel that copies a whole panel out of a matrix.
func copyPanel(w width) {
	TEXT("copyPanel"+w.name, NOSPLIT, "func(panel *float32, src *float32, srcStride int, rows int)")
	Pragma("noescape")
	Doc("copyPanel"+w.name+" copies 16 columns of a matrix. The stride is in elements.", "",
		"\tfor p := range rows {", "\t\tcopy(panel[16*p:16*p+16], src[p*srcStride:])", "\t}")
	panel := Load(Param("panel"), GP64())
	src := Load(Param("src"), GP64())
	stride := Load(Param("srcStride"), GP64())
	SHLQ(U8(2), stride)
	rows := Load(Param("rows"), GP64())
	TESTQ(rows, rows)
	JZ(LabelRef("done"))
	Label("loop")
	x := w.registers(w.vectorsPerPanel())
	for i := range x {
		VMOVUPS(Mem{Base: src, Disp: i * w.bytes()}, x[i])
	}
	for i := range x {
		VMOVUPS(x[i], Mem{Base: panel, Disp: i * w.bytes()})
	}
	ADDQ(stride, src)
	ADDQ(U8(4*panelWidth), panel)
	DECQ(rows)
	JNZ(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}
