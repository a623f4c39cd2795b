//go:build !noasm

package vec

import "github.com/kcompress/kcompress/kernels/cpu"

func float16ToFloat32(dst []float32, src []uint16) {
	done := 0
	if cpu.Current() >= cpu.AVX2 {
		float16ToFloat32AVX2(dst, src)
		done = len(dst) &^ 7
	}
	float16ToFloat32Generic(dst[done:], src[done:])
}

func float32ToFloat16(dst []uint16, src []float32) {
	done := 0
	if cpu.Current() >= cpu.AVX2 {
		float32ToFloat16AVX2(dst, src)
		done = len(dst) &^ 7
	}
	float32ToFloat16Generic(dst[done:], src[done:])
}

func bfloat16ToFloat32(dst []float32, src []uint16) {
	done := 0
	if cpu.Current() >= cpu.AVX2 {
		bfloat16ToFloat32AVX2(dst, src)
		done = len(dst) &^ 7
	}
	bfloat16ToFloat32Generic(dst[done:], src[done:])
}

func float32ToBfloat16(dst []uint16, src []float32) {
	done := 0
	if cpu.Current() >= cpu.AVX2 {
		float32ToBfloat16AVX2(dst, src)
		done = len(dst) &^ 7
	}
	float32ToBfloat16Generic(dst[done:], src[done:])
}
