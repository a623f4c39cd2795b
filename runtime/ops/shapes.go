package ops

import (
	"fmt"
	"slices"

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

// sameShape reports whether two shapes are equal.
func sameShape(a, b []int) bool { return slices.Equal(a, b) }
