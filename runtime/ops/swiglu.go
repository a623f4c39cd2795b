package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// gatedActivations holds SwiGLU (ai.onnx 28): a sigmoid(alpha a) b, without
// broadcasting.
var gatedActivations = []Operator{
	{Name: "SwiGLU", Since: 28, MinInputs: 2, MaxInputs: 2, Build: buildSwiGLU, Infer: inferSame},
}

func buildSwiGLU(n *Node) (Kernel, error) {
	alpha := float64(n.Float("alpha", 1))
	return func(c *Call) error { return swiGLU(c, alpha) }, n.Err()
}

func swiGLU(c *Call, alpha float64) error {
	a, b := c.Tensor(0), c.Tensor(1)
	if err := sameTypes(c, 1); err != nil {
		return err
	}
	if !sameShape(a.Shape, b.Shape) {
		return c.ShapeError(1, fmt.Sprint(a.Shape))
	}
	if isHalf(a.Type) {
		return inFloat32(c, func(c *Call) error { return swiGLU(c, alpha) })
	}
	y, err := c.Output(0, a.Type, a.Shape...)
	if err != nil {
		return err
	}
	switch a.Type {
	case onnx.Float32:
		gateBySwish(c, y.Float32s(), a.Float32s(), b.Float32s(), alpha)
	case onnx.Float64:
		gateBySwish(c, onnx.View[float64](y), onnx.View[float64](a), onnx.View[float64](b), alpha)
	default:
		return c.TypeError(0)
	}
	return nil
}

func gateBySwish[T float](c *Call, y, a, b []T, alpha float64) {
	c.Parallel(len(y), rangeWork/16, func(from, to int) {
		part := y[from:to]
		copy(part, a[from:to])
		if alpha == 1 {
			silu(part)
		} else {
			for i, x := range part {
				part[i] = x * T(1/(1+math.Exp(-alpha*float64(x))))
			}
		}
		multiplyBy(part, b[from:to])
	})
}
