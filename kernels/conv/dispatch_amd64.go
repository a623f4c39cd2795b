//go:build !noasm

package conv

import "github.com/kcompress/kcompress/kernels/cpu"

func weightedSum(dst, src []float32, offsets []int, weights []float32, bias float32) {
	switch level := cpu.Current(); {
	case level < cpu.AVX2 || len(offsets) == 0:
		weightedSumGeneric(dst, src, offsets, weights, bias)
	case level == cpu.AVX512:
		weightedSumAVX512(&dst[0], &src[0], &offsets[0], &weights[0], len(offsets), len(dst), bias)
	default:
		weightedSumAVX2(&dst[0], &src[0], &offsets[0], &weights[0], len(offsets), len(dst), bias)
	}
}
