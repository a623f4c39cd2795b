//go:build !noasm

package gemm

import "github.com/kcompress/kcompress/kernels/cpu"

// tile1NEON computes one panel of strips of one row; the others do as many rows
// as their names say. Strides are in elements:
//
//	for i := range rows * strips { for j := range 16 {
//		var sum float32
//		if accumulate != 0 { sum = dst[i*dstStride+j] }
//		for p := range k { sum = fma(a[i*aStride+p], b[p*bStride+j], sum) }
//		dst[i*dstStride+j] = sum
//	} }
//
//go:noescape
func tile1NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)

//go:noescape
func tile2NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)

//go:noescape
func tile3NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)

//go:noescape
func tile4NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)

//go:noescape
func tile5NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)

//go:noescape
func tile6NEON(dst *float32, dstStride int, a *float32, aStride int, b *float32, bStride int, k int, strips int, accumulate int)

// tile computes count panels of strips of some rows of dst, with rows at most
// tileRows and count from tilePanels.
func tile(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, count, k, strips int, accumulate bool) {
	if cpu.Current() != cpu.NEON || k == 0 {
		tileGeneric(dst, dstStride, a, aStride, b, rows, count, k, strips, accumulate)
		return
	}
	more := 0
	if accumulate {
		more = 1
	}
	for j := range count {
		d, y := &dst[j*panelWidth], &b.data[j*b.panelStride]
		switch rows {
		case 1:
			tile1NEON(d, dstStride, &a[0], aStride, y, b.rowStride, k, strips, more)
		case 2:
			tile2NEON(d, dstStride, &a[0], aStride, y, b.rowStride, k, strips, more)
		case 3:
			tile3NEON(d, dstStride, &a[0], aStride, y, b.rowStride, k, strips, more)
		case 4:
			tile4NEON(d, dstStride, &a[0], aStride, y, b.rowStride, k, strips, more)
		case 5:
			tile5NEON(d, dstStride, &a[0], aStride, y, b.rowStride, k, strips, more)
		default:
			tile6NEON(d, dstStride, &a[0], aStride, y, b.rowStride, k, strips, more)
		}
	}
}
