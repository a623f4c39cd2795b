//go:build !noasm

package gemm

import "github.com/kcompress/kcompress/kernels/cpu"

func addBias(dst []float32, dstStride, rows, columns int, bias []float32, relu bool) {
	switch {
	case cpu.Current() < cpu.AVX2:
		addBiasGeneric(dst, dstStride, rows, columns, bias, relu)
	case relu:
		addBiasReluAVX2(&dst[0], dstStride, rows, columns, &bias[0])
	default:
		addBiasAVX2(&dst[0], dstStride, rows, columns, &bias[0])
	}
}
