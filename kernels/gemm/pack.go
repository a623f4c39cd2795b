package gemm

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
)

// Packed is a weight [K, N] in the order in which the tiles read it: panels of
// 16 columns, each with its rows one after the other, the last filled up with
// zeros. It is read-only after [Pack].
type Packed struct {
	k, n   int
	data   []float32 // [panels][k][16]
	halves []uint16  // the same as float16, instead of data, if that holds all values
}

// Pack copies the weight w, [k, n], or [n, k] if transposed, row-major without
// gaps. If every value is a float16, as where a model stores its weights so, it
// is packed as float16.
func Pack(w []float32, k, n int, transposed bool) *Packed {
	if k < 0 || n < 0 || n > 0 && k > math.MaxInt/4/(n+panelWidth) {
		panic(fmt.Sprintf("gemm.Pack: size %d x %d", k, n))
	}
	rows, columns := k, n
	if transposed {
		rows, columns = n, k
	}
	checkMatrix("w", len(w), columns, rows, columns)
	p := &Packed{k: k, n: n, data: make([]float32, divideUp(n, panelWidth)*panelWidth*k)}
	packPanels(p.data, w, columns, k, n, transposed)
	p.packHalves()
	return p
}

// K returns the length of the input, which is the number of rows of the weight.
func (p *Packed) K() int { return p.k }

// N returns the length of the output, which is the number of columns of the
// weight.
func (p *Packed) N() int { return p.n }

// PanelWidth returns the number of columns that a split must keep together.
func (p *Packed) PanelWidth() int { return panelWidth }

// panels returns the panels from one that holds the given column.
func (p *Packed) panels(column int) panels {
	return panels{p.data[column/panelWidth*panelWidth*p.k:], panelWidth, panelWidth * p.k}
}

// packPanels writes [k, n] of b, or [n, k] if transposed, as panels to dst,
// which has divideUp(n, 16)*16*k elements.
func packPanels(dst, b []float32, bStride, k, n int, transposed bool) {
	if k == 0 {
		return
	}
	if transposed {
		packTransposed(dst, b, bStride, k, n)
		return
	}
	// Some rows at a time: the rows of all panels together lie in more pages
	// than the processor keeps in mind.
	const rows = 32
	for p := 0; p < k; p += rows {
		packRows(dst[p*panelWidth:], panelWidth*k, b[p*bStride:], bStride, min(rows, k-p), n)
	}
}

// packTransposed is packPanels for b [n, k].
func packTransposed(dst, b []float32, bStride, k, n int) {
	for j := 0; j < n; j += panelWidth {
		panel, columns := dst[j*k:][:k*panelWidth], min(panelWidth, n-j)
		if columns < panelWidth {
			clear(panel)
		}
		vec.TransposeStrided(panel, panelWidth, b[j*bStride:], bStride, columns, k)
	}
}

// packRows copies some rows of b to all panels, panelStride apart.
func packRows(dst []float32, panelStride int, b []float32, bStride, rows, n int) {
	for j := 0; j < n; j += panelWidth {
		panel := dst[j/panelWidth*panelStride:]
		if columns := n - j; columns < panelWidth {
			clear(panel[:rows*panelWidth])
			for p := range rows {
				copy(panel[p*panelWidth:][:columns], b[p*bStride+j:])
			}
			return
		}
		copyPanel(panel, b[j:], bStride, rows)
	}
}

// copyPanelGeneric copies 16 columns of rows of b.
func copyPanelGeneric(panel, b []float32, bStride, rows int) {
	for p := range rows {
		copy(panel[p*panelWidth:][:panelWidth], b[p*bStride:])
	}
}
