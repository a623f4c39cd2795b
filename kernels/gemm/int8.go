package gemm

import (
	"fmt"
	"math"
)

// PackedInt8 is a weight of signed bytes [K, N] in the order in which the
// integer tiles read it: panels of 16 columns, with four rows of a column side
// by side. It is read-only after [PackInt8].
type PackedInt8 struct {
	k, n  int
	steps int     // K in fours, rounded up
	data  []int8  // [panels][steps][16][4], filled up with zeros
	sums  []int32 // of each column
}

// int8Steps is how many values of k a step of an integer tile takes.
const int8Steps = 4

// PackInt8 copies the weight w, [k, n], or [n, k] if transposed, row-major
// without gaps. The form is the same at every level.
func PackInt8(w []int8, k, n int, transposed bool) *PackedInt8 {
	if k < 0 || n < 0 || n > 0 && k > math.MaxInt/8/(n+panelWidth) {
		panic(fmt.Sprintf("gemm.PackInt8: size %d x %d", k, n))
	}
	rowStep, columnStep := n, 1
	if transposed {
		rowStep, columnStep = 1, k
	}
	if len(w) < k*n {
		panic(fmt.Sprintf("gemm.PackInt8: %d elements cannot hold %d x %d", len(w), k, n))
	}
	p := &PackedInt8{k: k, n: n, steps: divideUp(k, int8Steps), sums: make([]int32, n)}
	p.data = make([]int8, divideUp(n, panelWidth)*p.panelSize())
	for j := range n {
		panel := p.data[j/panelWidth*p.panelSize():]
		for i := range k {
			v := w[i*rowStep+j*columnStep]
			panel[(i/int8Steps*panelWidth+j%panelWidth)*int8Steps+i%int8Steps] = v
			p.sums[j] += int32(v)
		}
	}
	return p
}

// K returns the length of the input, which is the number of rows of the weight.
func (p *PackedInt8) K() int { return p.k }

// N returns the length of the output, which is the number of columns of the
// weight.
func (p *PackedInt8) N() int { return p.n }

// Sums returns the sum of each column of the weight, not to be changed. A zero
// point z of the left side subtracts z times these from the products.
func (p *PackedInt8) Sums() []int32 { return p.sums }

func (p *PackedInt8) panelSize() int { return p.steps * panelWidth * int8Steps }

// Multiply computes, for m rows of a, [m, K], the given columns of the exact
// integer product with the weight (ONNX MatMulInteger without zero points):
//
//	for i := range m {
//		for j := columnFrom; j < columnTo; j++ {
//			dst[i*dstStride+j] = sum over p of int32(a[i*aStride+p]) * int32(w[p,j])
//		}
//	}
//
// Sums wrap around beyond 32 bits, for which K has to exceed 65,000.
// columnFrom is a multiple of 16, columnTo too or N, so that threads may share
// the columns; they may as well share the rows.
func (p *PackedInt8) Multiply(dst []int32, dstStride int, a []uint8, aStride, m, columnFrom, columnTo int) {
	multiplyInt8(p, dst, dstStride, a, aStride, m, columnFrom, columnTo, prepareBytes)
}

// MultiplyWhole is Multiply for a of whole numbers, as float32: bytes less a
// zero point, say. Those of a row lie, with 0, within a range of 255.
func (p *PackedInt8) MultiplyWhole(dst []int32, dstStride int, a []float32, aStride, m, columnFrom, columnTo int) {
	multiplyInt8(p, dst, dstStride, a, aStride, m, columnFrom, columnTo, prepareWhole)
}

// multiplyInt8 is Multiply for any left side that prepare can bring into the
// form of the tiles.
func multiplyInt8[T any](p *PackedInt8, dst []int32, dstStride int, a []T, aStride, m, columnFrom, columnTo int, prepare func(r int8Rows, a []T, aStride, k int)) {
	checkPanels(columnFrom, columnTo, p.n)
	if m <= 0 || columnFrom == columnTo {
		return
	}
	checkMatrix("dst", len(dst), dstStride, m, columnTo)
	if p.k == 0 {
		clearRows(dst[columnFrom:], dstStride, m, columnTo-columnFrom)
		return
	}
	if aStride < p.k || len(a) < p.k || (len(a)-p.k)/aStride < m-1 {
		panic(fmt.Sprintf("gemm: a: %d elements cannot hold %d x %d with stride %d", len(a), m, p.k, aStride))
	}
	s := scratchPool.Get().(*scratch)
	defer scratchPool.Put(s)
	block := int8RowBlock(m, p.k)
	for i := 0; i < m; i += block {
		rows := min(block, m-i)
		r := s.int8Rows(rows, p.steps*int8Steps)
		prepare(r, a[i*aStride:], aStride, p.k)
		p.multiplyBlock(dst[i*dstStride:], dstStride, r, rows, columnFrom, columnTo)
		for row, zero := range r.zeros {
			subtractSums(dst[(i+row)*dstStride:][columnFrom:columnTo], p.sums[columnFrom:], zero)
		}
	}
}

// subtractSums takes the part of a zero point out of a row of products.
func subtractSums(row, sums []int32, zero int32) {
	if zero == 0 {
		return
	}
	for j := range row {
		row[j] -= zero * sums[j]
	}
}

// int8RowBlock is how many of m rows of a, prepared, fit in the second cache;
// all blocks have about as many.
func int8RowBlock(m, k int) int {
	const numbers, step = 1 << 17, 12
	most := max(step, numbers/(k+1)/step*step)
	return divideUp(divideUp(m, divideUp(m, most)), step) * step
}

// multiplyBlock does whole panels in place and a last partial one beside dst.
func (p *PackedInt8) multiplyBlock(dst []int32, dstStride int, a int8Rows, rows, columnFrom, columnTo int) {
	whole := columnTo / panelWidth * panelWidth
	for j := columnFrom; j < whole; {
		panels := int8Panels(rows, (whole-j)/panelWidth)
		p.multiplyPanels(dst[j:], dstStride, a, rows, j, panels)
		j += panels * panelWidth
	}
	if whole == columnTo {
		return
	}
	var part [int8Height * panelWidth]int32
	for i := 0; i < rows; i += int8Height {
		n := min(int8Height, rows-i)
		p.multiplyPanels(part[:], panelWidth, a.from(i), n, whole, 1)
		for r := range n {
			copy(dst[(i+r)*dstStride+whole:][:columnTo-whole], part[r*panelWidth:])
		}
	}
}

// multiplyPanels computes all rows of some panels, in strips that are as even
// as can be: first the larger ones, then those with a row less.
func (p *PackedInt8) multiplyPanels(dst []int32, dstStride int, a int8Rows, rows, column, panels int) {
	b := p.data[column/panelWidth*p.panelSize():]
	strips := divideUp(rows, int8TileRows())
	height, larger := rows/strips, rows%strips
	if larger > 0 {
		int8Tile(dst, dstStride, a, b, p.panelSize(), height+1, panels, p.steps, larger)
		done := larger * (height + 1)
		dst, a = dst[done*dstStride:], a.from(done)
	}
	int8Tile(dst, dstStride, a, b, p.panelSize(), height, panels, p.steps, strips-larger)
}
