//go:build !noasm

package gemm

import "github.com/kcompress/kcompress/kernels/cpu"

// tile computes count panels of strips of some rows of dst, rows at most
// maxTileRows and count at most panelsPerTile(rows).
func tile(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, count, k, strips int, accumulate bool) {
	if cpu.Current() < cpu.AVX2 || k == 0 {
		tileGeneric(dst, dstStride, a, aStride, b, rows, count, k, strips, accumulate)
		return
	}
	tileAVX2(dst, dstStride, a, aStride, b, rows, count, k, strips, accumulate)
}

func tileAVX2(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, count, k, strips int, accumulate bool) {
	more := 0
	if accumulate {
		more = 1
	}
	d, x, y, row, panel := &dst[0], &a[0], &b.data[0], b.rowStride, b.panelStride
	switch 10*rows + count {
	case 11:
		tile1x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 12:
		tile1x2AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 13:
		tile1x3AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 14:
		tile1x4AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 21:
		tile2x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 22:
		tile2x2AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 31:
		tile3x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 32:
		tile3x2AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 41:
		tile4x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 51:
		tile5x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 61:
		tile6x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	default:
		tileGeneric(dst, dstStride, a, aStride, b, rows, count, k, strips, accumulate)
	}
}

func copyPanel(panel, b []float32, bStride, rows int) {
	if cpu.Current() < cpu.AVX2 {
		copyPanelGeneric(panel, b, bStride, rows)
		return
	}
	copyPanelAVX2(&panel[0], &b[0], bStride, rows)
}
