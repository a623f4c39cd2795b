package npy

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kcompress/kcompress/onnx"
)

// file returns a .npy file of format version 1 with the given dictionary and data.
func file(dictionary string, data ...byte) []byte {
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(dictionary)), byte(len(dictionary)>>8))
	return append(append(b, dictionary...), data...)
}

func header4(descr, order, shape string) string {
	return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }"
}

func TestRead(t *testing.T) {
	utf32 := func(text string) []byte {
		var b []byte
		for _, c := range text {
			b = binary.LittleEndian.AppendUint32(b, uint32(c))
		}
		return b
	}
	strings := func(v ...string) *onnx.Tensor { return onnx.FromStrings(v, len(v)) }
	tests := []struct {
		name string
		file []byte
		want *onnx.Tensor
	}{
		{"int16", file(header4("<i2", "False", "(2,)"), 1, 0, 0xfe, 0xff), onnx.FromSlice([]int16{1, -2}, 2)},
		{"big-endian", file(header4(">i2", "False", "(2,)"), 0, 1, 0xff, 0xfe), onnx.FromSlice([]int16{1, -2}, 2)},
		{"big-endian complex", file(header4(">c8", "False", "()"), 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0), onnx.Scalar(complex64(1 - 2i))},
		{"scalar", file(header4("|u1", "False", "()"), 7), onnx.Scalar(uint8(7))},
		{"no elements", file(header4("<f8", "False", "(3, 0)")), onnx.NewTensor(onnx.Float64, 3, 0)},
		{"float16", file(header4("<f2", "False", "(1,)"), 0, 0x3c), onnx.FromBits(onnx.Float16, []uint16{0x3c00}, 1)},
		{"bool", file(header4("|b1", "False", "(3,)"), 0, 1, 2), onnx.FromSlice([]bool{false, true, true}, 3)},
		{"Fortran order", file(header4("|u1", "True", "(2, 3)"), 1, 4, 2, 5, 3, 6), onnx.FromSlice([]uint8{1, 2, 3, 4, 5, 6}, 2, 3)},
		{"byte strings", file(header4("|S3", "False", "(2,)"), 'a', 'b', 0, 'c', 'd', 'e'), strings("ab", "cde")},
		{"Unicode", file(header4("<U2", "False", "(2,)"), append(utf32("hé"), utf32("∞\x00")...)...), strings("hé", "∞")},
		{"big-endian Unicode", file(header4(">U1", "False", "(1,)"), 0, 0, 0, 'x'), strings("x")},
		{"strings without length", file(header4("<U0", "False", "(2,)")), strings("", "")},
		{"Fortran order of strings", file(header4("|S1", "True", "(2, 2)"), 'a', 'c', 'b', 'd'), onnx.FromStrings([]string{"a", "b", "c", "d"}, 2, 2)},
		{"other spelling", file(`{"shape":(1L ,),"fortran_order":False,"descr":"u1"}`+"\n", 7), onnx.FromSlice([]uint8{7}, 1)},
		{"version 2", append([]byte("\x93NUMPY\x02\x00\x38\x00\x00\x00{'descr': '|u1', 'fortran_order': False, 'shape': (1,) }"), 7), onnx.FromSlice([]uint8{7}, 1)},
	}
	for _, test := range tests {
		got, err := Read(bytes.NewReader(test.file))
		if err != nil || !same(got, test.want) {
			t.Errorf("%s: got %v, %v, want %v", test.name, got, err, test.want)
		}
	}
}

func same(a, b *onnx.Tensor) bool {
	return a.Type == b.Type && slices.Equal(a.Shape, b.Shape) && bytes.Equal(a.Raw(), b.Raw()) && slices.Equal(a.Strings, b.Strings)
}

func TestReadRefuses(t *testing.T) {
	tests := []struct {
		name string
		file []byte
		says string
	}{
		{"empty", nil, "not a .npy file"},
		{"text", []byte("hello, world"), "not a .npy file"},
		{"version 4", []byte("\x93NUMPY\x04\x00\x00\x00"), "version 4"},
		{"cut header", file(header4("<f4", "False", "(1,)"))[:40], "header"},
		{"huge header", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), "header"},
		{"objects", file(header4("|O", "False", "(1,)")), "Python objects"},
		{"records", file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }"), "records"},
		{"dates", file(header4("<M8[ns]", "False", "(1,)")), "not supported"},
		{"void", file(header4("|V2", "False", "(1,)")), "not supported"},
		{"float128", file(header4("<f16", "False", "(1,)")), "not supported"},
		{"no type", file(header4("", "False", "(1,)")), "type"},
		{"negative size", file(header4("<f4", "False", "(-1,)")), "header"},
		{"size over 64 bits", file(header4("<f4", "False", "(99999999999999999999,)")), "header"},
		{"product overflows", file(header4("<f4", "False", "(4294967296, 4294967296)")), "impossible shape"},
		{"over the limit", file(header4("<f4", "False", "(268435457,)")), "limit"},
		{"strings over the limit", file(header4("<U0", "False", "(33554432,)")), "limit"},
		{"strings without data", file(header4("|S0", "False", "(2000000,)")), "limit"},
		{"huge strings", file(header4("<U999999999999", "False", "(1,)")), "not supported"},
		{"data missing", file(header4("<f4", "False", "(2,)"), 1, 2, 3, 4), "4 of 8 bytes"},
		{"all data missing", file(header4("<f4", "False", "(1000000,)")), "0 of 4000000 bytes"},
		{"no character", file(header4("<U1", "False", "(1,)"), 0, 0, 0x11, 0), "Unicode"},
		{"no dictionary", file("[1, 2, 3]"), "header"},
		{"missing key", file("{'descr': '<f4', 'shape': (1,), }"), "header"},
		{"unknown key", file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}"), "header"},
		{"key twice", file("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"), "twice"},
		{"text behind", file(header4("<f4", "False", "(0,)") + "x"), "header"},
		{"no comma", file("{'descr': '<f4' 'fortran_order': False, 'shape': (1,), }"), "header"},
		{"order is no bool", file(header4("<f4", "1", "(1,)")), "header"},
		{"shape is no tuple", file(header4("<f4", "False", "[1]")), "header"},
		{"escape", file(header4(`\x3cf4`, "False", "(1,)")), "header"},
	}
	for _, test := range tests {
		got, err := Read(bytes.NewReader(test.file))
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, %v, want an error with %q", test.name, got, err, test.says)
		}
	}
}

// anyTensor draws a tensor of a type that NumPy has.
func anyTensor(t *rapid.T) *onnx.Tensor {
	kinds := []onnx.DType{onnx.String}
	for dtype := range types {
		kinds = append(kinds, dtype)
	}
	slices.Sort(kinds)
	shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(t, "shape")
	x := onnx.NewTensor(rapid.SampledFrom(kinds).Draw(t, "type"), shape...)
	for i := range x.Raw() {
		x.Raw()[i] = rapid.Byte().Draw(t, "byte")
		if x.Type == onnx.Bool {
			x.Raw()[i] &= 1
		}
	}
	for i := range x.Strings {
		x.Strings[i] = strings.TrimRight(rapid.String().Draw(t, "string"), "\x00")
	}
	return x
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anyTensor(t)
		var b bytes.Buffer
		if err := Write(&b, x); err != nil {
			t.Fatal(err)
		}
		if start := b.Len() - x.Len()*itemSize(x); start%64 != 0 {
			t.Errorf("the data start at byte %d", start)
		}
		got, err := Read(&b)
		if err != nil || !same(got, x) {
			t.Fatalf("%v is read as %v, %v", x, got, err)
		}
	})
}

// itemSize returns the bytes of one element in a .npy file.
func itemSize(x *onnx.Tensor) int {
	if x.Type != onnx.String {
		return x.Type.Bits() / 8
	}
	longest := 1
	for _, s := range x.Strings {
		longest = max(longest, len([]rune(s)))
	}
	return 4 * longest
}

// TestFortranOrder compares with a loop over coordinates.
func TestFortranOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(1, 4), 3, 3).Draw(t, "shape")
		a, b, c := shape[0], shape[1], shape[2]
		size := rapid.IntRange(1, 5).Draw(t, "size")
		data := make([]byte, a*b*c*size)
		for i := range data {
			data[i] = byte(i)
		}
		got := fromFortran(data, shape, size)
		for i := range a {
			for j := range b {
				for k := range c {
					from, to := (i+a*(j+b*k))*size, ((i*b+j)*c+k)*size
					if !bytes.Equal(got[to:to+size], data[from:from+size]) {
						t.Fatalf("element %d,%d,%d of %v is wrong", i, j, k, shape)
					}
				}
			}
		}
	})
}

// TestWriteConverts writes types that NumPy does not have.
func TestWriteConverts(t *testing.T) {
	bits := func(dtype onnx.DType, b ...byte) *onnx.Tensor {
		x, err := onnx.FromRaw(dtype, []int{2}, b)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	tests := []struct{ in, want *onnx.Tensor }{
		{bits(onnx.BFloat16, 0x80, 0x3f, 0, 0xc0), onnx.FromSlice([]float32{1, -2}, 2)},
		{bits(onnx.Float8E5M2, 0x3c, 0xc0), onnx.FromSlice([]float32{1, -2}, 2)},
		{bits(onnx.Int4, 0xe1), onnx.FromSlice([]int8{1, -2}, 2)},
		{bits(onnx.Uint2, 0x0d), onnx.FromSlice([]uint8{1, 3}, 2)},
	}
	for _, test := range tests {
		var b bytes.Buffer
		if err := Write(&b, test.in); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(&b); err != nil || !same(got, test.want) {
			t.Errorf("%v is read as %v, %v", test.in, got, err)
		}
	}
}
