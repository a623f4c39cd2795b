package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// InputDims is what the runtime puts in the place of the nodes that compute
// sizes from the shapes of the inputs of the model. Its output is int64, a
// vector or (attribute scalar) a scalar. Element i is size axes[i] of input
// inputs[i], or the number values[i] where axes[i] is -1.
var InputDims = &Operator{Name: "InputDims", MinInputs: 0, MaxInputs: -1, Build: buildInputDims}

func buildInputDims(n *Node) (Kernel, error) {
	inputs, axes, values := n.Ints("inputs"), n.Ints("axes"), n.Ints("values")
	shape := []int{len(axes)}
	if n.Bool("scalar", false) {
		shape = nil
	}
	return func(c *Call) error {
		y, err := c.Output(0, onnx.Int64, shape...)
		if err != nil {
			return err
		}
		out := y.Int64s()
		for i, axis := range axes {
			if axis < 0 {
				out[i] = int64(values[i])
				continue
			}
			x := c.Tensor(inputs[i])
			if axis >= x.Rank() {
				return fmt.Errorf("input %d of rank %d has no axis %d", inputs[i], x.Rank(), axis)
			}
			out[i] = int64(x.Shape[axis])
		}
		return nil
	}, n.Err()
}
