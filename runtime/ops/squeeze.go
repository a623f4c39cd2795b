package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// axesInput returns the axes of Squeeze, Unsqueeze and others that take them as
// an attribute or, in newer versions, as an input; given is false if neither is
// there.
func axesInput(c *Call, attribute []int, i int) (axes []int, given bool, err error) {
	if c.Tensor(i) == nil {
		return attribute, attribute != nil, nil
	}
	axes, err = intsInput(c, i)
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
		axes, given, err := axesInput(c, attribute, 1)
		if err != nil {
			return err
		}
		x := c.Tensor(0)
		if axes, err = Axes(axes, x.Rank()); err != nil {
			return err
		}
		shape := make([]int, 0, x.Rank())
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
		axes, given, err := axesInput(c, attribute, 1)
		if err != nil {
			return err
		}
		if !given {
			return fmt.Errorf("axes are missing")
		}
		x := c.Tensor(0)
		shape, err := insertAxes(x.Shape, axes, 1)
		if err != nil {
			return err
		}
		return c.Alias(0, 0, shape...)
	}, n.Err()
}

// insertAxes returns shape with the value of an axis inserted at axes, which
// are those of the result.
func insertAxes[T any](shape []T, axes []int, value T) ([]T, error) {
	rank := len(shape) + len(axes)
	axes, err := Axes(axes, rank)
	if err != nil {
		return nil, err
	}
	out := make([]T, 0, rank)
	for i := range rank {
		if len(axes) > 0 && axes[0] == i {
			axes = axes[1:]
			out = append(out, value)
		} else {
			out = append(out, shape[0])
			shape = shape[1:]
		}
	}
	return out, nil
}

func inferUnsqueeze(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	axes, given, known := inferAxes(n, in, 1)
	shape, ok := shapeOf(x)
	if !given || !known || !ok {
		return one(UnknownShape(x.Type.Elem))
	}
	out, err := insertAxes(shape, axes, onnx.Dim{Size: 1})
	if err != nil {
		return nil, err
	}
	return one(sameElements(TensorInfo(x.Type.Elem, out), x))
}
