package onnx

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unsafe"
)

// Tensor is a dense array in row-major order: the one tensor type of kcompress,
// for initializers, attributes, inputs, outputs and everything between.
//
// Elements are stored little-endian as raw_data of TensorProto has them
// (types narrower than a byte are packed), strings apart. The memory is
// aligned for every element type. Tensors that are inputs, initializers or
// results are not to be changed by anyone but their owner.
type Tensor struct {
	// Name is the name of an initializer, or empty.
	Name string
	// Type is the element type.
	Type DType
	// Shape holds the sizes of the axes, each at least 0; a scalar has none.
	Shape []int
	// Strings holds the elements if Type is String.
	Strings []string
	// raw holds the elements of all other types, RawSize(Type, Len()) bytes.
	raw []byte
	// stored says how the file that the tensor comes from stores it, or is nil.
	stored *stored
}

// Value is what flows along an edge of a graph: *Tensor, *Sequence, *Optional
// or *Map.
type Value interface{ isValue() }

// Sequence is an ordered list of values of one type (ONNX sequence type).
type Sequence struct {
	// Elem is the element type of the tensors in the sequence, which an empty
	// sequence knows too.
	Elem   DType
	Values []Value
}

// Optional is a value that may be absent (ONNX optional type): Value is nil then.
type Optional struct{ Value Value }

// Map is an ONNX map: Keys is a 1-D tensor of int64 or string, Values a 1-D
// tensor of the same length, in the order in which the entries were made.
type Map struct{ Keys, Values *Tensor }

func (*Tensor) isValue()   {}
func (*Sequence) isValue() {}
func (*Optional) isValue() {}
func (*Map) isValue()      {}

// ErrShape is wrapped by errors about impossible shapes: negative sizes and
// products that overflow.
var ErrShape = errors.New("impossible shape")

// MaxElements bounds the number of elements of one tensor.
const MaxElements = math.MaxInt64 / 64

// Elements returns the product of the sizes in shape, 1 for a scalar. It fails
// on negative sizes and where the product exceeds MaxElements.
func Elements(shape []int) (int, error) {
	n, zero := 1, false
	for _, s := range shape {
		switch {
		case s < 0:
			return 0, fmt.Errorf("onnx: shape %v: %w: negative size", shape, ErrShape)
		case s == 0:
			zero = true
		case n > MaxElements/s:
			return 0, fmt.Errorf("onnx: shape %v: %w: too many elements", shape, ErrShape)
		default:
			n *= s
		}
	}
	if zero {
		return 0, nil
	}
	return n, nil
}

// RawSize returns the bytes that n elements of type t take, types narrower than
// a byte packed.
func RawSize(t DType, n int) int { return n/8*t.Bits() + (n%8*t.Bits()+7)/8 }

// NewTensor returns a tensor of zeros (empty strings). The shape is copied. It
// panics on a shape that Elements refuses or a type that is not Valid: shapes
// from a file or a user go through Elements first.
func NewTensor(t DType, shape ...int) *Tensor {
	n, err := Elements(shape)
	if err != nil {
		panic(err)
	}
	if !t.Valid() {
		panic(fmt.Sprintf("onnx: NewTensor of type %v", t))
	}
	x := &Tensor{Type: t, Shape: append([]int(nil), shape...)}
	if t == String {
		x.Strings = make([]string, n)
	} else {
		x.raw = AlignedBytes(RawSize(t, n))
	}
	return x
}

// AlignedBytes returns n zero bytes aligned for every element type.
func AlignedBytes(n int) []byte {
	if n == 0 {
		return []byte{}
	}
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)[:n]
}

// FromRaw returns a tensor over raw, which is not copied if it is aligned for
// the type and must not change afterwards. It fails unless raw has exactly the
// bytes that type and shape ask for.
func FromRaw(t DType, shape []int, raw []byte) (*Tensor, error) {
	n, err := Elements(shape)
	if err != nil {
		return nil, err
	}
	if !t.Valid() || t == String {
		return nil, fmt.Errorf("onnx: raw data of element type %v", t)
	}
	if want := RawSize(t, n); len(raw) != want {
		return nil, fmt.Errorf("onnx: %v tensor of shape %v needs %d bytes of data, got %d", t, shape, want, len(raw))
	}
	if !aligned(raw, t) {
		raw = append(AlignedBytes(len(raw))[:0], raw...)
	}
	return &Tensor{Type: t, Shape: append([]int(nil), shape...), raw: raw}, nil
}

// aligned reports whether elements of type t may lie in the memory of raw.
func aligned(raw []byte, t DType) bool {
	width := uintptr(t.Bits() / 8)
	return width <= 1 || len(raw) == 0 || uintptr(unsafe.Pointer(unsafe.SliceData(raw)))%min(width, 8) == 0
}

// Element is a Go type that a tensor can be viewed as.
type Element interface {
	~float32 | ~float64 | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~bool | ~complex64 | ~complex128
}

// FromSlice returns a tensor that holds values, which are not copied. The
// element type is the one of T: uint16 gives Uint16, not Float16 (see
// FromBits). It panics if the length does not fit the shape.
func FromSlice[T Element](values []T, shape ...int) *Tensor {
	return FromBits(TypeOf[T](), values, shape...)
}

// FromBits is FromSlice with the element type named: for float16 and bfloat16
// held as uint16, float8 held as uint8, and packed 4-bit types held as bytes.
func FromBits[T Element](t DType, values []T, shape ...int) *Tensor {
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(*new(T))))
	x, err := FromRaw(t, shape, raw)
	if err != nil {
		panic(err)
	}
	return x
}

// FromStrings returns a tensor of strings, which are not copied.
func FromStrings(values []string, shape ...int) *Tensor {
	if n, err := Elements(shape); err != nil || n != len(values) {
		panic(fmt.Sprintf("onnx: %d strings do not fit shape %v", len(values), shape))
	}
	return &Tensor{Type: String, Shape: append([]int(nil), shape...), Strings: values}
}

// Scalar returns a tensor without axes that holds v.
func Scalar[T Element](v T) *Tensor { return FromSlice([]T{v}) }

// TypeOf returns the element type whose elements have the Go type T.
func TypeOf[T Element]() DType {
	switch any(*new(T)).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	case bool:
		return Bool
	case complex64:
		return Complex64
	case complex128:
		return Complex128
	}
	return Undefined
}

// View returns the elements of t as a slice of T over the same memory. T must
// be as wide as the element type: View[uint16] gives the bits of a float16
// tensor, View[uint8] the bytes of a packed 4-bit one. It panics otherwise,
// and on strings: callers check Type first.
func View[T Element](t *Tensor) []T {
	width := int(unsafe.Sizeof(*new(T)))
	if bits := t.Type.Bits(); bits != width*8 && (bits > 8 || bits == 0 || width != 1) {
		panic(fmt.Sprintf("onnx: a %v tensor can not be viewed as %T", t.Type, *new(T)))
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(t.raw))), len(t.raw)/width)
}

// Float32s is View[float32].
func (t *Tensor) Float32s() []float32 { return View[float32](t) }

// Int64s is View[int64].
func (t *Tensor) Int64s() []int64 { return View[int64](t) }

// Raw returns the bytes of the elements, little-endian; nil for strings.
func (t *Tensor) Raw() []byte { return t.raw }

// Len returns the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, s := range t.Shape {
		n *= s
	}
	return n
}

// Bytes returns the size of the elements in memory, strings by their lengths.
func (t *Tensor) Bytes() int {
	if t.Type != String {
		return len(t.raw)
	}
	n := 0
	for _, s := range t.Strings {
		n += len(s)
	}
	return n
}

// Rank returns the number of axes.
func (t *Tensor) Rank() int { return len(t.Shape) }

// Clone returns a copy that shares nothing with t.
func (t *Tensor) Clone() *Tensor {
	c := *t
	c.Shape = append([]int(nil), t.Shape...)
	if t.Type == String {
		c.Strings = append([]string(nil), t.Strings...)
		return &c
	}
	c.raw = AlignedBytes(len(t.raw))
	copy(c.raw, t.raw)
	return &c
}

// Reshaped returns a tensor over the same elements with another shape. It
// panics if the number of elements differs.
func (t *Tensor) Reshaped(shape ...int) *Tensor {
	if n, err := Elements(shape); err != nil || n != t.Len() {
		panic(fmt.Sprintf("onnx: shape %v can not be seen as %v", t.Shape, shape))
	}
	return &Tensor{Name: t.Name, Type: t.Type, Shape: append([]int(nil), shape...), Strings: t.Strings, raw: t.raw}
}

// Reset makes t a tensor of the given type and shape over raw without
// allocating: for the runtime's memory planner, which hands out parts of
// buffers that it owns. raw must have the right length and alignment.
func (t *Tensor) Reset(dtype DType, shape []int, raw []byte, strings []string) {
	t.Name, t.Type, t.raw, t.Strings, t.stored = "", dtype, raw, strings, nil
	t.Shape = append(t.Shape[:0], shape...)
}

// String describes the tensor without its elements, for example
// "float32[1,3,32,32]".
func (t *Tensor) String() string { return t.Type.String() + shapeString(t.Shape) }

func shapeString(shape []int) string {
	s := "["
	for i, n := range shape {
		if i > 0 {
			s += ","
		}
		s += strconv.Itoa(n)
	}
	return s + "]"
}
