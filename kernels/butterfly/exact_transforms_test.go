package butterfly

import (
	"fmt"
	"math"
	"testing"
)

// transform is an exact construction of every size with its definition.
type transform struct {
	name     string
	build    func(n int) (*Chain, error)
	out, in  func(n int) int
	entry    func(n, row, column int) float64
	smallest int
}

func same(n int) int     { return n }
func twice(n int) int    { return 2 * n }
func oneSided(n int) int { return 2 * (n/2 + 1) }

// cosOf is cos(pi num/den), with the angle reduced in integers.
func cosOf(num, den int) float64 {
	return math.Cos(math.Pi * float64(modulo(num, 2*den)) / float64(den))
}
func sinOf(num, den int) float64 {
	return math.Sin(math.Pi * float64(modulo(num, 2*den)) / float64(den))
}

func transforms() []transform {
	ofKind := func(build func(n, kind int) (*Chain, error), kind int) func(n int) (*Chain, error) {
		return func(n int) (*Chain, error) { return build(n, kind) }
	}
	return []transform{
		{"real DFT", RealDFT, oneSided, same, func(n, k, j int) float64 {
			if h := n/2 + 1; k >= h {
				return -sinOf(2*j*(k-h), n)
			}
			return cosOf(2*j*k, n)
		}, 1},
		{"inverse real DFT", InverseRealDFT, same, oneSided, func(n, j, k int) float64 {
			h := n/2 + 1
			weight := conjugates(k%h, n) / float64(n)
			if k >= h {
				return -weight * sinOf(2*j*(k-h), n)
			}
			return weight * cosOf(2*j*k, n)
		}, 1},
		{"DFT", DFT, twice, twice, func(n, k, j int) float64 { return dftEntry(n, k, j, -1) }, 1},
		{"inverse DFT", InverseDFT, twice, twice, func(n, k, j int) float64 { return dftEntry(n, k, j, 1) / float64(n) }, 1},
		{"Hartley", Hartley, same, same, func(n, k, j int) float64 { return cosOf(2*j*k, n) + sinOf(2*j*k, n) }, 1},
		{"DCT 1", ofKind(DCT, 1), same, same, func(n, k, j int) float64 { return cosOf(j*k, n-1) }, 2},
		{"DCT 2", ofKind(DCT, 2), same, same, func(n, k, j int) float64 { return cosOf((2*j+1)*k, 2*n) }, 1},
		{"DCT 3", ofKind(DCT, 3), same, same, func(n, k, j int) float64 { return cosOf(j*(2*k+1), 2*n) }, 1},
		{"DCT 4", ofKind(DCT, 4), same, same, func(n, k, j int) float64 { return cosOf((2*j+1)*(2*k+1), 4*n) }, 1},
		{"DST 1", ofKind(DST, 1), same, same, func(n, k, j int) float64 { return sinOf((j+1)*(k+1), n+1) }, 1},
		{"DST 2", ofKind(DST, 2), same, same, func(n, k, j int) float64 { return sinOf((2*j+1)*(k+1), 2*n) }, 1},
		{"DST 3", ofKind(DST, 3), same, same, func(n, k, j int) float64 { return sinOf((j+1)*(2*k+1), 2*n) }, 1},
		{"DST 4", ofKind(DST, 4), same, same, func(n, k, j int) float64 { return sinOf((2*j+1)*(2*k+1), 4*n) }, 1},
	}
}

// dftEntry is the DFT on n real and n imaginary parts.
func dftEntry(n, row, column int, sign float64) float64 {
	num := 2 * (row % n) * (column % n)
	switch {
	case row/n == column/n:
		return cosOf(num, n)
	case row < n: // i times i sin
		return -sign * sinOf(num, n)
	}
	return sign * sinOf(num, n)
}

func TestTransformsOfEverySize(t *testing.T) {
	for _, f := range transforms() {
		for n := f.smallest; n <= 48; n++ {
			c, err := f.build(n)
			checkMatrix(t, fmt.Sprint(f.name, " ", n), c, err, f.out(n), f.in(n), func(row, column int) float64 { return f.entry(n, row, column) })
		}
	}
}

func TestWindowedRealDFT(t *testing.T) {
	window := make([]float64, 25)
	for i := range window {
		window[i] = 0.5 - 0.5*cosOf(2*i, 25)
	}
	c, err := WindowedRealDFT(32, 25, window)
	checkMatrix(t, "windowed real DFT", c, err, 34, 25, func(row, column int) float64 {
		if row >= 17 {
			return -window[column] * sinOf(2*(row-17)*column, 32)
		}
		return window[column] * cosOf(2*row*column, 32)
	})
}

func TestTransformsReject(t *testing.T) {
	for _, f := range transforms() {
		for _, n := range []int{-1, 0, 1 << 40} {
			if c, err := f.build(n); err == nil {
				t.Errorf("%s of %d is %v", f.name, n, c.Design())
			}
		}
	}
	for _, kind := range []int{0, 5, -1} {
		if _, err := DCT(8, kind); err == nil {
			t.Errorf("no error for a DCT of kind %d", kind)
		}
	}
	if _, err := DCT(1, 1); err == nil {
		t.Error("no error for a DCT of kind 1 and size 1")
	}
	if _, err := WindowedRealDFT(8, 9, nil); err == nil {
		t.Error("no error for more inputs than the period")
	}
	if _, err := WindowedRealDFT(8, 2, []float64{1, math.NaN()}); err == nil {
		t.Error("no error for a window with NaN")
	}
}

// Primes, twice a prime, multiples of one and safe primes take the way of
// exact_prime.go, which must be used where it is smaller.
func TestSinusoidsOfLargePrimes(t *testing.T) {
	r := newRand(8)
	for _, period := range []int{37, 74, 107, 123, 193, 257, 263, 514} {
		in := period - r.IntN(8)
		window := normals(uint64(period), in)
		var rows []Sinusoid
		for range period {
			rows = append(rows, Sinusoid{2 * (r.IntN(3*period) - period), r.NormFloat64(), r.NormFloat64()})
		}
		entry := func(i, j int) float64 {
			turns := rows[i].Twice / 2 * j
			return window[j] * (rows[i].Cos*cosOf(2*turns, period) + rows[i].Sin*sinOf(2*turns, period))
		}
		p := largestPrime(period)
		c, err := primeSinusoids(in, period, p, rows, window)
		checkMatrix(t, fmt.Sprint("prime ", period), c, err, len(rows), in, entry)
		for _, periodic := range []bool{false, true} {
			c, err = foldedSinusoids(in, period, rows, window, periodic)
			checkMatrix(t, fmt.Sprint("folded ", period, periodic), c, err, len(rows), in, entry)
		}
		for i := range rows { // half turns
			rows[i].Twice++
		}
		c, err = foldedSinusoids(in, period, rows, window, false)
		checkMatrix(t, fmt.Sprint("folded half turns ", period), c, err, len(rows), in, func(i, j int) float64 {
			return window[j] * (rows[i].Cos*cosOf(rows[i].Twice*j, period) + rows[i].Sin*sinOf(rows[i].Twice*j, period))
		})
		for i := range rows {
			rows[i].Twice--
		}
		best, err := Sinusoids(in, period, rows, window)
		checkMatrix(t, fmt.Sprint("best ", period), best, err, len(rows), in, entry)
		if period >= 257 && best.Design().Values() > in*len(rows) {
			t.Errorf("period %d: %d values of %d (%v)", period, best.Design().Values(), in*len(rows), best.Design())
		}
	}
}
