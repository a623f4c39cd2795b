package butterfly

import (
	"math"
	"math/rand/v2"
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

// squaredError64 is |K X - T|^2 in float64, for finite differences.
func squaredError64(c *Chain, src, target []float32, columns int) float64 {
	sum := 0.0
	for j := range columns {
		x := make([]float64, c.Factors[0].Columns())
		for f := range c.In {
			x[f] = float64(src[f*columns+j])
		}
		for _, f := range c.Factors {
			x = f.applyFloat64(x)
		}
		for f := range c.Out {
			r := x[f] - float64(target[f*columns+j])
			sum += r * r
		}
	}
	return sum
}

// The squared error is a polynomial of degree 2 in each single value, so the
// central difference is exact up to rounding.
func TestSquaredErrorGradientIsTheFiniteDifference(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(13)
		for _, d := range append(mixedDesigns(), designOf(Pattern{2, 6, 7, 3}), designOf(Pattern{4, 4, 4, 4}, Pattern{1, 9, 16, 4})) {
			c := randomChain(r, d)
			w, gradient := newWorkspace(t, d), d.NewGradient()
			columns := w.TileWidth() + 5
			src, target := normal(r, d.In*columns), normal(r, d.Out*columns)
			got := w.SquaredError(c, gradient, src, target, columns, 0, columns)
			if want := squaredError64(c, src, target, columns); math.Abs(got-want) > 1e-5*want {
				t.Fatalf("%s: squared error %v, want %v", name(d), got, want)
			}
			checkFiniteDifferences(t, r, c, gradient, src, target, columns)
		}
	})
}

func checkFiniteDifferences(t *testing.T, r *rand.Rand, c *Chain, gradient [][]float32, src, target []float32, columns int) {
	t.Helper()
	for i, f := range c.Factors {
		scale := math.Sqrt(inner(gradient[i], gradient[i]) / float64(len(gradient[i])))
		for range 6 {
			j := r.IntN(len(f.Values))
			value := f.Values[j]
			f.Values[j] = value + 0.5
			up := squaredError64(c, src, target, columns)
			f.Values[j] = value - 0.5
			down := squaredError64(c, src, target, columns)
			step := float64(value+0.5) - float64(value-0.5)
			f.Values[j] = value
			if want := (up - down) / step; math.Abs(float64(gradient[i][j])-want) > 2e-5*(scale+math.Abs(want)) {
				t.Errorf("%s: gradient of factor %d, value %d is %v, want %v (typical %v)", name(c.Design()), i, j, gradient[i][j], want, scale)
			}
		}
	}
}

func TestSquaredErrorOfPartsEqualsTheWhole(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(14)
		d := mixedDesigns()[6]
		c, w := randomChain(r, d), newWorkspace(t, d)
		columns := 3*w.TileWidth() + 7
		src, target := normal(r, d.In*columns), normal(r, d.Out*columns)
		whole, parts := d.NewGradient(), d.NewGradient()
		want := w.SquaredError(c, whole, src, target, columns, 0, columns)
		got := 0.0
		for from := 0; from < columns; from += w.TileWidth() {
			got += w.SquaredError(c, parts, src, target, columns, from, min(from+w.TileWidth(), columns))
		}
		if math.Abs(got-want) > 1e-12*want {
			t.Errorf("squared error %v in parts, %v at once", got, want)
		}
		for i := range whole {
			checkSameBits(t, "gradient", parts[i], whole[i])
		}
		if alone := w.SquaredError(c, nil, src, target, columns, 0, columns); alone != want {
			t.Errorf("squared error %v without gradient, %v with it", alone, want)
		}
	})
}

func TestBackwardAgreesWithSquaredError(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(15)
		for _, d := range mixedDesigns() {
			c, w := randomChain(r, d), newWorkspace(t, d)
			columns := w.TileWidth() + 9
			src, target := normal(r, d.In*columns), normal(r, d.Out*columns)
			want, got := d.NewGradient(), d.NewGradient()
			w.SquaredError(c, want, src, target, columns, 0, columns)
			dDst := make([]float32, d.Out*columns)
			w.Forward(c, dDst, src, FeatureMajor, columns)
			for i := range dDst {
				dDst[i] = 2 * (dDst[i] - target[i])
			}
			w.Backward(c, got, nil, src, dDst, FeatureMajor, columns)
			for i := range want {
				checkSameBits(t, name(d), got[i], want[i])
			}
		}
	})
}

func TestWorkspaceDoesNotAllocate(t *testing.T) {
	d := mixedDesigns()[8]
	c, w, gradient := randomChain(newRand(16), d), newWorkspace(t, d), d.NewGradient()
	src, target := make([]float32, d.In*100), make([]float32, d.Out*100)
	if n := testing.AllocsPerRun(3, func() { w.SquaredError(c, gradient, src, target, 100, 0, 100) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
