package recognise

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// paperTarget is a target of the paper's Table 7 (arXiv 2012.14966, Appendix E),
// of the norm sqrt(n), with the values of the smallest class that holds it.
type paperTarget struct {
	name   string
	build  func(r *rand.Rand, n int) (*butterfly.Chain, error)
	values func(n int) int
}

func normals(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

func log2(n int) int {
	levels := 0
	for 1<<levels < n {
		levels++
	}
	return levels
}

func paperTargets() []paperTarget {
	return []paperTarget{
		{"K-matrix", func(r *rand.Rand, n int) (*butterfly.Chain, error) {
			d, err := butterfly.Kaleidoscope(n, n, 1, 1, 2)
			if err != nil {
				return nil, err
			}
			c := butterfly.NewChain(d)
			for _, f := range c.Factors {
				for block := range f.Blocks() {
					sin, cos := math.Sincos(2 * math.Pi * r.Float64())
					copy(f.Values[block*4:], []float32{float32(cos), float32(sin), float32(-sin), float32(cos)})
				}
			}
			return c, nil
		}, func(n int) int { return 4 * n * log2(n) }},
		{"low rank", func(r *rand.Rand, n int) (*butterfly.Chain, error) {
			return butterfly.LowRankProduct(normals(r, n*n/16), normals(r, n*n/16), n, n, n/16)
		}, func(n int) int { return 12 * (2 * n * n / 16) / 10 }},
		{"sparse", func(r *rand.Rand, n int) (*butterfly.Chain, error) {
			var entries []butterfly.Entry
			for _, place := range r.Perm(n * n)[:n*n/8] {
				entries = append(entries, butterfly.Entry{Row: place / n, Column: place % n, Value: r.NormFloat64()})
			}
			return butterfly.Sparse(n, n, entries)
		}, func(n int) int { return 12 * (n * n / 8) / 10 }},
		{"convolution", func(r *rand.Rand, n int) (*butterfly.Chain, error) {
			return butterfly.RealCirculant(normals(r, n))
		}, func(n int) int { return 8 * n * log2(n) }}, // complex BB*
		{"Fastfood", func(r *rand.Rand, n int) (*butterfly.Chain, error) {
			return butterfly.Fastfood(normals(r, n), normals(r, n), r.Perm(n), normals(r, n))
		}, func(n int) int { return 8 * n * log2(n) }}, // (BB*)^2
	}
}

// checkPaperTargets bounds the error by 0.01 for targets of the norm sqrt(n);
// the paper's K-matrices by gradient descent leave 0, 0.01, 8.0, 0 and 5.1 of 16.
func checkPaperTargets(t *testing.T, n int, seeds uint64) {
	for _, target := range paperTargets() {
		for seed := range seeds {
			c, err := target.build(rand.New(rand.NewPCG(seed, uint64(n))), n)
			if err != nil {
				t.Fatal(err)
			}
			w := c.Dense()
			squares := 0.0
			for _, v := range w {
				squares += float64(v) * float64(v)
			}
			for i := range w {
				w[i] = float32(float64(w[i]) * math.Sqrt(float64(n)/squares))
			}
			s := Recognise(w, n, n)
			if s == nil {
				t.Errorf("%s %d, seed %d: nothing was found", target.name, n, seed)
				continue
			}
			values := s.Chain.Design().Values()
			t.Logf("| %s | %d | %.1e | %d | %d | %s |", target.name, n, s.Error*math.Sqrt(float64(n)), values, target.values(n), s.Kind)
			if e := s.Error * math.Sqrt(float64(n)); e > 0.01 || values > target.values(n) {
				t.Errorf("%s %d, seed %d: error %.2g with %d values, at most 0.01 with %d (%v)", target.name, n, seed, e, values, target.values(n), s.Chain.Design())
			}
		}
	}
}

func TestPaperTargets(t *testing.T) { checkPaperTargets(t, 64, 2) }

func TestFastfoodNeedsItsSigns(t *testing.T) {
	const n = 32
	r := rand.New(rand.NewPCG(5, 5))
	c, err := butterfly.Fastfood(normals(r, n), normals(r, n), r.Perm(n), normals(r, n))
	if err != nil {
		t.Fatal(err)
	}
	w := c.Dense()
	w[3*n+7] *= -1
	if s := Recognise(w, n, n); s != nil {
		t.Errorf("one wrong sign is %s with the error %v", s.Kind, s.Error)
	}
}

func TestComplexTransforms(t *testing.T) {
	for _, n := range []int{32, 36} {
		c, err := butterfly.DFT(n)
		if err != nil {
			t.Fatal(err)
		}
		s := Recognise(c.Dense(), 2*n, 2*n)
		if s == nil || s.Chain.Design().Values() > 2*n*n {
			t.Errorf("the complex DFT of %d is %v", n, s)
		}
	}
}
