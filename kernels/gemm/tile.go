package gemm

import "github.com/kcompress/kcompress/kernels/cpu"

// panels is the right-hand side of a product as the tiles read it: the value
// for row p and column j is data[j/16*panelStride + p*rowStride + j%16]. The
// last panel is readable to its full width.
type panels struct {
	data                   []float32
	rowStride, panelStride int
}

// from returns the panels that start at row p and panel j.
func (b panels) from(p, j int) panels {
	b.data = b.data[p*b.rowStride+j*b.panelStride:]
	return b
}

const (
	// maxTileRows is the largest height of a tile at any level.
	maxTileRows = 12
	// rowBlock rows of a, k at most blockDepth, stay in the second cache
	// while all panels pass; a panel stays in the first while all rows pass.
	rowBlock   = 192
	blockDepth = 320
	// columnBlock columns are finished (bias, activation) while still in the
	// second cache.
	columnBlock = 128
)

// tileRows returns the height of the tiles of a level, for which there are
// registers.
func tileRows(level cpu.Level) int {
	if level == cpu.AVX512 {
		return 12
	}
	return 6
}

// tilePanels returns how many of the panels that remain a tile of the given
// rows takes, so that enough sums are in flight.
func tilePanels(level cpu.Level, rows, remain int) int {
	switch {
	case rows == 1:
		return min(4, remain)
	case level == cpu.AVX512 && rows <= 3 && remain >= 4:
		return 4
	case level == cpu.AVX512 || rows <= 3:
		return min(2, remain)
	}
	return 1
}

// depth returns the steps of k for one pass: even parts of at most blockDepth,
// or all of k for the few rows that make no use of the first cache.
func depth(m, k int) int {
	if m <= tileRows(cpu.Current()) || k <= blockDepth {
		return k
	}
	parts := divideUp(k, blockDepth)
	return (divideUp(k, parts) + 3) &^ 3
}

// multiplyBlock computes rows x columns of dst for k steps. With accumulate it
// goes on with the chains that dst holds.
func multiplyBlock(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, columns, k int, accumulate bool) {
	level := cpu.Current()
	height := min(rows, tileRows(level))
	whole, rest := columns/panelWidth, columns%panelWidth
	for j := 0; j < whole; {
		count := tilePanels(level, height, whole-j)
		multiplyPanels(dst[j*panelWidth:], dstStride, a, aStride, b.from(0, j), rows, count, k, accumulate)
		j += count
	}
	if rest > 0 {
		multiplyPartialPanel(dst[whole*panelWidth:], dstStride, a, aStride, b.from(0, whole), rows, 0, rest, k, accumulate)
	}
}

// multiplyPanels computes all rows of a few whole panels, in strips that are as
// even as can be: first the larger ones, then those with a row less.
func multiplyPanels(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, count, k int, accumulate bool) {
	strips := divideUp(rows, tileRows(cpu.Current()))
	height, larger := rows/strips, rows%strips
	if larger > 0 {
		tile(dst, dstStride, a, aStride, b, height+1, count, k, larger, accumulate)
		done := larger * (height + 1)
		dst, a = dst[done*dstStride:], a[done*aStride:]
	}
	tile(dst, dstStride, a, aStride, b, height, count, k, strips-larger, accumulate)
}

// multiplyPartialPanel computes columns from..to of one panel, of which dst
// holds no others: whole tiles beside dst, from which it copies.
func multiplyPartialPanel(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, from, to, k int, accumulate bool) {
	var whole [maxTileRows * panelWidth]float32
	height := tileRows(cpu.Current())
	for i := 0; i < rows; i += height {
		n := min(height, rows-i)
		if accumulate {
			for r := range n {
				copy(whole[r*panelWidth+from:r*panelWidth+to], dst[(i+r)*dstStride:])
			}
		}
		tile(whole[:], panelWidth, a[i*aStride:], aStride, b, n, 1, k, 1, accumulate)
		for r := range n {
			copy(dst[(i+r)*dstStride:], whole[r*panelWidth+from:r*panelWidth+to])
		}
	}
}
