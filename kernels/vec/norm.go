package vec

import "math"

// LayerNorm normalises one row to mean 0 and variance 1 and applies a gain and
// an offset (ONNX LayerNormalization-17):
//
//	dst[i] = (src[i] - mean) / sqrt(variance + epsilon) * gamma[i] + beta[i]
//
// The variance is that of the row itself (divided by its length). gamma and
// beta have the length of the row, or are nil for 1 and 0.
func LayerNorm(dst, src, gamma, beta []float32, epsilon float32) {
	checkNorm("LayerNorm", dst, src, gamma, beta)
	if len(dst) == 0 {
		return
	}
	mean := sum(src) / float32(len(src))
	variance := sumSquaredDeviations(src, mean) / float32(len(src))
	applyNorm(dst, src, gamma, beta, mean, inverseRoot(variance+epsilon))
}

// RMSNorm scales one row to a root mean square of 1 and applies a gain (ONNX
// RMSNormalization-23):
//
//	dst[i] = src[i] / sqrt(mean(src^2) + epsilon) * gamma[i]
//
// gamma has the length of the row, or is nil for 1.
func RMSNorm(dst, src, gamma []float32, epsilon float32) {
	checkNorm("RMSNorm", dst, src, gamma, nil)
	if len(dst) == 0 {
		return
	}
	meanSquare := dot(src, src) / float32(len(src))
	applyNorm(dst, src, gamma, nil, 0, inverseRoot(meanSquare+epsilon))
}

func checkNorm(function string, dst, src, gamma, beta []float32) {
	sameLength(function, "src", len(src), len(dst))
	if gamma != nil {
		sameLength(function, "gamma", len(gamma), len(dst))
	}
	if beta != nil {
		sameLength(function, "beta", len(beta), len(dst))
	}
}

func inverseRoot(x float32) float32 { return float32(1 / math.Sqrt(float64(x))) }

func applyNorm(dst, src, gamma, beta []float32, mean, factor float32) {
	switch {
	case gamma == nil:
		normalize(dst, src, mean, factor)
		if beta != nil {
			add(dst, dst, beta)
		}
	case beta == nil:
		normalizeGamma(dst, src, gamma, mean, factor)
	default:
		normalizeGammaBeta(dst, src, gamma, beta, mean, factor)
	}
}
