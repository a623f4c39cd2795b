package ops

import (
	"errors"
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// The inputs of MultiHeadAttention.
const (
	multiHeadQuery = iota
	multiHeadKey
	multiHeadValue
	multiHeadInputBias
	multiHeadMask
	multiHeadBias
	multiHeadPastKey
	multiHeadPastValue
	multiHeadPastLength
)

// buildMultiHeadAttention is MultiHeadAttention: queries, keys and values may
// come packed together, with a bias of the projections, or keys and values as
// [batch, heads, length, size].
func buildMultiHeadAttention(n *Node) (Kernel, error) {
	v, err := newHeadAttention(n)
	if err != nil {
		return nil, err
	}
	if n.Wants(3) {
		return nil, errors.New("the output qk is not supported")
	}
	return func(c *Call) error {
		if c.Tensor(multiHeadPastLength) != nil {
			return errors.New("a shared buffer for past and present is not supported")
		}
		if err := sameFloats(c, multiHeadKey, multiHeadValue, multiHeadInputBias, multiHeadPastKey, multiHeadPastValue); err != nil {
			return err
		}
		in, err := v.unpack(c)
		if err != nil {
			return err
		}
		in.mask, in.bias = c.Tensor(multiHeadMask), c.Tensor(multiHeadBias)
		in.pastKey, in.pastValue = c.Tensor(multiHeadPastKey), c.Tensor(multiHeadPastValue)
		out, err := v.run(c, in)
		if err != nil {
			return err
		}
		for i, t := range out {
			if err := copyOutput(c, i, t); err != nil {
				return err
			}
		}
		return nil
	}, n.Err()
}

// unpack returns queries, keys and values with their bias added.
func (v *headAttention) unpack(c *Call) (in headInputs, err error) {
	in.q, in.k, in.v = c.Tensor(multiHeadQuery), c.Tensor(multiHeadKey), c.Tensor(multiHeadValue)
	switch {
	case in.k == nil: // [batch, length, heads, 3, size]
		parts, err := v.unpacked(c, multiHeadQuery, 3)
		if err != nil {
			return in, err
		}
		in.q, in.k, in.v = parts[0], parts[1], parts[2]
	case in.v == nil: // [batch, length, heads, 2, size]
		parts, err := v.unpacked(c, multiHeadKey, 2)
		if err != nil {
			return in, err
		}
		in.k, in.v = parts[0], parts[1]
	}
	if in.q.Rank() != 3 {
		return in, c.ShapeError(multiHeadQuery, "[batch, length, size]")
	}
	if in.k.Rank() != 3 && in.k.Rank() != 4 || in.v.Rank() != in.k.Rank() {
		return in, fmt.Errorf("key and value have shapes %v and %v, expected 3 or 4 axes", in.k.Shape, in.v.Shape)
	}
	if b := c.Tensor(multiHeadInputBias); b != nil {
		if err := v.addBias(c, &in, b); err != nil {
			return in, err
		}
	}
	if in.k.Rank() == 4 {
		in.q, err = splitHeads(in.q, v.heads)
	}
	return in, err
}

// unpacked parts input i, [batch, length, heads, count, size].
func (v *headAttention) unpacked(c *Call, i, count int) ([]*onnx.Tensor, error) {
	x := c.Tensor(i)
	if x.Rank() != 5 || x.Shape[2] != v.heads || x.Shape[3] != count {
		return nil, c.ShapeError(i, fmt.Sprintf("[batch, length, %d, %d, size]", v.heads, count))
	}
	size := x.Shape[4]
	rows := x.Reshaped(x.Shape[0], x.Shape[1], v.heads, count*size)
	parts := make([]*onnx.Tensor, count)
	for p := range parts {
		parts[p] = lastPart(rows, p*size, (p+1)*size).Reshaped(x.Shape[0], x.Shape[1], v.heads*size)
	}
	return parts, nil
}

// addBias adds the bias of the projections: to the queries alone if keys and
// values come from a cache.
func (v *headAttention) addBias(c *Call, in *headInputs, bias *onnx.Tensor) error {
	targets := []**onnx.Tensor{&in.q}
	if in.k.Rank() == 3 {
		targets = append(targets, &in.k, &in.v)
	}
	total := 0
	for _, t := range targets {
		total += (*t).Shape[2]
	}
	if bias.Rank() != 1 || bias.Len() < total || in.k.Rank() == 3 && bias.Len() != total {
		return c.ShapeError(multiHeadInputBias, fmt.Sprintf("[%d]", total))
	}
	from := 0
	for _, t := range targets {
		size := (*t).Shape[2]
		sum, err := v.add.one(c, *t, lastPart(bias, from, from+size))
		if err != nil {
			return err
		}
		*t = sum
		from += size
	}
	return nil
}

func inferMultiHeadAttention(n *Node, in []Info) ([]Info, error) {
	t := elemOf(in[0])
	q, ok := shapeOf(in[0])
	if !ok || len(q) != 3 || len(in) < 3 || !n.Has(2) {
		return []Info{UnknownShape(t)}, nil
	}
	size := onnx.Dim{Size: -1}
	switch v, _ := shapeOf(in[2]); {
	case len(v) == 3:
		size = v[2]
	case len(v) == 4 && v[1].Known() && v[3].Known():
		size = onnx.Dim{Size: v[1].Size * v[3].Size}
	}
	return []Info{TensorInfo(t, []onnx.Dim{q[0], q[1], size})}, nil
}
