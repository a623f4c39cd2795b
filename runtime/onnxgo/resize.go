package onnxgo

import (
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// resizeOf10 is the operator Resize of opset 10. Its text leaves open which
// element is the nearest. The test cases of that version, and ONNX Runtime, take
// the next one where an axis shrinks and the one before where it grows; the
// runtime's own takes the one before in both cases. Modes other than nearest
// are the runtime's.
func resizeOf10() ops.Operator {
	op := *ops.Lookup("", "Resize", 10)
	op.Build = buildResize
	return op
}

func buildResize(n *ops.Node) (ops.Kernel, error) {
	if n.Str("mode", "nearest") != "nearest" {
		return ops.Lookup("", "Resize", 10).Build(n)
	}
	shrink, err := nearest("ceil")
	if err != nil {
		return nil, err
	}
	grow, err := nearest("floor")
	if err != nil {
		return nil, err
	}
	return func(c *ops.Call) error {
		scales := c.Tensor(1)
		if scales.Type != onnx.Float32 {
			return c.TypeError(1)
		}
		below, above := onnx.NewTensor(onnx.Float32, scales.Shape...), onnx.NewTensor(onnx.Float32, scales.Shape...)
		for i, s := range scales.Float32s() {
			below.Float32s()[i], above.Float32s()[i] = min(s, 1), max(s, 1)
		}
		inner := ops.NewCall(c.Context, []onnx.Value{c.In[0], nil, below}, 1)
		inner.Pool = c.Pool
		if err := shrink(inner); err != nil {
			return err
		}
		// The call itself does the rest: the output is in its memory and
		// within its limits.
		given := c.In
		defer func() { c.In = given }()
		c.In = []onnx.Value{inner.Out[0], nil, above}
		return grow(c)
	}, nil
}

// nearest returns a kernel of Resize 11 that rounds coordinates in one way.
func nearest(rounding string) (ops.Kernel, error) {
	n := &onnx.Node{Op: "Resize", Attrs: []onnx.Attribute{
		onnx.StringAttr("mode", "nearest"),
		onnx.StringAttr("coordinate_transformation_mode", "asymmetric"),
		onnx.StringAttr("nearest_mode", rounding),
	}}
	return ops.Lookup("", "Resize", 11).Build(&ops.Node{Node: n, Opset: 11})
}
