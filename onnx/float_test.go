package onnx

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// formats are the definitions of the narrow float types, written down once more:
// bits of exponent and mantissa, bias, the largest number, and the values of
// the bits that are not numbers.
var formats = []struct {
	dtype                    DType
	exponent, mantissa, bias int
	largest                  float64
	nans, infinities         []uint16
}{
	{Float16, 5, 10, 15, 65504, nil, []uint16{0x7c00, 0xfc00}},
	{BFloat16, 8, 7, 127, 0x1.fep127, nil, []uint16{0x7f80, 0xff80}},
	{Float8E4M3FN, 4, 3, 7, 448, []uint16{0x7f, 0xff}, nil},
	{Float8E4M3FNUZ, 4, 3, 8, 240, []uint16{0x80}, nil},
	{Float8E5M2, 5, 2, 15, 57344, []uint16{0x7d, 0x7e, 0x7f, 0xfd, 0xfe, 0xff}, []uint16{0x7c, 0xfc}},
	{Float8E5M2FNUZ, 5, 2, 16, 57344, []uint16{0x80}, nil},
	{Float4E2M1, 2, 1, 1, 6, nil, nil},
}

// valueOf returns the value of bits by the definition of the format, and what
// kind of value it is.
func valueOf(i int, bits uint16) float64 {
	f := formats[i]
	if slices.Contains(f.nans, bits) {
		return math.NaN()
	}
	sign := 1.0
	if bits>>(f.exponent+f.mantissa)&1 == 1 {
		sign = -1
	}
	if slices.Contains(f.infinities, bits) {
		return math.Inf(int(sign))
	}
	e := int(bits) >> f.mantissa & (1<<f.exponent - 1)
	m := float64(int(bits)&(1<<f.mantissa-1)) / float64(int(1)<<f.mantissa)
	if e == 1<<f.exponent-1 && f.dtype.Bits() == 16 {
		return math.NaN()
	}
	if e == 0 {
		return sign * m * math.Pow(2, float64(1-f.bias))
	}
	return sign * (1 + m) * math.Pow(2, float64(e-f.bias))
}

// allBits returns a tensor with every value of a narrow float type.
func allBits(dtype DType) *Tensor {
	n := 1 << dtype.Bits()
	x := NewTensor(dtype, n)
	for i := range n {
		switch dtype.Bits() {
		case 16:
			View[uint16](x)[i] = uint16(i)
		case 8:
			x.raw[i] = byte(i)
		default:
			setPacked(x, i, byte(i))
		}
	}
	return x
}

// TestNarrowFloats reads every value of every narrow float type, and writes it
// again.
func TestNarrowFloats(t *testing.T) {
	for i, f := range formats {
		x := allBits(f.dtype)
		for _, wide := range []DType{Float32, Float64} {
			y, err := x.ConvertTo(wide)
			if err != nil {
				t.Fatal(err)
			}
			got, err := y.Floats()
			if err != nil {
				t.Fatal(err)
			}
			largest := 0.0
			for bits, v := range got {
				want := valueOf(i, uint16(bits))
				if v != want && !(math.IsNaN(v) && math.IsNaN(want)) || v == 0 && math.Signbit(v) != math.Signbit(want) {
					t.Errorf("%v %#x: got %v, want %v", f.dtype, bits, v, want)
				}
				if !math.IsInf(v, 0) && v > largest {
					largest = v
				}
			}
			if largest != f.largest {
				t.Errorf("%v: the largest number is %v, want %v", f.dtype, largest, f.largest)
			}
			back, err := y.ConvertTo(f.dtype, Saturate(false))
			if err != nil {
				t.Fatal(err)
			}
			values, err := back.Floats()
			if err != nil {
				t.Fatal(err)
			}
			for bits, v := range values {
				if v != got[bits] && !(math.IsNaN(v) && math.IsNaN(got[bits])) {
					t.Errorf("%v %#x: %v is written as %v", f.dtype, bits, got[bits], v)
				}
			}
		}
	}
}

// nearest returns the number of a narrow float type nearest to v by trying all
// of them; of two the one with even bits.
func nearest(numbers []float64, v float64) float64 {
	best, distance := 0, math.Inf(1)
	for bits, number := range numbers {
		d := math.Abs(number - v)
		if d < distance || d == distance && bits%2 == 0 && best%2 == 1 {
			best, distance = bits, d
		}
	}
	return numbers[best]
}

// TestNarrowFloatsRound rounds random numbers and numbers halfway between two.
func TestNarrowFloatsRound(t *testing.T) {
	for i, f := range formats {
		if f.dtype.Bits() == 16 {
			continue // see TestHalfRounds
		}
		all, err := allBits(f.dtype).Floats()
		if err != nil {
			t.Fatal(err)
		}
		for bits := range all {
			if math.IsInf(all[bits], 0) {
				all[bits] = math.NaN() // saturated: infinity is never the nearest
			}
		}
		var values []float64
		for bits := 0; bits+1 < len(all); bits++ {
			a, b := valueOf(i, uint16(bits)), valueOf(i, uint16(bits+1))
			if !math.IsNaN(a+b) && !math.IsInf(a+b, 0) {
				middle := a/2 + b/2
				values = append(values, middle, math.Nextafter(middle, a), math.Nextafter(middle, b))
			}
		}
		r := rand.New(rand.NewPCG(1, 2))
		for range 2000 {
			values = append(values, math.Ldexp(r.Float64()*2-1, r.IntN(40)-20))
		}
		got, err := FromSlice(values, len(values)).ConvertTo(f.dtype)
		if err != nil {
			t.Fatal(err)
		}
		floats, err := got.Floats()
		if err != nil {
			t.Fatal(err)
		}
		for j, v := range values {
			if want := nearest(all, v); floats[j] != want {
				t.Errorf("%v: %v becomes %v, want %v", f.dtype, v, floats[j], want)
			}
		}
	}
}

// TestHalfRounds compares the fast conversions with the general ones, around
// every number of the 16-bit types and halfway between them.
func TestHalfRounds(t *testing.T) {
	for i, f := range formats[:2] {
		fast := Float16Bits
		if f.dtype == BFloat16 {
			fast = BFloat16Bits
		}
		for bits := range 1 << 16 {
			a, b := valueOf(i, uint16(bits)), valueOf(i, uint16(bits+1))
			if math.IsNaN(a) {
				continue
			}
			middle := a
			if bits&0x7fff < 0x7fff && !math.IsNaN(b) && !math.IsInf(b, 0) {
				middle = (a + b) / 2
			} else if math.IsInf(b, 0) {
				// Halfway to what the next number would be.
				middle = a + (a-valueOf(i, uint16(bits-1)))/2
			}
			down := math.Nextafter32(float32(middle), 0)
			up := math.Nextafter32(float32(middle), float32(math.Inf(int(math.Copysign(1, middle)))))
			even := uint16(bits + bits&1)
			if math.IsInf(a, 0) {
				even = uint16(bits)
			}
			if got := fast(float32(middle)); got != even {
				t.Fatalf("%v: %v becomes %#x, want %#x", f.dtype, middle, got, even)
			}
			for _, v := range []float32{float32(a), down, up} {
				if got, want := fast(v), floatFormats[f.dtype].encode(float64(v), false); got != want {
					t.Fatalf("%v: %v becomes %#x, the general conversion says %#x", f.dtype, v, got, want)
				}
			}
		}
	}
}
