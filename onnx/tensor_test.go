package onnx

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// tensorProto returns a message of the given type and dims, to which the
// functions add.
func tensorProto(dtype DType, dims []int64, add ...func(*pb.TensorProto)) *pb.TensorProto {
	t := int32(dtype)
	p := &pb.TensorProto{DataType: &t, Dims: dims}
	for _, f := range add {
		f(p)
	}
	return p
}

func withRaw(raw ...byte) func(*pb.TensorProto) {
	return func(p *pb.TensorProto) { b := pb.Bytes(raw); p.RawData = &b }
}

func withInts(v ...int32) func(*pb.TensorProto) {
	return func(p *pb.TensorProto) { p.Int32Data = v }
}

func withFloats(v ...float32) func(*pb.TensorProto) {
	return func(p *pb.TensorProto) { p.FloatData = v }
}

func decodeProto(p *pb.TensorProto) (*Tensor, error) {
	data, err := p.Marshal()
	if err != nil {
		return nil, err
	}
	return DecodeTensor(data)
}

// TestTypedFields reads elements from the field that onnx.proto names for each
// type.
func TestTypedFields(t *testing.T) {
	bits := func(p *pb.TensorProto, want ...byte) {
		t.Helper()
		x, err := decodeProto(p)
		if err != nil {
			t.Errorf("%v: %v", DType(p.GetDataType()), err)
			return
		}
		if !bytes.Equal(x.Raw(), want) {
			t.Errorf("%v: got % x, want % x", x, x.Raw(), want)
		}
		out := encodeTensor(x)
		if out.RawData != nil {
			t.Errorf("%v: written as raw_data", x)
		}
		again, err := decodeProto(out)
		if err != nil || !sameTensor(x, again) {
			t.Errorf("%v: written and read as %v, %v", x, again, err)
		}
	}
	bits(tensorProto(Float32, []int64{2}, withFloats(1, -2)), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0)
	bits(tensorProto(Complex64, []int64{1}, withFloats(1, -2)), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0)
	bits(tensorProto(Float64, nil, func(p *pb.TensorProto) { p.DoubleData = []float64{2} }), 0, 0, 0, 0, 0, 0, 0, 0x40)
	bits(tensorProto(Complex128, nil, func(p *pb.TensorProto) { p.DoubleData = []float64{2, 0} }), 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0)
	bits(tensorProto(Int64, nil, func(p *pb.TensorProto) { p.Int64Data = []int64{-2} }), 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	bits(tensorProto(Uint64, nil, func(p *pb.TensorProto) { p.Uint64Data = []uint64{1 << 63} }), 0, 0, 0, 0, 0, 0, 0, 0x80)
	bits(tensorProto(Uint32, nil, func(p *pb.TensorProto) { p.Uint64Data = []uint64{1<<32 - 1} }), 0xff, 0xff, 0xff, 0xff)
	bits(tensorProto(Int32, nil, withInts(-2)), 0xfe, 0xff, 0xff, 0xff)
	bits(tensorProto(Int16, []int64{2}, withInts(-2, 3)), 0xfe, 0xff, 3, 0)
	bits(tensorProto(Uint16, nil, withInts(0xfffe)), 0xfe, 0xff)
	bits(tensorProto(Float16, nil, withInts(0x3c00)), 0x00, 0x3c)
	bits(tensorProto(BFloat16, nil, withInts(0x3f80)), 0x80, 0x3f)
	bits(tensorProto(Int8, nil, withInts(-2)), 0xfe)
	bits(tensorProto(Uint8, nil, withInts(0xfe)), 0xfe)
	bits(tensorProto(Bool, []int64{3}, withInts(0, 1, 2)), 0, 1, 1)
	for _, dtype := range []DType{Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ, Float8E8M0} {
		bits(tensorProto(dtype, nil, withInts(0x81)), 0x81)
	}
	for _, dtype := range []DType{Int4, Uint4, Float4E2M1} {
		bits(tensorProto(dtype, []int64{3}, withInts(0x21, 0x03)), 0x21, 0x03)
	}
	for _, dtype := range []DType{Int2, Uint2} {
		bits(tensorProto(dtype, []int64{5}, withInts(0xe4, 0x03)), 0xe4, 0x03)
	}
}

func TestMalformedTensors(t *testing.T) {
	tests := []struct {
		name string
		p    *pb.TensorProto
		kind error
		says string
	}{
		{"no type", &pb.TensorProto{}, ErrUnsupported, "undefined"},
		{"unknown type", tensorProto(99, nil), ErrUnsupported, "dtype(99)"},
		{"negative type", tensorProto(-1, nil), ErrUnsupported, "dtype(-1)"},
		{"negative size", tensorProto(Float32, []int64{-1}), ErrMalformed, "negative"},
		{"product overflows", tensorProto(Float32, []int64{1 << 32, 1 << 32}), ErrMalformed, "too many elements"},
		{"size of 2^63-1", tensorProto(Float32, []int64{math.MaxInt64}), ErrMalformed, "too many elements"},
		{"big shape, no data", tensorProto(Float32, []int64{1 << 40}), ErrMalformed, "no data"},
		{"big shape, little data", tensorProto(Float32, []int64{1 << 50}, withRaw(0, 0, 0, 0)), ErrMalformed, "got 4"},
		{"big shape of complex128", tensorProto(Complex128, []int64{1<<57 - 1}, withRaw(0)), ErrMalformed, "got 1"},
		{"raw_data too long", tensorProto(Float32, []int64{1}, withRaw(0, 0, 0, 0, 0)), ErrMalformed, "needs 4 bytes of data, got 5"},
		{"raw_data of packed elements too long", tensorProto(Int4, []int64{3}, withRaw(0, 0, 0)), ErrMalformed, "needs 2 bytes"},
		{"raw_data for no elements", tensorProto(Float32, []int64{0}, withRaw(0)), ErrMalformed, "needs 0 bytes"},
		{"strings in raw_data", tensorProto(String, []int64{1}, withRaw('a')), ErrMalformed, "strings"},
		{"too few floats", tensorProto(Float32, []int64{3}, withFloats(1, 2)), ErrMalformed, "needs 3 values"},
		{"too many floats", tensorProto(Float32, []int64{1}, withFloats(1, 2)), ErrMalformed, "needs 1 values"},
		{"wrong field", tensorProto(Float32, []int64{1}, withInts(1)), ErrMalformed, "got 0"},
		{"two fields", tensorProto(Float32, []int64{1}, withFloats(1), withInts(1)), ErrMalformed, "more than one field"},
		{"raw and typed", tensorProto(Float32, []int64{1}, withFloats(1), withRaw(0, 0, 0, 0)), ErrMalformed, "more than one field"},
		{"uint8 of 256", tensorProto(Uint8, []int64{1}, withInts(256)), ErrMalformed, "256 does not fit"},
		{"int8 of -129", tensorProto(Int8, []int64{1}, withInts(-129)), ErrMalformed, "-129 does not fit"},
		{"uint32 of 2^32", tensorProto(Uint32, []int64{1}, func(p *pb.TensorProto) { p.Uint64Data = []uint64{1 << 32} }), ErrMalformed, "no uint32"},
		{"segments", tensorProto(Float32, []int64{1}, withFloats(1), func(p *pb.TensorProto) { p.Segment = &pb.TensorProto_Segment{} }), ErrUnsupported, "segments"},
		{"external data", tensorProto(Float32, []int64{1}, func(p *pb.TensorProto) { p.DataLocation = pb.TensorProto_EXTERNAL.Enum() }), ErrExternalData, "location"},
	}
	for _, test := range tests {
		_, err := decodeProto(test.p)
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %v with %q", test.name, err, test.kind, test.says)
		}
	}
}

// TestRawDataIsNotCopied looks at where the elements of aligned and unaligned
// raw_data are.
func TestRawDataIsNotCopied(t *testing.T) {
	buffer := AlignedBytes(64)
	for offset := range 8 {
		raw := buffer[offset : offset+16]
		x, err := FromRaw(Float32, []int{4}, raw)
		if err != nil {
			t.Fatal(err)
		}
		shared := unsafe.SliceData(x.Raw()) == unsafe.SliceData(raw)
		if shared != (offset%4 == 0) {
			t.Errorf("offset %d: memory shared is %v", offset, shared)
		}
		if uintptr(unsafe.Pointer(unsafe.SliceData(x.Raw())))%4 != 0 {
			t.Errorf("offset %d: not aligned", offset)
		}
	}
}

func TestElements(t *testing.T) {
	for _, shape := range [][]int{{-1}, {0, -1}, {math.MaxInt}, {1 << 31, 1 << 31}, {3, math.MaxInt / 128}} {
		if n, err := Elements(shape); !errors.Is(err, ErrShape) {
			t.Errorf("%v: got %d, %v", shape, n, err)
		}
	}
	for want, shape := range map[int][]int{1: {}, 0: {1 << 28, 0, 1 << 28}, 24: {2, 3, 4}} {
		if n, err := Elements(shape); n != want || err != nil {
			t.Errorf("%v: got %d, %v, want %d", shape, n, err, want)
		}
	}
}

// TestRawSize compares with a sum over elements in bits.
func TestRawSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dtype, n := anyDType(t), rapid.IntRange(0, 1000).Draw(t, "n")
		if got, want := RawSize(dtype, n), int(math.Ceil(float64(n*dtype.Bits())/8)); got != want {
			t.Errorf("%d elements of %v: got %d, want %d", n, dtype, got, want)
		}
	})
	if got := RawSize(Complex128, MaxElements); got < MaxElements {
		t.Errorf("overflow: %d", got)
	}
}

func sparseProto(values *pb.TensorProto, dims, indexDims []int64, indices ...int64) *pb.SparseTensorProto {
	p := tensorProto(Int64, indexDims, func(p *pb.TensorProto) { p.Int64Data = indices })
	return &pb.SparseTensorProto{Values: values, Indices: p, Dims: dims}
}

func decodeSparseProto(p *pb.SparseTensorProto) (*Tensor, error) {
	data, err := p.Marshal()
	if err != nil {
		return nil, err
	}
	v, err := DecodeValue(data, Type{Kind: SparseTensorType})
	if err != nil {
		return nil, err
	}
	return v.(*Tensor), nil
}

func TestSparse(t *testing.T) {
	two := func() *pb.TensorProto { return tensorProto(Float32, []int64{2}, withFloats(5, 7)) }
	want := []float32{0, 5, 0, 0, 0, 7}
	for _, p := range []*pb.SparseTensorProto{
		sparseProto(two(), []int64{2, 3}, []int64{2}, 1, 5),
		sparseProto(two(), []int64{2, 3}, []int64{2, 2}, 0, 1, 1, 2),
	} {
		x, err := decodeSparseProto(p)
		if err != nil {
			t.Error(err)
			continue
		}
		if !slices.Equal(x.Float32s(), want) || !slices.Equal(x.Shape, []int{2, 3}) {
			t.Errorf("got %v %v", x, x.Float32s())
		}
		if encodeSparse(x) != x.stored.sparse {
			t.Error("an unchanged sparse tensor is not written as it was")
		}
		x.Float32s()[0] = 9
		changed, err := decodeSparseProto(encodeSparse(x))
		if err != nil || !slices.Equal(changed.Float32s(), x.Float32s()) {
			t.Errorf("a changed sparse tensor is written as %v, %v", changed, err)
		}
	}
	for name, p := range map[string]*pb.SparseTensorProto{
		"no values":           {Dims: []int64{2}},
		"out of range":        sparseProto(two(), []int64{2, 3}, []int64{2}, 1, 6),
		"negative":            sparseProto(two(), []int64{2, 3}, []int64{2}, -1, 5),
		"twice":               sparseProto(two(), []int64{2, 3}, []int64{2}, 5, 5),
		"descending":          sparseProto(two(), []int64{2, 3}, []int64{2}, 5, 1),
		"coordinate too big":  sparseProto(two(), []int64{2, 3}, []int64{2, 2}, 0, 3, 1, 2),
		"too few indices":     sparseProto(two(), []int64{2, 3}, []int64{1}, 1),
		"wrong rank":          sparseProto(two(), []int64{2, 3}, []int64{2, 1}, 1, 5),
		"two in a scalar":     sparseProto(two(), nil, []int64{2, 0}),
		"dims overflow":       sparseProto(two(), []int64{1 << 40, 1 << 40}, []int64{2}, 1, 5),
		"no room for any":     sparseProto(two(), []int64{0, 3}, []int64{2}, 0, 1),
		"values of two axes":  sparseProto(tensorProto(Float32, []int64{1, 2}, withFloats(5, 7)), []int64{2, 3}, []int64{2}, 1, 5),
		"indices not integer": {Values: two(), Indices: two(), Dims: []int64{9}},
	} {
		if x, err := decodeSparseProto(p); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, %v", name, x, err)
		}
	}
	// 60 bytes of file that ask for 4 GB of memory.
	if _, err := decodeSparseProto(sparseProto(two(), []int64{1 << 30}, []int64{2}, 1, 5)); !errors.Is(err, ErrLimit) {
		t.Errorf("expanding 4 GB: got %v", err)
	}
}
