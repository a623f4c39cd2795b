package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// castTo runs Cast.
func castTo(t *testing.T, x *onnx.Tensor, to onnx.DType) *onnx.Tensor {
	t.Helper()
	return onThreads(t, node("Cast", 25, intAttr("to", int(to))), x)[0].(*onnx.Tensor)
}

// TestFastCasts compares the conversions that Cast does itself with those of
// package onnx, element by element.
func TestFastCasts(t *testing.T) {
	for pair, convert := range fastCasts {
		bits := make([]byte, 0, 8*70000)
		for i := range 70000 { // all 16-bit patterns and then some
			v := uint64(i) * 0x9e3779b97f4a7c15
			if pair[0] == onnx.Bool {
				v &= 0x0101010101010101
			} else if pair[0].Bits() == 16 {
				v = uint64(i) * 0x0001000100010001
			}
			for k := range 8 {
				bits = append(bits, byte(v>>(8*k)))
			}
		}
		x, err := onnx.FromRaw(pair[0], []int{len(bits) * 8 / pair[0].Bits()}, bits)
		if err != nil {
			t.Fatal(err)
		}
		want, err := x.ConvertTo(pair[1])
		if err != nil {
			t.Fatal(err)
		}
		got := onnx.NewTensor(pair[1], x.Shape...)
		convert(got, x, 0, x.Len())
		if !slices.Equal(got.Raw(), want.Raw()) && !sameButNaN(got, want) {
			t.Errorf("%v to %v differs from onnx.ConvertTo", pair[0], pair[1])
		}
	}
}

// sameButNaN compares float tensors; NaN may have any bits.
func sameButNaN(a, b *onnx.Tensor) bool {
	if !a.Type.IsFloat() {
		return false
	}
	wideA, errA := a.ConvertTo(onnx.Float64)
	wideB, errB := b.ConvertTo(onnx.Float64)
	return errA == nil && errB == nil && slices.EqualFunc(onnx.View[float64](wideA), onnx.View[float64](wideB), func(a, b float64) bool {
		return a == b && math.Signbit(a) == math.Signbit(b) || a != a && b != b
	})
}

func TestCastFromStrings(t *testing.T) {
	x := onnx.FromStrings([]string{"3.5", " -1e3 ", "+INF", "inf", "-Inf", "NaN", "1e999"}, 7)
	inf := math.Inf(1)
	for i, want := range []float64{3.5, -1000, inf, inf, -inf, math.NaN(), inf} {
		if got := onnx.View[float64](castTo(t, x, onnx.Float64))[i]; !sameFloat(got, want, 0) {
			t.Errorf("%q is %g as a float64, want %g", x.Strings[i], got, want)
		}
	}
	integers := castTo(t, onnx.FromStrings([]string{"100.5", "-7", "9223372036854775807"}, 3), onnx.Int64)
	if got := integers.Int64s(); !slices.Equal(got, []int64{100, -7, math.MaxInt64}) {
		t.Errorf("integers are %v", got)
	}
	largest := castTo(t, onnx.FromStrings([]string{"18446744073709551615"}, 1), onnx.Uint64)
	if got := onnx.View[uint64](largest)[0]; got != math.MaxUint64 {
		t.Errorf("the largest uint64 is %d", got)
	}
	for _, s := range []string{"", "Hello World!", "1e400x", "--1"} {
		for _, to := range []onnx.DType{onnx.Float32, onnx.Int32, onnx.Uint64, onnx.Float16} {
			if _, err := runOn(1, node("Cast", 25, intAttr("to", int(to))), onnx.FromStrings([]string{s}, 1)); err == nil {
				t.Errorf("%q as %v: no error", s, to)
			}
		}
	}
}

func TestCastToStrings(t *testing.T) {
	for _, c := range []struct {
		x    *onnx.Tensor
		want []string
	}{
		{onnx.FromSlice([]float32{314.15926, 1, -0.5, float32(math.Inf(-1)), float32(math.NaN())}, 5), []string{"314.15927", "1", "-0.5", "-INF", "NaN"}},
		{onnx.FromSlice([]float64{0.1, 1e21}, 2), []string{"0.1", "1000000000000000000000"}},
		{onnx.FromSlice([]int64{-5, 7}, 2), []string{"-5", "7"}},
		{onnx.FromSlice([]uint64{math.MaxUint64}, 1), []string{"18446744073709551615"}},
		{onnx.FromSlice([]bool{true, false}, 2), []string{"1", "0"}},
	} {
		out, err := runOn(1, node("Cast", 13, intAttr("to", int(onnx.String))), c.x)
		if err != nil {
			t.Fatal(err)
		}
		if got := out[0].(*onnx.Tensor).Strings; !slices.Equal(got, c.want) {
			t.Errorf("%v: got %q, want %q", c.x, got, c.want)
		}
	}
}

func TestCastVersionsAndErrors(t *testing.T) {
	x := onnx.FromSlice([]float32{1.5}, 1)
	out, err := runOn(1, node("Cast", 1, textAttr("to", "INT32")), x)
	if err != nil || onnx.View[int32](out[0].(*onnx.Tensor))[0] != 1 {
		t.Errorf("Cast-1: %v, %v", out, err)
	}
	for _, n := range []*Node{
		node("Cast", 13), node("Cast", 13, intAttr("to", 999)), node("Cast", 13, intAttr("to", -1)), node("Cast", 13, intAttr("to", int(onnx.Complex64))),
		node("Cast", 1, textAttr("to", "SOMETHING")), node("Cast", 25, intAttr("to", int(onnx.Float8E8M0)), textAttr("round_mode", "sideways")),
		node("BitCast", 26, intAttr("to", int(onnx.Float64))), node("BitCast", 26, intAttr("to", int(onnx.String))),
	} {
		if _, err := runOn(1, n, x); err == nil {
			t.Errorf("%s %v: no error", n.Op, n.Attrs)
		}
	}
}
