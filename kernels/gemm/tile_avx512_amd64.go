//go:build !noasm

package gemm

// tileAVX512 calls the kernel for a shape. Every shape that tilePanels can ask
// for has one.
func tileAVX512(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, count, k, strips int, accumulate bool) {
	more := 0
	if accumulate {
		more = 1
	}
	d, x, y, row, panel := &dst[0], &a[0], &b.data[0], b.rowStride, b.panelStride
	switch rows<<4 | count {
	case 0x11:
		tile1x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x12:
		tile1x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x13:
		tile1x3AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x14:
		tile1x4AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x21:
		tile2x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x22:
		tile2x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x24:
		tile2x4AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x31:
		tile3x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x32:
		tile3x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x34:
		tile3x4AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x41:
		tile4x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x42:
		tile4x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x51:
		tile5x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x52:
		tile5x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x61:
		tile6x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x62:
		tile6x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x71:
		tile7x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x72:
		tile7x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x81:
		tile8x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x82:
		tile8x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x91:
		tile9x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0x92:
		tile9x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0xa1:
		tile10x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0xa2:
		tile10x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0xb1:
		tile11x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0xb2:
		tile11x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0xc1:
		tile12x1AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	case 0xc2:
		tile12x2AVX512(d, dstStride, x, aStride, y, row, panel, k, strips, more)
	default:
		panic("gemm: no AVX512 kernel for this shape")
	}
}
