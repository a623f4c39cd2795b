package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// radix4 writes lanes for blocks of 4x4 without the loops over outputs and
// inputs, which would take longer than the products.
func radix4(v vector, strips []strip) {
	name := fmt.Sprintf("radix4x%d%s", v.lanes, v.level)
	TEXT(name, NOSPLIT, "func(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs, stride int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is lanes%d%s for 4 outputs and 4 inputs.", name, v.lanes, v.level))
	stride, dstRow, srcRow, values := param("stride"), param("dstRow"), param("srcRow"), param("values")
	stride3 := times3(stride)
	l, s, d, left := GP64(), GP64(), GP64(), GP64()

	Label("block")
	XORQ(l, l)
	Label("vector")
	MOVQ(slot("src"), s)
	ADDQ(l, s)
	MOVQ(slot("dst"), d)
	ADDQ(l, d)
	MOVQ(slot("rows"), left)
	Label("rows")
	jumpToStrip(strips, left, "tile")
	for _, strip := range strips {
		Label(fmt.Sprintf("tile%d", strip.height))
		in := make([][4]operand.Op, strip.height)
		p := copyOf(s)
		for r := range in {
			for q := range 4 {
				x := v.register()
				VMOVUPS(nthValue(p, stride, stride3, nil, q), x)
				in[r][q] = x
			}
			ADDQ(srcRow, p)
		}
		for t := range 4 {
			out := v.registers(strip.height)
			w := v.register()
			for q := range 4 {
				VMOVUPS(at(values, nil, 0, (4*q+t)*v.bytes()), w)
				for r, y := range out {
					if q == 0 {
						VMULPS(w, in[r][q], y)
					} else {
						VFMADD231PS(w, in[r][q], y)
					}
				}
			}
			y := copyOf(d)
			for r := range out {
				VMOVUPS(out[r], nthValue(y, stride, stride3, nil, t))
				if r+1 < len(out) {
					ADDQ(dstRow, y)
				}
			}
		}
		nextStrip(s, srcRow, d, dstRow, strip.height)
		SUBQ(imm(strip.height), left)
		JNZ(operand.LabelRef("rows"))
		JMP(operand.LabelRef("done"))
	}
	Label("done")
	ADDQ(imm(16*v.bytes()), values)
	last := GP64()
	LEAQ(at(stride, nil, 0, -v.bytes()), last)
	CMPQ(l, last)
	JE(operand.LabelRef("nextBlock"))
	ADDQ(imm(v.bytes()), l)
	minimum(l, last)
	JMP(operand.LabelRef("vector"))
	Label("nextBlock")
	advanceBy("src", "inputs", stride)
	advanceBy("dst", "outputs", stride)
	DECQ(slot("count"))
	JNZ(operand.LabelRef("block"))
	VZEROUPPER()
	RET()
}
