package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// axesInput returns the axes of Squeeze, Unsqueeze and others that take them as
// an attribute or, in newer versions, as an input; given is false if neither is
// there.
func axesInput(c *Call, l *ints, attribute []int, i int) (axes []int, given bool, err error) {
	if c.Tensor(i) == nil {
		return attribute, attribute != nil, nil
	}
	axes, err = l.input(c, i)
	return axes, true, err
}

// inferAxes is axesInput for inference; known is false where axes are given
// that are not constant.
func inferAxes(n *Node, in []Info, i int) (axes []int, given, known bool) {
	if axes := n.Ints("axes"); axes != nil {
		return axes, true, true
	}
	if !n.Has(i) {
		return nil, false, true
	}
	axes, known = knownInts(input(in, i))
	return axes, true, known
}

func buildSqueeze(n *Node) (Kernel, error) {
	attribute := n.Ints("axes")
	return func(c *Call) error {
		l := takeInts()
		defer l.give()
		axes, given, err := axesInput(c, l, attribute, 1)
		if err != nil {
			return err
		}
		x := c.Tensor(0)
		if axes, err = sortedAxes(l.list(len(axes)), axes, x.Rank()); err != nil {
			return err
		}
		shape := l.list(x.Rank())
		for i, size := range x.Shape {
			switch drop := given && slices.Contains(axes, i) || !given && size == 1; {
			case !drop:
				shape = append(shape, size)
			case size != 1:
				return fmt.Errorf("axis %d of shape %v can not be dropped", i, x.Shape)
			}
		}
		return c.Alias(0, 0, shape...)
	}, n.Err()
}

func inferSqueeze(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	shape, ok := shapeOf(x)
	axes, given, known := inferAxes(n, in, 1)
	if !known || !ok {
		return one(UnknownShape(x.Type.Elem))
	}
	axes, err := Axes(axes, len(shape))
	if err != nil {
		return nil, err
	}
	var out []onnx.Dim
	for i, d := range shape {
		switch {
		case given && !slices.Contains(axes, i), !given && d.Known() && d.Size != 1:
			out = append(out, d)
		case !given && !d.Known():
			return one(UnknownShape(x.Type.Elem))
		}
	}
	return one(sameElements(TensorInfo(x.Type.Elem, out), x))
}

// sameElements adds the known elements of x to what is known of a tensor that
// has the same elements in another shape.
func sameElements(info, x Info) Info {
	if x.Dims != nil || x.Const != nil {
		if dims := dimsOf(x); dims != nil {
			return withDims(info, dims)
		}
	}
	return info
}

func buildUnsqueeze(n *Node) (Kernel, error) {
	attribute := n.Ints("axes")
	return func(c *Call) error {
		l := takeInts()
		defer l.give()
		axes, given, err := axesInput(c, l, attribute, 1)
		if err != nil {
			return err
		}
		if !given {
			return fmt.Errorf("axes are missing")
		}
		x := c.Tensor(0)
		rank := x.Rank() + len(axes)
		if axes, err = sortedAxes(l.list(len(axes)), axes, rank); err != nil {
			return err
		}
		shape := insertAxes(l.list(rank), x.Shape, axes, 1)
		return c.Alias(0, 0, shape...)
	}, n.Err()
}

// sortedAxes is Axes that appends its result to a list.
func sortedAxes(list, axes []int, rank int) ([]int, error) {
	for _, axis := range axes {
		a, err := Axis(axis, rank)
		if err != nil {
			return nil, err
		}
		if slices.Contains(list, a) {
			return nil, fmt.Errorf("axis %d is given twice", a)
		}
		list = append(list, a)
	}
	slices.Sort(list)
	return list, nil
}

// insertAxes appends shape to out with a value inserted at axes, which are
// sorted and those of the result.
func insertAxes[T any](out, shape []T, axes []int, value T) []T {
	for i := range len(shape) + len(axes) {
		if len(axes) > 0 && axes[0] == i {
			axes = axes[1:]
			out = append(out, value)
		} else {
			out = append(out, shape[0])
			shape = shape[1:]
		}
	}
	return out
}

func inferUnsqueeze(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	axes, given, known := inferAxes(n, in, 1)
	shape, ok := shapeOf(x)
	if !given || !known || !ok {
		return one(UnknownShape(x.Type.Elem))
	}
	axes, err := Axes(axes, len(shape)+len(axes))
	if err != nil {
		return nil, err
	}
	out := insertAxes(nil, shape, axes, onnx.Dim{Size: 1})
	return one(sameElements(TensorInfo(x.Type.Elem, out), x))
}
