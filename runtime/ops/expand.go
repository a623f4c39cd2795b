package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// expandOps repeat elements. Tile of opset 1 repeats along one axis only.
var expandOps = []Operator{
	{Name: "Expand", Since: 8, MinInputs: 2, MaxInputs: 2, Build: buildExpand, Infer: inferExpand},
	{Name: "Tile", Until: 5, MinInputs: 3, MaxInputs: 3, Build: buildTile1, Infer: inferRankOfFirst},
	{Name: "Tile", Since: 6, MinInputs: 2, MaxInputs: 2, Build: buildTile, Infer: inferTile},
}

func buildExpand(n *Node) (Kernel, error) {
	return wholeBytes(func(c *Call) error {
		l := takeInts()
		defer l.give()
		x := c.Tensor(0)
		want, err := l.input(c, 1)
		if err != nil {
			return err
		}
		for _, size := range want {
			if size < 0 {
				return fmt.Errorf("shape %v has a negative size", slices.Clone(want))
			}
		}
		shape := want
		if !broadcastsTo(x.Shape, want) {
			if shape, err = broadcastShapes(x.Shape, want); err != nil {
				return err
			}
		}
		if slices.Equal(shape, x.Shape) {
			return c.Alias(0, 0, shape...)
		}
		y, err := c.Output(0, x.Type, shape...)
		if err != nil {
			return err
		}
		w := newWalk()
		to, from, pad := l.steps(shape), l.steps(x.Shape), len(shape)-x.Rank()
		for i, size := range shape {
			if i < pad || x.Shape[i-pad] == 1 {
				w.axis(size, to[i], 0)
			} else {
				w.axis(size, to[i], from[i-pad])
			}
		}
		copyWalk(c, y, x, w)
		return nil
	}), n.Err()
}

func inferExpand(_ *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	shape, ok := shapeOf(x)
	want := dimsOf(input(in, 1))
	if !ok || want == nil {
		return one(UnknownShape(x.Type.Elem))
	}
	out, err := broadcastDims(shape, want)
	if err != nil {
		return nil, err
	}
	return one(TensorInfo(x.Type.Elem, out))
}

func buildTile(n *Node) (Kernel, error) {
	return wholeBytes(func(c *Call) error {
		repeats, err := intsInput(c, 1)
		if err != nil {
			return err
		}
		return tile(c, repeats)
	}), n.Err()
}

// buildTile1 is Tile of opset 1: inputs are the tensor, the number of tiles and
// the axis, both of any numeric type.
func buildTile1(n *Node) (Kernel, error) {
	return wholeBytes(func(c *Call) error {
		x := c.Tensor(0)
		count, err := wholeNumber(c.Tensor(1))
		if err != nil {
			return fmt.Errorf("tiles: %w", err)
		}
		axis, err := wholeNumber(c.Tensor(2))
		if err != nil {
			return fmt.Errorf("axis: %w", err)
		}
		at, err := Axis(axis, x.Rank())
		if err != nil {
			return err
		}
		repeats := make([]int, x.Rank())
		for i := range repeats {
			repeats[i] = 1
		}
		repeats[at] = count
		return tile(c, repeats)
	}), n.Err()
}

// tile repeats input 0 along every axis.
func tile(c *Call, repeats []int) error {
	x := c.Tensor(0)
	if len(repeats) != x.Rank() {
		return fmt.Errorf("%d repeats for a tensor of rank %d", len(repeats), x.Rank())
	}
	shape := make([]int, len(repeats))
	for i, r := range repeats {
		if r < 0 || r > onnx.MaxElements || x.Shape[i] > 0 && r > onnx.MaxElements/x.Shape[i] {
			return fmt.Errorf("repeats %v are out of range", repeats)
		}
		shape[i] = r * x.Shape[i]
	}
	if slices.Equal(shape, x.Shape) {
		return c.Alias(0, 0, shape...)
	}
	y, err := c.Output(0, x.Type, shape...)
	if err != nil {
		return err
	}
	w := newWalk()
	to, from := steps(shape), steps(x.Shape)
	for i, size := range x.Shape {
		w.axis(repeats[i], size*to[i], 0)
		w.axis(size, to[i], from[i])
	}
	copyWalk(c, y, x, w)
	return nil
}

func inferTile(_ *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	shape, ok := shapeOf(x)
	repeats := dimsOf(input(in, 1))
	switch {
	case !ok && repeats == nil:
		return one(UnknownShape(x.Type.Elem))
	case !ok:
		return one(TensorInfo(x.Type.Elem, unknownDims(len(repeats))))
	case repeats == nil || len(repeats) != len(shape):
		return one(TensorInfo(x.Type.Elem, unknownDims(len(shape))))
	}
	out := make([]onnx.Dim, len(shape))
	for i, d := range shape {
		out[i] = productDim([]onnx.Dim{d, repeats[i]})
	}
	return one(TensorInfo(x.Type.Elem, out))
}

// inferRankOfFirst infers one output of the type and rank of the first input.
func inferRankOfFirst(_ *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	if shape, ok := shapeOf(x); ok {
		return one(TensorInfo(x.Type.Elem, unknownDims(len(shape))))
	}
	return one(UnknownShape(x.Type.Elem))
}
