package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// microsoftConvs holds FusedConv of com.microsoft, a Conv with a residual and
// an activation, and the convolutions and pools with channels last.
var microsoftConvs = []Operator{
	{Domain: microsoft, Name: "FusedConv", MinInputs: 2, MaxInputs: 4, Build: buildFusedConv, Infer: asOpsetInfer(11, inferConv)},
	{Domain: microsoft, Name: "NhwcFusedConv", MinInputs: 2, MaxInputs: 4, Build: buildNhwcConv},
	{Domain: microsoft, Name: "NhwcConv", MinInputs: 2, MaxInputs: 3, Build: buildNhwcConv},
	{Domain: microsoft, Name: "NhwcMaxPool", MinInputs: 1, MaxInputs: 1, Build: buildNhwcMaxPool},
}

// fusedConv is activation(Conv(X, W, B) + Z).
type fusedConv struct {
	conv, add  *part
	activation func(y []float32)
}

func newFusedConv(n *Node) (*fusedConv, error) {
	v := &fusedConv{}
	var err error
	if v.activation, err = fusedActivation(n); err != nil {
		return nil, err
	}
	if v.conv, err = newPart(n, "Conv", 11, 1, otherAttrs(n, "activation", "activation_params"), 0, 1, 2); err != nil {
		return nil, err
	}
	v.add, err = newPart(n, "Add", 14, 1, nil, -1, -1)
	return v, err
}

func buildFusedConv(n *Node) (Kernel, error) {
	v, err := newFusedConv(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		x, w, b, residual := c.Tensor(0), c.Tensor(1), c.Tensor(2), c.Tensor(3)
		if residual == nil {
			y, err := v.conv.finish(c, x, w, b)
			if err != nil {
				return err
			}
			return applyActivation(c, v.activation, y)
		}
		y, err := v.conv.one(c, x, w, b)
		if err != nil {
			return err
		}
		if !sameShape(y.Shape, residual.Shape) {
			return c.ShapeError(3, fmt.Sprintf("that of the convolution, %v", y.Shape))
		}
		if y, err = v.add.finish(c, y, residual); err != nil {
			return err
		}
		return applyActivation(c, v.activation, y)
	}, n.Err()
}

// buildNhwcConv is FusedConv for images [batch, spatial axes, channels]; the
// weight is as in Conv.
func buildNhwcConv(n *Node) (Kernel, error) {
	v, err := newFusedConv(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		x, err := channelsFirst(c.Tensor(0))
		if err != nil {
			return err
		}
		y, err := v.conv.one(c, x, c.Tensor(1), c.Tensor(2))
		if err != nil {
			return err
		}
		last, err := storeChannelsLast(c, y)
		if err != nil {
			return err
		}
		if residual := c.Tensor(3); residual != nil {
			if !sameShape(last.Shape, residual.Shape) {
				return c.ShapeError(3, fmt.Sprintf("that of the convolution, %v", last.Shape))
			}
			sum, err := v.add.one(c, last, residual)
			if err != nil {
				return err
			}
			copy(last.Raw(), sum.Raw())
		}
		return applyActivation(c, v.activation, last)
	}, n.Err()
}

func buildNhwcMaxPool(n *Node) (Kernel, error) {
	pool, err := newPart(n, "MaxPool", 12, 1, n.Attrs, -1)
	if err != nil {
		return nil, err
	}
	return channelsLast(pool.kernel), nil
}

// channelsLast returns the kernel that is k for an input 0 and an output 0
// with their channels on the last axis.
func channelsLast(k Kernel) Kernel {
	return func(c *Call) error {
		x, err := channelsFirst(c.Tensor(0))
		if err != nil {
			return err
		}
		in := slices.Clone(c.In)
		in[0] = x
		y, err := (&part{kernel: k, outputs: 1}).one(c, in...)
		if err != nil {
			return err
		}
		_, err = storeChannelsLast(c, y)
		return err
	}
}

// channelsFirst returns a copy of x with its last axis moved to axis 1.
func channelsFirst(x *onnx.Tensor) (*onnx.Tensor, error) {
	rank := x.Rank()
	if rank < 3 {
		return nil, fmt.Errorf("input 0 has shape %v, expected batch, at least one spatial axis, and channels", x.Shape)
	}
	order := []int{0, rank - 1}
	for i := 1; i < rank-1; i++ {
		order = append(order, i)
	}
	return permuted(x, order)
}

// lastAxisOrder is the order of axes that moves axis 1 to the end.
func lastAxisOrder(rank int) []int {
	order := []int{0}
	for i := 2; i < rank; i++ {
		order = append(order, i)
	}
	return append(order, 1)
}

// storeChannelsLast makes output 0 y with its axis 1 moved to the end.
func storeChannelsLast(c *Call, y *onnx.Tensor) (*onnx.Tensor, error) {
	last, err := permuted(y, lastAxisOrder(y.Rank()))
	if err != nil {
		return nil, err
	}
	out, err := c.Output(0, last.Type, last.Shape...)
	if err != nil {
		return nil, err
	}
	copy(out.Raw(), last.Raw())
	return out, nil
}
