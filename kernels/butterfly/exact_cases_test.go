package butterfly

import (
	"fmt"
	"math"
	"math/bits"
	"testing"
)

// exactCase is a structured matrix of size n, with its definition, the numbers
// in the paper's class that holds it (complex ones count twice; arXiv
// 2012.14966, section 2.2, Appendices E and J) and the numbers that determine
// it.
type exactCase struct {
	name        string
	powers      bool // only powers of two
	build       func(n int) (*Chain, error)
	out, in     func(n int) int
	entry       func(n int) func(row, column int) float64
	paper, free func(n int) int
}

// levels is log2 of the least power of two that holds n.
func levels(n int) int { return bits.Len(uint(n - 1)) }

// kMatrix is the number of values of (BB*)^w_e, of twice as many numbers if they are
// complex.
func kMatrix(w, e, parts int) func(n int) int {
	return func(n int) int { return 4 * parts * w * e << levels(n) * levels(e*n) }
}

const (
	caseRank   = 8
	caseSpread = 16 // entries in a row of the sparse matrix
	caseBand   = 2  // diagonals on both sides
)

// exactCases are all constructions of square matrices and of real DFTs.
func exactCases() []exactCase {
	zero, size := func(int) int { return 0 }, same
	var cases []exactCase
	for _, f := range transforms() {
		c := exactCase{name: f.name, build: f.build, out: f.out, in: f.in, paper: kMatrix(2, 1, 2), free: zero,
			entry: func(n int) func(row, column int) float64 {
				return func(row, column int) float64 { return f.entry(n, row, column) }
			}}
		if f.name == "DCT 1" || f.name == "DST 1" { // parts of a DFT of about 2 n inputs
			c.paper = func(n int) int { return kMatrix(2, 1, 2)(2 * n) }
		}
		cases = append(cases, c)
	}
	add := func(name string, build func(n int) (*Chain, error), entry func(n int) func(row, column int) float64, paper, free func(n int) int) *exactCase {
		cases = append(cases, exactCase{name: name, build: build, out: size, in: size, entry: entry, paper: paper, free: free})
		return &cases[len(cases)-1]
	}
	sign := func(n int) func(i, j int) float64 {
		return func(i, j int) float64 { return 1 - 2*float64(bits.OnesCount(uint(i&j))%2) }
	}
	add("Hadamard", Hadamard, sign, func(n int) int { return 2 * n * levels(n) }, zero).powers = true
	add("permutation", func(n int) (*Chain, error) { return Gather(newRand(1).Perm(n), n) }, func(n int) func(i, j int) float64 {
		order := newRand(1).Perm(n)
		return func(i, j int) float64 { return indicator(order[i] == j) }
	}, kMatrix(1, 1, 1), size)
	add("Benes permutation", func(n int) (*Chain, error) { return Permutation(newRand(1).Perm(n)) }, func(n int) func(i, j int) float64 {
		order := newRand(1).Perm(n)
		return func(i, j int) float64 { return indicator(order[i] == j) }
	}, kMatrix(1, 1, 1), size).powers = true
	add("diagonal", func(n int) (*Chain, error) { return Diagonal(normals(1, n)) }, func(n int) func(i, j int) float64 {
		d := normals(1, n)
		return func(i, j int) float64 { return d[i] * indicator(i == j) }
	}, size, size)
	add("Haar", Haar, func(n int) func(i, j int) float64 {
		return func(i, j int) float64 { return haarEntry(n, bits.TrailingZeros(uint(n)), i, j) }
	}, func(n int) int { return 2 * n * levels(n) }, zero)
	add("circulant", func(n int) (*Chain, error) { return RealCirculant(normals(1, n)) }, func(n int) func(i, j int) float64 {
		column := normals(1, n)
		return func(i, j int) float64 { return column[modulo(i-j, n)] }
	}, kMatrix(1, 1, 2), size)
	add("Toeplitz", func(n int) (*Chain, error) { return Toeplitz(n, n, normals(1, 2*n-1)) }, func(n int) func(i, j int) float64 {
		d := normals(1, 2*n-1)
		return func(i, j int) float64 { return d[i-j+n-1] }
	}, kMatrix(1, 2, 2), func(n int) int { return 2*n - 1 })
	add("convolution, kernel 9", func(n int) (*Chain, error) { return Convolution1D(n, normals(1, 9), 4, 4, false) }, func(n int) func(i, j int) float64 {
		kernel := normals(1, 9)
		return func(i, j int) float64 {
			if k := j - i + 4; k >= 0 && k < 9 {
				return kernel[k]
			}
			return 0
		}
	}, kMatrix(1, 2, 2), func(int) int { return 9 })
	add("banded, 5 diagonals", func(n int) (*Chain, error) {
		return Banded(n, n, caseBand, caseBand, func(i, j int) float64 { return 1 + float64(i%7) - float64(j%5) })
	}, func(n int) func(i, j int) float64 {
		return func(i, j int) float64 {
			return indicator(max(i-j, j-i) <= caseBand) * (1 + float64(i%7) - float64(j%5))
		}
	}, kMatrix(4*5, 4, 1), func(n int) int { return 5 * n })
	add("sparse, 16 a row", func(n int) (*Chain, error) { return Sparse(n, n, caseEntries(n)) }, func(n int) func(i, j int) float64 {
		values := map[[2]int]float64{}
		for _, e := range caseEntries(n) {
			values[[2]int{e.Row, e.Column}] = e.Value
		}
		return func(i, j int) float64 { return values[[2]int{i, j}] }
	}, kMatrix(4*caseSpread, 4, 1), func(n int) int { return 2 * caseSpread * n })
	add("low rank 8", func(n int) (*Chain, error) {
		return LowRankProduct(normals(1, n*caseRank), normals(2, n*caseRank), n, n, caseRank)
	}, func(n int) func(i, j int) float64 {
		left, right := normals(1, n*caseRank), normals(2, n*caseRank)
		return func(i, j int) float64 {
			sum := 0.0
			for k := range caseRank {
				sum += left[i*caseRank+k] * right[k*n+j]
			}
			return sum
		}
	}, func(n int) int { return 2 * caseRank * n }, func(n int) int { return caseRank * (2*n - caseRank) })
	add("Fastfood", func(n int) (*Chain, error) {
		return Fastfood(normals(1, n), normals(2, n), newRand(4).Perm(n), normals(3, n))
	}, fastfoodEntry, kMatrix(2, 1, 1), func(n int) int { return 4 * n }).powers = true
	add("ACDC", func(n int) (*Chain, error) { return ACDC(normals(1, n), normals(2, n)) }, acdcEntry, kMatrix(4, 1, 2), func(n int) int { return 2 * n })
	return cases
}

func indicator(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// caseEntries are as many random places as caseSpread in each row on average.
func caseEntries(n int) []Entry {
	r := newRand(6)
	var entries []Entry
	for row := range n {
		for column := range n {
			if r.IntN(n) < caseSpread {
				entries = append(entries, Entry{row, column, r.NormFloat64()})
			}
		}
	}
	return entries
}

// fastfoodEntry multiplies the matrices out, which takes n^2 log n.
func fastfoodEntry(n int) func(i, j int) float64 {
	s, g, order, b := normals(1, n), normals(2, n), newRand(4).Perm(n), normals(3, n)
	columns := make([][]float64, n)
	return func(i, j int) float64 {
		if columns[j] == nil {
			x := make([]float64, n)
			for k := range x {
				x[k] = g[k] * (1 - 2*float64(bits.OnesCount(uint(order[k]&j))%2)) * b[j]
			}
			hadamard64(x)
			for k := range x {
				x[k] *= s[k]
			}
			columns[j] = x
		}
		return columns[j][i]
	}
}

func hadamard64(x []float64) {
	for h := 1; h < len(x); h *= 2 {
		for i := range x {
			if i&h == 0 {
				x[i], x[i|h] = x[i]+x[i|h], x[i]-x[i|h]
			}
		}
	}
}

// acdcEntry sums products of cosines, written as a sum of two sums that depend
// on i+j and i-j alone: 2 cos a cos b = cos(a-b) + cos(a+b).
func acdcEntry(n int) func(i, j int) float64 {
	a, d := normals(1, n), normals(2, n)
	sums := make([]float64, 2*n) // of d[k] scale[k]^2 cos(pi k m / n) / 2
	for m := range sums {
		for k := range n {
			sums[m] += d[k] * conjugates(2*k, 4*n) / float64(n) / 2 * cosOf(k*m, n)
		}
	}
	return func(i, j int) float64 { return (sums[max(i-j, j-i)] + sums[i+j+1]) * a[j] }
}

// checkExact compares products of the kernels with the definition in float64:
// some random inputs, and the first and the last unit vectors. Errors are relative
// to the result, or to a typical column if that is larger.
func checkExact(t *testing.T, c exactCase, n int) *Chain {
	t.Helper()
	chain, err := c.build(n)
	if err != nil {
		t.Fatalf("%s %d: %v", c.name, n, err)
	}
	out, in, entry := c.out(n), c.in(n), c.entry(n)
	if chain.In != in || chain.Out != out {
		t.Fatalf("%s %d: %d inputs and %d outputs, want %d and %d", c.name, n, chain.In, chain.Out, in, out)
	}
	const rows = 4
	x := normal(newRand(3), rows*in)
	clear(x[:2*in])
	x[0], x[2*in-1] = 1, 1
	y := apply(t, prepare(t, chain), x, rows, Epilogue{})
	want := make([]float64, rows*out)
	squares := 0.0
	for i := range out {
		for j := range in {
			v := entry(i, j)
			squares += v * v
			for r := range rows {
				want[r*out+i] += v * float64(x[r*in+j])
			}
		}
	}
	for r := range rows {
		difference, norm := 0.0, 0.0
		for i, v := range want[r*out:][:out] {
			difference += (float64(y[r*out+i]) - v) * (float64(y[r*out+i]) - v)
			norm += v * v
		}
		if !(difference <= 1e-10*max(norm, squares/float64(in))) {
			t.Fatalf("%s %d, input %d: relative error %.2g (%v)", c.name, n, r, math.Sqrt(difference/norm), chain.Design())
		}
	}
	return chain
}

func TestExactConstructions(t *testing.T) {
	for _, c := range exactCases() {
		for _, n := range []int{16, 37, 96, 128} {
			if !c.powers || n == 1<<levels(n) {
				checkExact(t, c, n)
			}
		}
	}
}

// The adjoint identity <y, C x> = <C' y, x> in the kernels.
func TestExactConstructionsTranspose(t *testing.T) {
	for _, c := range exactCases() {
		for _, n := range []int{16, 37, 48} {
			if c.powers && n != 16 {
				continue
			}
			chain, err := c.build(n)
			if err != nil {
				t.Fatal(err)
			}
			transposed := chain.Transposed()
			if err := transposed.Validate(); err != nil {
				t.Fatalf("%s %d: %v", c.name, n, err)
			}
			x, y := normal(newRand(1), chain.In), normal(newRand(2), chain.Out)
			a, b := innerProduct(y, product64(chain, x)), innerProduct(x, product64(transposed, y))
			if math.Abs(a-b) > 1e-5*(1+math.Abs(a)+float64(n)) {
				t.Errorf("%s %d: %v and %v", c.name, n, a, b)
			}
		}
	}
}

func innerProduct(x []float32, y []float64) float64 {
	sum := 0.0
	for i, v := range y {
		sum += float64(x[i]) * v
	}
	return sum
}

// No construction takes more numbers than the paper's class, at sizes that are
// powers of two and from 256 on.
func TestExactConstructionsAreWithinThePaper(t *testing.T) {
	for _, c := range exactCases() {
		for _, n := range []int{256, 1024} {
			chain, err := c.build(n)
			if err != nil {
				t.Fatal(err)
			}
			if got, bound := chain.Design().Values(), c.paper(n); got > bound {
				t.Errorf("%s: %d values, the paper's class has %d (%v)", fmt.Sprint(c.name, " ", n), got, bound, chain.Design())
			}
		}
	}
}
