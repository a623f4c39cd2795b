package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// activationCase is a function with its definition in float64 and its bounds:
// units in the last place of the result, or a part of the argument.
type activationCase struct {
	name     string
	run      func(dst, a []float32)
	want     func(x float64) float64
	ulps     float64
	relative float64 // error allowed as a part of |x|
}

var activationCases = []activationCase{
	{"Exp", Exp, math.Exp, 2, 0},
	{"Tanh", Tanh, math.Tanh, 3, 0},
	{"Sigmoid", Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 4, 0},
	{"Erf", Erf, math.Erf, 3, 0},
	{"Gelu", Gelu, func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }, 1, 0x1p-22},
	{"GeluTanh", GeluTanh, func(x float64) float64 {
		return x / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	}, 1, 0x1p-21},
	{"Silu", Silu, func(x float64) float64 { return x / (1 + math.Exp(-x)) }, 1, 0x1p-21},
}

// TestActivationAccuracy goes through the whole range of float32, denormals
// and infinities included, in steps of the bits.
func TestActivationAccuracy(t *testing.T) {
	const step = 40009 // a prime; about 107,000 values
	var x []float32
	for bits := uint64(0); bits <= math.MaxUint32; bits += step {
		x = append(x, math.Float32frombits(uint32(bits)))
	}
	for v := -110.0; v < 110; v += 0.00377 {
		x = append(x, float32(v))
	}
	for v := -5.0; v < 5; v += 0.000177 {
		x = append(x, float32(v))
	}
	x = append(x, 0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()))
	forLevels(t, func(t *testing.T) {
		for _, c := range activationCases {
			t.Run(c.name, func(t *testing.T) { testAccuracy(t, c, x) })
		}
	})
}

func testAccuracy(t *testing.T, c activationCase, x []float32) {
	dst := make([]float32, len(x))
	c.run(dst, x)
	worst, at := 0.0, float32(0)
	for i, got := range dst {
		v := float64(x[i])
		want := c.want(v)
		if c.relative > 0 {
			if math.IsInf(v, -1) {
				continue // -Inf times 0: NaN by the formula, 0 in the limit
			}
			if math.Abs(float64(got)-want) <= c.relative*math.Abs(v) {
				continue
			}
		}
		if e := ulps(got, want); e > worst {
			worst, at = e, x[i]
		}
	}
	t.Logf("worst error %.2f units in the last place, at %v", worst, at)
	if worst > c.ulps {
		t.Errorf("error of %.2f units at %v, want at most %v", worst, at, c.ulps)
	}
}

// TestActivationLengths checks that a value's result does not depend on its
// place, and that nothing else is written.
func TestActivationLengths(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, c := range activationCases {
			for n := range 40 {
				x := samples(r, n)
				dst, a := newGuarded(make([]float32, n), n%4), newGuarded(x, n%3)
				c.run(dst.data, a.data)
				c.run(a.data, a.data)
				one := make([]float32, 1)
				for i := range n {
					c.run(one, x[i:i+1])
					if !same(one[0], dst.data[i]) || !same(one[0], a.data[i]) {
						t.Fatalf("%s: n=%d: [%d] = %v, in place %v, alone %v", c.name, n, i, dst.data[i], a.data[i], one[0])
					}
				}
				dst.check(t, c.name)
				a.check(t, c.name)
			}
		}
	})
}
