package ops

import "github.com/kcompress/kcompress/kernels/vec"

// The activations on float32 that are put together from kernels/vec. All of
// them allow dst to be src.

// inBlocks calls f for parts of dst and src with a buffer of their length.
func inBlocks(dst, src []float32, f func(dst, src, buffer []float32)) {
	var buffer [512]float32
	for len(src) > 0 {
		n := min(len(src), len(buffer))
		f(dst[:n], src[:n], buffer[:n])
		dst, src = dst[n:], src[n:]
	}
}

// leakyFloat32 returns the function x for positive x, and alpha x for others.
func leakyFloat32(alpha float32) func(dst, src []float32) {
	if !(alpha > 0 && alpha <= 1) {
		return func(dst, src []float32) {
			for i, v := range src {
				dst[i] = leaky(v, alpha)
			}
		}
	}
	return func(dst, src []float32) {
		inBlocks(dst, src, func(dst, src, buffer []float32) {
			vec.Scale(buffer, src, alpha)
			vec.Maximum(dst, src, buffer)
		})
	}
}

func hardSigmoidFloat32(dst, src []float32, alpha, beta float32) {
	vec.Scale(dst, src, alpha)
	vec.AddScalar(dst, dst, beta)
	vec.Clamp(dst, dst, 0, 1)
}

func hardSwishFloat32(dst, src []float32) {
	inBlocks(dst, src, func(dst, src, buffer []float32) {
		hardSigmoidFloat32(buffer, src, 1.0/6, 0.5)
		vec.Mul(dst, src, buffer)
	})
}

// mishFloat32 computes x tanh(log(1 + e^x)) as x n / (n + 2) for
// n = e^x (e^x + 2). Above 20 that is x.
func mishFloat32(dst, src []float32) {
	inBlocks(dst, src, func(dst, src, buffer []float32) {
		vec.MinimumScalar(buffer, src, 20)
		vec.Exp(buffer, buffer)
		for i, e := range buffer {
			n := e * (e + 2)
			dst[i] = src[i] * (n / (n + 2))
		}
	})
}
