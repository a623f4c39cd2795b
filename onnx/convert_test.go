package onnx

import (
	"bytes"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestConvertSuite runs the Cast cases of the ONNX backend tests through
// ConvertTo.
func TestConvertSuite(t *testing.T) {
	ran := 0
	for _, path := range sharedFiles(t, ".onnx") {
		name := filepath.Base(filepath.Dir(path))
		if !strings.HasPrefix(name, "test_cast_") || strings.Contains(name, "STRING") {
			continue
		}
		m, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		in, err := ReadTensorFile(filepath.Join(filepath.Dir(path), "test_data_set_0", "input_0.pb"))
		if err != nil {
			t.Fatal(err)
		}
		want, err := ReadTensorFile(filepath.Join(filepath.Dir(path), "test_data_set_0", "output_0.pb"))
		if err != nil {
			t.Fatal(err)
		}
		node := m.Graph.Nodes[0]
		mode := map[string]RoundMode{"up": RoundUp, "down": RoundDown, "nearest": RoundNearest}[node.Str("round_mode", "up")]
		got, err := in.ConvertTo(want.Type, Saturate(node.Int("saturate", 1) == 1), Round(mode))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ran++
		if !bytes.Equal(got.Raw(), want.Raw()) {
			a, _ := got.Floats()
			b, _ := want.Floats()
			c, _ := in.Floats()
			t.Errorf("%s:\n in %v\ngot %v\nwant %v\n got %x\nwant %x", name, c, a, b, got.Raw(), want.Raw())
		}
	}
	if ran < 40 {
		t.Errorf("only %d cases ran", ran)
	}
}

// TestConvertIntegers compares with conversions of the Go language, which keep
// the low bits too.
func TestConvertIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64().Draw(t, "v")
		if rapid.Bool().Draw(t, "long") {
			v = int64(uint64(v) * 0x9e3779b97f4a7c15) // with bits everywhere
		}
		x := Scalar(v)
		check := func(to DType, want float64) {
			y, err := x.ConvertTo(to)
			if err != nil {
				t.Fatal(err)
			}
			got, err := y.Floats()
			if err != nil || got[0] != want {
				t.Errorf("%d as %v: got %v, %v, want %v", v, to, got, err, want)
			}
		}
		check(Int32, float64(int32(v)))
		check(Uint32, float64(uint32(v)))
		check(Int16, float64(int16(v)))
		check(Uint16, float64(uint16(v)))
		check(Int8, float64(int8(v)))
		check(Uint8, float64(uint8(v)))
		check(Int4, float64(int8(v<<4)>>4))
		check(Uint4, float64(v&15))
		check(Int2, float64(int8(v<<6)>>6))
		check(Uint2, float64(v&3))
		check(Float32, float64(float32(v)))
		check(Float64, float64(v))
		// Rounded to a float64 first, this is a tie of float32.
		tie := int64(1)<<62 + int64(1)<<38 + v&1
		y, err := Scalar(tie).ConvertTo(Float32)
		if err != nil || y.Float32s()[0] != float32(tie) {
			t.Errorf("%d as float32: got %v, %v", tie, y.Float32s(), err)
		}
		u, err := FromBits(Uint64, []int64{v}).ConvertTo(Float32)
		if err != nil || u.Float32s()[0] != float32(uint64(v)) {
			t.Errorf("%d as float32: got %v, %v", uint64(v), u.Float32s(), err)
		}
	})
}

func TestConvertFloatsToIntegers(t *testing.T) {
	inf := math.Inf(1)
	tests := []struct {
		to   DType
		in   []float64
		want []int64
	}{
		{Int64, []float64{1.9, -1.9, 1e300, math.NaN(), -inf}, []int64{1, -1, math.MinInt64, math.MinInt64, math.MinInt64}},
		{Uint64, []float64{1.9, -1, 1 << 63}, []int64{1, -1, math.MinInt64}},
		{Int32, []float64{2147483647.5, -2147483648.5, 3e9, inf}, []int64{math.MaxInt32, math.MinInt32, math.MinInt32, math.MinInt32}},
		{Uint8, []float64{255.9, -1, 256}, []int64{255, 255, 0}},
		{Bool, []float64{0, math.Copysign(0, -1), 0.5, math.NaN()}, []int64{0, 0, 1, 1}},
	}
	for _, test := range tests {
		x, err := FromSlice(test.in, len(test.in)).ConvertTo(test.to)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := x.Ints(); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%v as %v: got %v, %v, want %v", test.in, test.to, got, err, test.want)
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	for _, x := range []*Tensor{FromStrings([]string{"1"}, 1), Scalar(complex64(1))} {
		if _, err := x.ConvertTo(Float32); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%v: got %v", x, err)
		}
		if _, err := Scalar(float32(1)).ConvertTo(x.Type); !errors.Is(err, ErrUnsupported) {
			t.Errorf("to %v: got %v", x, err)
		}
	}
}

func TestNonFinite(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(-1)
	x := FromSlice([]float64{1, nan, inf, 0, nan}, 5)
	for _, dtype := range []DType{Float64, Float32, Float16, BFloat16, Float8E5M2} {
		y, err := x.ConvertTo(dtype, Saturate(false))
		if err != nil {
			t.Fatal(err)
		}
		if got := y.NonFinite(); got != 3 {
			t.Errorf("%v: got %d", dtype, got)
		}
	}
	if got := Scalar(complex(1, float32(inf))).NonFinite(); got != 1 {
		t.Errorf("complex: got %d", got)
	}
	if got := Scalar(int64(-1)).NonFinite(); got != 0 {
		t.Errorf("integers: got %d", got)
	}
}
