//go:build !noasm

package vec

import "github.com/kcompress/kcompress/kernels/cpu"

func exp(dst, a []float32) {
	if cpu.Current() >= cpu.AVX2 {
		expAVX2(dst, a)
		return
	}
	expGeneric(dst, a)
}

func tanh(dst, a []float32) {
	if cpu.Current() >= cpu.AVX2 {
		tanhAVX2(dst, a)
		return
	}
	tanhGeneric(dst, a)
}

func sigmoid(dst, a []float32) {
	if cpu.Current() >= cpu.AVX2 {
		sigmoidAVX2(dst, a)
		return
	}
	sigmoidGeneric(dst, a)
}

func erf(dst, a []float32) {
	if cpu.Current() >= cpu.AVX2 {
		erfAVX2(dst, a)
		return
	}
	erfGeneric(dst, a)
}

func gelu(dst, a []float32) {
	if cpu.Current() >= cpu.AVX2 {
		geluAVX2(dst, a)
		return
	}
	geluGeneric(dst, a)
}

func geluTanh(dst, a []float32) {
	if cpu.Current() >= cpu.AVX2 {
		geluTanhAVX2(dst, a)
		return
	}
	geluTanhGeneric(dst, a)
}

func silu(dst, a []float32) {
	if cpu.Current() >= cpu.AVX2 {
		siluAVX2(dst, a)
		return
	}
	siluGeneric(dst, a)
}
