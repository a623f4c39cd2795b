package vec

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// nearestInteger rounds x/scale, divided in float32, to the nearest integer in
// exact arithmetic.
func nearestInteger(x, scale float32) int64 {
	q := x / scale
	if math.Abs(float64(q)) > 1e6 {
		return int64(math.Copysign(1e6, float64(q)))
	}
	twice := new(big.Rat).SetFloat64(float64(q))
	twice.Mul(twice, big.NewRat(2, 1))
	floor := int64(math.Floor(float64(q)))
	switch twice.Cmp(big.NewRat(2*floor+1, 1)) {
	case -1:
		return floor
	case 1:
		return floor + 1
	}
	return floor + floor&1
}

func TestQuantize(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(19, 20))
		for n := range 60 {
			x := normal(r, n)
			scale := float32(math.Exp2(float64(r.IntN(12) - 10)))
			if n%3 == 0 {
				scale *= 0.7
			}
			for i := range x {
				switch r.IntN(6) {
				case 0:
					x[i] = scale * (float32(r.IntN(300)-150) + 0.5) // a tie
				case 1:
					x[i] *= 1e30
				}
			}
			testQuantize(t, x, scale, int8(r.Uint32()), uint8(r.Uint32()))
		}
	})
}

func testQuantize(t *testing.T, x []float32, scale float32, zero int8, unsignedZero uint8) {
	t.Helper()
	n := len(x)
	const untouched = 77
	signed, unsigned := make([]int8, n+8), make([]uint8, n+8)
	for i := n; i < n+8; i++ {
		signed[i], unsigned[i] = untouched, untouched
	}
	QuantizeInt8(signed[:n:n], x, scale, zero)
	QuantizeUint8(unsigned[:n:n], x, scale, unsignedZero)
	for i, v := range x {
		q := nearestInteger(v, scale)
		if want := max(-128, min(127, q+int64(zero))); int64(signed[i]) != want {
			t.Fatalf("int8 of %v / %v + %d = %d, want %d", v, scale, zero, signed[i], want)
		}
		if want := max(0, min(255, q+int64(unsignedZero))); int64(unsigned[i]) != want {
			t.Fatalf("uint8 of %v / %v + %d = %d, want %d", v, scale, unsignedZero, unsigned[i], want)
		}
	}
	for i := n; i < n+8; i++ {
		if signed[i] != untouched || unsigned[i] != untouched {
			t.Fatalf("n=%d: wrote behind the end", n)
		}
	}
}

func TestQuantizeSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	forLevels(t, func(t *testing.T) {
		x := []float32{inf, -inf, nan, inf, -inf, nan, 0, 0, inf, -inf, nan}
		signed, unsigned := make([]int8, len(x)), make([]uint8, len(x))
		QuantizeInt8(signed, x, 0.1, 3)
		QuantizeUint8(unsigned, x, 0.1, 3)
		for i, v := range x {
			wantSigned, wantUnsigned := int8(3), uint8(3)
			switch {
			case v == inf:
				wantSigned, wantUnsigned = 127, 255
			case v != 0:
				wantSigned, wantUnsigned = -128, 0
			}
			if signed[i] != wantSigned || unsigned[i] != wantUnsigned {
				t.Errorf("[%d]: %v became %d and %d, want %d and %d", i, v, signed[i], unsigned[i], wantSigned, wantUnsigned)
			}
		}
	})
}

func TestDequantize(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for n := range 300 {
			signed, unsigned := make([]int8, n), make([]uint8, n)
			for i := range n {
				signed[i], unsigned[i] = int8(i), uint8(i)
			}
			const scale = 0.013
			zero, unsignedZero := int8(n), uint8(n)
			a, b := newGuarded(make([]float32, n), n%4), newGuarded(make([]float32, n), n%3)
			DequantizeInt8(a.data, signed, scale, zero)
			DequantizeUint8(b.data, unsigned, scale, unsignedZero)
			for i := range n {
				want := float32(float64(int(signed[i])-int(zero)) * float64(float32(scale)))
				wantUnsigned := float32(float64(int(unsigned[i])-int(unsignedZero)) * float64(float32(scale)))
				if a.data[i] != want || b.data[i] != wantUnsigned {
					t.Fatalf("n=%d: [%d] = %v and %v, want %v and %v", n, i, a.data[i], b.data[i], want, wantUnsigned)
				}
			}
			a.check(t, "int8")
			b.check(t, "uint8")
		}
	})
}
