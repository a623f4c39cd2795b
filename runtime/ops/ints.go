package ops

import (
	"fmt"
	"sync"

	"github.com/kcompress/kcompress/onnx"
)

// ints holds lists for shapes, axes and indices that are used again from call
// to call, so that a kernel in steady state takes no memory from the heap.
type ints struct{ free []int }

var intLists = sync.Pool{New: func() any { return &ints{make([]int, 0, 64)} }}

// takeInts returns an empty ints; give puts it back with all its lists.
func takeInts() *ints {
	l := intLists.Get().(*ints)
	l.free = l.free[:0]
	return l
}

func (l *ints) give() { intLists.Put(l) }

// list returns an empty list with room for n numbers. Lists do not overlap.
func (l *ints) list(n int) []int {
	at := len(l.free)
	if at+n > cap(l.free) { // lists that were taken keep the memory that they have
		l.free, at = make([]int, 0, 2*(cap(l.free)+n)), 0
	}
	l.free = l.free[:at+n]
	return l.free[at : at : at+n]
}

// clone returns a copy of a list.
func (l *ints) clone(v []int) []int { return append(l.list(len(v)), v...) }

// input returns the elements of integer input i.
func (l *ints) input(c *Call, i int) ([]int, error) {
	t := c.Tensor(i)
	if t == nil {
		return nil, fmt.Errorf("input %d is missing", i)
	}
	out := l.list(t.Len())
	switch t.Type {
	case onnx.Int64:
		for _, v := range t.Int64s() {
			out = append(out, int(v))
		}
	case onnx.Int32:
		for _, v := range onnx.View[int32](t) {
			out = append(out, int(v))
		}
	default:
		return nil, fmt.Errorf("input %d: expected integers, got %v", i, t)
	}
	return out, nil
}

// steps returns the row-major steps of a shape.
func (l *ints) steps(shape []int) []int {
	out := l.clone(shape)
	n := 1
	for i := len(out) - 1; i >= 0; i-- {
		out[i], n = n, n*out[i]
	}
	return out
}
