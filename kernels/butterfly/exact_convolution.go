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
	period, radices := bestPeriod(out+in-1, in, out, merged)
	if circulant {
		if own := bestRadicesBy(in, circularCost(in, in, in, merged)); circularCost(in, in, in, merged)(own) < circularCost(period, in, out, merged)(radices) {
			period, radices = in, own
		}
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
	c, err := circular(out, in, period, radices, spectrum(taps))
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
// convolution, and its radices.
func bestPeriod(least, in, out int, middle float64) (period int, radices []int) {
	best := math.Inf(1)
	for n := least; n <= least+least/3+8; n++ {
		if !isSmooth(n) {
			continue
		}
		costOf := circularCost(n, in, out, middle)
		if r := bestRadicesBy(n, costOf); costOf(r) < best {
			best, period, radices = costOf(r), n, r
		}
	}
	return period, radices
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

// What the last radix of the transforms costs: its factors are merged into one,
// or something stands between them.
const (
	merged   = 1.0
	separate = 2.0
)

// circularCost is radixCost for both transforms of a convolution.
func circularCost(period, in, out int, middle float64) func(radices []int) float64 {
	return func(radices []int) float64 {
		cost, features := 0.0, float64(period)
		if r := radices[0]; r%2 == 1 { // the constant class is alone in its group
			features *= float64(r+1) / float64(r)
		}
		for i, r := range radices {
			last := i == len(radices)-1
			switch {
			case i == 0 && last:
				cost += float64(in) * float64(out)
			case i == 0:
				cost += float64(r) * float64(in+out)
			case last:
				cost += middle * 2 * float64(r) * features
			default:
				cost += 4 * float64(r) * features
			}
			cost += 4 * factorCost * features
		}
		return cost
	}
}

// spectrum is the DFT of real numbers, 0 to n/2.
func spectrum(x []float64) []complex128 {
	n := len(x)
	numbers, roots := make([]complex128, n), make([]complex128, n)
	for j, v := range x {
		cos, sin := turn(2*j, n)
		numbers[j], roots[j] = complex(v, 0), complex(cos, -sin)
	}
	return fourier(numbers, roots, 1)[:n/2+1]
}

// fourier is the DFT of n numbers by decimation in time; roots[j*step] is
// exp(-2 pi i j / n).
func fourier(x, roots []complex128, step int) []complex128 {
	n := len(x)
	y := make([]complex128, n)
	if n == 1 {
		y[0] = x[0]
		return y
	}
	radix := n
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			radix = d
			break
		}
	}
	for first := range radix {
		part := make([]complex128, n/radix)
		for j := range part {
			part[j] = x[j*radix+first]
		}
		if radix < n {
			part = fourier(part, roots, step*radix)
		}
		for k := range y {
			y[k] += part[k%len(part)] * roots[first*k%n*step]
		}
	}
	return y
}

// negligible is up to which share of the largest one a coefficient is zero.
const negligible = 1e-13

// circular returns the first out rows and in columns of the circulant matrix of
// a period with this spectrum.
func circular(out, in, period int, radices []int, spectrum []complex128) (*Chain, error) {
	first, second, err := circularParts(out, in, period, radices, spectrum)
	if err != nil {
		return nil, err
	}
	return Product(first, second)
}

// circularParts returns the transform of the inputs, multiplied by the
// spectrum, and the inverse transform. The numbers between them are the parts
// of the frequencies that are not negligible.
func circularParts(out, in, period int, radices []int, spectrum []complex128) (first, second *Chain, err error) {
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
		return single(newFactor(Pattern{1, 1, in, 1})), single(newFactor(Pattern{1, out, 1, 1})), nil
	}
	if first, err = sinusoids(in, period, forward, nil, radices); err != nil {
		return nil, nil, err
	}
	if second, err = sinusoids(out, period, inverse, nil, radices); err != nil {
		return nil, nil, err
	}
	return first, second.Transposed(), nil
}
