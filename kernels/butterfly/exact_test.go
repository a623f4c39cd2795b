package butterfly

import (
	"math"
	"math/bits"
	"math/cmplx"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// exactSizes are all powers of two up to 1024.
func exactSizes() []int {
	var sizes []int
	for n := 2; n <= 1024; n *= 2 {
		sizes = append(sizes, n)
	}
	return sizes
}

func kaleidoscope(t *testing.T, n, width int) Design {
	t.Helper()
	d, err := Kaleidoscope(n, n, width, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPermutationIsExactInBBStar(t *testing.T) {
	r := newRand(41)
	for _, n := range exactSizes() {
		for range 5 {
			order := r.Perm(n)
			c, err := Permutation(order)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(kaleidoscope(t, n, 1), c.Design()); diff != "" {
				t.Fatal(diff)
			}
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(i + 1)
			}
			for i, y := range product64(c, x) {
				if y != float64(order[i]+1) {
					t.Fatalf("n=%d: output %d is input %v, want %d", n, i, y-1, order[i])
				}
			}
		}
	}
}

func TestPermutationOfAllOrdersOfEight(t *testing.T) {
	order := []int{0, 1, 2, 3, 4, 5, 6, 7}
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	var visit func(k int)
	visit = func(k int) {
		if k == len(order) {
			c, err := Permutation(order)
			if err != nil {
				t.Fatal(err)
			}
			for i, y := range product64(c, x) {
				if y != float64(order[i]+1) {
					t.Fatalf("%v: output %d is %v", order, i, y)
				}
			}
			return
		}
		for i := k; i < len(order); i++ {
			order[k], order[i] = order[i], order[k]
			visit(k + 1)
			order[k], order[i] = order[i], order[k]
		}
	}
	visit(0)
}

func TestExactConstructionsReject(t *testing.T) {
	for _, order := range [][]int{nil, {0}, {0, 1, 2}, {0, 0}, {0, 2}, {-1, 0}} {
		if _, err := Permutation(order); err == nil {
			t.Errorf("no error for permutation %v", order)
		}
	}
	for _, n := range []int{-2, 0, 1, 3, 1 << 30} {
		if _, err := Hadamard(n); err == nil {
			t.Errorf("no error for a Hadamard matrix of size %d", n)
		}
		if _, err := FourierTransform(n); err == nil {
			t.Errorf("no error for a Fourier transform of size %d", n)
		}
	}
	for _, column := range [][]float64{nil, {1}, {1, 2, 3}, {1, math.NaN()}} {
		if _, err := Circulant(column); err == nil {
			t.Errorf("no error for circulant %v", column)
		}
	}
}

func TestHadamardIsInB(t *testing.T) {
	for _, n := range exactSizes()[:8] {
		c, err := Hadamard(n)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range c.Dense() {
			want := 1 - 2*float32(bits.OnesCount(uint(i/n&(i%n)))%2)
			if v != want {
				t.Fatalf("n=%d: entry %d is %v, want %v", n, i, v, want)
			}
		}
	}
}

// checkColumns compares some columns of the chain, as complex numbers and as
// a real chain of [Re; Im] run by the kernels, with entries in float64.
func checkColumns(t *testing.T, n int, c *ComplexChain, entry func(row, column int) complex128) {
	t.Helper()
	largest := 0.0
	for row := range n {
		largest = max(largest, cmplx.Abs(entry(row, 1)))
	}
	fromReal, fromComplex := c.Real(true), c.Real(false)
	for column := 0; column < n; column += 1 + n/16 {
		x, parts := make([]complex128, n), make([]float32, 2*n)
		x[column], parts[n+column] = 1, 1
		realPart := make([]float32, n)
		realPart[column] = 1
		y, yReal, yImaginary := c.Apply(x), product64(fromReal, realPart), product64(fromComplex, parts)
		for row := range n {
			want := entry(row, column)
			// The imaginary unit turns (re, im) into (-im, re).
			for what, got := range map[string]complex128{
				"complex": y[row], "real input": complex(yReal[row], yReal[n+row]), "imaginary input": complex(yImaginary[n+row], -yImaginary[row]),
			} {
				if cmplx.Abs(got-want) > 1e-5*largest {
					t.Fatalf("n=%d, %s: entry %d,%d is %v, want %v", n, what, row, column, got, want)
				}
			}
		}
	}
}

func TestFourierTransformIsInBBStarSquared(t *testing.T) {
	for _, n := range exactSizes() {
		c, err := FourierTransform(n)
		if err != nil {
			t.Fatal(err)
		}
		checkComplexDesign(t, kaleidoscope(t, n, 2), c)
		checkColumns(t, n, c, func(row, column int) complex128 {
			return cmplx.Exp(complex(0, -2*math.Pi*float64(row*column%n)/float64(n)))
		})
	}
}

func TestCirculantIsInBBStar(t *testing.T) {
	r := newRand(42)
	for _, n := range exactSizes() {
		first := make([]float64, n)
		for i := range first {
			first[i] = r.NormFloat64()
		}
		c, err := Circulant(first)
		if err != nil {
			t.Fatal(err)
		}
		checkComplexDesign(t, kaleidoscope(t, n, 1), c)
		checkColumns(t, n, c, func(row, column int) complex128 {
			return complex(first[(row-column+n)%n], 0)
		})
	}
}

func checkComplexDesign(t *testing.T, want Design, c *ComplexChain) {
	t.Helper()
	got := Design{In: want.In, Out: want.Out}
	for _, f := range c.Factors {
		got.Patterns = append(got.Patterns, f.Pattern)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

// The kernels must run the real form of the transform as the oracle does.
func TestFourierTransformRunsInTheKernels(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		const n, rows = 256, 6
		c, err := FourierTransform(n)
		if err != nil {
			t.Fatal(err)
		}
		chain := c.Real(true)
		if err := chain.Validate(); err != nil {
			t.Fatal(err)
		}
		x := normal(newRand(43), rows*n)
		y := apply(t, prepare(t, chain), x, rows, Epilogue{})
		for i := range rows {
			checkClose(t, "transform", y[i*2*n:][:2*n], product64(chain, x[i*n:][:n]), 2e-6)
		}
	})
}
