package gemm

import (
	"sync"

	"github.com/kcompress/kcompress/kernels/vec"
)

// Options of [Multiply]. The zero value is a plain product of matrices without
// gaps.
type Options struct {
	TransposeA bool // a is [k, m]
	TransposeB bool // b is [n, k]

	// Distances between rows as stored, in elements; 0 means no gaps.
	DstStride, AStride, BStride int

	// Alpha is a factor on the elements of a, which are rounded after it; 0
	// means 1.
	Alpha float32

	// Accumulate adds to dst: the chain of each element starts with it.
	Accumulate bool
}

// Multiply computes dst = alpha a b, or adds it to dst, for a [m, k] and
// b [k, n] (as seen after transposition). dst must not overlap a or b.
func Multiply(dst, a, b []float32, m, n, k int, o Options) {
	if m <= 0 || n <= 0 {
		return
	}
	o.setStrides(m, n, k)
	checkMatrix("dst", len(dst), o.DstStride, m, n)
	checkOperand("a", a, o.AStride, m, k, o.TransposeA)
	checkOperand("b", b, o.BStride, k, n, o.TransposeB)
	if k <= 0 {
		if !o.Accumulate {
			clearRows(dst, o.DstStride, m, n)
		}
		return
	}
	s := scratchPool.Get().(*scratch)
	defer scratchPool.Put(s)
	x := product{dst: dst, a: a, b: b, m: m, n: n, k: k, Options: o, scratch: s}
	x.run()
}

func (o *Options) setStrides(m, n, k int) {
	if o.DstStride == 0 {
		o.DstStride = n
	}
	if o.AStride == 0 {
		o.AStride = k
		if o.TransposeA {
			o.AStride = m
		}
	}
	if o.BStride == 0 {
		o.BStride = n
		if o.TransposeB {
			o.BStride = k
		}
	}
	if o.Alpha == 0 {
		o.Alpha = 1
	}
}

func checkOperand(name string, x []float32, stride, rows, columns int, transposed bool) {
	if transposed {
		rows, columns = columns, rows
	}
	checkMatrix(name, len(x), stride, rows, columns)
}

// scratch holds packed blocks of the operands. Its size is bounded by the
// block sizes.
type scratch struct {
	a, b  []float32
	words []int16
	bytes []uint8
	zeros []int32
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// grow returns a slice of n elements, in the memory of *s if that is enough.
func grow[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	return (*s)[:n]
}

// product is one call of Multiply.
type product struct {
	dst, a, b []float32
	m, n, k   int
	Options
	scratch *scratch
}

const (
	// packedColumns is how many columns of b are packed at a time.
	packedColumns = 512
	// With fewer rows than this, b is used too seldom to be worth a copy.
	rowsWorthPacking = 12
)

func (x *product) run() {
	step := min(x.k, blockDepth)
	if x.bInPlace() {
		step = depth(x.m, x.k)
	}
	for j := 0; j < x.n; j += packedColumns {
		columns := min(packedColumns, x.n-j)
		for k := 0; k < x.k; k += step {
			x.multiplyColumns(j, columns, k, min(step, x.k-k))
		}
	}
}

// bInPlace tells if the tiles may read b as it is, but for a partial panel.
func (x *product) bInPlace() bool { return !x.TransposeB && x.m < rowsWorthPacking }

// multiplyColumns goes on with the sums of some columns from k for depth steps.
func (x *product) multiplyColumns(j, columns, k, depth int) {
	if !x.bInPlace() {
		b := grow(&x.scratch.b, divideUp(columns, panelWidth)*panelWidth*depth)
		packPanels(b, x.partOfB(k, j), x.BStride, depth, columns, x.TransposeB)
		x.multiplyPanels(j, columns, k, depth, panels{b, panelWidth, panelWidth * depth})
		return
	}
	whole, rest := columns&^(panelWidth-1), columns%panelWidth
	if whole > 0 {
		x.multiplyPanels(j, whole, k, depth, panels{x.partOfB(k, j), x.BStride, panelWidth})
	}
	switch {
	case rest == 0:
	case x.n >= panelWidth:
		x.multiplyLastColumns(rest, k, depth)
	default:
		b := grow(&x.scratch.b, panelWidth*depth)
		packPanels(b, x.partOfB(k, j), x.BStride, depth, rest, false)
		x.multiplyPanels(j, rest, k, depth, panels{b, panelWidth, panelWidth * depth})
	}
}

// multiplyLastColumns does the columns beside the last whole panel, with the
// panel that ends at the last column.
func (x *product) multiplyLastColumns(rest, k, depth int) {
	b := panels{x.partOfB(k, x.n-panelWidth), x.BStride, panelWidth}
	a, stride := x.partOfA(0, x.m, k, depth)
	multiplyPartialPanel(x.dst[x.n-rest:], x.DstStride, a, stride, b, x.m, panelWidth-rest, panelWidth, depth, x.Accumulate || k > 0)
}

// partOfB returns b from row k and column j.
func (x *product) partOfB(k, j int) []float32 {
	if x.TransposeB {
		k, j = j, k
	}
	return x.b[k*x.BStride+j:]
}

// multiplyPanels does a part of the columns for all rows.
func (x *product) multiplyPanels(j, columns, k, depth int, b panels) {
	for i := 0; i < x.m; i += rowBlock {
		rows := min(rowBlock, x.m-i)
		a, stride := x.partOfA(i, rows, k, depth)
		multiplyBlock(x.dst[i*x.DstStride+j:], x.DstStride, a, stride, b, rows, columns, depth, x.Accumulate || k > 0)
	}
}

// partOfA returns alpha times rows of a from i, columns from k, and their
// stride: in place where nothing is to be done.
func (x *product) partOfA(i, rows, k, depth int) ([]float32, int) {
	if !x.TransposeA && x.Alpha == 1 {
		return x.a[i*x.AStride+k:], x.AStride
	}
	block := grow(&x.scratch.a, rows*depth)
	if x.TransposeA {
		vec.TransposeStrided(block, depth, x.a[k*x.AStride+i:], x.AStride, depth, rows)
		if x.Alpha != 1 {
			vec.Scale(block, block, x.Alpha)
		}
		return block, depth
	}
	for r := range rows {
		vec.Scale(block[r*depth:][:depth], x.a[(i+r)*x.AStride+k:][:depth], x.Alpha)
	}
	return block, depth
}
