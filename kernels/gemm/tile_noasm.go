//go:build (!amd64 && !arm64) || noasm

package gemm

func tile(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, count, k, strips int, accumulate bool) {
	tileGeneric(dst, dstStride, a, aStride, b, rows, count, k, strips, accumulate)
}
