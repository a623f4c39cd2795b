//go:build !amd64 || noasm

package gemm

func addBias(dst []float32, dstStride, rows, columns int, bias []float32, relu bool) {
	addBiasGeneric(dst, dstStride, rows, columns, bias, relu)
}
