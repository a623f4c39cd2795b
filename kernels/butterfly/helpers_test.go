package butterfly

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// guard is a value that no kernel computes; slices made by guarded are
// followed by guardWords of it.
const guard, guardWords = float32(-12345.678), 37

// guarded returns n zeros with guard words behind them, and a check that the
// guard words are still there.
func guarded(t *testing.T, n int) ([]float32, func()) {
	t.Helper()
	all := make([]float32, n+guardWords)
	for i := n; i < len(all); i++ {
		all[i] = guard
	}
	return all[:n:n], func() {
		t.Helper()
		for i := n; i < len(all); i++ {
			if all[i] != guard {
				t.Fatalf("number %d behind a slice of %d was overwritten", i-n, n)
			}
		}
	}
}

func fillNormal(r *rand.Rand, x []float32) []float32 {
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func normal(r *rand.Rand, n int) []float32 { return fillNormal(r, make([]float32, n)) }

// randomChain scales the values so that the product keeps the size of its input.
func randomChain(r *rand.Rand, d Design) *Chain {
	c := NewChain(d)
	for _, f := range c.Factors {
		for i := range f.Values {
			f.Values[i] = float32(r.NormFloat64() / math.Sqrt(float64(f.C)))
		}
	}
	return c
}

// atEveryLevel runs the test once for each instruction set of this processor.
func atEveryLevel(t *testing.T, test func(t *testing.T)) {
	for _, level := range cpu.Available() {
		t.Run(level.String(), func(t *testing.T) {
			defer cpu.SetForTest(level)()
			test(t)
		})
	}
}

// smallPatterns lists patterns of every kind that a kernel treats apart: all
// small ones, then strides and blocks on both sides of the vector lengths.
func smallPatterns() []Pattern {
	var patterns []Pattern
	for a := 1; a <= 3; a++ {
		for b := 1; b <= 5; b++ {
			for c := 1; c <= 5; c++ {
				for d := 1; d <= 4; d++ {
					patterns = append(patterns, Pattern{a, b, c, d})
				}
			}
		}
	}
	for _, d := range []int{1, 4, 5, 7, 8, 9, 16, 19} {
		for _, b := range []int{1, 2, 4, 7, 8, 11, 16, 17} {
			for _, c := range []int{1, 2, 8, 16} {
				patterns = append(patterns, Pattern{2, b, c, d})
			}
		}
	}
	for _, d := range []int{1, 2, 4, 8, 16, 32} {
		for _, radix := range []int{2, 4, 8} {
			patterns = append(patterns, Pattern{1, radix, radix, d}, Pattern{5, radix, radix, d}, Pattern{16, radix, radix, d})
		}
	}
	return patterns
}

func designOf(patterns ...Pattern) Design {
	return Design{In: patterns[0].Columns(), Out: patterns[len(patterns)-1].Rows(), Patterns: patterns}
}

// mixedDesigns are chains of several factors, padded and cut.
func mixedDesigns() []Design {
	return []Design{
		designOf(Pattern{1, 1, 1, 1}),
		{In: 5, Out: 3, Patterns: []Pattern{{1, 2, 2, 3}, {3, 2, 2, 1}}},
		{In: 13, Out: 15, Patterns: []Pattern{{8, 2, 2, 1}, {4, 2, 2, 2}, {2, 2, 2, 4}, {1, 2, 2, 8}}},
		{In: 30, Out: 31, Patterns: []Pattern{{8, 4, 4, 1}, {2, 4, 4, 4}, {1, 2, 2, 16}}},
		{In: 64, Out: 100, Patterns: []Pattern{{1, 16, 8, 8}, {16, 8, 8, 1}}},
		{In: 100, Out: 17, Patterns: []Pattern{{1, 3, 100, 1}, {1, 17, 3, 1}}},
		{In: 48, Out: 48, Patterns: []Pattern{{3, 16, 16, 1}, {1, 3, 3, 16}, {3, 16, 16, 1}}},
		{In: 63, Out: 120, Patterns: []Pattern{{8, 12, 8, 1}, {1, 10, 8, 12}}},
		{In: 256, Out: 250, Patterns: []Pattern{{16, 16, 16, 1}, {1, 16, 16, 16}, {16, 16, 16, 1}}},
	}
}

// product64 is the product of the chain with x in float64, cut to its outputs.
func product64(c *Chain, x []float32) []float64 {
	y := make([]float64, c.Factors[0].Columns())
	for i, v := range x {
		y[i] = float64(v)
	}
	for _, f := range c.Factors {
		y = f.applyFloat64(y)
	}
	return y[:c.Out]
}

// matrixProduct is m x for m [rows, columns] in float64.
func matrixProduct(m []float32, rows, columns int, x []float32) []float64 {
	y := make([]float64, rows)
	for i := range y {
		for j := range columns {
			y[i] += float64(m[i*columns+j]) * float64(x[j])
		}
	}
	return y
}

// checkClose fails unless got is within tolerance of want, relative to the
// largest number of want.
func checkClose(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	scale := 1e-30
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i, v := range want {
		if !(math.Abs(float64(got[i])-v) <= tolerance*scale) {
			t.Fatalf("%s: number %d is %v, want %v (largest %v)", what, i, got[i], v, scale)
		}
	}
}

// checkSameBits compares bit for bit, taking every NaN as the same.
func checkSameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) && !(got[i] != got[i] && v != v) {
			t.Fatalf("%s: number %d is %v, want exactly %v", what, i, got[i], v)
		}
	}
}

func name(d Design) string { return fmt.Sprintf("%d to %d by %v", d.In, d.Out, d) }

// checkRounding allows the rounding errors of all factors, relative to the
// product of the magnitudes.
func checkRounding(t *testing.T, c *Chain, y, x []float32) {
	t.Helper()
	bound := 0.0
	for _, f := range c.Factors {
		bound += roundingBound(f.C)
	}
	want, size := product64(c, x), product64(magnitudes(c), absolute(x))
	for i, v := range want {
		if !(math.Abs(float64(y[i])-v) <= bound*size[i]) {
			t.Fatalf("%s: output %d is %v, want %v", name(c.Design()), i, y[i], v)
		}
	}
}

func magnitudes(c *Chain) *Chain {
	m := c.Clone()
	for _, f := range m.Factors {
		copy(f.Values, absolute(f.Values))
	}
	return m
}

func absolute(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(math.Abs(float64(v)))
	}
	return y
}
