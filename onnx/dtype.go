package onnx

import "fmt"

// DType is the element type of a tensor. Its values are those of
// TensorProto.DataType in onnx-ml.proto.
type DType int32

// The element types of ONNX IR version 14.
const (
	Undefined      DType = 0
	Float32        DType = 1
	Uint8          DType = 2
	Int8           DType = 3
	Uint16         DType = 4
	Int16          DType = 5
	Int32          DType = 6
	Int64          DType = 7
	String         DType = 8
	Bool           DType = 9
	Float16        DType = 10
	Float64        DType = 11
	Uint32         DType = 12
	Uint64         DType = 13
	Complex64      DType = 14
	Complex128     DType = 15
	BFloat16       DType = 16
	Float8E4M3FN   DType = 17
	Float8E4M3FNUZ DType = 18
	Float8E5M2     DType = 19
	Float8E5M2FNUZ DType = 20
	Uint4          DType = 21
	Int4           DType = 22
	Float4E2M1     DType = 23
	Float8E8M0     DType = 24
	Uint2          DType = 25
	Int2           DType = 26
)

// dtypes holds, for each DType, its ONNX name and its width in bits. Strings
// have no fixed width.
var dtypes = [...]struct {
	name string
	bits int
}{
	Undefined: {"undefined", 0}, Float32: {"float32", 32}, Uint8: {"uint8", 8}, Int8: {"int8", 8},
	Uint16: {"uint16", 16}, Int16: {"int16", 16}, Int32: {"int32", 32}, Int64: {"int64", 64},
	String: {"string", 0}, Bool: {"bool", 8}, Float16: {"float16", 16}, Float64: {"float64", 64},
	Uint32: {"uint32", 32}, Uint64: {"uint64", 64}, Complex64: {"complex64", 64},
	Complex128: {"complex128", 128}, BFloat16: {"bfloat16", 16}, Float8E4M3FN: {"float8e4m3fn", 8},
	Float8E4M3FNUZ: {"float8e4m3fnuz", 8}, Float8E5M2: {"float8e5m2", 8},
	Float8E5M2FNUZ: {"float8e5m2fnuz", 8}, Uint4: {"uint4", 4}, Int4: {"int4", 4},
	Float4E2M1: {"float4e2m1", 4}, Float8E8M0: {"float8e8m0", 8}, Uint2: {"uint2", 2}, Int2: {"int2", 2},
}

// Valid reports whether t is an element type of the standard.
func (t DType) Valid() bool { return t > Undefined && int(t) < len(dtypes) }

// String returns the lower-case name of the type, for example "float32".
func (t DType) String() string {
	if t < 0 || int(t) >= len(dtypes) {
		return fmt.Sprintf("dtype(%d)", int32(t))
	}
	return dtypes[t].name
}

// Bits returns the width of one element, 0 for strings and unknown types.
// Types narrower than a byte are packed, the first element in the low bits.
func (t DType) Bits() int {
	if t < 0 || int(t) >= len(dtypes) {
		return 0
	}
	return dtypes[t].bits
}

// ParseDType returns the type with the given name, as String prints it; the
// names "float", "double" and "half" are accepted too.
func ParseDType(name string) (DType, error) {
	switch name {
	case "float":
		return Float32, nil
	case "double":
		return Float64, nil
	case "half":
		return Float16, nil
	}
	for t := Float32; int(t) < len(dtypes); t++ {
		if dtypes[t].name == name {
			return t, nil
		}
	}
	return Undefined, fmt.Errorf("onnx: unknown element type %q", name)
}

// IsFloat reports whether t is a real floating-point type of any width.
func (t DType) IsFloat() bool {
	switch t {
	case Float32, Float64, Float16, BFloat16, Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ, Float4E2M1, Float8E8M0:
		return true
	}
	return false
}

// IsInteger reports whether t is an integer type of any width, bool excluded.
func (t DType) IsInteger() bool {
	switch t {
	case Uint8, Int8, Uint16, Int16, Int32, Int64, Uint32, Uint64, Uint4, Int4, Uint2, Int2:
		return true
	}
	return false
}
