package factorise

import (
	"math"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// norm is the Euclidean norm, summed in float64.
func norm(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// rowNorms are the Euclidean norms of the rows of a square matrix.
func rowNorms(m []float64, n int) []float64 {
	norms := make([]float64, n)
	for i := range n {
		sum := 0.0
		for _, v := range m[i*n:][:n] {
			sum += v * v
		}
		norms[i] = math.Sqrt(sum)
	}
	return norms
}

func scale(x []float32, s float64) {
	for i, v := range x {
		x[i] = float32(float64(v) * s)
	}
}

// scaleChain multiplies the matrix of a chain by s, with the same share in
// every factor.
func scaleChain(c *butterfly.Chain, s float64) {
	factors := 0 // with values: gathers have none
	for _, f := range c.Factors {
		factors += min(1, len(f.Values))
	}
	share := math.Pow(math.Abs(s), 1/float64(factors))
	for _, f := range c.Factors {
		if s < 0 && len(f.Values) > 0 {
			scale(f.Values, -share)
			s = -s
			continue
		}
		scale(f.Values, share)
	}
}
