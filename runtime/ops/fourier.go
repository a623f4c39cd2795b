package ops

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// fourier computes discrete Fourier transforms of one length: powers of two
// by radix 2, other lengths as a convolution with a chirp (Bluestein 1970),
// which has the cost of three transforms of a power of two.
type fourier struct {
	n int
	// twiddles are exp(-2 pi i k/m) for k < m/2, where m is n if n is a power
	// of two and the length of the convolution otherwise.
	twiddles []complex128
	// chirp is exp(-pi i k^2/n) for k < n, and filter the transform of its
	// conjugate, both nil for a power of two.
	chirp, filter []complex128
}

// newFourier prepares transforms of n points, n at least 1.
func newFourier(n int) *fourier {
	f := &fourier{n: n}
	if n&(n-1) == 0 {
		f.twiddles = roots(n)
		return f
	}
	m := 1 << bits.Len(uint(2*n-2)) // at least 2n-1
	f.twiddles = roots(m)
	f.chirp, f.filter = make([]complex128, n), make([]complex128, m)
	square := 0 // k^2 modulo 2n, as large angles lose digits
	for k := range n {
		f.chirp[k] = cmplx.Rect(1, -math.Pi*float64(square)/float64(n))
		square = (square + 2*k + 1) % (2 * n)
	}
	for k, w := range f.chirp {
		f.filter[k] = cmplx.Conj(w)
		f.filter[(m-k)%m] = cmplx.Conj(w)
	}
	radix2(f.filter, f.twiddles)
	return f
}

// roots returns exp(-2 pi i k/m) for k < m/2.
func roots(m int) []complex128 {
	w := make([]complex128, m/2)
	for k := range w {
		w[k] = cmplx.Rect(1, -2*math.Pi*float64(k)/float64(m))
	}
	return w
}

// workspace returns the number of elements that transform needs as scratch.
func (f *fourier) workspace() int { return len(f.filter) }

// transform replaces x, n points, by its transform; the inverse includes the
// factor 1/n.
func (f *fourier) transform(x, scratch []complex128, inverse bool) {
	if inverse { // F^-1(x) = conj(F(conj(x)))/n
		conjugate(x, 1)
		f.forward(x, scratch)
		conjugate(x, 1/float64(f.n))
		return
	}
	f.forward(x, scratch)
}

func conjugate(x []complex128, factor float64) {
	for i, v := range x {
		x[i] = complex(real(v)*factor, -imag(v)*factor)
	}
}

func (f *fourier) forward(x, scratch []complex128) {
	if f.chirp == nil {
		radix2(x, f.twiddles)
		return
	}
	a := scratch[:len(f.filter)]
	clear(a)
	for k, w := range f.chirp {
		a[k] = x[k] * w
	}
	radix2(a, f.twiddles)
	for k, v := range f.filter {
		a[k] *= v
	}
	conjugate(a, 1)
	radix2(a, f.twiddles)
	conjugate(a, 1/float64(len(a)))
	for k, w := range f.chirp {
		x[k] = a[k] * w
	}
}

// radix2 is the transform of a power of two of points, decimation in time.
func radix2(x, twiddles []complex128) {
	n := len(x)
	if n < 2 {
		return
	}
	shift := 64 - bits.Len(uint(n-1))
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for half := 1; half < n; half *= 2 {
		step := n / (2 * half)
		for from := 0; from < n; from += 2 * half {
			low, high := x[from:from+half], x[from+half:from+2*half]
			for k, at := 0, 0; k < half; k, at = k+1, at+step {
				v := high[k] * twiddles[at]
				low[k], high[k] = low[k]+v, low[k]-v
			}
		}
	}
}
