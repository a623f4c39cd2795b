package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// optionalOps make and read optionals. OptionalHasElement and
// OptionalGetElement take plain tensors and sequences since opset 18, which the
// same kernels do in older versions.
var optionalOps = []Operator{
	{Name: "Optional", Since: 15, MinInputs: 0, MaxInputs: 1, Values: true, Build: buildOptional},
	{Name: "OptionalHasElement", Since: 15, MinInputs: 0, MaxInputs: 1, Values: true, Build: buildOptionalHasElement, Infer: inferOptionalHasElement},
	{Name: "OptionalGetElement", Since: 15, MinInputs: 1, MaxInputs: 1, Values: true, Build: buildOptionalGetElement},
}

func buildOptional(n *Node) (Kernel, error) {
	return func(c *Call) error {
		o := &onnx.Optional{}
		if len(c.In) > 0 {
			o.Value = held(c.In[0])
		}
		c.Set(0, o)
		return nil
	}, n.Err()
}

func buildOptionalHasElement(n *Node) (Kernel, error) {
	return func(c *Call) error {
		has := len(c.In) > 0 && c.In[0] != nil
		if has {
			if o, ok := c.In[0].(*onnx.Optional); ok {
				has = o.Value != nil
			}
		}
		c.Set(0, onnx.Scalar(has))
		return nil
	}, n.Err()
}

func inferOptionalHasElement(*Node, []Info) ([]Info, error) { return one(TensorInfo(onnx.Bool, nil)) }

func buildOptionalGetElement(n *Node) (Kernel, error) {
	return func(c *Call) error {
		if o, ok := c.In[0].(*onnx.Optional); ok {
			if o.Value == nil {
				return fmt.Errorf("the optional holds nothing")
			}
			return setCopy(c, 0, o.Value)
		}
		if t := c.Tensor(0); t != nil {
			return c.Alias(0, 0, t.Shape...)
		}
		c.Set(0, c.In[0])
		return nil
	}, n.Err()
}
