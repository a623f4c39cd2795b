//go:build !noasm

package gemm

// tileAVX2 calls the kernel for a shape. Every shape that tilePanels can ask
// for has one.
func tileAVX2(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, count, k, strips int, accumulate bool) {
	more := 0
	if accumulate {
		more = 1
	}
	d, x, y, row, panel := &dst[0], &a[0], &b.data[0], b.rowStride, b.panelStride
	switch rows<<4 | count {
	case 0x11:
		tile1x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x12:
		tile1x2AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x13:
		tile1x3AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x14:
		tile1x4AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x21:
		tile2x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x22:
		tile2x2AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x31:
		tile3x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x32:
		tile3x2AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x41:
		tile4x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x51:
		tile5x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x61:
		tile6x1AVX2(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	default:
		panic("gemm: no AVX2 kernel for this shape")
	}
}
