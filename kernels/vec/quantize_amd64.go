//go:build !noasm

package vec

import "github.com/kcompress/kcompress/kernels/cpu"

func quantizeInt8(dst []uint8, src []float32, scale, zero, low, high float32) {
	done := 0
	if cpu.Current() >= cpu.AVX2 {
		quantizeInt8AVX2(dst, src, scale, zero, low, high)
		done = len(dst) &^ 7
	}
	quantizeInt8Generic(dst[done:], src[done:], scale, zero, low, high)
}

func dequantizeInt8(dst []float32, src []uint8, scale, zero float32) {
	done := 0
	if cpu.Current() >= cpu.AVX2 {
		dequantizeInt8AVX2(dst, src, scale, zero)
		done = len(dst) &^ 7
	}
	dequantizeInt8Generic(dst[done:], src[done:], scale, zero)
}

func quantizeUint8(dst []uint8, src []float32, scale, zero, low, high float32) {
	done := 0
	if cpu.Current() >= cpu.AVX2 {
		quantizeUint8AVX2(dst, src, scale, zero, low, high)
		done = len(dst) &^ 7
	}
	quantizeUint8Generic(dst[done:], src[done:], scale, zero, low, high)
}

func dequantizeUint8(dst []float32, src []uint8, scale, zero float32) {
	done := 0
	if cpu.Current() >= cpu.AVX2 {
		dequantizeUint8AVX2(dst, src, scale, zero)
		done = len(dst) &^ 7
	}
	dequantizeUint8Generic(dst[done:], src[done:], scale, zero)
}
