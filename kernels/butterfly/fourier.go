package butterfly

import (
	"fmt"
	"math"
	"math/bits"
	"math/cmplx"
)

// Hadamard returns the Walsh-Hadamard matrix in natural order, with entries
// of 1 and -1, as a chain in B (arXiv 2012.14966, Appendix J). n must be a
// power of two of at least 2.
func Hadamard(n int) (*Chain, error) {
	if err := checkPowerOfTwo("Hadamard matrix", n); err != nil {
		return nil, err
	}
	c := NewChain(Design{In: n, Out: n, Patterns: butterflyPatterns(n, 2)})
	for _, f := range c.Factors {
		for block := range f.Blocks() {
			copy(f.Values[block*4:], []float32{1, 1, 1, -1})
		}
	}
	return c, nil
}

// FourierTransform returns the discrete Fourier transform
// y[k] = sum over j of x[j] exp(-2 pi i j k / n) in (BB*)^2, with the factors
// of Kaleidoscope(n, n, 2, 1, 2): the first BB* is the bit-reversal
// permutation, the second is the fast Fourier transform after an identity.
// n must be a power of two of at least 2.
func FourierTransform(n int) (*ComplexChain, error) {
	if err := checkPowerOfTwo("Fourier transform", n); err != nil {
		return nil, err
	}
	d, err := Kaleidoscope(n, n, 2, 1, 2)
	if err != nil {
		return nil, err
	}
	reversal, err := Permutation(bitReversal(n))
	if err != nil {
		return nil, err
	}
	c := newComplexChain(d)
	for k, f := range reversal.Factors {
		for j, v := range f.Values {
			c.Factors[k].Values[j] = complex(float64(v), 0)
		}
	}
	levels := bits.Len(uint(n)) - 1
	for _, f := range c.Factors[3*levels:] {
		f.setTwiddles(false)
	}
	return c, nil
}

// Circulant returns the matrix with the entry column[(i-j) mod n] in row i
// and column j, in BB* with complex values and the factors of
// Kaleidoscope(n, n, 1, 1, 2). With F = B P, where P is the bit reversal, F is
// also P B', so that
//
//	F^-1 diag(F column) F = 1/n conj(B) (P diag(F column) P) B'
//
// in which the diagonal goes into the last factor of B' (arXiv 2012.14966,
// Appendix J). The length must be a power of two of at least 2.
func Circulant(column []float64) (*ComplexChain, error) {
	n := len(column)
	if err := checkPowerOfTwo("circulant matrix", n); err != nil {
		return nil, err
	}
	for i, v := range column {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("circulant matrix: entry %d is %v", i, v)
		}
	}
	d, err := Kaleidoscope(n, n, 1, 1, 2)
	if err != nil {
		return nil, err
	}
	transform, err := FourierTransform(n)
	if err != nil {
		return nil, err
	}
	x := make([]complex128, n)
	for i, v := range column {
		x[i] = complex(v, 0)
	}
	spectrum := transform.Apply(x)
	c := newComplexChain(d)
	levels := len(c.Factors) / 2
	for k, f := range c.Factors {
		f.setTwiddles(k >= levels)
		if k < levels {
			f.transposeBlocks()
		}
	}
	order := bitReversal(n)
	c.Factors[levels-1].scaleRows(func(row int) complex128 {
		return spectrum[order[row]] / complex(float64(n), 0)
	})
	return c, nil
}

// bitReversal is the permutation that reverses the bits of an index below n.
func bitReversal(n int) []int {
	levels := bits.Len(uint(n)) - 1
	order := make([]int, n)
	for i := range order {
		order[i] = int(bits.Reverse64(uint64(i)) >> (64 - levels))
	}
	return order
}

// setTwiddles makes a 2x2 factor a level of the decimation-in-time fast
// Fourier transform, or its complex conjugate.
func (f ComplexFactor) setTwiddles(conjugate bool) {
	for i := range f.A {
		for l := range f.D {
			w := cmplx.Exp(complex(0, -math.Pi*float64(l)/float64(f.D)))
			if conjugate {
				w = cmplx.Conj(w)
			}
			copy(f.Values[(i*f.D+l)*4:], []complex128{1, w, 1, -w})
		}
	}
}

func (f ComplexFactor) transposeBlocks() {
	for block := range f.Blocks() {
		v := f.Values[block*4:][:4]
		v[1], v[2] = v[2], v[1]
	}
}

// scaleRows multiplies each row of a 2x2 factor by a number.
func (f ComplexFactor) scaleRows(by func(row int) complex128) {
	for i := range f.A {
		for l := range f.D {
			for p := range 2 {
				row := f.Values[((i*f.D+l)*2+p)*2:][:2]
				s := by((i*2+p)*f.D + l)
				row[0] *= s
				row[1] *= s
			}
		}
	}
}
