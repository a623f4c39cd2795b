package ops

import (
	"math/big"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// integerTypes are the element types of integer arithmetic.
var integerTypes = []onnx.DType{onnx.Int8, onnx.Int16, onnx.Int32, onnx.Int64, onnx.Uint8, onnx.Uint16, onnx.Uint32, onnx.Uint64}

// bigAt returns element i of an integer tensor.
func bigAt(x *onnx.Tensor, i int) *big.Int {
	width := x.Type.Bits() / 8
	v := new(big.Int)
	for k := width - 1; k >= 0; k-- {
		v.Or(v.Lsh(v, 8), big.NewInt(int64(x.Raw()[i*width+k])))
	}
	if isSigned(x.Type) && v.Bit(width*8-1) == 1 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(width*8)))
	}
	return v
}

func isSigned(t onnx.DType) bool {
	return t == onnx.Int8 || t == onnx.Int16 || t == onnx.Int32 || t == onnx.Int64
}

// wrapped returns v as the type holds it: its low bits.
func wrapped(v *big.Int, t onnx.DType) *big.Int {
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(t.Bits()))
	v = new(big.Int).Mod(v, modulus)
	if isSigned(t) && v.Bit(t.Bits()-1) == 1 {
		v.Sub(v, modulus)
	}
	return v
}

// TestIntegerArithmetic compares every integer type with numbers of any size.
func TestIntegerArithmetic(t *testing.T) {
	zero := big.NewInt(0)
	nonZero := func(f func(a, b *big.Int) *big.Int) func(a, b *big.Int) *big.Int {
		return func(a, b *big.Int) *big.Int {
			if b.Sign() == 0 {
				return zero
			}
			return f(a, b)
		}
	}
	operators := map[string]func(a, b *big.Int) *big.Int{
		"Add": func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) },
		"Sub": func(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) },
		"Mul": func(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) },
		"Div": nonZero(func(a, b *big.Int) *big.Int { return new(big.Int).Quo(a, b) }),
		"Mod": nonZero(func(a, b *big.Int) *big.Int { // the sign of b
			r := new(big.Int).Rem(a, b)
			if r.Sign() != 0 && r.Sign() != b.Sign() {
				r.Add(r, b)
			}
			return r
		}),
		"Min": func(a, b *big.Int) *big.Int {
			if a.Cmp(b) < 0 {
				return a
			}
			return b
		},
		"Max": func(a, b *big.Int) *big.Int {
			if a.Cmp(b) > 0 {
				return a
			}
			return b
		},
		"BitwiseAnd": func(a, b *big.Int) *big.Int { return new(big.Int).And(a, b) },
		"BitwiseOr":  func(a, b *big.Int) *big.Int { return new(big.Int).Or(a, b) },
		"BitwiseXor": func(a, b *big.Int) *big.Int { return new(big.Int).Xor(a, b) },
	}
	for _, dtype := range integerTypes {
		a, b := patterns(dtype, 1), patterns(dtype, 2)
		for name, f := range operators {
			y := onThreads(t, node(name, 18), a, b)[0].(*onnx.Tensor)
			for i := range y.Len() {
				if got, want := bigAt(y, i), wrapped(f(bigAt(a, i), bigAt(b, i)), dtype); got.Cmp(want) != 0 {
					t.Fatalf("%s of %v %v, %v: %v, want %v", name, dtype, bigAt(a, i), bigAt(b, i), got, want)
				}
			}
		}
		compareAll(t, a, b)
	}
}

// compareAll checks the comparisons.
func compareAll(t *testing.T, a, b *onnx.Tensor) {
	for name, f := range map[string]func(order int) bool{
		"Equal": func(o int) bool { return o == 0 }, "Less": func(o int) bool { return o < 0 }, "Greater": func(o int) bool { return o > 0 },
		"LessOrEqual": func(o int) bool { return o <= 0 }, "GreaterOrEqual": func(o int) bool { return o >= 0 },
	} {
		y := onThreads(t, node(name, 13), a, b)[0].(*onnx.Tensor)
		for i, got := range onnx.View[bool](y) {
			if want := f(bigAt(a, i).Cmp(bigAt(b, i))); got != want {
				t.Fatalf("%s of %v %v, %v: %v", name, a.Type, bigAt(a, i), bigAt(b, i), got)
			}
		}
	}
}

// patterns returns integers of all sizes, with the extremes, 0 and -1.
func patterns(dtype onnx.DType, seed uint64) *onnx.Tensor {
	x := onnx.NewTensor(dtype, 400)
	width := dtype.Bits() / 8
	for i := range x.Len() {
		seed = seed*6364136223846793005 + 1442695040888963407
		v := seed >> (seed >> 58)
		switch seed >> 32 % 16 {
		case 0:
			v = 0
		case 1:
			v = ^uint64(0)
		case 2:
			v = 1 << (dtype.Bits() - 1)
		}
		for k := range width {
			x.Raw()[i*width+k] = byte(v >> (8 * k))
		}
	}
	return x
}

// TestBitShift compares shifts with products and quotients of powers of two.
func TestBitShift(t *testing.T) {
	for _, dtype := range integerTypes[4:] {
		a := patterns(dtype, 3)
		b := onnx.NewTensor(dtype, a.Len())
		for i := range b.Len() {
			b.Raw()[i*dtype.Bits()/8] = byte(i % (dtype.Bits() + 2))
		}
		left := onThreads(t, node("BitShift", 11, textAttr("direction", "LEFT")), a, b)[0].(*onnx.Tensor)
		right := onThreads(t, node("BitShift", 11, textAttr("direction", "RIGHT")), a, b)[0].(*onnx.Tensor)
		for i := range a.Len() {
			x, s := bigAt(a, i), uint(bigAt(b, i).Uint64())
			if got, want := bigAt(left, i), wrapped(new(big.Int).Lsh(x, s), dtype); got.Cmp(want) != 0 {
				t.Fatalf("%v << %d in %v is %v, want %v", x, s, dtype, got, want)
			}
			if got, want := bigAt(right, i), new(big.Int).Rsh(x, s); got.Cmp(want) != 0 {
				t.Fatalf("%v >> %d in %v is %v, want %v", x, s, dtype, got, want)
			}
		}
	}
	if _, err := runOn(1, node("BitShift", 11), patterns(onnx.Uint8, 1), patterns(onnx.Uint8, 1)); err == nil {
		t.Error("no direction: no error")
	}
}

// TestPowIntegers compares with powers of big integers.
func TestPowIntegers(t *testing.T) {
	a := onnx.FromSlice([]int32{2, -3, 7, 0, 0, 1, -1, -1, 2, 46341}, 10)
	b := onnx.FromSlice([]int64{10, 3, 0, 0, 5, -4, -3, -2, -1, 2}, 10)
	want := []int32{1024, -27, 1, 1, 0, 1, -1, 1, 0, -2147479015}
	y := onThreads(t, node("Pow", 15), a, b)[0].(*onnx.Tensor)
	for i, got := range onnx.View[int32](y) {
		if got != want[i] {
			t.Errorf("%d ^ %d is %d, want %d", onnx.View[int32](a)[i], b.Int64s()[i], got, want[i])
		}
	}
	mixed := onThreads(t, node("Pow", 12), onnx.FromSlice([]float32{4, 9}, 2), onnx.FromSlice([]float64{0.5}))[0].(*onnx.Tensor)
	if mixed.Type != onnx.Float32 || mixed.Float32s()[0] != 2 || mixed.Float32s()[1] != 3 {
		t.Errorf("float32 to the power of float64: %v", mixed.Float32s())
	}
}
