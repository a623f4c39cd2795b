package onnx

import (
	"fmt"
	"math/bits"
)

// isNumber reports whether elements of type t are real numbers or bools.
func isNumber(t DType) bool { return t.IsFloat() || t.IsInteger() || t == Bool }

// Floats returns a copy of the elements of a tensor of real numbers or bools
// as float64, integers beyond 2^53 rounded.
func (t *Tensor) Floats() ([]float64, error) {
	if !isNumber(t.Type) {
		return nil, fmt.Errorf("onnx: a %v tensor has no real numbers", t.Type)
	}
	values := make([]float64, t.Len())
	if t.Type.IsFloat() {
		loadFloats(values, t, 0)
		return values, nil
	}
	ints := make([]int64, len(values))
	loadInts(ints, t, 0)
	for i, v := range ints {
		values[i] = intToFloat(v, t.Type == Uint64)
	}
	return values, nil
}

// Ints returns a copy of the elements of a tensor of integers or bools. Numbers
// of uint64 tensors from 2^63 on come out negative.
func (t *Tensor) Ints() ([]int64, error) {
	if !t.Type.IsInteger() && t.Type != Bool {
		return nil, fmt.Errorf("onnx: a %v tensor has no integers", t.Type)
	}
	values := make([]int64, t.Len())
	loadInts(values, t, 0)
	return values, nil
}

// NonFinite returns how many elements are infinite or not a number.
func (t *Tensor) NonFinite() int {
	count := 0
	switch t.Type {
	case Float32:
		for _, v := range t.Float32s() {
			if v-v != 0 {
				count++
			}
		}
	case Complex64, Complex128:
		parts := &Tensor{Type: Float32, Shape: []int{2 * t.Len()}, raw: t.raw}
		if t.Type == Complex128 {
			parts.Type = Float64
		}
		return parts.NonFinite() // counts the two parts of an element apart
	default:
		if !t.Type.IsFloat() {
			return 0
		}
		eachChunk(t.Len(), func(start int, buffer []float64) {
			loadFloats(buffer, t, start)
			for _, v := range buffer {
				if v-v != 0 {
					count++
				}
			}
		})
	}
	return count
}

// eachChunk calls f with parts of a buffer for n elements in turn.
func eachChunk[T any](n int, f func(start int, buffer []T)) {
	buffer := make([]T, min(n, 512))
	for start := 0; start < n; start += len(buffer) {
		f(start, buffer[:min(len(buffer), n-start)])
	}
}

// packed returns element i of a tensor of a type narrower than a byte.
func packed(t *Tensor, i int) uint8 {
	bits := t.Type.Bits()
	per := 8 / bits
	return t.raw[i/per] >> (i % per * bits) & (1<<bits - 1)
}

// setPacked sets element i of a tensor of a type narrower than a byte.
func setPacked(t *Tensor, i int, v uint8) {
	bits := t.Type.Bits()
	per := 8 / bits
	mask := uint8(1<<bits - 1)
	t.raw[i/per] = t.raw[i/per]&^(mask<<(i%per*bits)) | v&mask<<(i%per*bits)
}

// loadFloats sets dst to the elements from start on of a tensor of floats.
func loadFloats(dst []float64, t *Tensor, start int) {
	switch t.Type {
	case Float64:
		copy(dst, View[float64](t)[start:])
	case Float32:
		for i, v := range t.Float32s()[start:][:len(dst)] {
			dst[i] = float64(v)
		}
	case Float16:
		for i, v := range View[uint16](t)[start:][:len(dst)] {
			dst[i] = float64(Float16Value(v))
		}
	case BFloat16:
		for i, v := range View[uint16](t)[start:][:len(dst)] {
			dst[i] = float64(BFloat16Value(v))
		}
	case Float8E8M0:
		for i, v := range t.raw[start:][:len(dst)] {
			dst[i] = decodeE8M0(v)
		}
	case Float4E2M1:
		for i := range dst {
			dst[i] = floatFormats[Float4E2M1].decode(uint16(packed(t, start+i)))
		}
	default:
		f := floatFormats[t.Type]
		for i, v := range t.raw[start:][:len(dst)] {
			dst[i] = f.decode(uint16(v))
		}
	}
}

// loadInts sets dst to the elements from start on of a tensor of integers or
// bools; uint64 keeps its bits.
func loadInts(dst []int64, t *Tensor, start int) {
	switch t.Type {
	case Int64, Uint64:
		copy(dst, View[int64](t)[start:])
	case Int32:
		toInts(dst, View[int32](t)[start:])
	case Uint32:
		toInts(dst, View[uint32](t)[start:])
	case Int16:
		toInts(dst, View[int16](t)[start:])
	case Uint16:
		toInts(dst, View[uint16](t)[start:])
	case Int8:
		toInts(dst, View[int8](t)[start:])
	case Uint8, Bool:
		toInts(dst, t.raw[start:])
	default: // 4 and 2 bits
		signed := t.Type == Int4 || t.Type == Int2
		shift := 64 - t.Type.Bits()
		for i := range dst {
			dst[i] = int64(packed(t, start+i))
			if signed {
				dst[i] = dst[i] << shift >> shift
			}
		}
	}
}

func toInts[T int8 | int16 | int32 | uint8 | uint16 | uint32](dst []int64, src []T) {
	for i := range dst {
		dst[i] = int64(src[i])
	}
}

// intToFloat returns v, the bits of a uint64 if unsigned, rounded to a float64.
func intToFloat(v int64, unsigned bool) float64 {
	if unsigned {
		return float64(uint64(v))
	}
	return float64(v)
}

// intToNarrow returns v as a float64 that rounds to a narrower type as v would:
// where v has too many bits, the last one is set (rounding to odd), so that no
// tie comes from rounding twice.
func intToNarrow(v int64, unsigned bool) float64 {
	negative := v < 0 && !unsigned
	magnitude := uint64(v)
	if negative {
		magnitude = -magnitude
	}
	const kept = 53
	if shift := bits.Len64(magnitude) - kept; shift > 0 {
		high := magnitude >> shift
		if high<<shift != magnitude {
			high |= 1
		}
		magnitude = high << shift
	}
	if negative {
		return -float64(magnitude)
	}
	return float64(magnitude)
}
