package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// topK is the operator TopK: the largest or smallest elements along an axis and
// their indices, the first of equal ones first. Up to opset version 9 k is an
// attribute, then input 1; the attributes largest and sorted and negative axes
// came with version 11. NaN counts as larger than every number. The result is
// sorted whatever the attribute sorted says.
var topK = []Operator{
	{Name: "TopK", Until: 9, MinInputs: 1, MaxInputs: 1, Build: buildTopK, Infer: inferTopK},
	{Name: "TopK", Since: 10, MinInputs: 2, MaxInputs: 2, Build: buildTopK, Infer: inferTopK},
}

var topKTypes = map[onnx.DType]func(c *Call, values, indices *onnx.Tensor, l axisLayout, k int, largest bool){
	onnx.Float32: topKOver[float32], onnx.Float64: topKOver[float64],
	onnx.Int8: topKOver[int8], onnx.Int16: topKOver[int16], onnx.Int32: topKOver[int32], onnx.Int64: topKOver[int64],
	onnx.Uint8: topKOver[uint8], onnx.Uint16: topKOver[uint16], onnx.Uint32: topKOver[uint32], onnx.Uint64: topKOver[uint64],
}

func buildTopK(n *Node) (Kernel, error) {
	axisAttr, k, largest, input := n.Int("axis", -1), n.Int("k", -1), n.Bool("largest", true), n.Opset >= 10
	return throughFloat32(func(c *Call) error {
		x, k := c.Tensor(0), k
		f := topKTypes[x.Type]
		if f == nil {
			return c.TypeError(0)
		}
		axis, err := Axis(axisAttr, x.Rank())
		if err != nil {
			return err
		}
		if input {
			ks, err := IntsOf(c.Tensor(1))
			if err != nil {
				return err
			}
			if len(ks) != 1 {
				return c.ShapeError(1, "one number")
			}
			k = ks[0]
		}
		if k < 0 || k > x.Shape[axis] {
			return fmt.Errorf("k is %d, but axis %d of shape %v has %d elements", k, axis, x.Shape, x.Shape[axis])
		}
		shape := slices.Clone(x.Shape)
		shape[axis] = k
		values, err := c.Output(0, x.Type, shape...)
		if err != nil {
			return err
		}
		indices, err := c.Output(1, onnx.Int64, shape...)
		if err == nil && values.Len() > 0 {
			f(c, values, indices, layoutAt(x.Shape, axis), k, largest)
		}
		return err
	}), n.Err()
}

// ranked is an element and where it was.
type ranked[T number] struct {
	value T
	index int
}

// before reports whether a comes before b among the largest elements, or among
// the smallest ones.
func (a ranked[T]) before(b ranked[T], largest bool) bool {
	if c := compareNumbers(a.value, b.value); c != 0 {
		return (c > 0) == largest
	}
	return a.index < b.index
}

// compareNumbers orders numbers, NaN above all others.
func compareNumbers[T number](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	}
	return int(truth[int8](a != a)) - int(truth[int8](b != b))
}

func topKOver[T number](c *Call, values, indices *onnx.Tensor, l axisLayout, k int, largest bool) {
	x, top, at := onnx.View[T](c.Tensor(0)), onnx.View[T](values), indices.Int64s()
	out := axisLayout{l.outer, k, l.inner}
	c.Parallel(l.outer*l.inner, l.lineGrain(), func(from, to int) {
		heap := make([]ranked[T], 0, k)
		for i := from; i < to; i++ {
			heap = selectTop(heap[:0], x[l.line(i):], l, k, largest)
			start := out.line(i)
			for j, r := range heap {
				top[start+j*l.inner], at[start+j*l.inner] = r.value, int64(r.index)
			}
		}
	})
}

// selectTop returns the first k elements of a line, in order. It keeps them in
// a heap with the last of them at its root.
func selectTop[T number](heap []ranked[T], x []T, l axisLayout, k int, largest bool) []ranked[T] {
	for j := range l.size {
		r := ranked[T]{x[j*l.inner], j}
		switch {
		case len(heap) < k:
			heap = append(heap, r)
			if len(heap) == k {
				for root := k/2 - 1; root >= 0; root-- {
					siftDown(heap, root, largest)
				}
			}
		case r.before(heap[0], largest):
			heap[0] = r
			siftDown(heap, 0, largest)
		}
	}
	slices.SortFunc(heap, func(a, b ranked[T]) int {
		if a.before(b, largest) {
			return -1
		}
		return 1
	})
	return heap
}

// siftDown moves the element at root down to where it belongs in the heap.
func siftDown[T number](heap []ranked[T], root int, largest bool) {
	for {
		child := 2*root + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && heap[child].before(heap[child+1], largest) {
			child++
		}
		if !heap[root].before(heap[child], largest) {
			return
		}
		heap[root], heap[child] = heap[child], heap[root]
		root = child
	}
}

func inferTopK(n *Node, in []Info) ([]Info, error) {
	if len(in) == 0 {
		return nil, nil
	}
	elem := elemOf(in[0])
	shape, ok := shapeOf(in[0])
	if !ok {
		return []Info{UnknownShape(elem), UnknownShape(onnx.Int64)}, nil
	}
	axis, err := Axis(n.Int("axis", -1), len(shape))
	if err != nil {
		return nil, err
	}
	k := unknownDim
	if n.Opset < 10 {
		k = onnx.Dim{Size: n.Int("k", -1)}
	} else if e := elementsOf(input(in, 1)); len(e) == 1 {
		k = elementDims(e)[0]
	}
	out := slices.Clone(shape)
	out[axis] = k
	return []Info{TensorInfo(elem, out), TensorInfo(onnx.Int64, out)}, nil
}
