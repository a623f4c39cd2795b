package ops

import (
	"math"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// halfByFormula returns the value of float16 bits by the definition of IEEE 754.
func halfByFormula(b uint16) float64 {
	sign, exponent, mantissa := 1.0, int(b>>10)&31, float64(b&1023)
	if b>>15 == 1 {
		sign = -1
	}
	switch {
	case exponent == 31 && mantissa != 0:
		return math.NaN()
	case exponent == 31:
		return math.Inf(int(sign))
	case exponent == 0:
		return sign * math.Ldexp(mantissa, -24)
	}
	return sign * math.Ldexp(1+mantissa/1024, exponent-15)
}

func TestFloat16(t *testing.T) {
	for b := range 1 << 16 {
		want := halfByFormula(uint16(b))
		got := float64(float16Value(uint16(b)))
		if math.IsNaN(want) {
			if !math.IsNaN(got) || !math.IsNaN(float64(float16Value(float16Bits(float32(got))))) {
				t.Fatalf("%#04x is %v, want NaN", b, got)
			}
			continue
		}
		if got != want || math.Signbit(got) != math.Signbit(want) {
			t.Fatalf("%#04x is %v, want %v", b, got, want)
		}
		if back := float16Bits(float32(got)); back != uint16(b) {
			t.Fatalf("%#04x came back as %#04x", b, back)
		}
	}
}

// TestFloat16Rounding checks the midpoints between neighbours, and one float32
// step to either side of them.
func TestFloat16Rounding(t *testing.T) {
	for b := range uint16(0x7bff) {
		middle := float32((halfByFormula(b) + halfByFormula(b+1)) / 2)
		even := b + b&1
		below, above := math.Nextafter32(middle, 0), math.Nextafter32(middle, 1e9)
		if got := float16Bits(middle); got != even {
			t.Fatalf("%g rounds to %#04x, want %#04x", middle, got, even)
		}
		if got := float16Bits(below); got != b {
			t.Fatalf("%g rounds to %#04x, want %#04x", below, got, b)
		}
		if got := float16Bits(-above); got != (b+1)|0x8000 {
			t.Fatalf("%g rounds to %#04x, want %#04x", -above, got, (b+1)|0x8000)
		}
	}
	for _, v := range []float32{65520, 1e30, float32(math.Inf(1))} {
		if got := float16Bits(v); got != 0x7c00 {
			t.Errorf("%g rounds to %#04x, want infinity", v, got)
		}
	}
	if got := float16Bits(65519.9); got != 0x7bff {
		t.Errorf("65519.9 rounds to %#04x, want the largest number", got)
	}
}

func TestBFloat16Rounding(t *testing.T) {
	for b := range uint16(0x7f80) {
		low := math.Float32frombits(uint32(b) << 16)
		middle := math.Float32frombits(uint32(b)<<16 | 0x8000)
		if got := bfloat16Bits(low); got != b {
			t.Fatalf("%g gives %#04x, want %#04x", low, got, b)
		}
		if got, want := bfloat16Bits(middle), b+b&1; got != want {
			t.Fatalf("%g gives %#04x, want %#04x", middle, got, want)
		}
		if got := bfloat16Bits(-math.Nextafter32(middle, float32(math.Inf(1)))); got != (b+1)|0x8000 {
			t.Fatalf("above %g gives %#04x", middle, got)
		}
	}
	if got := bfloat16Bits(float32(math.NaN())); got&0x7f80 != 0x7f80 || got&0x7f == 0 {
		t.Errorf("NaN gives %#04x", got)
	}
}

func TestThroughFloat32(t *testing.T) {
	double := throughFloat32(func(c *Call) error {
		y, err := c.Output(0, onnx.Float32, c.Tensor(0).Shape...)
		if err != nil {
			return err
		}
		for i, v := range c.Tensor(0).Float32s() {
			y.Float32s()[i] = 2 * v
		}
		return nil
	})
	for _, half := range []onnx.DType{onnx.Float16, onnx.BFloat16} {
		bits := make([]uint16, 3)
		narrow(bits, []float32{1, -2.5, 0}, half)
		c := NewCall(t.Context(), []onnx.Value{onnx.FromBits(half, bits, 3)}, 1)
		if err := double(c); err != nil {
			t.Fatal(err)
		}
		y := c.Out[0].(*onnx.Tensor)
		if y.Type != half || y.Len() != 3 {
			t.Fatalf("got %v", y)
		}
		for i, want := range []float32{2, -5, 0} {
			if got := widen(y).Float32s()[i]; got != want {
				t.Errorf("%v element %d is %g, want %g", half, i, got, want)
			}
		}
	}
}
