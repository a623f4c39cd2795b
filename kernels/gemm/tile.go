package gemm

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
	maxTileRows = 6
	// rowBlock rows of a, k at most blockDepth, stay in the second cache
	// while all panels pass; a panel stays in the first while all rows pass.
	rowBlock   = 192
	blockDepth = 320
	// columnBlock columns are finished (bias, activation) while still in the
	// second cache.
	columnBlock = 128
)

// depth returns the steps of k for one pass: even parts of at most blockDepth,
// or all of k for the few rows that make no use of the first cache.
func depth(m, k int) int {
	if m <= maxTileRows || k <= blockDepth {
		return k
	}
	parts := divideUp(k, blockDepth)
	return (divideUp(k, parts) + 3) &^ 3
}

// panelsPerTile returns how many panels a tile of the given rows takes, so
// that enough sums are in flight.
func panelsPerTile(rows int) int {
	switch {
	case rows == 1:
		return 4
	case rows <= 3:
		return 2
	}
	return 1
}

// multiplyBlock computes rows x columns of dst for k steps. With accumulate it
// goes on with the chains that dst holds.
func multiplyBlock(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, columns, k int, accumulate bool) {
	wide := 1
	if rows <= maxTileRows {
		wide = panelsPerTile(rows)
	}
	whole, rest := columns/panelWidth, columns%panelWidth
	for j := 0; j < whole; j += wide {
		count := min(wide, whole-j)
		forStrips(rows, func(i, n int) {
			tile(dst[i*dstStride+j*panelWidth:], dstStride, a[i*aStride:], aStride, b.from(0, j), n, count, k, accumulate)
		})
	}
	if rest == 0 {
		return
	}
	forStrips(rows, func(i, n int) {
		partialTile(dst[i*dstStride+whole*panelWidth:], dstStride, a[i*aStride:], aStride, b.from(0, whole), n, rest, k, accumulate)
	})
}

// forStrips calls do with the first row and the size of strips of at most
// maxTileRows that are as even as can be.
func forStrips(rows int, do func(i, n int)) {
	strips := divideUp(rows, maxTileRows)
	for s, i := 0, 0; s < strips; s++ {
		n := rows / strips
		if s < rows%strips {
			n++
		}
		do(i, n)
		i += n
	}
}

// partialTile computes a tile with fewer columns than a panel: a whole tile
// beside dst, of which it copies the columns wanted.
func partialTile(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, columns, k int, accumulate bool) {
	var whole [maxTileRows * panelWidth]float32
	if accumulate {
		for i := range rows {
			copy(whole[i*panelWidth:], dst[i*dstStride:][:columns])
		}
	}
	tile(whole[:], panelWidth, a, aStride, b, rows, 1, k, accumulate)
	for i := range rows {
		copy(dst[i*dstStride:][:columns], whole[i*panelWidth:])
	}
}
