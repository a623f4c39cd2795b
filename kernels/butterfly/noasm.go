//go:build !amd64 || noasm

package butterfly

func accumulate(gradient, dDst, src []float32, p Pattern, width int) {
	accumulateGeneric(gradient, dDst, src, p, width)
}

func residual(dst, y, target []float32) float32 {
	return residualGeneric(dst, y, target)
}

func transposeIn(tile []float32, width int, src []float32, stride, features, count int) {
	transposeInGeneric(tile, width, src, stride, features, count)
}

func transposeOut(dst []float32, stride, features, count int, tile []float32, width int) {
	transposeOutGeneric(dst, stride, features, count, tile, width)
}

func (e Epilogue) apply(y []float32) { e.applyGeneric(y, 0) }
