package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Integer products take four steps of k at a time: a column of a panel has
// four values side by side, and a row of a panel is 64 bytes.
const int8Row = 4 * panelWidth

// int8AVX2 emits the integer tile without VNNI. Its multiplication of bytes
// saturates, so bytes are made words first: the values of a beforehand, those
// of b when they are loaded. One register holds the sums of four columns, two
// for each, which are added at the end.
func int8AVX2(rows, quads int) {
	name := fmt.Sprintf("int8Tile%dx%dAVX2", rows, 4*quads)
	TEXT(name, NOSPLIT, "func(dst *int32, dstStride int, a *int16, aStride int, b *int8, k int, strips int)")
	Pragma("noescape")
	Doc(int8Doc(name, rows, 4*quads, "16-bit", "")...)
	dst, dstStride, strip, aStride := int8Pointers(2)
	sums := make([][]reg.VecVirtual, rows)
	for i := range sums {
		sums[i] = avx2.registers(quads)
	}
	Label("strip")
	a := int8Rows(strip, aStride, rows)
	b, k := Load(Param("b"), GP64()), Load(Param("k"), GP64())
	for _, row := range sums {
		for _, sum := range row {
			VPXOR(sum, sum, sum)
		}
	}
	Label("loop")
	values := avx2.registers(quads)
	for q, v := range values {
		VPMOVSXBW(Mem{Base: b, Disp: 16 * q}, v)
	}
	for i, row := range sums {
		x := YMM()
		VPBROADCASTQ(int8Value(a, aStride, i), x)
		for q, sum := range row {
			product := x
			if q+1 < len(row) {
				product = YMM()
			}
			VPMADDWD(values[q], x, product)
			VPADDD(product, sum, sum)
		}
	}
	ADDQ(U8(int8Row), b)
	for _, p := range a {
		ADDQ(U8(8), p)
	}
	DECQ(k)
	JNZ(LabelRef("loop"))

	row := GP64()
	MOVQ(dst, row)
	for _, sum := range sums {
		for q := 0; q < quads; q += 2 {
			VPHADDD(sum[q+1], sum[q], sum[q])
			VPERMQ(U8(0b11011000), sum[q], sum[q])
			VMOVDQU(sum[q], Mem{Base: row, Disp: 16 * q})
		}
		ADDQ(dstStride, row)
	}
	int8NextStrip(row, dst, strip, aStride, rows)
}

// int8VNNI emits the integer tile with VNNI, which multiplies unsigned bytes
// of a with signed ones of b and adds four products to each sum.
func int8VNNI(rows, panels int) {
	name := fmt.Sprintf("int8Tile%dx%dAVX512", rows, panelWidth*panels)
	TEXT(name, NOSPLIT, "func(dst *int32, dstStride int, a *uint8, aStride int, b *int8, panelStride int, k int, strips int)")
	Pragma("noescape")
	Doc(int8Doc(name, rows, panelWidth*panels, "unsigned 8-bit", " VNNI is needed.")...)
	dst, dstStride, strip, aStride := int8Pointers(1)
	panel, panel3 := GP64(), GP64()
	Load(Param("panelStride"), panel)
	LEAQ(Mem{Base: panel, Index: panel, Scale: 2}, panel3)
	sums := make([][]reg.VecVirtual, rows)
	for i := range sums {
		sums[i] = avx512.registers(panels)
	}
	Label("strip")
	a := int8Rows(strip, aStride, rows)
	b, k := Load(Param("b"), GP64()), Load(Param("k"), GP64())
	for _, row := range sums {
		for _, sum := range row {
			VPXORD(sum, sum, sum)
		}
	}
	Label("loop")
	values := avx512.registers(panels)
	for j, v := range values {
		m := Mem{Base: b}
		switch j {
		case 1, 2:
			m.Index, m.Scale = panel, uint8(j)
		case 3:
			m.Index, m.Scale = panel3, 1
		}
		VMOVDQU32(m, v)
	}
	for i, row := range sums {
		x := ZMM()
		VPBROADCASTD(int8Value(a, aStride, i), x)
		for j, sum := range row {
			VPDPBUSD(values[j], x, sum)
		}
	}
	ADDQ(U8(int8Row), b)
	for _, p := range a {
		ADDQ(U8(4), p)
	}
	DECQ(k)
	JNZ(LabelRef("loop"))

	row := GP64()
	MOVQ(dst, row)
	for _, sum := range sums {
		for j, v := range sum {
			VMOVDQU32(v, Mem{Base: row, Disp: 64 * j})
		}
		ADDQ(dstStride, row)
	}
	int8NextStrip(row, dst, strip, aStride, rows)
}

func int8Doc(name string, rows, columns int, element, more string) []string {
	return []string{
		fmt.Sprintf("%s computes %d columns of strips of %d rows of an integer product; a", name, columns, rows),
		fmt.Sprintf("has %s elements. Strides are in elements.%s", element, more),
		"",
		fmt.Sprintf("\tfor i := range %d * strips {", rows),
		fmt.Sprintf("\t\tfor j := range %d {", columns),
		"\t\t\tvar sum int32",
		"\t\t\tfor p := range 4 * k {",
		"\t\t\t\tsum += int32(a[i*aStride+p]) * int32(b[j/16*panelStride+(p/4*16+j%16)*4+p%4])",
		"\t\t\t}",
		"\t\t\tdst[i*dstStride+j] = sum",
		"\t\t}",
		"\t}",
	}
}

// int8Pointers loads dst and a with their strides in bytes.
func int8Pointers(aBytes int) (dst, dstStride, strip, aStride reg.Register) {
	dst, dstStride = Load(Param("dst"), GP64()), Load(Param("dstStride"), GP64())
	strip, aStride = Load(Param("a"), GP64()), Load(Param("aStride"), GP64())
	SHLQ(U8(2), dstStride)
	if aBytes == 2 {
		SHLQ(U8(1), aStride)
	}
	return dst, dstStride, strip, aStride
}

// int8Rows returns pointers to rows 0, 3, ... of a strip.
func int8Rows(strip, stride reg.Register, rows int) []reg.Register {
	pointers := []reg.Register{GP64()}
	MOVQ(strip, pointers[0])
	for i := 3; i < rows; i += 3 {
		next := GP64()
		LEAQ(Mem{Base: pointers[len(pointers)-1], Index: stride, Scale: 2}, next)
		ADDQ(stride, next)
		pointers = append(pointers, next)
	}
	return pointers
}

func int8Value(a []reg.Register, stride reg.Register, i int) Mem {
	m := Mem{Base: a[i/3]}
	if i%3 > 0 {
		m.Index, m.Scale = stride, uint8(i%3)
	}
	return m
}

// int8NextStrip goes on with the rows below, or returns.
func int8NextStrip(row, dst, strip, aStride reg.Register, rows int) {
	MOVQ(row, dst)
	for range rows {
		ADDQ(aStride, strip)
	}
	DECQ(argument("strips"))
	JNZ(LabelRef("strip"))
	VZEROUPPER()
	RET()
}

// argument is the memory of an argument, which counts down where it is.
func argument(name string) Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}
