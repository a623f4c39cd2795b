package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// reshapeOps give a tensor another shape without moving its elements. Reshape
// takes the shape as an attribute before opset 5 and has allowzero since 14;
// Squeeze and Unsqueeze take their axes as an attribute before opset 13.
var reshapeOps = []Operator{
	{Name: "Reshape", Until: 4, MinInputs: 1, MaxInputs: 1, Build: buildReshape, Infer: inferReshape},
	{Name: "Reshape", Since: 5, MinInputs: 2, MaxInputs: 2, Build: buildReshape, Infer: inferReshape},
	{Name: "Flatten", MinInputs: 1, MaxInputs: 1, Build: buildFlatten, Infer: inferFlatten},
	{Name: "Squeeze", Until: 12, MinInputs: 1, MaxInputs: 1, Build: buildSqueeze, Infer: inferSqueeze},
	{Name: "Squeeze", Since: 13, MinInputs: 1, MaxInputs: 2, Build: buildSqueeze, Infer: inferSqueeze},
	{Name: "Unsqueeze", Until: 12, MinInputs: 1, MaxInputs: 1, Build: buildUnsqueeze, Infer: inferUnsqueeze},
	{Name: "Unsqueeze", Since: 13, MinInputs: 2, MaxInputs: 2, Build: buildUnsqueeze, Infer: inferUnsqueeze},
	{Name: "Identity", MinInputs: 1, MaxInputs: 1, Values: true, Views: true, Build: buildIdentity, Infer: inferIdentity},
}

func buildReshape(n *Node) (Kernel, error) {
	fixed, allowZero := n.Ints("shape"), n.Bool("allowzero", false)
	fromInput := n.Opset >= 5
	return func(c *Call) error {
		l := takeInts()
		defer l.give()
		want := fixed
		if fromInput {
			var err error
			if want, err = l.input(c, 1); err != nil {
				return err
			}
		}
		shape, err := reshaped(l.list(len(want)), c.Tensor(0).Shape, want, allowZero)
		if err != nil {
			return err
		}
		return c.Alias(0, 0, shape...)
	}, n.Err()
}

// reshaped appends to shape the one that Reshape asks for: 0 copies the size of
// the input unless allowZero is set, and one -1 is what the others leave over.
func reshaped(shape, in, want []int, allowZero bool) ([]int, error) {
	free := -1
	for i, size := range want {
		switch {
		case size == 0 && !allowZero && i >= len(in):
			return nil, fmt.Errorf("shape %v copies axis %d of an input of shape %v", want, i, in)
		case size == 0 && !allowZero:
			size = in[i]
		case size == -1 && free >= 0:
			return nil, fmt.Errorf("shape %v has more than one -1", want)
		case size == -1:
			free, size = i, 1
		case size < 0:
			return nil, fmt.Errorf("shape %v has a negative size", want)
		}
		shape = append(shape, size)
	}
	product, err := onnx.Elements(shape)
	if err != nil {
		return nil, err
	}
	elements, err := onnx.Elements(in)
	if err != nil {
		return nil, err
	}
	if free >= 0 {
		if product == 0 || elements%product != 0 {
			return nil, fmt.Errorf("an input of shape %v can not become %v", in, want)
		}
		shape[free] = elements / product
	}
	return shape, nil
}

func inferReshape(n *Node, in []Info) ([]Info, error) {
	x, allowZero := input(in, 0), n.Bool("allowzero", false)
	want := input(in, 1)
	if n.Opset < 5 {
		ints := n.Ints("shape")
		values := make([]int64, len(ints))
		for i, v := range ints {
			values[i] = int64(v)
		}
		want = Info{Const: onnx.FromSlice(values, len(values))}
	}
	from, known := shapeOf(x)
	target := dimsOf(want)
	if target == nil {
		return one(UnknownShape(x.Type.Elem))
	}
	out := append([]onnx.Dim(nil), target...)
	free := -1
	for i := range out {
		switch {
		case out[i] == onnx.Dim{Size: 0} && !allowZero && known && i < len(from):
			out[i] = from[i]
		case out[i] == onnx.Dim{Size: 0} && !allowZero:
			out[i] = unknownDim
		case out[i] == unknownDim && free >= 0:
			free = len(out) // several are open: none can be told
		case out[i] == unknownDim:
			free = i
		}
	}
	if known && free >= 0 && free < len(out) {
		out[free] = quotientDim(from, out, free)
	}
	info := TensorInfo(x.Type.Elem, out)
	if dims := dimsOf(x); dims != nil && !allUnknown(dims) {
		info = withDims(info, dims)
	}
	return one(info)
}

// quotientDim returns the size of axis free of to, so that to has as many
// elements as from: equal symbols cancel.
func quotientDim(from, to []onnx.Dim, free int) onnx.Dim {
	left := append([]onnx.Dim(nil), from...)
	divisor := 1
	for i, d := range to {
		if i == free {
			continue
		}
		if d.Known() {
			if d.Size == 0 || divisor > onnx.MaxElements/d.Size {
				return unknownDim
			}
			divisor *= d.Size
			continue
		}
		j := indexOfDim(left, d)
		if j < 0 || d.Symbol == "" {
			return unknownDim
		}
		left[j] = onnx.Dim{Size: 1}
	}
	var numbers, symbols []onnx.Dim
	for _, d := range left {
		if d.Known() {
			numbers = append(numbers, d)
		} else {
			symbols = append(symbols, d)
		}
	}
	product := productDim(numbers)
	switch {
	case !product.Known() || product.Size%divisor != 0:
		return unknownDim
	case len(symbols) == 0:
		return onnx.Dim{Size: product.Size / divisor}
	}
	return productDim(append(symbols, onnx.Dim{Size: product.Size / divisor}))
}

func indexOfDim(dims []onnx.Dim, d onnx.Dim) int {
	for i := range dims {
		if dims[i] == d {
			return i
		}
	}
	return -1
}

func buildFlatten(n *Node) (Kernel, error) {
	axis := n.Int("axis", 1)
	return func(c *Call) error {
		x := c.Tensor(0)
		at, err := splitAxis(axis, x.Rank())
		if err != nil {
			return err
		}
		rows, err := onnx.Elements(x.Shape[:at])
		if err != nil {
			return err
		}
		cols, err := onnx.Elements(x.Shape[at:])
		if err != nil {
			return err
		}
		l := takeInts()
		defer l.give()
		return c.Alias(0, 0, append(l.list(2), rows, cols)...)
	}, n.Err()
}

// splitAxis is Axis for a place between axes: rank itself is allowed.
func splitAxis(axis, rank int) (int, error) {
	if axis == rank {
		return rank, nil
	}
	return Axis(axis, rank)
}

func inferFlatten(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	shape, known := shapeOf(x)
	if !known {
		return one(TensorInfo(x.Type.Elem, unknownDims(2)))
	}
	at, err := splitAxis(n.Int("axis", 1), len(shape))
	if err != nil {
		return nil, err
	}
	return one(TensorInfo(x.Type.Elem, []onnx.Dim{productDim(shape[:at]), productDim(shape[at:])}))
}

func buildIdentity(n *Node) (Kernel, error) {
	return func(c *Call) error {
		if x := c.Tensor(0); x != nil {
			return c.Alias(0, 0, x.Shape...)
		}
		c.Set(0, c.In[0])
		return nil
	}, n.Err()
}

func inferIdentity(_ *Node, in []Info) ([]Info, error) { return one(input(in, 0)) }

// intsInput returns the elements of an integer input.
func intsInput(c *Call, i int) ([]int, error) {
	t := c.Tensor(i)
	if t == nil {
		return nil, fmt.Errorf("input %d is missing", i)
	}
	ints, err := IntsOf(t)
	if err != nil {
		return nil, fmt.Errorf("input %d: %w", i, err)
	}
	return ints, nil
}
