package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// finish emits a kernel that ends a product: it adds a bias to every row and,
// with relu, clears what is negative.
func finish(w width, name string, relu bool) {
	TEXT(name+w.name, NOSPLIT, "func(dst *float32, dstStride int, rows int, columns int, bias *float32)")
	Pragma("noescape")
	Doc(finishDoc(name+w.name, relu)...)

	row := Load(Param("dst"), GP64())
	stride := Load(Param("dstStride"), GP64())
	SHLQ(U8(2), stride)
	rows := Load(Param("rows"), GP64())
	columns := Load(Param("columns"), GP64())
	bias := Load(Param("bias"), GP64())
	zero := w.new()
	if relu {
		VXORPS(zero, zero, zero)
	}
	end := GP64() // last column from which a whole register can be read, in columns
	MOVQ(columns, end)
	SUBQ(U8(w.lanes), end)

	TESTQ(rows, rows)
	JZ(LabelRef("done"))
	Label("nextRow")
	j := GP64()
	XORQ(j, j)
	Label("vectors")
	CMPQ(j, end)
	JG(LabelRef("tail"))
	x := w.new()
	VMOVUPS(Mem{Base: row, Index: j, Scale: 4}, x)
	VADDPS(Mem{Base: bias, Index: j, Scale: 4}, x, x)
	if relu {
		VMAXPS(x, zero, x)
	}
	VMOVUPS(x, Mem{Base: row, Index: j, Scale: 4})
	ADDQ(U8(w.lanes), j)
	JMP(LabelRef("vectors"))

	Label("tail")
	CMPQ(j, columns)
	JGE(LabelRef("rowDone"))
	s := XMM()
	VMOVSS(Mem{Base: row, Index: j, Scale: 4}, s)
	VADDSS(Mem{Base: bias, Index: j, Scale: 4}, s, s)
	if relu {
		VMAXSS(s, zero.(interface{ AsX() reg.Register }).AsX(), s)
	}
	VMOVSS(s, Mem{Base: row, Index: j, Scale: 4})
	INCQ(j)
	JMP(LabelRef("tail"))

	Label("rowDone")
	ADDQ(stride, row)
	DECQ(rows)
	JNZ(LabelRef("nextRow"))
	Label("done")
	VZEROUPPER()
	RET()
}

func finishDoc(name string, relu bool) []string {
	doc := []string{
		name + " finishes rows of a product in place.",
		"",
		"\tfor i := range rows {",
		"\t\tfor j := range columns {",
		"\t\t\ty := dst[i*dstStride+j] + bias[j]",
	}
	if relu {
		doc = append(doc, "\t\t\tif y < 0 {", "\t\t\t\ty = 0", "\t\t\t}")
	}
	return append(doc, "\t\t\tdst[i*dstStride+j] = y", "\t\t}", "\t}")
}
