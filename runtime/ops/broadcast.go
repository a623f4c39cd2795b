package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// broadcastShapes returns the shape that all the given ones broadcast to, as
// ONNX and numpy define it: shapes are aligned at their last axis, and an axis
// of size 1 is repeated to the size of the others.
func broadcastShapes(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
	}
	for _, s := range shapes {
		pad := rank - len(s)
		for i, n := range s {
			switch {
			case out[pad+i] == n || n == 1:
			case out[pad+i] == 1:
				out[pad+i] = n
			default:
				return nil, fmt.Errorf("shapes %v can not be broadcast together", shapes)
			}
		}
	}
	return out, nil
}

// broadcastDims is broadcastShapes before a run: sizes may be symbols or
// unknown. An axis whose result can not be told is unknown.
func broadcastDims(shapes ...[]onnx.Dim) ([]onnx.Dim, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]onnx.Dim, rank)
	for i := range out {
		out[i] = onnx.Dim{Size: 1}
	}
	for _, s := range shapes {
		pad := rank - len(s)
		for i, d := range s {
			sum, err := broadcastDim(out[pad+i], d)
			if err != nil {
				return nil, err
			}
			out[pad+i] = sum
		}
	}
	return out, nil
}

// broadcastDim gives the size of one axis of a broadcast.
func broadcastDim(a, b onnx.Dim) (onnx.Dim, error) {
	switch {
	case a.Known() && b.Known():
		switch {
		case a.Size == b.Size || b.Size == 1:
			return a, nil
		case a.Size == 1:
			return b, nil
		}
		return a, fmt.Errorf("axes of sizes %d and %d can not be broadcast together", a.Size, b.Size)
	case a.Known() && a.Size == 1:
		return b, nil
	case b.Known() && b.Size == 1:
		return a, nil
	case a.Known(): // b is 1 or the same
		return a, nil
	case b.Known():
		return b, nil
	case a.Symbol != "" && a.Symbol == b.Symbol:
		return a, nil
	}
	return onnx.Dim{Size: -1}, nil
}

// alignAxis returns shape b with axes of size 1 appended so that its first
// axis meets the given axis of a when both are aligned at their last axes: the
// broadcasting of opset versions 1 to 6.
func alignAxis(a, b []int, axis int) ([]int, error) {
	if len(b) > len(a) {
		return nil, fmt.Errorf("shape %v can not be broadcast to %v", b, a)
	}
	if axis < 0 {
		axis += len(a)
	}
	after := len(a) - axis - len(b)
	if axis < 0 || after < 0 {
		return nil, fmt.Errorf("shape %v can not be broadcast to %v at axis %d", b, a, axis)
	}
	aligned := slices.Clone(b)
	for range after {
		aligned = append(aligned, 1)
	}
	return aligned, nil
}
