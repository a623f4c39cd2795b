package ops

import (
	"errors"
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// granularity says which scale belongs to which element of a quantized tensor:
// one for all (per tensor), one for each index of an axis (per axis), or one
// for each block of consecutive indices of an axis (blocked).
//
// The elements are walked in spans: consecutive elements that either share one
// scale or take consecutive scales.
type granularity struct {
	// spans is the number of spans.
	spans int
	// at returns span s: elements lo to hi-1, the first scale, and the step
	// from the scale of one element to that of the next, 0 or 1.
	at func(s int) (lo, hi, scale, step int)
	// length is the size of the longest span.
	length int
}

// spanOfTensor is the length of the spans that a tensor with a single scale is
// cut into, so that threads can share the work.
const spanOfTensor = 1 << 14

// newGranularity works out the granularity for a tensor of shape x and scales
// of shape scale, as QuantizeLinear of opset 21 defines it; block 0 is not
// blocked.
func newGranularity(x, scale []int, axis, block int) (granularity, error) {
	total, err := onnx.Elements(x)
	if err != nil {
		return granularity{}, err
	}
	scales, err := onnx.Elements(scale)
	if err != nil {
		return granularity{}, err
	}
	if block < 0 {
		return granularity{}, fmt.Errorf("block_size is %d, expected at least 0", block)
	}
	if scales == 1 && (block == 0 || len(scale) == 0) {
		return perTensor(total), nil
	}
	g, err := granularityAlong(x, scale, axis, block)
	if total == 0 {
		g.spans = 0
	}
	return g, err
}

// granularityAlong is newGranularity for scales along an axis.
func granularityAlong(x, scale []int, axis, block int) (granularity, error) {
	axis, err := Axis(axis, len(x))
	if err != nil {
		return granularity{}, err
	}
	outer, size, inner := aroundAxis(x, axis)
	if block == 0 {
		if len(scale) != 1 || scale[0] != size {
			return granularity{}, fmt.Errorf("scale has shape %v, expected a scalar or one number for each of the %d indices of axis %d", scale, size, axis)
		}
		return perAxis(outer, size, inner), nil
	}
	groups := 0
	if size > 0 {
		groups = (size-1)/block + 1
	}
	for i := range max(len(x), len(scale)) {
		if len(x) != len(scale) || i != axis && x[i] != scale[i] || i == axis && scale[i] != groups {
			return granularity{}, fmt.Errorf("scale has shape %v, which does not fit an input of shape %v in blocks of %d along axis %d", scale, x, block, axis)
		}
	}
	return perBlock(outer, size, inner, block, groups), nil
}

// aroundAxis returns the sizes before, at and after an axis.
func aroundAxis(shape []int, axis int) (outer, size, inner int) {
	outer, inner = 1, 1
	for _, n := range shape[:axis] {
		outer *= n
	}
	for _, n := range shape[axis+1:] {
		inner *= n
	}
	return outer, shape[axis], inner
}

func perTensor(total int) granularity {
	return granularity{
		spans:  (total + spanOfTensor - 1) / spanOfTensor,
		length: min(total, spanOfTensor),
		at: func(s int) (lo, hi, scale, step int) {
			return s * spanOfTensor, min((s+1)*spanOfTensor, total), 0, 0
		},
	}
}

func perAxis(outer, size, inner int) granularity {
	if inner == 1 { // the last axis: each row takes all scales in turn
		return granularity{spans: outer, length: size, at: func(s int) (lo, hi, scale, step int) {
			return s * size, (s + 1) * size, 0, 1
		}}
	}
	return granularity{spans: outer * size, length: inner, at: func(s int) (lo, hi, scale, step int) {
		return s * inner, (s + 1) * inner, s % size, 0
	}}
}

func perBlock(outer, size, inner, block, groups int) granularity {
	if inner == 1 { // blocks are consecutive elements
		return granularity{spans: outer * groups, length: min(block, size), at: func(s int) (lo, hi, scale, step int) {
			row, group := s/groups, s%groups
			lo = row*size + group*block
			return lo, row*size + min(size, (group+1)*block), s, 0
		}}
	}
	return granularity{spans: outer * size, length: inner, at: func(s int) (lo, hi, scale, step int) {
		row, index := s/size, s%size
		return s * inner, (s + 1) * inner, (row*groups + index/block) * inner, 1
	}}
}

// grain returns how many spans one range of Call.Parallel should have.
func (g granularity) grain() int { return max(1, spanOfTensor/max(1, g.length)) }

// typeAttr returns an attribute that holds an element type, Undefined if it is
// not given.
func typeAttr(n *Node, name string) onnx.DType {
	v := n.Int(name, 0)
	if v != 0 && (v != int(onnx.DType(v)) || !onnx.DType(v).Valid()) {
		n.err = fmt.Errorf("attribute %s is %d, which is no element type", name, v)
		return onnx.Undefined
	}
	return onnx.DType(v)
}

// quantizedRange returns the smallest and largest value of an integer element
// type that tensors are quantized to.
func quantizedRange(t onnx.DType) (lo, hi int32, ok bool) {
	switch t {
	case onnx.Uint8:
		return 0, math.MaxUint8, true
	case onnx.Int8:
		return math.MinInt8, math.MaxInt8, true
	case onnx.Uint16:
		return 0, math.MaxUint16, true
	case onnx.Int16:
		return math.MinInt16, math.MaxInt16, true
	case onnx.Uint4:
		return 0, 15, true
	case onnx.Int4:
		return -8, 7, true
	case onnx.Uint2:
		return 0, 3, true
	case onnx.Int2:
		return -2, 1, true
	}
	return 0, 0, false
}

// roundingShift is 1.5 x 2^23: adding it to a float32 of magnitude below 2^22
// leaves the value rounded to the nearest even integer in the low bits.
const roundingShift = 12582912

// quantizeTo returns round(v) + zero limited to [lo, hi], ties to even. The
// range lo-zero..hi-zero must lie within +-2^22; NaN gives lo.
func quantizeTo(v float32, zero, lo, hi int32) int32 {
	low, high := float32(lo-zero), float32(hi-zero)
	if !(v >= low) {
		v = low
	}
	if v > high {
		v = high
	}
	shifted := float32(v + roundingShift)
	return int32(math.Float32bits(shifted)) - int32(math.Float32bits(roundingShift)) + zero
}

// zeroPoints returns the zero points of a quantized tensor as numbers: one for
// each scale, or nil if they are all zero. The tensor may be nil.
func zeroPoints(t *onnx.Tensor, scales int) ([]int32, error) {
	if t == nil {
		return nil, nil
	}
	if t.Len() != scales {
		return nil, fmt.Errorf("the zero point has shape %v, expected as many elements as the scale, %d", t.Shape, scales)
	}
	values, err := smallInts(t)
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		if v != 0 {
			return values, nil
		}
	}
	return nil, nil
}

// smallInts returns the elements of a tensor of integers of at most 32 bits.
func smallInts(t *onnx.Tensor) ([]int32, error) {
	values := make([]int32, t.Len())
	switch t.Type {
	case onnx.Int8:
		copyWide(values, onnx.View[int8](t))
	case onnx.Uint8:
		copyWide(values, onnx.View[uint8](t))
	case onnx.Int16:
		copyWide(values, onnx.View[int16](t))
	case onnx.Uint16:
		copyWide(values, onnx.View[uint16](t))
	case onnx.Int32:
		copy(values, onnx.View[int32](t))
	case onnx.Int4, onnx.Uint4, onnx.Int2, onnx.Uint2:
		unpackInts(values, t)
	default:
		return nil, fmt.Errorf("expected small integers, got %v", t)
	}
	return values, nil
}

func copyWide[T int8 | uint8 | int16 | uint16](dst []int32, src []T) {
	for i, v := range src {
		dst[i] = int32(v)
	}
}

// unpackInts reads 2-bit and 4-bit integers, the first in the low bits.
func unpackInts(dst []int32, t *onnx.Tensor) {
	raw, bits := t.Raw(), t.Type.Bits()
	each, signed := 8/bits, t.Type == onnx.Int4 || t.Type == onnx.Int2
	for i := range dst {
		v := int32(raw[i/each]>>(i%each*bits)) & (1<<bits - 1)
		if signed && v >= 1<<(bits-1) {
			v -= 1 << bits
		}
		dst[i] = v
	}
}

// packInts writes 2-bit and 4-bit integers, the first in the low bits.
func packInts(t *onnx.Tensor, src []int32) {
	raw, bits := t.Raw(), t.Type.Bits()
	each := 8 / bits
	clear(raw)
	for i, v := range src {
		raw[i/each] |= byte(v&(1<<bits-1)) << (i % each * bits)
	}
}

var errZeroPointType = errors.New("the zero point must have the element type of the quantized tensor")
