package onnx

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// stored is how a file stores a tensor: what is written back if the tensor is
// not changed.
type stored struct {
	// proto is the message without the elements.
	proto *pb.TensorProto
	// typed says that the elements are in a field for their type, not in raw_data.
	typed bool
	// sparse is the sparse form of the tensor, if it is stored so.
	sparse *pb.SparseTensorProto
}

// tensor converts a TensorProto.
func (d *decoder) tensor(p *pb.TensorProto) (*Tensor, error) {
	shape := make([]int, len(p.Dims))
	for i, n := range p.Dims {
		shape[i] = int(n)
	}
	n, err := Elements(shape)
	if err != nil {
		return nil, &Error{Err: ErrMalformed, Reason: err.Error()}
	}
	dtype := DType(p.GetDataType())
	if !dtype.Valid() {
		return nil, fail(ErrUnsupported, "tensor of element type %v", dtype)
	}
	if p.Segment != nil {
		return nil, fail(ErrUnsupported, "tensor stored in segments")
	}
	x, typed, err := d.elements(p, dtype, shape, n)
	if err != nil {
		return nil, err
	}
	x.Name = p.GetName()
	kept := *p
	kept.Dims, kept.ExternalData = nil, nil
	kept.FloatData, kept.Int32Data, kept.StringData, kept.Int64Data = nil, nil, nil, nil
	kept.DoubleData, kept.Uint64Data = nil, nil
	if n > 0 {
		kept.RawData = nil
	}
	if p.GetDataLocation() == pb.TensorProto_EXTERNAL {
		kept.DataLocation = nil
	}
	x.stored = &stored{proto: &kept, typed: typed}
	return x, nil
}

// elements makes a tensor of the n elements that p holds or refers to, and
// reports whether they are in a field for their type.
func (d *decoder) elements(p *pb.TensorProto, dtype DType, shape []int, n int) (x *Tensor, typed bool, err error) {
	var raw []byte
	if p.RawData != nil {
		raw = *p.RawData
	}
	typedFields := 0
	for _, size := range []int{len(p.FloatData), len(p.Int32Data), len(p.StringData), len(p.Int64Data), len(p.DoubleData), len(p.Uint64Data)} {
		if size > 0 {
			typedFields++
		}
	}
	external := p.GetDataLocation() == pb.TensorProto_EXTERNAL
	switch {
	case external && (len(raw) > 0 || typedFields > 0), len(raw) > 0 && typedFields > 0, typedFields > 1:
		return nil, false, fail(ErrMalformed, "tensor has data in more than one field")
	case external:
		x, err = d.externalTensor(p, dtype, shape, n)
		return x, false, err
	case len(raw) > 0 && dtype == String:
		return nil, false, fail(ErrMalformed, "tensor of strings has raw_data")
	case len(raw) > 0:
		x, err = rawTensor(dtype, shape, raw)
		return x, false, err
	case typedFields == 0 && n == 0:
		return NewTensor(dtype, shape...), dtype == String || p.RawData == nil, nil
	case typedFields == 0:
		return nil, false, &Error{Err: ErrMalformed, Reason: "no data for a tensor of shape " + shapeString(shape),
			Remedy: "if its data is in another file, the entry that says so is missing"}
	}
	x, err = typedTensor(p, dtype, shape, n)
	return x, true, err
}

// rawTensor makes a tensor over raw.
func rawTensor(dtype DType, shape []int, raw []byte) (*Tensor, error) {
	if dtype == Bool {
		raw = plainBools(raw)
	}
	x, err := FromRaw(dtype, shape, raw)
	if err != nil {
		return nil, &Error{Err: ErrMalformed, Reason: err.Error()}
	}
	return x, nil
}

// plainBools returns raw with every byte that is not 0 replaced by 1, the only
// other value that a Go bool may have.
func plainBools(raw []byte) []byte {
	for i, b := range raw {
		if b <= 1 {
			continue
		}
		plain := append([]byte(nil), raw...)
		for j := i; j < len(plain); j++ {
			plain[j] = min(plain[j], 1)
		}
		return plain
	}
	return raw
}

// typedTensor makes a tensor of the elements in the field for its type, which
// it may share. The standard says which field that is for each type.
func typedTensor(p *pb.TensorProto, dtype DType, shape []int, n int) (*Tensor, error) {
	switch dtype {
	case Float32:
		return sliceTensor(dtype, shape, p.FloatData, n)
	case Complex64:
		return sliceTensor(dtype, shape, p.FloatData, 2*n)
	case Float64:
		return sliceTensor(dtype, shape, p.DoubleData, n)
	case Complex128:
		return sliceTensor(dtype, shape, p.DoubleData, 2*n)
	case Int64:
		return sliceTensor(dtype, shape, p.Int64Data, n)
	case Uint64:
		return sliceTensor(dtype, shape, p.Uint64Data, n)
	case Int32:
		return sliceTensor(dtype, shape, p.Int32Data, n)
	case Uint32:
		return uint32Tensor(shape, p.Uint64Data, n)
	case String:
		return stringTensor(shape, p.StringData, n)
	}
	return narrowTensor(dtype, shape, p.Int32Data, n)
}

// errLength is the error about a field with the wrong number of elements.
func errLength(dtype DType, shape []int, want, got int) error {
	return fail(ErrMalformed, "%v tensor of shape %s needs %d values in the field for its type, got %d", dtype, shapeString(shape), want, got)
}

// sliceTensor makes a tensor over values, of which there must be n.
func sliceTensor[T Element](dtype DType, shape []int, values []T, n int) (*Tensor, error) {
	if len(values) != n {
		return nil, errLength(dtype, shape, n, len(values))
	}
	return rawTensor(dtype, shape, bytesOf(values))
}

// bytesOf returns the memory of values.
func bytesOf[T Element](values []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(*new(T))))
}

// sliceOf returns raw, which is aligned for T, as elements of T.
func sliceOf[T Element](raw []byte) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(raw))), len(raw)/int(unsafe.Sizeof(*new(T))))
}

func uint32Tensor(shape []int, values []uint64, n int) (*Tensor, error) {
	if len(values) != n {
		return nil, errLength(Uint32, shape, n, len(values))
	}
	x := NewTensor(Uint32, shape...)
	for i, v := range values {
		if v > math.MaxUint32 {
			return nil, fail(ErrMalformed, "%d is no uint32", v)
		}
		View[uint32](x)[i] = uint32(v)
	}
	return x, nil
}

func stringTensor(shape []int, values [][]byte, n int) (*Tensor, error) {
	if len(values) != n {
		return nil, errLength(String, shape, n, len(values))
	}
	x := NewTensor(String, shape...)
	for i, v := range values {
		x.Strings[i] = string(v)
	}
	return x, nil
}

// narrowTensor makes a tensor of a type of at most 16 bits from int32_data,
// which holds the bits of one element each, or those of one byte of packed
// elements. Both signed and unsigned readings of the bits are accepted.
func narrowTensor(dtype DType, shape []int, values []int32, n int) (*Tensor, error) {
	bits := max(dtype.Bits(), 8)
	size := RawSize(dtype, n)
	if want := size / (bits / 8); len(values) != want {
		return nil, errLength(dtype, shape, want, len(values))
	}
	raw := AlignedBytes(size)
	for i, v := range values {
		if v < -1<<(bits-1) || v >= 1<<bits {
			return nil, fail(ErrMalformed, "%d does not fit into %d bits of a %v tensor", v, bits, dtype)
		}
		if bits == 16 {
			binary.LittleEndian.PutUint16(raw[2*i:], uint16(v))
		} else {
			raw[i] = byte(v)
		}
	}
	return rawTensor(dtype, shape, raw)
}
