package ops

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestInvert(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := 1; n < 12; n++ {
		a := make([]float64, n*n)
		for i := range a {
			a[i] = r.NormFloat64()
		}
		inverse := make([]float64, n*n)
		if !invert(inverse, a, n) {
			t.Fatalf("no inverse of %v", a)
		}
		for i := range n {
			for j := range n {
				var sum, want float64
				if i == j {
					want = 1
				}
				for k := range n {
					sum += a[i*n+k] * inverse[k*n+j]
				}
				if math.Abs(sum-want) > 1e-9 {
					t.Fatalf("n=%d: element %d,%d of the product is %v", n, i, j, sum)
				}
			}
		}
	}
	if invert(make([]float64, 4), []float64{1, 2, 2, 4}, 2) {
		t.Error("a singular matrix has an inverse")
	}
}
