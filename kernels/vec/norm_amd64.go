//go:build !noasm

package vec

import "github.com/kcompress/kcompress/kernels/cpu"

func expShifted(dst, a []float32, shift float32) {
	if cpu.Current() >= cpu.AVX2 {
		expShiftedAVX2(dst, a, shift)
		return
	}
	expShiftedGeneric(dst, a, shift)
}

func normalize(dst, a []float32, mean, factor float32) {
	if cpu.Current() >= cpu.AVX2 {
		normalizeAVX2(dst, a, mean, factor)
		return
	}
	normalizeGeneric(dst, a, mean, factor)
}

func normalizeGamma(dst, a, gamma []float32, mean, factor float32) {
	if cpu.Current() >= cpu.AVX2 {
		normalizeGammaAVX2(dst, a, gamma, mean, factor)
		return
	}
	normalizeGammaGeneric(dst, a, gamma, mean, factor)
}

func normalizeGammaBeta(dst, a, gamma, beta []float32, mean, factor float32) {
	if cpu.Current() >= cpu.AVX2 {
		normalizeGammaBetaAVX2(dst, a, gamma, beta, mean, factor)
		return
	}
	normalizeGammaBetaGeneric(dst, a, gamma, beta, mean, factor)
}
