package ops

import (
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// maxDims bounds the length of integer tensors whose elements are followed
// through inference: shapes and parts of shapes are short.
const maxDims = 64

// unknownDim is the size of an axis of which nothing is known.
var unknownDim = onnx.Dim{Size: -1}

// input returns what is known of input i, nothing if it is absent.
func input(in []Info, i int) Info {
	if i < len(in) {
		return in[i]
	}
	return Info{}
}

// knownInts returns the elements of a constant integer tensor.
func knownInts(in Info) ([]int, bool) {
	if in.Const == nil {
		return nil, false
	}
	ints, err := IntsOf(in.Const)
	return ints, err == nil
}

// dimsOf returns the elements of a small integer tensor as dims: negative ones
// count as unknown. It returns nil if not even their number is known.
func dimsOf(in Info) []onnx.Dim {
	if in.Const != nil && in.Const.Len() <= maxDims {
		ints, ok := knownInts(in)
		if !ok {
			return nil
		}
		dims := make([]onnx.Dim, len(ints))
		for i, v := range ints {
			dims[i] = onnx.Dim{Size: max(v, -1)}
		}
		return dims
	}
	if in.Dims != nil {
		dims := slices.Clone(in.Dims)
		for i, d := range dims {
			if d.Size < 0 {
				dims[i].Size = -1
			}
		}
		return dims
	}
	t := in.Type
	if !t.HasShape || len(t.Shape) != 1 || !t.Shape[0].Known() || t.Shape[0].Size > maxDims {
		return nil
	}
	if t.Elem != onnx.Int64 && t.Elem != onnx.Int32 {
		return nil
	}
	dims := make([]onnx.Dim, t.Shape[0].Size)
	for i := range dims {
		dims[i] = unknownDim
	}
	return dims
}

// allUnknown reports whether nothing is known about any of dims.
func allUnknown(dims []onnx.Dim) bool {
	return !slices.ContainsFunc(dims, func(d onnx.Dim) bool { return d != unknownDim })
}

// dimsInfo returns the Info of an int64 tensor of the given shape that holds
// dims: a constant if all of them are numbers.
func dimsInfo(shape []onnx.Dim, dims []onnx.Dim) Info {
	info := TensorInfo(onnx.Int64, shape)
	return withDims(info, dims)
}

// withDims adds the elements of a small tensor to its Info.
func withDims(info Info, dims []onnx.Dim) Info {
	if len(dims) > maxDims || allUnknown(dims) && len(dims) > 0 {
		return info
	}
	info.Dims = dims
	if info.Type.Elem != onnx.Int64 || !info.Type.HasShape {
		return info
	}
	values := make([]int64, len(dims))
	for i, d := range dims {
		if !d.Known() {
			return info
		}
		values[i] = int64(d.Size)
	}
	if shape, ok := sizes(info.Type.Shape); ok {
		if n, err := onnx.Elements(shape); err == nil && n == len(values) {
			info.Const = onnx.FromSlice(values, shape...)
		}
	}
	return info
}

// sizes returns dims as numbers if all of them are known.
func sizes(dims []onnx.Dim) ([]int, bool) {
	ints := make([]int, len(dims))
	for i, d := range dims {
		if !d.Known() {
			return nil, false
		}
		ints[i] = d.Size
	}
	return ints, true
}

// numberDims returns known sizes as dims.
func numberDims(shape []int) []onnx.Dim {
	dims := make([]onnx.Dim, len(shape))
	for i, s := range shape {
		dims[i] = onnx.Dim{Size: s}
	}
	return dims
}

// unknownDims returns n dims of which nothing is known.
func unknownDims(n int) []onnx.Dim {
	dims := make([]onnx.Dim, n)
	for i := range dims {
		dims[i] = unknownDim
	}
	return dims
}

// one returns the inference result of an operator with one output.
func one(info Info) ([]Info, error) { return []Info{info}, nil }

// sumDims returns a + b.
func sumDims(a, b onnx.Dim) onnx.Dim {
	switch {
	case a.Known() && b.Known():
		return onnx.Dim{Size: a.Size + b.Size}
	case a == (onnx.Dim{Size: 0}):
		return b
	case b == (onnx.Dim{Size: 0}):
		return a
	}
	return unknownDim
}

// productDim returns the product of dims: a number, a symbol times one, or
// unknown.
func productDim(dims []onnx.Dim) onnx.Dim {
	n, symbol := 1, ""
	for _, d := range dims {
		switch {
		case d.Known() && d.Size == 0:
			return d
		case d.Known() && n > onnx.MaxElements/d.Size:
			return unknownDim
		case d.Known():
			n *= d.Size
		case d.Symbol == "" || symbol != "":
			symbol = "?"
		default:
			symbol = d.Symbol
		}
	}
	switch {
	case symbol == "":
		return onnx.Dim{Size: n}
	case symbol == "?" || n != 1:
		return unknownDim
	}
	return onnx.Dim{Size: -1, Symbol: symbol}
}
