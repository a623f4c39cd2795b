package butterfly

import (
	"math"
	"testing"
)

func newWorkspace(t *testing.T, d Design) *Workspace {
	t.Helper()
	w, err := NewWorkspace(d)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// exchange returns x [count, features] as [features, count].
func exchange(x []float32, features, count int) []float32 {
	y := make([]float32, len(x))
	for i := range count {
		for f := range features {
			y[f*count+i] = x[i*features+f]
		}
	}
	return y
}

func TestForwardEqualsDenseInBothLayouts(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(11)
		for _, d := range mixedDesigns() {
			c := randomChain(r, d)
			w, dense := newWorkspace(t, d), c.Dense()
			for _, count := range []int{0, 1, 3, 16, 70} {
				src := normal(r, d.In*count)
				dst, check := guarded(t, d.Out*count)
				w.Forward(c, dst, src, RowMajor, count)
				check()
				for i := range count {
					want := matrixProduct(dense, d.Out, d.In, src[i*d.In:][:d.In])
					checkClose(t, name(d), dst[i*d.Out:][:d.Out], want, 2e-6)
				}
				columns, check := guarded(t, d.Out*count)
				w.Forward(c, columns, exchange(src, d.In, count), FeatureMajor, count)
				check()
				checkSameBits(t, name(d), columns, exchange(dst, d.Out, count))
			}
		}
	})
}

// TestBackwardIsTheAdjoint checks <K x, y> = <x, K' y> for the gradient of the
// inputs, and that it equals the product with the transposed chain.
func TestBackwardIsTheAdjoint(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(12)
		for _, d := range mixedDesigns() {
			c := randomChain(r, d)
			w, transposed := newWorkspace(t, d), c.Transposed()
			const count = 19
			x, y := normal(r, d.In*count), normal(r, d.Out*count)
			product, gradient := make([]float32, d.Out*count), d.NewGradient()
			dSrc, check := guarded(t, d.In*count)
			w.Forward(c, product, x, RowMajor, count)
			w.Backward(c, gradient, dSrc, x, y, RowMajor, count)
			check()
			left, right := inner(product, y), inner(x, dSrc)
			if math.Abs(left-right) > 1e-5*math.Sqrt(inner(product, product)*inner(y, y)) {
				t.Errorf("%s: <Kx,y> is %v but <x,K'y> is %v", name(d), left, right)
			}
			dense := transposed.Dense()
			for i := range count {
				want := matrixProduct(dense, d.In, d.Out, y[i*d.Out:][:d.Out])
				checkClose(t, name(d), dSrc[i*d.In:][:d.In], want, 2e-6)
			}
		}
	})
}

func inner(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
