package butterfly

import (
	"fmt"
	"math"
)

func checkTransformSize(what string, n int) error {
	if n < 1 || n > MaxSide/16 {
		return fmt.Errorf("%s: size %d must be between 1 and %d", what, n, MaxSide/16)
	}
	return nil
}

// RealDFT returns the discrete Fourier transform of n real inputs, one-sided,
// in the layout of exported short-time Fourier transforms: row k <= n/2 is
// cos(2 pi j k / n) and row n/2+1+k is -sin(2 pi j k / n). It stores about
// 4 n log2 n values; the paper's complex (BB*)^2 has 8 n log2 n complex ones.
func RealDFT(n int) (*Chain, error) { return WindowedRealDFT(n, n, nil) }

// WindowedRealDFT is RealDFT of `in` inputs, first multiplied by a window of as
// many numbers (nil: ones) and followed by n-in zeros.
func WindowedRealDFT(n, in int, window []float64) (*Chain, error) {
	if err := checkTransformSize("real DFT", n); err != nil {
		return nil, err
	}
	rows := make([]Sinusoid, 0, n+2)
	for k := range n/2 + 1 {
		rows = append(rows, Sinusoid{2 * k, 1, 0})
	}
	for k := range n/2 + 1 {
		rows = append(rows, Sinusoid{2 * k, 0, -1})
	}
	return Sinusoids(in, n, rows, window)
}

// InverseRealDFT returns the inverse of RealDFT, of n/2+1 real parts followed
// by as many imaginary parts, to n outputs. The imaginary parts of frequency
// 0, and n/2 for even n, have no effect.
func InverseRealDFT(n int) (*Chain, error) {
	if err := checkTransformSize("inverse real DFT", n); err != nil {
		return nil, err
	}
	var rows [2][]Sinusoid
	for k := range n/2 + 1 {
		weight := conjugates(k, n) / float64(n)
		rows[0] = append(rows[0], Sinusoid{2 * k, weight, 0})
		rows[1] = append(rows[1], Sinusoid{2 * k, 0, -weight})
	}
	c, err := Sinusoids(n, n, append(rows[0], rows[1]...), nil)
	if err != nil {
		return nil, err
	}
	return c.Transposed(), nil
}

// conjugates is how many of n frequencies are k or -k.
func conjugates(k, n int) float64 {
	if k == 0 || 2*k == n {
		return 1
	}
	return 2
}

// DFT returns the discrete Fourier transform of n complex numbers,
// y[k] = sum over j of x[j] exp(-2 pi i j k / n). Inputs and outputs are n real
// parts followed by n imaginary parts. It stores about 10 n log2 n values; the
// paper's (BB*)^2 has 8 n log2 n complex ones.
func DFT(n int) (*Chain, error) { return complexDFT(n, -1, 1) }

// InverseDFT returns the inverse of DFT.
func InverseDFT(n int) (*Chain, error) { return complexDFT(n, 1, 1/float64(n)) }

// complexDFT transforms both parts as real numbers and adds the results: with
// the transforms a of the real and b of the imaginary parts, y[k] = a[k] + i b[k]
// and y[-k] = conj(a[k]) + i conj(b[k]).
func complexDFT(n int, sign, scale float64) (*Chain, error) {
	if err := checkTransformSize("DFT", n); err != nil {
		return nil, err
	}
	// Rows 3k, 3k+1 and 3k+2 are the real part, the imaginary part and its
	// opposite of frequency k.
	var rows []Sinusoid
	for k := range n/2 + 1 {
		rows = append(rows, Sinusoid{2 * k, scale, 0}, Sinusoid{2 * k, 0, sign * scale}, Sinusoid{2 * k, 0, -sign * scale})
	}
	part, err := Sinusoids(n, n, rows, nil)
	if err != nil {
		return nil, err
	}
	both, err := DirectSum(part, part)
	if err != nil {
		return nil, err
	}
	terms := make([]int, 4*n)
	for k := range n {
		row, imaginary, opposite := 3*k, 1, 2
		if k > n/2 {
			row, imaginary, opposite = 3*(n-k), 2, 1
		}
		second := row + len(rows)
		copy(terms[2*k:], []int{row, second + opposite})
		copy(terms[2*(n+k):], []int{row + imaginary, second})
	}
	sum := &Chain{In: both.Out, Out: 2 * n, Factors: []Factor{gatherFactor(terms, both.Out, 2)}}
	return Product(both, sum)
}

// Hartley returns the Hartley transform of n inputs, with the entries
// cos(2 pi j k / n) + sin(2 pi j k / n).
func Hartley(n int) (*Chain, error) {
	if err := checkTransformSize("Hartley transform", n); err != nil {
		return nil, err
	}
	rows := make([]Sinusoid, n)
	for k := range rows {
		rows[k] = Sinusoid{2 * k, 1, 1}
	}
	return Sinusoids(n, n, rows, nil)
}

// turn returns the cosine and sine of num/den half turns.
func turn(num, den int) (cos, sin float64) {
	sin, cos = math.Sincos(math.Pi * float64(num%(2*den)) / float64(den))
	return cos, sin
}
