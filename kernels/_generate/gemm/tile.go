package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// unroll is how many steps of k one turn of the main loop takes.
const unroll = 4

// tileRegisters are the operands of a tile kernel.
type tileRegisters struct {
	dst, dstStride reg.Register
	strip          reg.Register   // first row of a of this strip
	a              []reg.Register // a[i] points to row 3i
	aStride        reg.Register
	b              reg.Register
	bStride        reg.Register
	panelStride    reg.Register // nil for one panel
	panelStride3   reg.Register // nil below four panels
	half           bool         // b is float16
	sums           [][]reg.VecVirtual
}

// tile emits the kernel for one register tile, which it moves down over any
// number of strips of rows.
func tile(w width, s shape) { writeTile(w, s, "tile", "float32") }

// halfTile emits the same for b of float16.
func halfTile(w width, s shape) { writeTile(w, s, "halfTile", "uint16") }

func writeTile(w width, s shape, kind, element string) {
	name := fmt.Sprintf("%s%dx%d%s", kind, s.rows, s.panels, w.name)
	TEXT(name, NOSPLIT,
		"func(dst *float32, dstStride int, a *float32, aStride int, b *"+element+", bStride int, panelStride int, k int, strips int, accumulate int)")
	Pragma("noescape")
	Doc(tileDoc(name, s, element)...)

	t := loadTile(w, s, element == "uint16")
	strips := Load(Param("strips"), GP64())
	Label("strip")
	startStrip(t)
	startSums(w, t)

	k, turns := Load(Param("k"), GP64()), GP64()
	MOVQ(k, turns)
	SHRQ(U8(2), turns)
	JZ(LabelRef("rest"))
	Label("loop")
	for u := range unroll {
		step(w, t, 4*u)
	}
	advance(t, 4*unroll)
	DECQ(turns)
	JNZ(LabelRef("loop"))

	Label("rest")
	ANDQ(U8(unroll-1), k)
	JZ(LabelRef("store"))
	Label("restLoop")
	step(w, t, 0)
	advance(t, 4)
	DECQ(k)
	JNZ(LabelRef("restLoop"))

	Label("store")
	next := forEachSum(w, t, func(sum reg.VecVirtual, m Mem) { VMOVUPS(sum, m) })
	ADDQ(t.dstStride, next)
	MOVQ(next, t.dst)
	for range s.rows {
		ADDQ(t.aStride, t.strip)
	}
	DECQ(strips)
	JNZ(LabelRef("strip"))
	VZEROUPPER()
	RET()
}

func tileDoc(name string, s shape, element string) []string {
	b := "b[j/%d*panelStride+p*bStride+j%%%d]"
	if element == "uint16" {
		b = "float32(b[j/%d*panelStride+p*bStride+j%%%d])"
	}
	return []string{
		fmt.Sprintf("%s computes %d panels of strips of %d rows. Strides are in elements.", name, s.panels, s.rows),
		"",
		fmt.Sprintf("\tfor i := range %d * strips {", s.rows),
		fmt.Sprintf("\t\tfor j := range %d {", s.panels*panelWidth),
		"\t\t\tvar sum float32",
		"\t\t\tif accumulate != 0 {",
		"\t\t\t\tsum = dst[i*dstStride+j]",
		"\t\t\t}",
		"\t\t\tfor p := range k {",
		fmt.Sprintf("\t\t\t\tsum = fma(a[i*aStride+p], "+b+", sum)", panelWidth, panelWidth),
		"\t\t\t}",
		"\t\t\tdst[i*dstStride+j] = sum",
		"\t\t}",
		"\t}",
	}
}

func loadTile(w width, s shape, half bool) *tileRegisters {
	t := &tileRegisters{
		dst:       Load(Param("dst"), GP64()),
		dstStride: Load(Param("dstStride"), GP64()),
		strip:     Load(Param("a"), GP64()),
		aStride:   Load(Param("aStride"), GP64()),
		b:         GP64(),
		bStride:   Load(Param("bStride"), GP64()),
		half:      half,
	}
	shift := U8(2)
	if half {
		shift = U8(1)
	}
	SHLQ(U8(2), t.dstStride)
	SHLQ(U8(2), t.aStride)
	SHLQ(shift, t.bStride)
	if s.panels > 1 {
		t.panelStride = Load(Param("panelStride"), GP64())
		SHLQ(shift, t.panelStride)
	}
	if s.panels > 3 {
		three := GP64()
		LEAQ(Mem{Base: t.panelStride, Index: t.panelStride, Scale: 2}, three)
		t.panelStride3 = three
	}
	for i := range s.rows {
		t.sums = append(t.sums, w.registers(s.panels*w.vectorsPerPanel()))
		if i%3 == 0 {
			t.a = append(t.a, GP64())
		}
	}
	return t
}

// startStrip sets the rows of a and goes back to the start of b.
func startStrip(t *tileRegisters) {
	MOVQ(t.strip, t.a[0])
	for i := 1; i < len(t.a); i++ {
		LEAQ(Mem{Base: t.a[i-1], Index: t.aStride, Scale: 2}, t.a[i])
		ADDQ(t.aStride, t.a[i])
	}
	Load(Param("b"), t.b)
}

// startSums sets the sums to zero or to what dst holds.
func startSums(w width, t *tileRegisters) {
	accumulate := Load(Param("accumulate"), GP64())
	TESTQ(accumulate, accumulate)
	JNZ(LabelRef("load"))
	for _, row := range t.sums {
		for _, sum := range row {
			VXORPS(sum, sum, sum)
		}
	}
	JMP(LabelRef("begin"))
	Label("load")
	forEachSum(w, t, func(sum reg.VecVirtual, m Mem) { VMOVUPS(m, sum) })
	Label("begin")
}

// forEachSum calls visit with every sum and its place in dst, in a walk over
// the rows of dst. It returns the last row.
func forEachSum(w width, t *tileRegisters, visit func(reg.VecVirtual, Mem)) reg.Register {
	row := GP64()
	MOVQ(t.dst, row)
	for i, sums := range t.sums {
		if i > 0 {
			ADDQ(t.dstStride, row)
		}
		for j, sum := range sums {
			visit(sum, Mem{Base: row, Disp: j * w.bytes()})
		}
	}
	return row
}

// step adds the products of one k to all sums; offset is that of the step in
// the rows of a, in bytes. It moves b on by one row. Whichever of a and b has
// fewer values is held in registers, the other goes through one register.
func step(w width, t *tileRegisters, offset int) {
	if rows, vectors := len(t.sums), len(t.sums[0]); rows < vectors {
		stepByColumn(w, t, offset)
	} else {
		stepByRow(w, t, offset)
	}
	ADDQ(t.bStride, t.b)
}

func stepByRow(w width, t *tileRegisters, offset int) {
	b := w.registers(len(t.sums[0]))
	for j := range b {
		t.loadOfB(w, j, b[j])
	}
	for i, sums := range t.sums {
		x := w.new()
		VBROADCASTSS(t.rowOfA(i, offset), x)
		for j, sum := range sums {
			VFMADD231PS(b[j], x, sum)
		}
	}
}

func stepByColumn(w width, t *tileRegisters, offset int) {
	a := w.registers(len(t.sums))
	for i := range a {
		VBROADCASTSS(t.rowOfA(i, offset), a[i])
	}
	for j := range t.sums[0] {
		if len(a) == 1 && !t.half {
			VFMADD231PS(t.vectorOfB(w, j), a[0], t.sums[0][j])
			continue
		}
		b := w.new()
		t.loadOfB(w, j, b)
		for i := range a {
			VFMADD231PS(b, a[i], t.sums[i][j])
		}
	}
}

// advance moves the rows of a on.
func advance(t *tileRegisters, bytes int) {
	for _, a := range t.a {
		ADDQ(U8(bytes), a)
	}
}

func (t *tileRegisters) rowOfA(i, offset int) Mem {
	m := Mem{Base: t.a[i/3], Disp: offset}
	if i%3 > 0 {
		m.Index, m.Scale = t.aStride, uint8(i%3)
	}
	return m
}

// loadOfB loads a vector of the row of b.
func (t *tileRegisters) loadOfB(w width, j int, v reg.VecVirtual) {
	if t.half {
		VCVTPH2PS(t.vectorOfB(w, j), v)
		return
	}
	VMOVUPS(t.vectorOfB(w, j), v)
}

func (t *tileRegisters) vectorOfB(w width, j int) Mem {
	panel, vector := j/w.vectorsPerPanel(), j%w.vectorsPerPanel()
	m := Mem{Base: t.b, Disp: vector * w.bytes()}
	if t.half {
		m.Disp /= 2
	}
	switch panel {
	case 1, 2:
		m.Index, m.Scale = t.panelStride, uint8(panel)
	case 3:
		m.Index, m.Scale = t.panelStride3, 1
	}
	return m
}
