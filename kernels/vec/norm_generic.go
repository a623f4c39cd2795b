package vec

import "math"

func expShiftedGeneric(dst, a []float32, shift float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = float32(math.Exp(float64(a[i] - shift)))
	}
}

func normalizeGeneric(dst, a []float32, mean, factor float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = (a[i] - mean) * factor
	}
}

func normalizeGammaGeneric(dst, a, gamma []float32, mean, factor float32) {
	a, gamma = a[:len(dst)], gamma[:len(dst)]
	for i := range dst {
		dst[i] = (a[i] - mean) * factor * gamma[i]
	}
}

func normalizeGammaBetaGeneric(dst, a, gamma, beta []float32, mean, factor float32) {
	a, gamma, beta = a[:len(dst)], gamma[:len(dst)], beta[:len(dst)]
	for i := range dst {
		dst[i] = float32((a[i]-mean)*factor*gamma[i]) + beta[i]
	}
}
