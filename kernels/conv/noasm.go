//go:build !amd64 || noasm

package conv

func weightedSum(dst, src []float32, offsets []int, weights []float32, bias float32) {
	weightedSumGeneric(dst, src, offsets, weights, bias)
}
