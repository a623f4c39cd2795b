package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// elementwiseCase is an elementwise function and its definition for one
// element in float64.
type elementwiseCase struct {
	name string
	run  func(dst, a, b []float32, s, s2 float32)
	want func(a, b, s, s2 float64) float64
}

func larger64(x, y float64) float64 {
	if x > y || x != x {
		return x
	}
	return y
}

func smaller64(x, y float64) float64 {
	if x < y || x != x {
		return x
	}
	return y
}

// A sum, product or quotient of two float32 values is rounded once more from
// float64 without changing the result, so these can be compared exactly.
var elementwiseCases = []elementwiseCase{
	{"Add", func(d, a, b []float32, s, s2 float32) { Add(d, a, b) }, func(a, b, s, s2 float64) float64 { return a + b }},
	{"Sub", func(d, a, b []float32, s, s2 float32) { Sub(d, a, b) }, func(a, b, s, s2 float64) float64 { return a - b }},
	{"Mul", func(d, a, b []float32, s, s2 float32) { Mul(d, a, b) }, func(a, b, s, s2 float64) float64 { return a * b }},
	{"Div", func(d, a, b []float32, s, s2 float32) { Div(d, a, b) }, func(a, b, s, s2 float64) float64 { return a / b }},
	{"Maximum", func(d, a, b []float32, s, s2 float32) { Maximum(d, a, b) }, func(a, b, s, s2 float64) float64 { return larger64(a, b) }},
	{"Minimum", func(d, a, b []float32, s, s2 float32) { Minimum(d, a, b) }, func(a, b, s, s2 float64) float64 { return smaller64(a, b) }},
	{"AddScalar", func(d, a, b []float32, s, s2 float32) { AddScalar(d, a, s) }, func(a, b, s, s2 float64) float64 { return a + s }},
	{"SubScalar", func(d, a, b []float32, s, s2 float32) { SubScalar(d, a, s) }, func(a, b, s, s2 float64) float64 { return a - s }},
	{"Scale", func(d, a, b []float32, s, s2 float32) { Scale(d, a, s) }, func(a, b, s, s2 float64) float64 { return a * s }},
	{"DivScalar", func(d, a, b []float32, s, s2 float32) { DivScalar(d, a, s) }, func(a, b, s, s2 float64) float64 { return a / s }},
	{"ScalarSub", func(d, a, b []float32, s, s2 float32) { ScalarSub(d, s, a) }, func(a, b, s, s2 float64) float64 { return s - a }},
	{"ScalarDiv", func(d, a, b []float32, s, s2 float32) { ScalarDiv(d, s, a) }, func(a, b, s, s2 float64) float64 { return s / a }},
	{"MaximumScalar", func(d, a, b []float32, s, s2 float32) { MaximumScalar(d, a, s) }, func(a, b, s, s2 float64) float64 { return larger64(a, s) }},
	{"MinimumScalar", func(d, a, b []float32, s, s2 float32) { MinimumScalar(d, a, s) }, func(a, b, s, s2 float64) float64 { return smaller64(a, s) }},
	{"Relu", func(d, a, b []float32, s, s2 float32) { Relu(d, a) }, func(a, b, s, s2 float64) float64 {
		if a < 0 {
			return 0
		}
		return a
	}},
	{"Clamp", func(d, a, b []float32, s, s2 float32) { Clamp(d, a, s, s2) }, func(a, b, s, s2 float64) float64 {
		if a < s {
			a = s
		}
		if a > s2 {
			a = s2
		}
		return a
	}},
}

func TestElementwise(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, c := range elementwiseCases {
			t.Run(c.name, func(t *testing.T) { testElementwise(t, c) })
		}
	})
}

func testElementwise(t *testing.T, c elementwiseCase) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 70 {
		x, y := samples(r, n), samples(r, n)
		s, s2 := float32(r.NormFloat64()), float32(r.NormFloat64())
		dst, a, b := newGuarded(make([]float32, n), n%4), newGuarded(x, n%3), newGuarded(y, n%5)
		c.run(dst.data, a.data, b.data, s, s2)
		for i := range n {
			want := float32(c.want(float64(x[i]), float64(y[i]), float64(s), float64(s2)))
			if !same(dst.data[i], want) {
				t.Fatalf("n=%d: [%d] = %v for a=%v b=%v s=%v s2=%v, want %v", n, i, dst.data[i], x[i], y[i], s, s2, want)
			}
		}
		for _, g := range []guarded{dst, a, b} {
			g.check(t, c.name)
		}
		// The same in place, over either operand.
		a2, b2 := newGuarded(x, 1), newGuarded(y, 2)
		c.run(a2.data, a2.data, b.data, s, s2)
		c.run(b2.data, a.data, b2.data, s, s2)
		for i := range n {
			if !same(a2.data[i], dst.data[i]) || !same(b2.data[i], dst.data[i]) {
				t.Fatalf("n=%d: [%d] differs in place: %v, %v, want %v", n, i, a2.data[i], b2.data[i], dst.data[i])
			}
		}
		a2.check(t, c.name)
		b2.check(t, c.name)
	}
}

func TestAxpy(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for n := range 70 {
			x, y, alpha := normal(r, n), normal(r, n), float32(r.NormFloat64())
			dst, a := newGuarded(y, n%4), newGuarded(x, n%3)
			Axpy(dst.data, a.data, alpha)
			for i := range n {
				product := float64(alpha) * float64(x[i])
				want := product + float64(y[i])
				bound := 0x1p-23 * (math.Abs(product) + math.Abs(float64(y[i])))
				if math.Abs(float64(dst.data[i])-want) > bound {
					t.Fatalf("n=%d: [%d] = %v, want %v", n, i, dst.data[i], want)
				}
			}
			dst.check(t, "dst")
			a.check(t, "a")
		}
	})
}

func TestLengthsMustMatch(t *testing.T) {
	short, long := make([]float32, 3), make([]float32, 4)
	for i, f := range []func(){
		func() { Add(long, short, long) },
		func() { Add(long, long, short) },
		func() { Scale(long, short, 1) },
		func() { Axpy(long, short, 1) },
		func() { Exp(long, short) },
		func() { Dot(long, short) },
		func() { Softmax(long, short) },
		func() { LogSoftmax(long, short) },
		func() { LayerNorm(long, long, short, nil, 0) },
		func() { LayerNorm(long, long, nil, short, 0) },
		func() { RMSNorm(long, short, nil, 0) },
		func() { Transpose(long, long, 2, 3) },
		func() { TransposeStrided(long, 1, long, 2, 2, 2) },
		func() { Float16ToFloat32(long, make([]uint16, 3)) },
		func() { Float32ToBfloat16(make([]uint16, 3), long) },
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("wrong lengths were accepted")
				}
			}()
			f()
		})
	}
}
