//go:build !noasm

package vec

import "github.com/kcompress/kcompress/kernels/cpu"

func sum(a []float32) float32 {
	if cpu.Current() >= cpu.AVX2 {
		return sumAVX2(a)
	}
	return sumGeneric(a)
}

func dot(a, b []float32) float32 {
	if cpu.Current() >= cpu.AVX2 {
		return dotAVX2(a, b)
	}
	return dotGeneric(a, b)
}

func sumSquaredDeviations(a []float32, mean float32) float32 {
	if cpu.Current() >= cpu.AVX2 {
		return sumSquaredDeviationsAVX2(a, mean)
	}
	return sumSquaredDeviationsGeneric(a, mean)
}

func largest(a []float32) float32 {
	if cpu.Current() >= cpu.AVX2 {
		return largestAVX2(a)
	}
	return largestGeneric(a)
}

func smallest(a []float32) float32 {
	if cpu.Current() >= cpu.AVX2 {
		return smallestAVX2(a)
	}
	return smallestGeneric(a)
}
