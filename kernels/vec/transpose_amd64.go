//go:build !noasm

package vec

import "github.com/kcompress/kcompress/kernels/cpu"

func transpose(dst []uint32, dstStride int, src []uint32, srcStride, rows, columns int) {
	if cpu.Current() < cpu.AVX2 {
		transposeGeneric(dst, dstStride, src, srcStride, rows, columns)
		return
	}
	// A band of rows is read half a cache line at a time: it must stay in the
	// first cache until the other half is read.
	const band = 128
	evenRows, evenColumns := rows&^7, columns&^7
	for i := 0; i < evenRows && evenColumns > 0; i += band {
		transpose8x8AVX2(&dst[i], dstStride, &src[i*srcStride], srcStride, min(band, evenRows-i), evenColumns)
	}
	if evenColumns < columns {
		transposeGeneric(dst[evenColumns*dstStride:], dstStride, src[evenColumns:], srcStride, rows, columns-evenColumns)
	}
	if evenRows < rows && evenColumns > 0 {
		transposeGeneric(dst[evenRows:], dstStride, src[evenRows*srcStride:], srcStride, rows-evenRows, evenColumns)
	}
}
