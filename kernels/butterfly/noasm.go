//go:build !amd64 || noasm

package butterfly

func multiply(dst, src, values []float32, p Pattern, width int, transposed bool) {
	multiplyGeneric(dst, src, values, p, width, transposed)
}

func accumulate(gradient, dDst, src []float32, p Pattern, width int) {
	accumulateGeneric(gradient, dDst, src, p, width)
}

func residual(dst, y, target []float32) float32 {
	return residualGeneric(dst, y, target)
}

func transposeIn(tile []float32, width int, src []float32, features, count int) {
	transposeInGeneric(tile, width, src, features, count)
}

func transposeOut(dst []float32, features, count int, tile []float32, width int, e Epilogue) {
	transposeOutGeneric(dst, features, count, tile, width, e)
}

func (e Epilogue) apply(y []float32) { e.applyGeneric(y, 0) }

// hasSingle says that multiplySingle exists.
const hasSingle = false

func (f *preparedFactor) multiplySingle(dst, src, _ []float32) {
	multiply(dst, src, f.Values, f.Pattern, 1, false)
}
