package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// microsoftAttentions holds the attention operators of com.microsoft: Attention
// and QAttention (with the projections), MultiHeadAttention (without),
// GroupQueryAttention (with a cache of fixed size), and RotaryEmbedding. They
// are written as Attention and RotaryEmbedding of ai.onnx.
var microsoftAttentions = []Operator{
	{Domain: microsoft, Name: "Attention", MinInputs: 2, MaxInputs: 7, Build: buildProjectedAttention, Infer: inferElemOnly},
	{Domain: microsoft, Name: "QAttention", MinInputs: 5, MaxInputs: 9, Build: buildQAttention, Infer: inferQAttention},
	{Domain: microsoft, Name: "MultiHeadAttention", MinInputs: 1, MaxInputs: 10, Build: buildMultiHeadAttention, Infer: inferMultiHeadAttention},
	{Domain: microsoft, Name: "GroupQueryAttention", MinInputs: 1, MaxInputs: 16, Build: buildGroupQuery, Infer: inferElemOnly},
	{Domain: microsoft, Name: "RotaryEmbedding", MinInputs: 4, MaxInputs: 4, Build: buildMicrosoftRotary, Infer: inferSame},
}

// headAttention is what Attention, QAttention and MultiHeadAttention share.
type headAttention struct {
	heads int
	// filter is added to the scores of keys that a mask of integers hides.
	filter float32
	// attend is Attention of ai.onnx: query, key, value, mask, past key and
	// past value to the result, present key and present value.
	attend *part
	add    *part
}

// maxHeads bounds the number of heads, so that sizes do not overflow.
const maxHeads = 1 << 20

func newHeadAttention(n *Node) (*headAttention, error) {
	v := &headAttention{heads: n.Int("num_heads", 0), filter: n.Float("mask_filter_value", -10000)}
	if v.heads < 1 || v.heads > maxHeads {
		return nil, fmt.Errorf("num_heads is %d, expected 1 to %d", v.heads, maxHeads)
	}
	attrs := []onnx.Attribute{
		onnx.IntAttr("q_num_heads", int64(v.heads)), onnx.IntAttr("kv_num_heads", int64(v.heads)),
		onnx.IntAttr("is_causal", int64(n.Int("unidirectional", 0))),
	}
	if n.HasAttr("scale") {
		attrs = append(attrs, onnx.FloatAttr("scale", n.Float("scale", 0)))
	}
	var err error
	if v.attend, err = newPart(n, "Attention", 23, 3, attrs, -1, -1, -1, -1, -1, -1); err != nil {
		return nil, err
	}
	if v.add, err = newPart(n, "Add", 14, 1, nil, -1, -1); err != nil {
		return nil, err
	}
	return v, n.Err()
}

// headInputs are the inputs of the attention proper.
type headInputs struct {
	// q, k and v have the shape [batch, length, heads*size], or all of them
	// [batch, heads, length, size].
	q, k, v            *onnx.Tensor
	mask, bias         *onnx.Tensor // both optional
	pastKey, pastValue *onnx.Tensor // both or none
}

// run returns the result [batch, length, heads*size], and the keys and values
// with the past.
func (v *headAttention) run(c *Call, in headInputs) ([]*onnx.Tensor, error) {
	lengthAxis := in.k.Rank() - 2
	queries, keys := in.q.Shape[lengthAxis], in.k.Shape[lengthAxis]
	if in.k.Rank() == 3 {
		queries, keys = in.q.Shape[1], in.k.Shape[1]
	}
	if in.pastKey != nil {
		if in.pastKey.Rank() != 4 {
			return nil, fmt.Errorf("the past key has shape %v, expected 4 axes", in.pastKey.Shape)
		}
		keys += in.pastKey.Shape[2]
	}
	bias, err := v.maskBias(in.mask, in.q.Shape[0], queries, keys)
	if err != nil {
		return nil, err
	}
	if in.bias != nil {
		floats, err := in.bias.ConvertTo(onnx.Float32)
		if err != nil {
			return nil, err
		}
		if bias == nil {
			bias = floats
		} else if bias, err = v.add.one(c, floats, bias); err != nil {
			return nil, err
		}
	}
	out, err := v.attend.run(c, in.q, in.k, in.v, bias, in.pastKey, in.pastValue)
	if err != nil {
		return nil, err
	}
	if out[0].Rank() == 4 {
		out[0], err = mergedHeads(out[0])
	}
	return out, err
}

// maskBias turns a mask of integers into numbers that are added to the scores,
// of a shape that broadcasts to [batch, heads, queries, keys]. The mask has
// ones for keys that count, [batch, keys] or [batch, queries, keys], or gives
// the number of keys, [batch], or the ends and then the starts of the keys,
// [2 batch].
func (v *headAttention) maskBias(mask *onnx.Tensor, batch, queries, keys int) (*onnx.Tensor, error) {
	if mask == nil {
		return nil, nil
	}
	values, err := IntsOf(mask)
	if err != nil {
		return nil, err
	}
	switch {
	case sameShape(mask.Shape, []int{batch, keys}):
		return v.filtered(len(values), []int{batch, 1, 1, keys}, func(i int) bool { return values[i] != 0 }), nil
	case sameShape(mask.Shape, []int{batch, queries, keys}):
		return v.filtered(len(values), []int{batch, 1, queries, keys}, func(i int) bool { return values[i] != 0 }), nil
	case mask.Rank() == 1 && (len(values) == batch || len(values) == 2*batch):
		return v.filtered(batch*keys, []int{batch, 1, 1, keys}, func(i int) bool {
			b, key := i/keys, i%keys
			return key < values[b] && (len(values) == batch || key >= values[batch+b])
		}), nil
	}
	return nil, fmt.Errorf("the mask has shape %v, which does not fit %d queries and %d keys of a batch of %d", mask.Shape, queries, keys, batch)
}

// filtered returns a tensor that is 0 where counts says so and the filter
// value elsewhere.
func (v *headAttention) filtered(total int, shape []int, counts func(i int) bool) *onnx.Tensor {
	t := onnx.NewTensor(onnx.Float32, shape...)
	for i := range total {
		if !counts(i) {
			t.Float32s()[i] = v.filter
		}
	}
	return t
}

// splitHeads returns x, [batch, length, heads*size], as [batch, heads, length,
// size].
func splitHeads(x *onnx.Tensor, heads int) (*onnx.Tensor, error) {
	if x.Rank() != 3 || x.Shape[2]%heads != 0 {
		return nil, fmt.Errorf("an input has shape %v, expected [batch, length, %d heads]", x.Shape, heads)
	}
	return permuted(x.Reshaped(x.Shape[0], x.Shape[1], heads, x.Shape[2]/heads), []int{0, 2, 1, 3})
}

// mergedHeads is the reverse of splitHeads.
func mergedHeads(x *onnx.Tensor) (*onnx.Tensor, error) {
	y, err := permuted(x, []int{0, 2, 1, 3})
	if err != nil {
		return nil, err
	}
	return y.Reshaped(y.Shape[0], y.Shape[1], y.Shape[2]*y.Shape[3]), nil
}

// sameFloats fails unless the given inputs, where present, have the element
// type of input 0, float32 or of 16 bits.
func sameFloats(c *Call, inputs ...int) error {
	if t := c.Tensor(0).Type; t != onnx.Float32 && !isHalf(t) {
		return c.TypeError(0)
	}
	return sameTypes(c, inputs...)
}

// lastPart returns a copy of elements from to to-1 of the last axis of x, which
// has elements of whole bytes.
func lastPart(x *onnx.Tensor, from, to int) *onnx.Tensor {
	rank := x.Rank()
	size := x.Shape[rank-1]
	shape := append([]int(nil), x.Shape...)
	shape[rank-1] = to - from
	y := onnx.NewTensor(x.Type, shape...)
	width := x.Type.Bits() / 8
	dst, src := y.Raw(), x.Raw()
	for row := 0; row*(to-from)*width < len(dst); row++ {
		copy(dst[row*(to-from)*width:(row+1)*(to-from)*width], src[(row*size+from)*width:])
	}
	return y
}

// copyOutput makes output i a copy of t if it is wanted.
func copyOutput(c *Call, i int, t *onnx.Tensor) error {
	if !c.Wants(i) {
		return nil
	}
	y, err := c.Output(i, t.Type, t.Shape...)
	if err != nil {
		return err
	}
	copy(y.Raw(), t.Raw())
	return nil
}
