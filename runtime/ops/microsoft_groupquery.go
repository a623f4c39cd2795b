package ops

import (
	"errors"
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// The inputs of GroupQueryAttention.
const (
	groupQuery = iota
	groupKey
	groupValue
	groupPastKey
	groupPastValue
	groupLengths
	groupTotal
	groupCos
	groupSin
	groupPositions
	groupBias
	groupSink
)

// groupQueryAttention is GroupQueryAttention: several query heads share a key
// head, the cache may be longer than what it holds, and queries and keys are
// rotated by their positions.
type groupQueryAttention struct {
	heads, keyHeads     int
	window              int // number of keys that a query sees, its own included; -1 for all
	rotate, interleaved bool
	causal              bool
	attend              *part // query, key, value, mask
}

func buildGroupQuery(n *Node) (Kernel, error) {
	v := &groupQueryAttention{
		heads: n.Int("num_heads", 0), keyHeads: n.Int("kv_num_heads", 0), window: n.Int("local_window_size", -1),
		rotate: n.Bool("do_rotary", false), interleaved: n.Bool("rotary_interleaved", false), causal: n.Bool("causal", true),
	}
	if v.heads < 1 || v.heads > maxHeads || v.keyHeads < 1 || v.keyHeads > maxHeads {
		return nil, fmt.Errorf("num_heads is %d and kv_num_heads %d, expected 1 to %d", v.heads, v.keyHeads, maxHeads)
	}
	if err := needInputs(n, groupLengths, groupTotal); err != nil {
		return nil, err
	}
	for i := groupSink; i < len(n.Inputs); i++ {
		if n.Has(i) {
			return nil, fmt.Errorf("input %d (sinks, quantized caches, norms) is not supported", i)
		}
	}
	if n.Bool("smooth_softmax", false) || n.Bool("sliding_window_cache", false) || n.Wants(3) {
		return nil, errors.New("smooth_softmax, sliding_window_cache and output_qk are not supported")
	}
	attrs := []onnx.Attribute{onnx.FloatAttr("softcap", n.Float("softcap", 0))}
	if scale := n.Float("scale", 0); scale != 0 {
		attrs = append(attrs, onnx.FloatAttr("scale", scale))
	}
	var err error
	v.attend, err = newPart(n, "Attention", 23, 1, attrs, -1, -1, -1, -1)
	if err != nil {
		return nil, err
	}
	return v.run, n.Err()
}

func (v *groupQueryAttention) run(c *Call) error {
	q, k, value, err := v.split(c)
	if err != nil {
		return err
	}
	s, err := v.sizes(c, q)
	if err != nil {
		return err
	}
	if v.rotate {
		if q, err = v.rotated(c, q, s); err != nil {
			return err
		}
		if k, err = v.rotated(c, k, s); err != nil {
			return err
		}
	}
	keys, err := s.present(c, 1, c.Tensor(groupPastKey), k)
	if err != nil {
		return err
	}
	values, err := s.present(c, 2, c.Tensor(groupPastValue), value)
	if err != nil {
		return err
	}
	mask, err := v.mask(c, s)
	if err != nil {
		return err
	}
	y, err := v.attend.one(c, q, keys, values, mask)
	if err != nil {
		return err
	}
	if y, err = mergedHeads(y); err != nil {
		return err
	}
	return copyOutput(c, 0, y)
}

// split returns queries, keys and values as [batch, heads, length, size].
func (v *groupQueryAttention) split(c *Call) (q, k, value *onnx.Tensor, err error) {
	q, k, value = c.Tensor(groupQuery), c.Tensor(groupKey), c.Tensor(groupValue)
	if q.Rank() != 3 {
		return nil, nil, nil, c.ShapeError(groupQuery, "[batch, length, size]")
	}
	if err := sameFloats(c, groupKey, groupValue); err != nil {
		return nil, nil, nil, err
	}
	if k == nil && value == nil {
		all := v.heads + 2*v.keyHeads
		if q.Shape[2]%all != 0 {
			return nil, nil, nil, c.ShapeError(groupQuery, fmt.Sprintf("a last axis of %d heads", all))
		}
		size := q.Shape[2] / all
		q, k, value = lastPart(q, 0, v.heads*size), lastPart(q, v.heads*size, (v.heads+v.keyHeads)*size), lastPart(q, (v.heads+v.keyHeads)*size, all*size)
	}
	if k == nil || value == nil {
		return nil, nil, nil, errors.New("key and value must be given together")
	}
	if q, err = splitHeads(q, v.heads); err != nil {
		return nil, nil, nil, err
	}
	if k, err = splitHeads(k, v.keyHeads); err != nil {
		return nil, nil, nil, err
	}
	if value, err = splitHeads(value, v.keyHeads); err != nil {
		return nil, nil, nil, err
	}
	if !sameShape(k.Shape, []int{q.Shape[0], v.keyHeads, q.Shape[2], q.Shape[3]}) || !sameShape(value.Shape, k.Shape) {
		return nil, nil, nil, fmt.Errorf("queries %v, keys %v and values %v (heads split) do not fit", q.Shape, k.Shape, value.Shape)
	}
	return q, k, value, nil
}

// groupSizes are the lengths of one run.
type groupSizes struct {
	batch, queries int
	// past and total hold, for each element of the batch, how many keys the
	// cache holds before and after.
	past, total []int
	// capacity is the length of the cache that is the output.
	capacity int
}

func (v *groupQueryAttention) sizes(c *Call, q *onnx.Tensor) (*groupSizes, error) {
	s := &groupSizes{batch: q.Shape[0], queries: q.Shape[2]}
	lengths, err := IntsOf(c.Tensor(groupLengths))
	if err != nil {
		return nil, err
	}
	if len(lengths) != s.batch {
		return nil, c.ShapeError(groupLengths, fmt.Sprintf("[%d]", s.batch))
	}
	longest, err := scalarInt(c, groupTotal)
	if err != nil {
		return nil, err
	}
	before := 0
	for _, i := range []int{groupPastKey, groupPastValue} {
		if t := c.Tensor(i); t != nil {
			if want := []int{s.batch, v.keyHeads, before, q.Shape[3]}; t.Rank() != 4 || t.Type != q.Type ||
				i == groupPastValue && !sameShape(t.Shape, want) || i == groupPastKey && !sameShape(t.Shape, []int{s.batch, v.keyHeads, t.Shape[2], q.Shape[3]}) {
				return nil, c.ShapeError(i, fmt.Sprintf("[%d,%d,length,%d] for both caches, of type %v", s.batch, v.keyHeads, q.Shape[3], q.Type))
			}
			before = t.Shape[2]
		} else if i == groupPastValue && before > 0 {
			return nil, errors.New("past_value is missing")
		}
	}
	s.capacity = max(before, longest)
	for b, n := range lengths {
		total := n + 1
		past := total - s.queries
		if s.queries == longest { // the first run: shorter ones are padded behind
			past = 0
		}
		if past < 0 || past > before || total < 0 || total > longest || past+s.queries > s.capacity {
			return nil, fmt.Errorf("seqlens_k is %d for batch %d, which does not fit %d queries, a cache of %d and a total length of %d", n, b, s.queries, before, longest)
		}
		s.past, s.total = append(s.past, past), append(s.total, total)
	}
	return s, nil
}

// rotated applies RotaryEmbedding of ai.onnx.
func (v *groupQueryAttention) rotated(c *Call, x *onnx.Tensor, s *groupSizes) (*onnx.Tensor, error) {
	cos, sin, positions := c.Tensor(groupCos), c.Tensor(groupSin), c.Tensor(groupPositions)
	if cos == nil || sin == nil || cos.Rank() != 2 {
		return nil, errors.New("do_rotary needs cos_cache and sin_cache of 2 axes")
	}
	if positions == nil {
		positions = onnx.NewTensor(onnx.Int64, s.batch, s.queries)
		for i := range positions.Int64s() {
			positions.Int64s()[i] = int64(s.past[i/s.queries] + i%s.queries)
		}
	}
	r := &rotary{interleaved: v.interleaved, size: 2 * cos.Shape[1]}
	return (&part{name: "RotaryEmbedding", kernel: r.run, outputs: 1}).one(c, x, cos, sin, positions)
}

// present makes output i the cache with the new keys or values behind the past
// of each element of the batch and zeros behind them, and returns it.
func (s *groupSizes) present(c *Call, i int, past, x *onnx.Tensor) (*onnx.Tensor, error) {
	heads, size := x.Shape[1], x.Shape[3]
	shape := []int{s.batch, heads, s.capacity, size}
	if _, err := onnx.Elements(shape); err != nil {
		return nil, err
	}
	y, err := c.Zeroed(i, x.Type, shape...)
	if err != nil {
		return nil, err
	}
	row := size * x.Type.Bits() / 8
	dst, src := y.Raw(), x.Raw()
	for p := range s.batch * heads {
		to := dst[p*s.capacity*row:][:s.capacity*row]
		n := s.past[p/heads] * row
		if past != nil {
			length := past.Shape[2] * row
			copy(to[:n], past.Raw()[p*length:][:length])
		}
		copy(to[n:], src[p*s.queries*row:][:s.queries*row])
	}
	return y, nil
}

// mask returns what is added to the scores: the bias, and minus infinity for
// keys that a query does not see.
func (v *groupQueryAttention) mask(c *Call, s *groupSizes) (*onnx.Tensor, error) {
	hidden := float32(math.Inf(-1))
	bias := c.Tensor(groupBias)
	heads := 1
	var values []float32
	var steps [4]int
	if bias != nil {
		var err error
		if values, err = float32sOf(bias); err != nil {
			return nil, err
		}
		if steps, _, err = maskSteps(c, bias, attentionLimits{s.batch, v.heads, s.queries, s.capacity}); err != nil {
			return nil, err
		}
		if bias.Rank() == 4 && bias.Shape[1] > 1 {
			heads = v.heads
		}
	}
	shape := []int{s.batch, heads, s.queries, s.capacity}
	n, err := onnx.Elements(shape)
	if err != nil {
		return nil, err
	}
	if limit := c.limit(); limit > 0 && n > limit/4 {
		return nil, fmt.Errorf("a mask of shape %v exceeds the limit of %d bytes", shape, limit)
	}
	width := s.capacity
	if bias != nil {
		width = bias.Shape[bias.Rank()-1]
	}
	mask := onnx.NewTensor(onnx.Float32, shape...)
	for row := range s.batch * heads * s.queries {
		b, h, query := row/(heads*s.queries), row/s.queries%heads, row%s.queries
		out := mask.Float32s()[row*s.capacity:][:s.capacity]
		from, to := v.visible(s, b, query)
		for key := range out {
			switch {
			case key < from || key >= to:
				out[key] = hidden
			case values != nil && key < width:
				out[key] = values[b*steps[0]+h*steps[1]+query*steps[2]+key*steps[3]]
			}
		}
	}
	return mask, nil
}

// visible returns the range of keys that a query sees.
func (v *groupQueryAttention) visible(s *groupSizes, b, query int) (from, to int) {
	position := s.past[b] + query
	if !v.causal {
		return 0, s.total[b]
	}
	to = position + 1
	if v.window > 0 {
		from = max(0, to-v.window)
	}
	return from, to
}

// buildMicrosoftRotary is RotaryEmbedding of com.microsoft: the inputs are x,
// the positions ([batch, length], or one that the first token has) and the
// caches.
func buildMicrosoftRotary(n *Node) (Kernel, error) {
	v := rotary{interleaved: n.Bool("interleaved", false), heads: n.Int("num_heads", 0), size: n.Int("rotary_embedding_dim", 0)}
	if n.Float("scale", 1) != 1 || n.Bool("is_packed_batching", false) {
		return nil, errors.New("scale and is_packed_batching are not supported")
	}
	return func(c *Call) error {
		x, cos, r := c.Tensor(0), c.Tensor(2), v
		if cos.Rank() != 2 || x.Rank() != 3 && x.Rank() != 4 {
			return fmt.Errorf("the input has shape %v and the cache %v, expected 3 or 4 axes and 2", x.Shape, cos.Shape)
		}
		if x.Rank() == 3 && r.heads == 0 {
			if cos.Shape[1] == 0 || x.Shape[2]%(2*cos.Shape[1]) != 0 {
				return c.ShapeError(0, fmt.Sprintf("a last axis that is a multiple of %d", 2*cos.Shape[1]))
			}
			r.heads = x.Shape[2] / (2 * cos.Shape[1])
		}
		if r.size == 0 {
			r.size = 2 * cos.Shape[1]
		}
		positions, err := rotaryInputPositions(c, x)
		if err != nil {
			return err
		}
		p := &part{kernel: r.run, outputs: 1}
		_, err = p.finish(c, x, cos, c.Tensor(3), positions)
		return err
	}, n.Err()
}

// rotaryInputPositions returns the positions as [batch, length].
func rotaryInputPositions(c *Call, x *onnx.Tensor) (*onnx.Tensor, error) {
	given := c.Tensor(1)
	if given.Len() != 1 || given.Rank() == 2 {
		return given, nil
	}
	first, err := scalarInt(c, 1)
	if err != nil {
		return nil, err
	}
	batch, length := x.Shape[0], x.Shape[x.Rank()-2]
	positions := onnx.NewTensor(onnx.Int64, batch, length)
	for i := range positions.Int64s() {
		positions.Int64s()[i] = int64(first + i%length)
	}
	return positions, nil
}
