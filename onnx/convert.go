package onnx

import (
	"fmt"
	"math"
)

// ConvertOption changes how ConvertTo treats numbers that do not fit.
type ConvertOption func(*convertOptions)

type convertOptions struct {
	saturate bool
	round    RoundMode
}

// Saturate sets the attribute saturate of Cast (opset 19), true unless set:
// whether numbers out of range become the largest of a float8 type or NaN and
// infinity.
func Saturate(on bool) ConvertOption { return func(o *convertOptions) { o.saturate = on } }

// Round sets the attribute round_mode of Cast (opset 25) for float8e8m0,
// RoundUp unless set.
func Round(mode RoundMode) ConvertOption { return func(o *convertOptions) { o.round = mode } }

// ConvertTo returns the elements of t as another type, with the rules of the
// operator Cast (opset 25): floats are rounded to nearest even, integers keep
// their low bits, floats lose their fraction on the way to integers.
//
// Cast leaves open what becomes of a float out of the range of an integer type.
// Here that is what x86 processors do, and so most other programs: the smallest
// number for int32 and int64, the low bits of the float as an int64 for others.
//
// It fails for strings and complex numbers, and returns t itself if it is of
// that type already.
func (t *Tensor) ConvertTo(to DType, opts ...ConvertOption) (*Tensor, error) {
	o := convertOptions{saturate: true}
	for _, f := range opts {
		f(&o)
	}
	if to == t.Type {
		return t, nil
	}
	if !isNumber(t.Type) || !isNumber(to) {
		return nil, fmt.Errorf("onnx: can not convert %v to %v: %w", t.Type, to, ErrUnsupported)
	}
	x := NewTensor(to, t.Shape...)
	x.Name = t.Name
	if convertHalf(x, t) {
		return x, nil
	}
	if t.Type.IsFloat() {
		eachChunk(t.Len(), func(start int, buffer []float64) {
			loadFloats(buffer, t, start)
			storeFloats(x, start, buffer, o)
		})
		return x, nil
	}
	eachChunk(t.Len(), func(start int, buffer []int64) {
		loadInts(buffer, t, start)
		if !to.IsFloat() {
			storeInts(x, start, buffer)
			return
		}
		toFloat := intToNarrow
		if to == Float64 {
			toFloat = intToFloat
		}
		floats := make([]float64, len(buffer))
		for i, v := range buffer {
			floats[i] = toFloat(v, t.Type == Uint64)
		}
		storeFloats(x, start, floats, o)
	})
	return x, nil
}

// convertHalf converts between float32 and the 16-bit float types, the most
// frequent conversions of weights, and reports whether it did.
func convertHalf(x, t *Tensor) bool {
	encode, decode := Float16Bits, Float16Value
	if x.Type == BFloat16 || t.Type == BFloat16 {
		encode, decode = BFloat16Bits, BFloat16Value
	}
	switch {
	case t.Type == Float32 && (x.Type == Float16 || x.Type == BFloat16):
		bits := View[uint16](x)
		for i, v := range t.Float32s() {
			bits[i] = encode(v)
		}
		return true
	case x.Type == Float32 && (t.Type == Float16 || t.Type == BFloat16):
		values := x.Float32s()
		for i, v := range View[uint16](t) {
			values[i] = decode(v)
		}
		return true
	}
	return false
}

// storeFloats sets the elements from start on of x, of any type of numbers.
func storeFloats(x *Tensor, start int, values []float64, o convertOptions) {
	switch x.Type {
	case Float64:
		copy(View[float64](x)[start:], values)
	case Float32:
		dst := x.Float32s()[start:]
		for i, v := range values {
			dst[i] = float32(v)
		}
	case Float16, BFloat16:
		f, dst := floatFormats[x.Type], View[uint16](x)[start:]
		for i, v := range values {
			dst[i] = f.encode(v, false)
		}
	case Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ:
		f, dst := floatFormats[x.Type], x.raw[start:]
		for i, v := range values {
			dst[i] = uint8(f.encode(v, o.saturate))
		}
	case Float8E8M0:
		dst := x.raw[start:]
		for i, v := range values {
			dst[i] = encodeE8M0(v, o.saturate, o.round)
		}
	case Float4E2M1:
		for i, v := range values {
			setPacked(x, start+i, uint8(floatFormats[Float4E2M1].encode(v, true)))
		}
	case Bool:
		dst := View[bool](x)[start:]
		for i, v := range values {
			dst[i] = v != 0
		}
	default:
		storeInts(x, start, truncate(values, x.Type))
	}
}

// truncate returns values without their fractions, as the integers of which an
// element of type to keeps the low bits.
func truncate(values []float64, to DType) []int64 {
	ints := make([]int64, len(values))
	for i, v := range values {
		switch {
		case to == Int32 && !(v > math.MinInt32-1 && v < math.MaxInt32+1):
			ints[i] = math.MinInt32
		case v >= -1<<63 && v < 1<<63:
			ints[i] = int64(v)
		case to == Uint64 && v >= 1<<63 && v < 1<<64:
			ints[i] = int64(uint64(v))
		default:
			ints[i] = math.MinInt64
		}
	}
	return ints
}

// storeInts sets the elements from start on of x, of an integer type or bool,
// to the low bits of values.
func storeInts(x *Tensor, start int, values []int64) {
	switch x.Type {
	case Int64, Uint64:
		copy(View[int64](x)[start:], values)
	case Int32, Uint32:
		fromInts(View[uint32](x)[start:], values)
	case Int16, Uint16:
		fromInts(View[uint16](x)[start:], values)
	case Int8, Uint8:
		fromInts(x.raw[start:], values)
	case Bool:
		dst := View[bool](x)[start:]
		for i, v := range values {
			dst[i] = v != 0
		}
	default: // 4 and 2 bits
		for i, v := range values {
			setPacked(x, start+i, uint8(v))
		}
	}
}

func fromInts[T uint8 | uint16 | uint32](dst []T, src []int64) {
	for i, v := range src {
		dst[i] = T(v)
	}
}
