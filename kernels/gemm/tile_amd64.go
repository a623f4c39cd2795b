//go:build !noasm

package gemm

import "github.com/kcompress/kcompress/kernels/cpu"

// tile computes count panels of strips of some rows of dst, with rows at most
// tileRows and count from tilePanels.
func tile(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, count, k, strips int, accumulate bool) {
	switch level := cpu.Current(); {
	case level < cpu.AVX2 || k == 0:
		tileGeneric(dst, dstStride, a, aStride, b, rows, count, k, strips, accumulate)
	case level == cpu.AVX512:
		tileAVX512(dst, dstStride, a, aStride, b, rows, count, k, strips, accumulate)
	default:
		tileAVX2(dst, dstStride, a, aStride, b, rows, count, k, strips, accumulate)
	}
}
