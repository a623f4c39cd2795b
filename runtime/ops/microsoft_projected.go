package ops

import (
	"errors"
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// projectedAttention is Attention of com.microsoft: the input is projected to
// queries, keys and values by one weight.
type projectedAttention struct {
	*headAttention
	// sizes are the parts of the projection, nil for three equal ones.
	sizes   []int
	project *part
}

func newProjectedAttention(n *Node) (*projectedAttention, error) {
	if n.Bool("do_rotary", false) || n.Bool("past_present_share_buffer", false) {
		return nil, errors.New("do_rotary and past_present_share_buffer are not supported")
	}
	v := &projectedAttention{sizes: n.Ints("qkv_hidden_sizes")}
	var err error
	v.headAttention, err = newHeadAttention(n)
	return v, err
}

func buildProjectedAttention(n *Node) (Kernel, error) {
	v, err := newProjectedAttention(n)
	if err != nil {
		return nil, err
	}
	if v.project, err = newPart(n, "MatMul", 13, 1, nil, 0, 1); err != nil {
		return nil, err
	}
	return func(c *Call) error {
		if err := sameFloats(c, 1, 2, 4); err != nil {
			return err
		}
		if c.Tensor(0).Rank() != 3 {
			return c.ShapeError(0, "[batch, length, size]")
		}
		if c.Tensor(6) != nil {
			return errors.New("past_sequence_length is not supported")
		}
		x, err := v.project.one(c, c.Tensor(0), c.Tensor(1))
		if err != nil {
			return err
		}
		if b := c.Tensor(2); b != nil {
			if b.Rank() != 1 || b.Len() != x.Shape[2] {
				return c.ShapeError(2, fmt.Sprintf("[%d]", x.Shape[2]))
			}
			if x, err = v.add.one(c, x, b); err != nil {
				return err
			}
		}
		return v.attendTo(c, x, c.Tensor(3), c.Tensor(4), c.Tensor(5))
	}, n.Err()
}

// attendTo is the attention after the projection x.
func (v *projectedAttention) attendTo(c *Call, x, mask, past, bias *onnx.Tensor) error {
	total := x.Shape[2]
	sizes := v.sizes
	if sizes == nil {
		sizes = []int{total / 3, total / 3, total / 3}
	}
	if len(sizes) != 3 || sizes[0] < 0 || sizes[1] < 0 || sizes[0] > total || sizes[1] > total || sizes[0]+sizes[1]+sizes[2] != total {
		return fmt.Errorf("a projection to %d numbers can not be parted into %v", total, sizes)
	}
	in := headInputs{
		q: lastPart(x, 0, sizes[0]), k: lastPart(x, sizes[0], sizes[0]+sizes[1]), v: lastPart(x, sizes[0]+sizes[1], total),
		mask: mask, bias: bias,
	}
	if past != nil {
		if past.Type != x.Type || past.Rank() != 5 || past.Shape[0] != 2 {
			return fmt.Errorf("the past is %v, expected %v[2, batch, heads, length, size]", past, x.Type)
		}
		half, raw := past.Shape[1:], past.Raw()
		var err error
		if in.pastKey, err = onnx.FromRaw(past.Type, half, raw[:len(raw)/2]); err != nil {
			return err
		}
		if in.pastValue, err = onnx.FromRaw(past.Type, half, raw[len(raw)/2:]); err != nil {
			return err
		}
	}
	out, err := v.run(c, in)
	if err != nil {
		return err
	}
	if err := copyOutput(c, 0, out[0]); err != nil || !c.Wants(1) {
		return err
	}
	if !sameShape(out[1].Shape, out[2].Shape) {
		return fmt.Errorf("keys of shape %v and values of shape %v do not make a present state", out[1].Shape, out[2].Shape)
	}
	y, err := c.Output(1, out[1].Type, append([]int{2}, out[1].Shape...)...)
	if err != nil {
		return err
	}
	copy(y.Raw(), out[1].Raw())
	copy(y.Raw()[len(y.Raw())/2:], out[2].Raw())
	return nil
}

// buildQAttention is Attention with an input and a weight of 8 bits. Inputs:
// input, weight, bias, the scales of input and weight, mask, the zero points
// of input and weight, past.
func buildQAttention(n *Node) (Kernel, error) {
	v, err := newProjectedAttention(n)
	if err != nil {
		return nil, err
	}
	weight, err := constantWeight(n, 1, 7, false)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		if c.Tensor(0).Rank() != 3 {
			return c.ShapeError(0, "[batch, length, size]")
		}
		sums, err := newIntegerSums(c, 0, 6, 1, 7, weight)
		if err != nil {
			return err
		}
		left, err := newFactors(c.Tensor(3), sums.matMulShape, true)
		if err != nil {
			return err
		}
		inner := &Call{Context: c.Context, Pool: c.Pool, In: c.In, Out: make([]onnx.Value, 1)}
		if c.Frame != nil {
			inner.Frame = heapFrame{c.Frame}
		}
		if err := floatProduct(inner, sums, left, c.Tensor(4), c.Tensor(2)); err != nil {
			return err
		}
		return v.attendTo(c, inner.Out[0].(*onnx.Tensor), c.Tensor(5), c.Tensor(8), nil)
	}, n.Err()
}

func inferQAttention(_ *Node, _ []Info) ([]Info, error) {
	return []Info{UnknownShape(onnx.Float32)}, nil
}
