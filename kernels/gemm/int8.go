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
	checkPanels(columnFrom, columnTo, p.n)
	if m <= 0 || columnFrom == columnTo {
		return
	}
	checkMatrix("dst", len(dst), dstStride, m, columnTo)
	checkMatrix("a", len(a), aStride, m, p.k)
	if p.k == 0 {
		for i := range m {
			clear(dst[i*dstStride+columnFrom : i*dstStride+columnTo])
		}
		return
	}
	s := scratchPool.Get().(*scratch)
	defer scratchPool.Put(s)
	block := int8RowBlock(p.k)
	for i := 0; i < m; i += block {
		rows := min(block, m-i)
		p.multiplyBlock(dst[i*dstStride:], dstStride, p.prepareRows(s, a[i*aStride:], aStride, rows), rows, columnFrom, columnTo)
	}
}

// int8RowBlock is how many rows of a, as words, fit in the second cache.
func int8RowBlock(k int) int {
	const words = 1 << 16
	return max(int8Height, words/(k+1)/int8Height*int8Height)
}

// int8Rows are rows of the left side in the form that the tiles of the level
// read: words, or bytes for VNNI, filled up with zeros to whole steps of k.
type int8Rows struct {
	words  []int16
	bytes  []uint8
	stride int
}

// from returns the rows from i on.
func (r int8Rows) from(i int) int8Rows {
	if r.bytes != nil {
		r.bytes = r.bytes[i*r.stride:]
	} else {
		r.words = r.words[i*r.stride:]
	}
	return r
}

// prepareRows copies rows of a.
func (p *PackedInt8) prepareRows(s *scratch, a []uint8, aStride, rows int) int8Rows {
	r := int8Rows{stride: p.steps * int8Steps}
	if int8ReadsBytes() {
		r.bytes = grow(&s.bytes, rows*r.stride)
		for i := range rows {
			row := r.bytes[i*r.stride:][:r.stride]
			clear(row[copy(row, a[i*aStride:][:p.k]):])
		}
		return r
	}
	r.words = grow(&s.words, rows*r.stride)
	for i := range rows {
		row := r.words[i*r.stride:][:r.stride]
		for j, v := range a[i*aStride:][:p.k] {
			row[j] = int16(v)
		}
		clear(row[p.k:])
	}
	return r
}

// multiplyBlock does whole panels in place and a last partial one beside dst.
func (p *PackedInt8) multiplyBlock(dst []int32, dstStride int, a int8Rows, rows, columnFrom, columnTo int) {
	whole := columnTo / panelWidth * panelWidth
	for j := columnFrom; j < whole; {
		panels := int8Panels((whole - j) / panelWidth)
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
	strips := divideUp(rows, int8Height)
	height, larger := rows/strips, rows%strips
	if larger > 0 {
		int8Tile(dst, dstStride, a, b, p.panelSize(), height+1, panels, p.steps, larger)
		done := larger * (height + 1)
		dst, a = dst[done*dstStride:], a.from(done)
	}
	int8Tile(dst, dstStride, a, b, p.panelSize(), height, panels, p.steps, strips-larger)
}
