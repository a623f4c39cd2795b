package gemm

import "fmt"

// Multiply computes, for m rows of a, [m, K], the given columns of the product
// with the weight and finishes them:
//
//	for i := range m {
//		for j := columnFrom; j < columnTo; j++ {
//			dst[i*dstStride+j] = e.apply(j, sum over p of a[i*aStride+p]*w[p,j])
//		}
//	}
//
// columnFrom is a multiple of 16, columnTo too or N, so that threads may share
// the columns; they may as well share the rows. Columns outside of the range
// are left alone. dst must not overlap a.
func (p *Packed) Multiply(dst []float32, dstStride int, a []float32, aStride, m, columnFrom, columnTo int, e Epilogue) {
	checkPanels(columnFrom, columnTo, p.n)
	if m <= 0 || columnFrom == columnTo {
		return
	}
	checkMatrix("dst", len(dst), dstStride, m, columnTo)
	checkMatrix("a", len(a), aStride, m, p.k)
	e.check(p.n)
	for i := 0; i < m; i += rowBlock {
		p.multiplyRows(dst[i*dstStride:], dstStride, a[i*aStride:], aStride, min(rowBlock, m-i), columnFrom, columnTo, e)
	}
}

// checkPanels panics unless a range of n columns is one of whole panels.
func checkPanels(from, to, n int) {
	if from < 0 || from > to || to > n || from%panelWidth != 0 || to%panelWidth != 0 && to != n {
		panic(fmt.Sprintf("gemm: columns %d to %d of %d are not whole panels", from, to, n))
	}
}

// multiplyRows is Multiply for rows that fit in the second cache.
func (p *Packed) multiplyRows(dst []float32, dstStride int, a []float32, aStride, rows, columnFrom, columnTo int, e Epilogue) {
	if p.k == 0 {
		clearRows(dst[columnFrom:], dstStride, rows, columnTo-columnFrom)
		e.finish(dst, dstStride, rows, columnFrom, columnTo)
		return
	}
	if p.halves != nil {
		p.multiplyHalves(dst, dstStride, a, aStride, rows, columnFrom, columnTo, e)
		return
	}
	step := depth(rows, p.k)
	for k := 0; k < p.k; k += step {
		depth := min(step, p.k-k)
		for j := columnFrom; j < columnTo; j += columnBlock {
			end := min(j+columnBlock, columnTo)
			multiplyBlock(dst[j:], dstStride, a[k:], aStride, p.panels(j).from(k, 0), rows, end-j, depth, k > 0)
			if k+depth == p.k {
				e.finish(dst, dstStride, rows, j, end)
			}
		}
	}
}

// clearRows sets rows x columns of dst to zero.
func clearRows[T any](dst []T, stride, rows, columns int) {
	for i := range rows {
		clear(dst[i*stride:][:columns])
	}
}
