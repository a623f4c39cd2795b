package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// constantOps make tensors from attributes, shapes and bounds. Constant has
// sparse_value since opset 11 and the forms value_int, value_floats... since
// 12; Shape has start and end since 15.
var constantOps = []Operator{
	{Name: "Constant", MaxInputs: 0, Build: buildConstant, Infer: inferConstant},
	{Name: "ConstantOfShape", Since: 9, MinInputs: 1, MaxInputs: 1, Build: buildConstantOfShape, Infer: inferConstantOfShape},
	{Name: "Shape", MinInputs: 1, MaxInputs: 1, Build: buildShape, Infer: inferShape},
	{Name: "Size", MinInputs: 1, MaxInputs: 1, Build: buildSize, Infer: inferSize},
	{Name: "Range", Since: 11, MinInputs: 3, MaxInputs: 3, Build: buildRange, Infer: inferRange},
	{Name: "EyeLike", Since: 9, MinInputs: 1, MaxInputs: 1, Build: buildEyeLike, Infer: inferEyeLike},
	{Name: "OneHot", Since: 9, MinInputs: 3, MaxInputs: 3, Build: buildOneHot, Infer: inferOneHot},
}

// constantValue returns the value of a Constant node. The loader expands
// sparse_value into the tensor of its attribute.
func constantValue(n *Node) (*onnx.Tensor, error) {
	for _, a := range n.Attrs {
		switch {
		case (a.Name == "value" || a.Name == "sparse_value") && a.Tensor != nil:
			return a.Tensor, nil
		case a.Name == "value_float":
			return onnx.Scalar(a.Float), nil
		case a.Name == "value_int":
			return onnx.Scalar(a.Int), nil
		case a.Name == "value_string":
			return onnx.FromStrings([]string{a.String}), nil
		case a.Name == "value_floats":
			return onnx.FromSlice(a.Floats, len(a.Floats)), nil
		case a.Name == "value_ints":
			return onnx.FromSlice(a.Ints, len(a.Ints)), nil
		case a.Name == "value_strings":
			return onnx.FromStrings(a.Strings, len(a.Strings)), nil
		}
	}
	return nil, fmt.Errorf("no attribute holds the value")
}

func buildConstant(n *Node) (Kernel, error) {
	value, err := constantValue(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		y, err := c.Output(0, value.Type, value.Shape...)
		if err != nil {
			return err
		}
		copy(y.Strings, value.Strings)
		copy(y.Raw(), value.Raw())
		return nil
	}, nil
}

func inferConstant(n *Node, _ []Info) ([]Info, error) {
	value, err := constantValue(n)
	if err != nil {
		return nil, err
	}
	info := TensorInfo(value.Type, numberDims(value.Shape))
	info.Const = value
	return one(info)
}

// fillValue returns the value attribute of ConstantOfShape, float32 0 by
// default.
func fillValue(n *Node) (*onnx.Tensor, error) {
	value := n.Tensor("value")
	if value == nil {
		return onnx.Scalar(float32(0)), n.Err()
	}
	if value.Len() != 1 {
		return nil, fmt.Errorf("value has %d elements, expected 1", value.Len())
	}
	return value, nil
}

func buildConstantOfShape(n *Node) (Kernel, error) {
	value, err := fillValue(n)
	return func(c *Call) error {
		l := takeInts()
		defer l.give()
		shape, err := l.input(c, 0)
		if err != nil {
			return err
		}
		y, err := c.Output(0, value.Type, shape...)
		if err != nil {
			return err
		}
		fill(y, value)
		return nil
	}, err
}

func inferConstantOfShape(n *Node, in []Info) ([]Info, error) {
	value, err := fillValue(n)
	if err != nil {
		return nil, err
	}
	shape := dimsOf(input(in, 0))
	if shape == nil {
		return one(UnknownShape(value.Type))
	}
	info := TensorInfo(value.Type, shape)
	if count := productDim(shape); len(shape) <= 1 && count.Known() && count.Size <= maxDims {
		if v, err := IntsOf(value); err == nil && v[0] >= 0 {
			elements := make([]onnx.Dim, count.Size)
			for i := range elements {
				elements[i] = onnx.Dim{Size: v[0]}
			}
			info = withDims(info, elements)
		}
	}
	return one(info)
}

// shapeRange returns which axes from start to end are for a tensor of that rank.
func shapeRange(start, end, rank int) (from, to int) {
	bound := func(v int) int {
		if v < 0 {
			v += rank
		}
		return min(max(v, 0), rank)
	}
	from, to = bound(start), bound(end)
	return from, max(from, to)
}

func buildShape(n *Node) (Kernel, error) {
	start, end := n.Int("start", 0), n.Int("end", math.MaxInt)
	return func(c *Call) error {
		x := c.Tensor(0)
		from, to := shapeRange(start, end, x.Rank())
		l := takeInts()
		defer l.give()
		y, err := c.Output(0, onnx.Int64, append(l.list(1), to-from)...)
		if err != nil {
			return err
		}
		for i, size := range x.Shape[from:to] {
			y.Int64s()[i] = int64(size)
		}
		return nil
	}, n.Err()
}

func inferShape(n *Node, in []Info) ([]Info, error) {
	shape, ok := shapeOf(input(in, 0))
	if !ok {
		return one(TensorInfo(onnx.Int64, unknownDims(1)))
	}
	from, to := shapeRange(n.Int("start", 0), n.Int("end", math.MaxInt), len(shape))
	return one(dimsInfo(numberDims([]int{to - from}), shape[from:to]))
}

func buildSize(n *Node) (Kernel, error) {
	return func(c *Call) error {
		y, err := c.Output(0, onnx.Int64)
		if err != nil {
			return err
		}
		y.Int64s()[0] = int64(c.Tensor(0).Len())
		return nil
	}, n.Err()
}

func inferSize(_ *Node, in []Info) ([]Info, error) {
	shape, ok := shapeOf(input(in, 0))
	if !ok {
		return one(TensorInfo(onnx.Int64, nil))
	}
	return one(dimsInfo(nil, []onnx.Dim{productDim(shape)}))
}
