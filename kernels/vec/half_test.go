package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// float16Value returns the value of binary16 bits by its definition.
func float16Value(h uint16) float64 {
	sign := 1.0
	if h>>15 == 1 {
		sign = -1
	}
	exponent, fraction := int(h>>10&31), float64(h&0x3ff)
	switch {
	case exponent == 31 && fraction != 0:
		return math.NaN()
	case exponent == 31:
		return math.Inf(int(sign))
	case exponent == 0:
		return sign * math.Ldexp(fraction, -24)
	}
	return sign * math.Ldexp(1+fraction/1024, exponent-15)
}

func TestWidenEveryValue(t *testing.T) {
	src := make([]uint16, 1<<16)
	for i := range src {
		src[i] = uint16(i)
	}
	forLevels(t, func(t *testing.T) {
		half, brain := make([]float32, len(src)), make([]float32, len(src))
		Float16ToFloat32(half, src)
		Bfloat16ToFloat32(brain, src)
		back, brainBack := make([]uint16, len(src)), make([]uint16, len(src))
		Float32ToFloat16(back, half)
		Float32ToBfloat16(brainBack, brain)
		for i, h := range src {
			want := float16Value(h)
			if !same(half[i], float32(want)) {
				t.Fatalf("float16 %04x = %v, want %v", h, half[i], want)
			}
			if got := math.Float32bits(brain[i]); got != uint32(h)<<16 {
				t.Fatalf("bfloat16 %04x = %08x", h, got)
			}
			if want == want && back[i] != h || want != want && back[i] != h|0x200 {
				t.Fatalf("float16 %04x came back as %04x", h, back[i])
			}
			if nan := brain[i] != brain[i]; !nan && brainBack[i] != h || nan && brainBack[i] != h|0x40 {
				t.Fatalf("bfloat16 %04x came back as %04x", h, brainBack[i])
			}
		}
	})
}

// TestNarrowIsNearest checks that no neighbour is nearer, and that ties go to
// the even one.
func TestNarrowIsNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	var x []float32
	for range 200000 {
		x = append(x, math.Float32frombits(r.Uint32()), float32(r.NormFloat64()), float32(math.Exp2(r.Float64()*50-30)))
	}
	for h := range 0x7c00 { // the midpoints of float16 and what is beside them
		middle := float32((float16Value(uint16(h)) + math.Min(float16Value(uint16(h+1)), 65536)) / 2)
		x = append(x, middle, math.Nextafter32(middle, 0), -math.Nextafter32(middle, 1e9))
	}
	brainValue := func(h uint16) float64 { return float64(math.Float32frombits(uint32(h) << 16)) }
	forLevels(t, func(t *testing.T) {
		half, brain := make([]uint16, len(x)), make([]uint16, len(x))
		Float32ToFloat16(half, x)
		Float32ToBfloat16(brain, x)
		for i, v := range x {
			checkNearest(t, "float16", float64(v), half[i], 0x7c00, 65536, float16Value)
			checkNearest(t, "bfloat16", float64(v), brain[i], 0x7f80, 0x1p128, brainValue)
		}
	})
}

// checkNearest checks h as the rounding of v. Infinity stands for the power of
// two beyond the range.
func checkNearest(t *testing.T, name string, v float64, h uint16, infinity uint16, beyond float64, value func(uint16) float64) {
	t.Helper()
	magnitude := h & 0x7fff
	if v != v || magnitude > infinity {
		if (v != v) != (magnitude > infinity) {
			t.Fatalf("%s of %v is %04x: NaN on one side only", name, v, h)
		}
		return
	}
	if math.Signbit(v) != (h>>15 == 1) {
		t.Fatalf("%s of %v is %04x: wrong sign", name, v, h)
	}
	v = math.Min(math.Abs(v), beyond)
	finite := func(h uint16) float64 { return math.Min(value(h), beyond) }
	distance := math.Abs(finite(magnitude) - v)
	for _, other := range []int{int(magnitude) - 1, int(magnitude) + 1} {
		if other < 0 || other > int(infinity) {
			continue
		}
		d := math.Abs(finite(uint16(other)) - v)
		if d < distance || d == distance && magnitude%2 == 1 {
			t.Fatalf("%s of %v is %04x, but %04x is nearer or even", name, v, h, other)
		}
	}
}

func TestHalfLevelsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for n := range 40 {
		x, h := make([]float32, n), make([]uint16, n)
		for i := range x {
			x[i], h[i] = math.Float32frombits(r.Uint32()), uint16(r.Uint32())
		}
		wide, narrow := make([]float32, n), make([]uint16, n)
		float16ToFloat32Generic(wide, h)
		float32ToFloat16Generic(narrow, x)
		wantWide, wantNarrow := append([]float32(nil), wide...), append([]uint16(nil), narrow...)
		forLevels(t, func(t *testing.T) {
			guard := newGuarded(make([]float32, n), n%4)
			Float16ToFloat32(guard.data, h)
			got := make([]uint16, n+8)
			Float32ToFloat16(got[:n:n], x)
			for i := range n {
				if math.Float32bits(guard.data[i]) != math.Float32bits(wantWide[i]) || got[i] != wantNarrow[i] {
					t.Fatalf("n=%d: [%d]: %04x = %v, want %v; %v = %04x, want %04x", n, i, h[i], guard.data[i], wantWide[i], x[i], got[i], wantNarrow[i])
				}
			}
			for _, g := range got[n:] {
				if g != 0 {
					t.Fatal("wrote behind the end")
				}
			}
			guard.check(t, "wide")
		})
	}
}
