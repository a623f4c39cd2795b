package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// reductions is the family ReduceSum, ReduceMean, ReduceMax, ReduceMin,
// ReduceProd, ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp and
// ReduceSumSquare.
//
// The axes are an attribute up to opset version 17 (ReduceSum: 12), and an
// optional input after that, when noop_with_empty_axes came too: whether no
// axes mean none instead of all. Negative axes came with version 11, 8-bit
// integers for ReduceMax and ReduceMin with 12, truth values with 20.
var reductions = []Operator{
	{Name: "ReduceSum", Until: 12, MinInputs: 1, MaxInputs: 1, Build: buildReduce(sumTypes), Infer: inferReduce},
	{Name: "ReduceSum", Since: 13, MinInputs: 1, MaxInputs: 2, Build: buildReduce(sumTypes), Infer: inferReduce},
	{Name: "ReduceMean", MinInputs: 1, MaxInputs: 2, Build: buildReduce(meanTypes), Infer: inferReduce},
	{Name: "ReduceMax", MinInputs: 1, MaxInputs: 2, Build: buildReduce(maxTypes), Infer: inferReduce},
	{Name: "ReduceMin", MinInputs: 1, MaxInputs: 2, Build: buildReduce(minTypes), Infer: inferReduce},
	{Name: "ReduceProd", MinInputs: 1, MaxInputs: 2, Build: buildReduce(prodTypes), Infer: inferReduce},
	{Name: "ReduceL1", MinInputs: 1, MaxInputs: 2, Build: buildReduce(l1Types), Infer: inferReduce},
	{Name: "ReduceL2", MinInputs: 1, MaxInputs: 2, Build: buildReduce(l2Types), Infer: inferReduce},
	{Name: "ReduceLogSum", MinInputs: 1, MaxInputs: 2, Build: buildReduce(logSumTypes), Infer: inferReduce},
	{Name: "ReduceLogSumExp", MinInputs: 1, MaxInputs: 2, Build: buildReduce(logSumExpTypes), Infer: inferReduce},
	{Name: "ReduceSumSquare", MinInputs: 1, MaxInputs: 2, Build: buildReduce(sumSquareTypes), Infer: inferReduce},
}

// reduceTypes maps the element type of the input to an implementation that
// writes output 0.
type reduceTypes map[onnx.DType]func(c *Call, l reduceLayout, shape []int) error

// reduceAxes holds what a node says about the axes to reduce.
type reduceAxes struct {
	axes     []int // of the attribute
	input    bool  // whether they are input 1 instead
	keepDims bool
	noop     bool // whether no axes mean none
}

func readReduceAxes(n *Node) reduceAxes {
	since := 18
	if n.Op == "ReduceSum" {
		since = 13
	}
	return reduceAxes{axes: n.Ints("axes"), input: n.Opset >= since, keepDims: n.Bool("keepdims", true),
		noop: n.Opset >= since && n.Bool("noop_with_empty_axes", false)}
}

// resolve returns which axes of a tensor of that rank are reduced.
func (r reduceAxes) resolve(axes []int, rank int) ([]bool, error) {
	reduced := make([]bool, rank)
	if len(axes) == 0 {
		for i := range reduced {
			reduced[i] = !r.noop
		}
		return reduced, nil
	}
	sorted, err := Axes(axes, rank)
	if err != nil {
		return nil, err
	}
	for _, a := range sorted {
		reduced[a] = true
	}
	return reduced, nil
}

// of returns the axes of a call.
func (r reduceAxes) of(c *Call) ([]bool, error) {
	axes := r.axes
	if t := c.Tensor(1); t != nil {
		if !r.input {
			return nil, fmt.Errorf("axes are given as an input, which this opset version does not allow")
		}
		var err error
		if axes, err = IntsOf(t); err != nil {
			return nil, err
		}
	}
	return r.resolve(axes, c.Tensor(0).Rank())
}

func buildReduce(types reduceTypes) func(n *Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		axes := readReduceAxes(n)
		return throughFloat32(func(c *Call) error {
			x := c.Tensor(0)
			f := types[x.Type]
			if f == nil {
				return c.TypeError(0)
			}
			reduced, err := axes.of(c)
			if err != nil {
				return err
			}
			return f(c, newReduceLayout(x.Shape, reduced), reducedShape(x.Shape, reduced, 1, axes.keepDims))
		}), n.Err()
	}
}

// reducedShape returns the shape without the reduced axes, or with one in
// their place.
func reducedShape[T any](shape []T, reduced []bool, one T, keepDims bool) []T {
	out := make([]T, 0, len(shape))
	for i, s := range shape {
		switch {
		case !reduced[i]:
			out = append(out, s)
		case keepDims:
			out = append(out, one)
		}
	}
	return out
}

// inferReduce infers the result if the axes are known.
func inferReduce(n *Node, in []Info) ([]Info, error) {
	if len(in) == 0 {
		return nil, nil
	}
	r := readReduceAxes(n)
	unknown := []Info{UnknownShape(elemOf(in[0]))}
	shape, ok := shapeOf(in[0])
	if !ok {
		return unknown, nil
	}
	axes := r.axes
	if r.input && n.Has(1) && len(in) > 1 {
		known, ok := knownInts(in[1])
		if !ok {
			if r.keepDims { // the rank stays
				unknown[0] = TensorInfo(elemOf(in[0]), unknownDims(len(shape)))
			}
			return unknown, nil
		}
		axes = known
	}
	reduced, err := r.resolve(axes, len(shape))
	if err != nil {
		return nil, err
	}
	return []Info{TensorInfo(elemOf(in[0]), reducedShape(shape, reduced, onnx.Dim{Size: 1}, r.keepDims))}, nil
}
