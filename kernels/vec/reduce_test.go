package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestReductions(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for n := range 200 {
			a, b := newGuarded(normal(r, n), n%5), newGuarded(normal(r, n), n%3)
			var sum, absolute, dot, absoluteDot float64
			high, low := math.Inf(-1), math.Inf(1)
			for i := range n {
				x, y := float64(a.data[i]), float64(b.data[i])
				sum += x
				absolute += math.Abs(x)
				dot += x * y
				absoluteDot += math.Abs(x * y)
				high, low = math.Max(high, x), math.Min(low, x)
			}
			unit := float64(n+1) * 0x1p-24
			if got := float64(Sum(a.data)); math.Abs(got-sum) > unit*absolute {
				t.Fatalf("Sum of %d = %v, want %v", n, got, sum)
			}
			if got := float64(Dot(a.data, b.data)); math.Abs(got-dot) > unit*absoluteDot {
				t.Fatalf("Dot of %d = %v, want %v", n, got, dot)
			}
			if got := float64(Max(a.data)); got != high {
				t.Fatalf("Max of %d = %v, want %v", n, got, high)
			}
			if got := float64(Min(a.data)); got != low {
				t.Fatalf("Min of %d = %v, want %v", n, got, low)
			}
		}
	})
}

// All levels add in one order.
func TestSumsAreEqualOnAllLevels(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 8))
	forLevels(t, func(t *testing.T) {
		for n := range 200 {
			if a := normal(r, n); Sum(a) != sumGeneric(a) {
				t.Fatalf("Sum of %d = %v, in plain Go %v", n, Sum(a), sumGeneric(a))
			}
		}
	})
}

// TestReductionsSeeEveryPlace puts one special value at each place in turn.
func TestReductionsSeeEveryPlace(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for n := 1; n < 80; n++ {
			a, ones := make([]float32, n), make([]float32, n)
			for i := range ones {
				ones[i] = 1
			}
			for i := range n {
				a[i] = float32(math.NaN())
				for name, got := range map[string]float32{"Sum": Sum(a), "Dot": Dot(a, ones), "Max": Max(a), "Min": Min(a)} {
					if got == got {
						t.Fatalf("%s misses NaN at %d of %d: %v", name, i, n, got)
					}
				}
				a[i] = 3
				if Sum(a) != 3 || Dot(a, ones) != 3 || Max(a) != 3 || Min(ones) != 1 {
					t.Fatalf("3 at %d of %d: Sum %v, Dot %v, Max %v", i, n, Sum(a), Dot(a, ones), Max(a))
				}
				a[i] = -3
				if Min(a) != -3 {
					t.Fatalf("-3 at %d of %d: Min %v", i, n, Min(a))
				}
				a[i] = 0
			}
		}
	})
}
