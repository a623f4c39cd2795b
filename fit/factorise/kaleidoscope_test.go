package factorise

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// randomKaleidoscope is a product of random blocks, rotations and reflections or
// normal numbers, with E[M' M] = I.
func randomKaleidoscope(t *testing.T, n int, seed uint64, orthogonal bool) []float32 {
	t.Helper()
	d, err := butterfly.Kaleidoscope(n, n, 1, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	c := butterfly.NewChain(d)
	for _, f := range c.Factors {
		for block := range f.Blocks() {
			values := f.Values[block*4:][:4]
			for i := range values {
				values[i] = float32(r.NormFloat64() / math.Sqrt2)
			}
			if orthogonal {
				sin, cos := math.Sincos(2 * math.Pi * r.Float64())
				sign := float64(1 - 2*r.IntN(2))
				copy(values, []float32{float32(cos), float32(sin), float32(-sign * sin), float32(sign * cos)})
			}
		}
	}
	return c.Dense()
}

// The closed form finds a K-matrix without a learning rate, where Adam from a
// random start needs luck.
func TestKaleidoscopeIsRecovered(t *testing.T) {
	for _, n := range []int{2, 4, 8, 16, 32, 64, 128} {
		w := randomKaleidoscope(t, n, 1, true)
		c := Kaleidoscope(w, n)
		if c == nil {
			t.Fatalf("n=%d: nothing was found", n)
		}
		p := newProblem(t, Layer{In: n, Out: n, Weight: w})
		if e := p.BlindError(c); !(e < 1e-5) {
			t.Errorf("n=%d: relative error %.2g", n, e)
		}
	}
}

// Products of normal numbers span many orders of magnitude. Adam goes on from
// the closed form.
func TestKaleidoscopeOfNormalNumbersIsFitted(t *testing.T) {
	for _, n := range []int{16, 32, 64} {
		d, err := butterfly.Kaleidoscope(n, n, 1, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		p := newProblem(t, Layer{In: n, Out: n, Weight: randomKaleidoscope(t, n, 2, false)})
		result, err := p.Fit(context.Background(), d, Options{Steps: 500})
		if err != nil {
			t.Fatal(err)
		}
		if result.Error > 5e-3 {
			t.Errorf("n=%d: relative error %.2g", n, result.Error)
		}
	}
}

func TestKaleidoscopeIsNotSeenInNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{8, 16, 64} {
		w := make([]float32, n*n)
		for i := range w {
			w[i] = float32(r.NormFloat64())
		}
		if Kaleidoscope(w, n) != nil {
			t.Errorf("n=%d: noise is called a K-matrix", n)
		}
	}
	for _, n := range []int{0, 1, 3, 12} {
		if Kaleidoscope(make([]float32, n*n), n) != nil {
			t.Errorf("n=%d is no power of two", n)
		}
	}
	Kaleidoscope(make([]float32, 64), 8) // zeros must not hang or panic
}
