//go:build !noasm

package gemm

import "github.com/kcompress/kcompress/kernels/cpu"

// hasHalfTiles tells if there are tiles for float16 at the level in use. AVX-512
// uses those of AVX2: they wait for memory.
func hasHalfTiles() bool { return cpu.Current() >= cpu.AVX2 }

// halfPanels is how many of the panels that remain a tile takes.
func halfPanels(rows, remain int) int { return tilePanels(cpu.AVX2, rows, remain) }

// halfTile computes count panels of up to fewRows rows of dst from panels of
// float16, k rows each.
func halfTile(dst []float32, dstStride int, a []float32, aStride int, b []uint16, rows, count, k int) {
	_, _, _ = dst[(rows-1)*dstStride+count*panelWidth-1], a[(rows-1)*aStride+k-1], b[count*panelWidth*k-1]
	d, x, y, panel := &dst[0], &a[0], &b[0], panelWidth*k
	switch rows<<4 | count {
	case 0x11:
		halfTile1x1AVX2(d, dstStride, x, aStride, y, panelWidth, panel, k, 1, 0)
	case 0x12:
		halfTile1x2AVX2(d, dstStride, x, aStride, y, panelWidth, panel, k, 1, 0)
	case 0x13:
		halfTile1x3AVX2(d, dstStride, x, aStride, y, panelWidth, panel, k, 1, 0)
	case 0x14:
		halfTile1x4AVX2(d, dstStride, x, aStride, y, panelWidth, panel, k, 1, 0)
	case 0x21:
		halfTile2x1AVX2(d, dstStride, x, aStride, y, panelWidth, panel, k, 1, 0)
	case 0x22:
		halfTile2x2AVX2(d, dstStride, x, aStride, y, panelWidth, panel, k, 1, 0)
	case 0x31:
		halfTile3x1AVX2(d, dstStride, x, aStride, y, panelWidth, panel, k, 1, 0)
	case 0x32:
		halfTile3x2AVX2(d, dstStride, x, aStride, y, panelWidth, panel, k, 1, 0)
	case 0x41:
		halfTile4x1AVX2(d, dstStride, x, aStride, y, panelWidth, panel, k, 1, 0)
	case 0x51:
		halfTile5x1AVX2(d, dstStride, x, aStride, y, panelWidth, panel, k, 1, 0)
	case 0x61:
		halfTile6x1AVX2(d, dstStride, x, aStride, y, panelWidth, panel, k, 1, 0)
	default:
		panic("gemm: no tile for float16 of this shape")
	}
}
