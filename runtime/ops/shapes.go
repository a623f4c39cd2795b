package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// sizeOf returns the number of elements of a tensor of that shape, which must
// be one that a tensor has.
func sizeOf(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// broadcastsTo reports whether a tensor of shape from broadcasts to shape to
// without changing it (unidirectional broadcasting).
func broadcastsTo(from, to []int) bool {
	if len(from) > len(to) {
		return false
	}
	for i, s := range from {
		if s != 1 && s != to[len(to)-len(from)+i] {
			return false
		}
	}
	return true
}

func typesDiffer(a, b *onnx.Tensor) error {
	return fmt.Errorf("inputs have the element types %v and %v, expected the same", a.Type, b.Type)
}

// broadcastShapes returns the shape that a and b broadcast to.
func broadcastShapes(a, b []int) ([]int, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	shape := append([]int(nil), a...)
	for i, s := range b {
		d := len(a) - len(b) + i
		switch {
		case shape[d] == s || s == 1:
		case shape[d] == 1:
			shape[d] = s
		default:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast", a, b)
		}
	}
	return shape, nil
}

// broadcastDims is broadcastShapes for sizes that may be symbols; an axis that
// can not be told is unknown. It reports false if the shapes do not fit.
func broadcastDims(a, b []onnx.Dim) ([]onnx.Dim, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	shape := append([]onnx.Dim(nil), a...)
	for i, s := range b {
		d := &shape[len(a)-len(b)+i]
		switch {
		case *d == s || s.Size == 1:
		case d.Size == 1:
			*d = s
		case d.Known() && s.Known():
			return nil, false
		case s.Known(): // the unknown one is the same or 1
			*d = s
		case d.Known():
		default:
			*d = onnx.Dim{Size: -1}
		}
	}
	return shape, true
}
