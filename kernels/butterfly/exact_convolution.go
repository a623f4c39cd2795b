package butterfly

import (
	"fmt"
	"math"
	"math/cmplx"
)

// RealCirculant returns the matrix with the entry column[(i-j) mod n] in row i
// and column j as F' diag F, where F is a real DFT of n inputs, or of more than
// 2n if n has a large prime factor. The diagonal is merged with the last factor
// of F and the first one of F'. Frequencies whose coefficient is exactly zero
// are left out. It stores about 8 n log2 n values; the paper's complex BB* has
// 4 n log2 n complex ones, and the matrix itself is n numbers.
func RealCirculant(column []float64) (*Chain, error) {
	n := len(column)
	if err := checkTransformSize("circulant matrix", n); err != nil {
		return nil, err
	}
	if err := checkFinite("circulant matrix", column, n); err != nil {
		return nil, err
	}
	return toeplitz(n, n, func(diagonal int) float64 { return column[modulo(diagonal, n)] }, true)
}

// Toeplitz returns the matrix [out, in] with the entry diagonals[i-j+in-1] in
// row i and column j, that is out+in-1 numbers from the upper right corner to
// the lower left one, as a part of a circulant matrix that is at least as large,
// or as a banded matrix if that is smaller. The paper's class is (BB*)^1_2.
func Toeplitz(out, in int, diagonals []float64) (*Chain, error) {
	if err := checkTransformSize("Toeplitz matrix", max(out, in)); err != nil {
		return nil, err
	}
	if err := checkSides("Toeplitz matrix", out, in); err != nil {
		return nil, err
	}
	if err := checkFinite("Toeplitz matrix", diagonals, out+in-1); err != nil {
		return nil, err
	}
	return toeplitz(out, in, func(diagonal int) float64 { return diagonals[diagonal+in-1] }, false)
}

// Convolution1D returns the matrix of the convolution of n inputs with a kernel
// as neural networks define it (no reversal): output i is the sum over k of
// kernel[k] x[i+k-before]. There are n+before+after-len(kernel)+1 outputs for
// `before` and `after` zeros at the ends; with circular set, inputs are taken
// modulo n instead and there are n outputs.
func Convolution1D(n int, kernel []float64, before, after int, circular bool) (*Chain, error) {
	if err := checkTransformSize("convolution", n); err != nil {
		return nil, err
	}
	if err := checkFinite("convolution", kernel, len(kernel)); err != nil {
		return nil, err
	}
	out := n + before + after - len(kernel) + 1
	if len(kernel) == 0 || before < 0 || after < 0 || before > n || after > n || out < 1 {
		return nil, fmt.Errorf("convolution: a kernel of %d with padding of %d and %d for %d inputs", len(kernel), before, after, n)
	}
	if circular {
		column := make([]float64, n)
		for k, v := range kernel {
			column[modulo(before-k, n)] += v
		}
		return RealCirculant(column)
	}
	diagonals := make([]float64, out+n-1)
	for k, v := range kernel {
		if d := before - k + n - 1; d >= 0 && d < len(diagonals) {
			diagonals[d] = v
		}
	}
	return Toeplitz(out, n, diagonals)
}

// toeplitz returns the smaller one of a sparse chain and a circulant one.
func toeplitz(out, in int, diagonal func(int) float64, circulant bool) (*Chain, error) {
	var entries []Entry
	count := 0
	for d := 1 - in; d < out; d++ {
		if diagonal(d) != 0 {
			count++
		}
	}
	if count <= sparseDiagonals || out*in <= sparseDiagonals*sparseDiagonals {
		for row := range out {
			for column := range in {
				if v := diagonal(row - column); v != 0 {
					entries = append(entries, Entry{row, column, v})
				}
			}
		}
		return Sparse(out, in, entries)
	}
	return smallestCircular(out, in, diagonal, circulant)
}

// sparseDiagonals is up to how many diagonals a matrix is treated as sparse.
const sparseDiagonals = 32

// smallestCircular embeds a Toeplitz matrix in a circulant one.
func smallestCircular(out, in int, diagonal func(int) float64, circulant bool) (*Chain, error) {
	period := bestPeriod(out+in-1, in, out)
	if circulant && periodCost(in, in, in) < periodCost(period, in, out) {
		period = in
	}
	taps := make([]float64, period)
	if circulant && period == in {
		for d := range taps {
			taps[d] = diagonal(d)
		}
	} else {
		for d := 1 - in; d < out; d++ {
			taps[modulo(d, period)] = diagonal(d)
		}
	}
	c, err := circular(out, in, period, spectrum(taps))
	if err != nil {
		return nil, err
	}
	dense := single(newFactor(Pattern{1, out, in, 1}))
	if chainCost(c) < chainCost(dense) {
		return c, nil
	}
	for i := range out * in {
		dense.Factors[0].Values[i] = float32(diagonal(i/in - i%in))
	}
	return dense, nil
}

// bestPeriod returns the cheapest period of at least `least` for a circular
// convolution.
func bestPeriod(least, in, out int) int {
	best, bestCost := 0, math.Inf(1)
	for period := least; period <= least+least/3+8; period++ {
		if !isSmooth(period) {
			continue
		}
		if cost := periodCost(period, in, out); cost < bestCost {
			best, bestCost = period, cost
		}
	}
	return best
}

// isSmooth reports whether n has no prime factor above 7.
func isSmooth(n int) bool {
	for _, p := range []int{2, 3, 5, 7} {
		for n%p == 0 {
			n /= p
		}
	}
	return n == 1
}

func periodCost(period, in, out int) float64 {
	radices := circularRadices(period, in, out)
	return circularCost(radices, period, in, out)
}

// circularRadices are the radices for both transforms of a convolution.
func circularRadices(period, in, out int) []int {
	return bestRadicesBy(period, func(radices []int) float64 { return circularCost(radices, period, in, out) })
}

// circularCost is radixCost for both transforms with the factors in the middle
// merged.
func circularCost(radices []int, period, in, out int) float64 {
	cost, features := 0.0, float64(period)
	for i, r := range radices {
		last := i == len(radices)-1
		switch {
		case i == 0 && last:
			cost += float64(in) * float64(out)
		case i == 0:
			cost += float64(r) * float64(in+out)
		case last:
			cost += 2 * float64(r) * features
		default:
			cost += 4 * float64(r) * features
		}
		cost += 2 * factorCost * 2 * features
	}
	return cost
}

// spectrum is the DFT of real numbers, 0 to n/2. Sums are exact to about n
// rounding units of float64.
func spectrum(x []float64) []complex128 {
	n := len(x)
	cos, sin := make([]float64, n), make([]float64, n)
	for j := range n {
		cos[j], sin[j] = turn(2*j, n)
	}
	result := make([]complex128, n/2+1)
	for k := range result {
		re, im, at := 0.0, 0.0, 0
		for _, v := range x {
			re += v * cos[at]
			im -= v * sin[at]
			if at += k; at >= n {
				at -= n
			}
		}
		result[k] = complex(re, im)
	}
	return result
}

// negligible is up to which share of the largest one a coefficient is zero.
const negligible = 1e-13

// circular returns the first out rows and in columns of the circulant matrix of
// a period with this spectrum.
func circular(out, in, period int, spectrum []complex128) (*Chain, error) {
	largest := 0.0
	for _, v := range spectrum {
		largest = max(largest, cmplx.Abs(v))
	}
	var forward, inverse []Sinusoid
	for k, v := range spectrum {
		if cmplx.Abs(v) <= negligible*largest {
			continue
		}
		weight := conjugates(k, period) / float64(period)
		forward = append(forward, Sinusoid{2 * k, real(v), imag(v)})
		inverse = append(inverse, Sinusoid{2 * k, weight, 0})
		if weight*float64(period) == 2 { // k is not its own conjugate
			forward = append(forward, Sinusoid{2 * k, imag(v), -real(v)})
			inverse = append(inverse, Sinusoid{2 * k, 0, -weight})
		}
	}
	if len(forward) == 0 {
		return single(newFactor(Pattern{1, out, in, 1})), nil
	}
	radices := circularRadices(period, in, out)
	first, err := sinusoids(in, period, forward, nil, radices)
	if err != nil {
		return nil, err
	}
	second, err := sinusoids(out, period, inverse, nil, radices)
	if err != nil {
		return nil, err
	}
	return Product(first, second.Transposed())
}
