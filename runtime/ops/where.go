package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// selection is the operator Where (opset versions 9 and 16, which differ in
// element types): elements of x where the condition holds, else of y, with all
// three inputs broadcast together. Elements are moved by their width, so that
// every type is taken.
var selection = []Operator{
	{Name: "Where", Since: 9, MinInputs: 3, MaxInputs: 3, Infer: inferWhere,
		Build: func(n *Node) (Kernel, error) { return where, n.Err() }},
}

func where(c *Call) error {
	condition, x, y := c.Tensor(0), c.Tensor(1), c.Tensor(2)
	if condition.Type != onnx.Bool {
		return c.TypeError(0)
	}
	if x.Type != y.Type {
		return fmt.Errorf("inputs have different element types, %v and %v", x.Type, y.Type)
	}
	shape, err := broadcastShapes(condition.Shape, x.Shape, y.Shape)
	if err != nil {
		return err
	}
	if bits := x.Type.Bits(); x.Type != onnx.String && bits < 8 {
		return c.TypeError(1)
	}
	z, err := outputOverAny(c, x.Type, shape, 1, 2)
	if err != nil {
		return err
	}
	mask, n := onnx.View[bool](condition), newNest(shape, condition.Shape, x.Shape, y.Shape)
	switch x.Type.Bits() {
	case 0:
		choose(c, n, z.Strings, mask, x.Strings, y.Strings)
	case 8:
		choose(c, n, onnx.View[uint8](z), mask, onnx.View[uint8](x), onnx.View[uint8](y))
	case 16:
		choose(c, n, onnx.View[uint16](z), mask, onnx.View[uint16](x), onnx.View[uint16](y))
	case 32:
		choose(c, n, onnx.View[uint32](z), mask, onnx.View[uint32](x), onnx.View[uint32](y))
	case 64:
		choose(c, n, onnx.View[uint64](z), mask, onnx.View[uint64](x), onnx.View[uint64](y))
	default:
		choose(c, n, onnx.View[complex128](z), mask, onnx.View[complex128](x), onnx.View[complex128](y))
	}
	return nil
}

// choose sets every element of dst to that of x or y.
func choose[T any](c *Call, n nest, dst []T, mask []bool, x, y []T) {
	c.Parallel(n.total, elementGrain, func(from, to int) {
		n.rows(from, to, func(out, count int, at []int) {
			chooseRow(dst[out:out+count], rowOf(mask, at[0], count, n.step(0)),
				rowOf(x, at[1], count, n.step(1)), rowOf(y, at[2], count, n.step(2)))
		})
	})
}

// chooseRow sets one row; mask, x and y have its length, or length 1 and are
// then repeated.
func chooseRow[T any](dst []T, mask []bool, x, y []T) {
	switch {
	case len(mask) < len(dst) && mask[0]:
		repeatRow(dst, x)
	case len(mask) < len(dst):
		repeatRow(dst, y)
	case len(x) == len(dst) && len(y) == len(dst):
		for i, m := range mask {
			v := y[i]
			if m {
				v = x[i]
			}
			dst[i] = v
		}
	case len(x) == len(dst):
		other := y[0]
		for i, m := range mask {
			v := other
			if m {
				v = x[i]
			}
			dst[i] = v
		}
	case len(y) == len(dst):
		chosen := x[0]
		for i, m := range mask {
			v := y[i]
			if m {
				v = chosen
			}
			dst[i] = v
		}
	default:
		chosen, other := x[0], y[0]
		for i, m := range mask {
			v := other
			if m {
				v = chosen
			}
			dst[i] = v
		}
	}
}

// repeatRow copies a row of the length of dst, or repeats a single element.
func repeatRow[T any](dst, x []T) {
	if len(x) == len(dst) {
		copy(dst, x)
		return
	}
	for i := range dst {
		dst[i] = x[0]
	}
}

// inferWhere infers Where, and the elements of shapes that are chosen.
func inferWhere(_ *Node, in []Info) ([]Info, error) {
	if len(in) < 3 {
		return nil, nil
	}
	out, err := inferBroadcast(elemOf(in[1]), in[:3])
	if err != nil {
		return nil, err
	}
	condition, x, y := elementsOf(in[0]), elementsOf(in[1]), elementsOf(in[2])
	if condition == nil || x == nil || y == nil {
		return []Info{out}, nil
	}
	size := max(len(condition), len(x), len(y))
	elements := make([]shapeElement, size)
	for i := range elements {
		for _, e := range [][]shapeElement{condition, x, y} {
			if len(e) != 1 && len(e) != size {
				return []Info{out}, nil
			}
		}
		switch c := repeated(condition, i); {
		case c.is(1):
			elements[i] = repeated(x, i)
		case c.is(0):
			elements[i] = repeated(y, i)
		}
	}
	out.Dims = elementDims(elements)
	return []Info{out}, nil
}
