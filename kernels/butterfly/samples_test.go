package butterfly

import (
	"math"
	"math/rand/v2"
	"testing"
)

func newSamples(t *testing.T, d Design, src, target []float32, columns int) *Samples {
	t.Helper()
	s, err := NewSamples(d, src, target, columns)
	if err != nil {
		t.Fatal(err)
	}
	return s
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
			columns := w.width + 5
			src, target := normal(r, d.In*columns), normal(r, d.Out*columns)
			samples := newSamples(t, d, src, target, columns)
			got := w.SquaredError(c, gradient, samples, 0, samples.Tiles())
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
		columns := 3*w.width + 7
		src, target := normal(r, d.In*columns), normal(r, d.Out*columns)
		samples := newSamples(t, d, src, target, columns)
		whole, parts := d.NewGradient(), d.NewGradient()
		want := w.SquaredError(c, whole, samples, 0, samples.Tiles())
		got := 0.0
		for tile := range samples.Tiles() {
			got += w.SquaredError(c, parts, samples, tile, tile+1)
		}
		if math.Abs(got-want) > 1e-12*want {
			t.Errorf("squared error %v in parts, %v at once", got, want)
		}
		for i := range whole {
			checkSameBits(t, "gradient", parts[i], whole[i])
		}
		if alone := w.SquaredError(c, nil, samples, 0, samples.Tiles()); alone != want {
			t.Errorf("squared error %v without gradient, %v with it", alone, want)
		}
	})
}

func TestBackwardAgreesWithSquaredError(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(15)
		for _, d := range mixedDesigns() {
			c, w := randomChain(r, d), newWorkspace(t, d)
			columns := w.width + 9
			src, target := normal(r, d.In*columns), normal(r, d.Out*columns)
			samples := newSamples(t, d, src, target, columns)
			want, got := d.NewGradient(), d.NewGradient()
			w.SquaredError(c, want, samples, 0, samples.Tiles())
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

func TestSquaredErrorDoesNotAllocate(t *testing.T) {
	d := mixedDesigns()[8]
	c, w, gradient := randomChain(newRand(16), d), newWorkspace(t, d), d.NewGradient()
	samples := newSamples(t, d, make([]float32, d.In*100), make([]float32, d.Out*100), 100)
	if n := testing.AllocsPerRun(3, func() { w.SquaredError(c, gradient, samples, 0, samples.Tiles()) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
