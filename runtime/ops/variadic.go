package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// variadic is the family Min, Max, Sum and Mean of one or more inputs. Up to
// opset version 7 all inputs have one shape; from version 8 on they are
// broadcast together. Min and Max take integers from version 12 on.
var variadic = []Operator{
	{Name: "Min", MinInputs: 1, MaxInputs: -1, Infer: inferVariadic,
		Build: buildVariadic(withFloats(integerPairs(lesser, lesser, lesser, lesser, lesser, lesser, lesser, lesser), minFloat32, lesser))},
	{Name: "Max", MinInputs: 1, MaxInputs: -1, Infer: inferVariadic,
		Build: buildVariadic(withFloats(integerPairs(larger, larger, larger, larger, larger, larger, larger, larger), maxFloat32, larger))},
	{Name: "Sum", MinInputs: 1, MaxInputs: -1, Infer: inferVariadic, Build: buildVariadic(withFloats(pairTypes{}, addFloat32, add))},
	{Name: "Mean", MinInputs: 1, MaxInputs: -1, Infer: inferVariadic, Build: buildMean},
}

// lesser and larger give NaN if one of the numbers is NaN.
func lesser[T number](a, b T) T { return min(a, b) }
func larger[T number](a, b T) T { return max(a, b) }

// buildVariadic builds an operator that combines its inputs two at a time.
func buildVariadic(types pairTypes) func(n *Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		opset := n.Opset
		return throughFloat32(func(c *Call) error { return combineInputs(c, opset, types) }), n.Err()
	}
}

// combineInputs sets output 0 to the combination of all inputs from left to
// right.
func combineInputs(c *Call, opset int, types pairTypes) error {
	shape, err := variadicShape(c, opset)
	if err != nil {
		return err
	}
	f := types[c.Tensor(0).Type]
	if f == nil {
		return c.TypeError(0)
	}
	if len(c.In) == 1 {
		return c.Alias(0, 0, shape...)
	}
	if len(c.In) == 2 {
		return f(c, shape, c.Tensor(0), c.Tensor(1))
	}
	partial := *c
	partial.Frame, partial.Wanted, partial.Out = nil, nil, make([]onnx.Value, 1)
	if c.Frame != nil {
		partial.Frame = heapFrame{c.Frame}
	}
	sum := c.Tensor(0)
	for _, v := range c.In[1 : len(c.In)-1] {
		x := v.(*onnx.Tensor)
		part, err := broadcastShapes(sum.Shape, x.Shape)
		if err != nil {
			return err
		}
		if err := f(&partial, part, sum, x); err != nil {
			return err
		}
		sum = partial.Out[0].(*onnx.Tensor)
	}
	return f(c, shape, sum, c.Tensor(len(c.In)-1))
}

// variadicShape checks that the inputs of a variadic operator fit together and
// returns the shape of the result.
func variadicShape(c *Call, opset int) ([]int, error) {
	shapes := make([][]int, len(c.In))
	for i := range c.In {
		t := c.Tensor(i)
		switch {
		case t == nil:
			return nil, fmt.Errorf("input %d is missing", i)
		case t.Type != c.Tensor(0).Type:
			return nil, fmt.Errorf("inputs have different element types, %v and %v", c.Tensor(0).Type, t.Type)
		case opset < 8 && !slices.Equal(t.Shape, c.Tensor(0).Shape):
			return nil, fmt.Errorf("inputs have different shapes, %v and %v", c.Tensor(0).Shape, t.Shape)
		}
		shapes[i] = t.Shape
	}
	return broadcastShapes(shapes...)
}

// buildMean builds Mean: the sum of the inputs divided by their number.
func buildMean(n *Node) (Kernel, error) {
	opset, types := n.Opset, withFloats(pairTypes{}, addFloat32, add)
	return throughFloat32(func(c *Call) error {
		if len(c.In) == 1 {
			return combineInputs(c, opset, types)
		}
		if err := combineInputs(c, opset, types); err != nil {
			return err
		}
		y := c.Out[0].(*onnx.Tensor)
		if y.Type == onnx.Float64 {
			divideAll(c, onnx.View[float64](y), float64(len(c.In)))
		} else {
			divideAll(c, y.Float32s(), float32(len(c.In)))
		}
		return nil
	}), n.Err()
}

func divideAll[T float](c *Call, values []T, by T) {
	c.Parallel(len(values), elementGrain, func(from, to int) {
		for i := from; i < to; i++ {
			values[i] /= by
		}
	})
}

// inferVariadic infers the result of Min, Max, Sum and Mean.
func inferVariadic(_ *Node, in []Info) ([]Info, error) {
	if len(in) == 0 {
		return nil, nil
	}
	out, err := inferBroadcast(elemOf(in[0]), in)
	return []Info{out}, err
}
