package runtime

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// build calls the operator's Build and turns a panic into an error.
func build(op *ops.Operator, n *ops.Node) (kernel ops.Kernel, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicError(r)
		}
	}()
	kernel, err = op.Build(n)
	if err == nil {
		err = n.Err()
	}
	return kernel, err
}

func infer(op *ops.Operator, n *ops.Node) (infos []ops.Info, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("shape inference: %w", panicError(r))
		}
	}()
	return op.Infer(n, n.Types)
}

func checkInputCount(op *ops.Operator, n *onnx.Node) error {
	given := len(n.Inputs)
	for given > 0 && n.Inputs[given-1] == "" {
		given--
	}
	if given < op.MinInputs || op.MaxInputs >= 0 && given > op.MaxInputs {
		return fmt.Errorf("takes %d to %d inputs, got %d", op.MinInputs, op.MaxInputs, given)
	}
	return nil
}
