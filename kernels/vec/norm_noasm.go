//go:build !amd64 || noasm

package vec

func expShifted(dst, a []float32, shift float32)       { expShiftedGeneric(dst, a, shift) }
func normalize(dst, a []float32, mean, factor float32) { normalizeGeneric(dst, a, mean, factor) }
func normalizeGamma(dst, a, gamma []float32, mean, factor float32) {
	normalizeGammaGeneric(dst, a, gamma, mean, factor)
}
func normalizeGammaBeta(dst, a, gamma, beta []float32, mean, factor float32) {
	normalizeGammaBetaGeneric(dst, a, gamma, beta, mean, factor)
}
