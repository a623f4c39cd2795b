package ops

import (
	"errors"
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// microsoftOthers holds the operators of com.microsoft that are like one of
// ai.onnx, and small ones that ONNX Runtime's optimizer makes.
var microsoftOthers = []Operator{
	{Domain: microsoft, Name: "Inverse", MinInputs: 1, MaxInputs: 1, Build: buildInverse, Infer: inferSame},
	{Domain: microsoft, Name: "Trilu", MinInputs: 1, MaxInputs: 2, Build: asOpset(14, buildTrilu), Infer: inferSame},
	{Domain: microsoft, Name: "Range", MinInputs: 2, MaxInputs: 3, Build: buildMicrosoftRange},
	{Domain: microsoft, Name: "Pad", MinInputs: 2, MaxInputs: 3, Build: asOpset(11, buildPad), Infer: asOpsetInfer(11, inferPad)},
	{Domain: microsoft, Name: "GatherND", MinInputs: 2, MaxInputs: 2, Build: asOpset(12, buildGatherND), Infer: asOpsetInfer(12, inferGatherND)},
	{Domain: microsoft, Name: "GridSample", MinInputs: 2, MaxInputs: 2, Build: buildMicrosoftGridSample},
	{Domain: microsoft, Name: "ExpandDims", MinInputs: 2, MaxInputs: 2, Build: buildExpandDims},
	{Domain: microsoft, Name: "IsAllFinite", MinInputs: 1, MaxInputs: -1, Build: buildIsAllFinite},
}

// buildMicrosoftRange is Range with a step of 1 where it is not given.
func buildMicrosoftRange(n *Node) (Kernel, error) {
	p, err := newPart(n, "Range", 11, 1, nil, 0, 1, -1)
	if err != nil {
		return nil, err
	}
	one := onnx.Scalar(int64(1))
	return func(c *Call) error {
		in := make([]onnx.Value, 3)
		for i := range in {
			t := c.Tensor(i)
			if t == nil {
				var err error
				if t, err = one.ConvertTo(c.Tensor(0).Type); err != nil {
					return err
				}
			}
			if t.Len() != 1 {
				return c.ShapeError(i, "a scalar")
			}
			in[i] = t.Reshaped()
		}
		_, err := p.finish(c, in...)
		return err
	}, nil
}

// buildMicrosoftGridSample is GridSample-16, which has the same attributes.
func buildMicrosoftGridSample(n *Node) (Kernel, error) {
	p, err := newPart(n, "GridSample", 16, 1, n.Attrs, 0, 1)
	if err != nil {
		return nil, err
	}
	return p.kernel, nil
}

// buildExpandDims is Unsqueeze of one axis, which is an input.
func buildExpandDims(n *Node) (Kernel, error) {
	return func(c *Call) error {
		x := c.Tensor(0)
		axes, err := IntsOf(c.Tensor(1))
		if err != nil {
			return err
		}
		if len(axes) != 1 {
			return c.ShapeError(1, "a scalar")
		}
		axis, err := Axis(axes[0], x.Rank()+1)
		if err != nil {
			return err
		}
		shape := append(append(append([]int(nil), x.Shape[:axis]...), 1), x.Shape[axis:]...)
		return c.Alias(0, 0, shape...)
	}, n.Err()
}

// buildIsAllFinite tells whether all numbers of all inputs are finite; the
// attributes leave out infinities or NaN.
func buildIsAllFinite(n *Node) (Kernel, error) {
	if n.Bool("isinf_only", false) || n.Bool("isnan_only", false) {
		return nil, errors.New("isinf_only and isnan_only are not supported")
	}
	return func(c *Call) error {
		finite := true
		for i := range c.In {
			t := c.Tensor(i)
			if t == nil || !t.Type.IsFloat() {
				return fmt.Errorf("input %d is not a tensor of floats", i)
			}
			finite = finite && t.NonFinite() == 0
		}
		y, err := c.Output(0, onnx.Bool)
		if err == nil {
			onnx.View[bool](y)[0] = finite
		}
		return err
	}, n.Err()
}
