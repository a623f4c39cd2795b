package butterfly

import (
	"math"
	"testing"
)

// kroneckerSupport is I_a x 1_(b x c) x I_d multiplied out from its definition.
func kroneckerSupport(p Pattern) []float32 {
	kron := func(x []float32, xr, xc int, y []float32, yr, yc int) []float32 {
		z := make([]float32, xr*yr*xc*yc)
		for i := range xr * yr {
			for j := range xc * yc {
				z[i*xc*yc+j] = x[i/yr*xc+j/yc] * y[i%yr*yc+j%yc]
			}
		}
		return z
	}
	identity := func(n int) []float32 {
		x := make([]float32, n*n)
		for i := range n {
			x[i*n+i] = 1
		}
		return x
	}
	ones := make([]float32, p.B*p.C)
	for i := range ones {
		ones[i] = 1
	}
	left := kron(identity(p.A), p.A, p.A, ones, p.B, p.C)
	return kron(left, p.A*p.B, p.A*p.C, identity(p.D), p.D, p.D)
}

func TestDenseHasTheKroneckerSupport(t *testing.T) {
	for _, p := range smallPatterns()[:300] {
		c := NewChain(designOf(p))
		for i := range c.Factors[0].Values {
			c.Factors[0].Values[i] = float32(i + 1)
		}
		seen := map[float32]bool{}
		support := kroneckerSupport(p)
		for i, v := range c.Dense() {
			if (v != 0) != (support[i] != 0) {
				t.Fatalf("%v: entry %d is %v but the support has %v", p, i, v, support[i])
			}
			if v != 0 && seen[v] {
				t.Fatalf("%v: value %v appears twice", p, v)
			}
			seen[v] = v != 0
		}
	}
}

func TestDenseIsTheProductOfTheFactors(t *testing.T) {
	r := newRand(21)
	for _, d := range mixedDesigns() {
		c := randomChain(r, d)
		x := normal(r, d.In)
		padded := make([]float32, c.Factors[0].Columns())
		copy(padded, x)
		for _, f := range c.Factors {
			dense := (&Chain{In: f.Columns(), Out: f.Rows(), Factors: []Factor{f}}).Dense()
			y := matrixProduct(dense, f.Rows(), f.Columns(), padded)
			padded = make([]float32, len(y))
			for i, v := range y {
				padded[i] = float32(v)
			}
		}
		checkClose(t, name(d), padded, matrixProduct(c.Dense(), d.Out, d.In, x), 2e-6)
	}
}

func TestTransposedIsTheTransposedMatrix(t *testing.T) {
	r := newRand(22)
	for _, d := range mixedDesigns() {
		c := randomChain(r, d)
		dense, transposed := c.Dense(), c.Transposed()
		if err := transposed.Validate(); err != nil {
			t.Fatal(err)
		}
		checkSameBits(t, name(d), transposed.Transposed().Dense(), dense)
		want := make([]float64, len(dense))
		for i, v := range exchange(dense, d.In, d.Out) {
			want[i] = float64(v)
		}
		checkClose(t, name(d), transposed.Dense(), want, 1e-6)
	}
}

func TestChainValidateRejectsWhatIsNotFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		c := randomChain(newRand(23), mixedDesigns()[2])
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		c.Factors[1].Values[3] = float32(bad)
		if err := c.Validate(); err == nil {
			t.Errorf("no error for %v", bad)
		}
	}
}
