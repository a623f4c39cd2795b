package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// attentions holds the operators of transformers: Attention (ai.onnx 23, 24,
// 25), RotaryEmbedding (23), LinearAttention and CausalConvWithState (27), and
// FlexAttention (ai.onnx.preview 1).
var attentions = []Operator{
	{Name: "Attention", Since: 23, MinInputs: 3, MaxInputs: 7, Build: buildAttention, Infer: inferAttention},
	{Name: "RotaryEmbedding", Since: 23, MinInputs: 3, MaxInputs: 4, Build: buildRotary, Infer: inferSame},
	{Name: "LinearAttention", Since: 27, MinInputs: 3, MaxInputs: 6, Build: buildLinearAttention, Infer: inferLinearAttention},
	{Name: "CausalConvWithState", Since: 27, MinInputs: 2, MaxInputs: 4, Build: buildCausalConv, Infer: inferCausalConv},
	{Domain: "ai.onnx.preview", Name: "FlexAttention", MinInputs: 3, MaxInputs: 3, Build: buildFlexAttention, Infer: inferAttention},
}

// attention is an Attention node. Soft cap, mask and causality are applied in
// the order of version 25, to which versions 23 and 24 have been corrected.
// Version 23 has no nonpad_kv_seqlen, versions before 25 have no window sizes.
// softmax_precision is a lower bound that float32 meets.
type attention struct {
	causal               bool
	queryHeads, keyHeads int // 0 if absent
	left, right          int // window sizes, -1 for no bound
	stageKind            int
	scale                float64 // 0 for 1/sqrt(head size)
	softcap              float64
}

// The inputs of Attention.
const (
	attentionQ = iota
	attentionK
	attentionV
	attentionMask
	attentionPastKey
	attentionPastValue
	attentionLengths
)

func buildAttention(n *Node) (Kernel, error) {
	v := &attention{
		causal: n.Bool("is_causal", false), queryHeads: n.Int("q_num_heads", 0), keyHeads: n.Int("kv_num_heads", 0),
		left: n.Int("left_window_size", -1), right: n.Int("right_window_size", -1),
		stageKind: n.Int("qk_matmul_output_mode", 0), scale: float64(n.Float("scale", 0)), softcap: float64(n.Float("softcap", 0)),
	}
	if v.stageKind < 0 || v.stageKind > stageSoftmax {
		return nil, fmt.Errorf("qk_matmul_output_mode is %d, expected 0 to %d", v.stageKind, stageSoftmax)
	}
	return v.run, n.Err()
}

func (v *attention) run(c *Call) error {
	q := c.Tensor(attentionQ)
	if err := sameTypes(c, attentionK, attentionPastKey); err != nil {
		return err
	}
	switch {
	case isHalf(q.Type):
		return inFloat32(c, v.run)
	case q.Type == onnx.Float32:
		return runAttention[float32](c, v)
	case q.Type == onnx.Float64:
		return runAttention[float64](c, v)
	}
	return c.TypeError(attentionQ)
}

func runAttention[T float](c *Call, v *attention) error {
	a, packed, err := attentionSizes[T](c, v.queryHeads, v.keyHeads)
	if err != nil {
		return err
	}
	a.scale, a.softcap = v.scale, v.softcap
	if a.scale == 0 {
		a.scale = 1 / math.Sqrt(float64(a.size))
	}
	values, ok := asFloats[T](c.Tensor(attentionV))
	if !ok {
		return c.TypeError(attentionV)
	}
	incoming := a.keys
	past, err := attentionPast(c, a)
	if err != nil {
		return err
	}
	a.keys += past
	a.q = headsOf(onnx.View[T](c.Tensor(attentionQ)), a.queryHeads, a.queries, a.size, packed)
	a.k = headsOf(onnx.View[T](c.Tensor(attentionK)), a.keyHeads, incoming, a.size, packed)
	a.v = headsOf(values, a.keyHeads, incoming, a.valueSize, packed)
	for _, cache := range []struct {
		part         *heads[T]
		size         int
		past, output int
	}{{&a.k, a.size, attentionPastKey, 1}, {&a.v, a.valueSize, attentionPastValue, 2}} {
		if past == 0 && !c.Wants(cache.output) {
			continue
		}
		if *cache.part, err = present(c, a, *cache.part, cache.size, past, cache.past, cache.output); err != nil {
			return err
		}
	}
	if err := v.setVisible(c, a.limits(), past, &a.visible); err != nil {
		return err
	}
	if a.addBias, err = attentionBias(c, a); err != nil {
		return err
	}
	shape := []int{a.batch, a.queryHeads, a.queries, a.valueSize}
	if packed {
		shape = []int{a.batch, a.queries, a.queryHeads * a.valueSize}
	}
	y, err := c.Output(0, c.Tensor(attentionQ).Type, shape...)
	if err != nil {
		return err
	}
	a.y = headsOf(onnx.View[T](y), a.queryHeads, a.queries, a.valueSize, packed)
	if c.Wants(3) {
		t, err := c.Output(3, y.Type, a.batch, a.queryHeads, a.queries, a.keys)
		if err != nil {
			return err
		}
		a.stage, a.stageKind = onnx.View[T](t), v.stageKind
	}
	a.run(c)
	return nil
}

// attentionSizes reads the sizes from the shapes of Q, K and V, which are
// [batch, heads, length, size], or packed as [batch, length, heads*size].
func attentionSizes[T float](c *Call, queryHeads, keyHeads int) (a *scaledAttention[T], packed bool, err error) {
	q, k, v := c.Tensor(attentionQ), c.Tensor(attentionK), c.Tensor(attentionV)
	if q.Rank() != 3 && q.Rank() != 4 || k.Rank() != q.Rank() || v.Rank() != q.Rank() {
		return nil, false, fmt.Errorf("inputs Q, K and V have shapes %v, %v and %v, expected rank 3 or rank 4 for all", q.Shape, k.Shape, v.Shape)
	}
	packed = q.Rank() == 3
	a = &scaledAttention[T]{batch: q.Shape[0]}
	if packed {
		if queryHeads < 1 || keyHeads < 1 || q.Shape[2]%queryHeads != 0 || k.Shape[2]%keyHeads != 0 || v.Shape[2]%keyHeads != 0 {
			return nil, false, fmt.Errorf("inputs %v, %v and %v can not be divided into q_num_heads %d and kv_num_heads %d heads",
				q.Shape, k.Shape, v.Shape, queryHeads, keyHeads)
		}
		a.queryHeads, a.keyHeads = queryHeads, keyHeads
		a.queries, a.keys = q.Shape[1], k.Shape[1]
		a.size, a.valueSize = q.Shape[2]/queryHeads, v.Shape[2]/keyHeads
	} else {
		a.queryHeads, a.keyHeads = q.Shape[1], k.Shape[1]
		a.queries, a.keys = q.Shape[2], k.Shape[2]
		a.size, a.valueSize = q.Shape[3], v.Shape[3]
	}
	wantK, wantV := []int{a.batch, a.keyHeads, a.keys, a.size}, []int{a.batch, a.keyHeads, a.keys, a.valueSize}
	if packed {
		wantK, wantV = []int{a.batch, a.keys, a.keyHeads * a.size}, []int{a.batch, a.keys, a.keyHeads * a.valueSize}
	}
	if !sameShape(k.Shape, wantK) {
		return nil, false, c.ShapeError(attentionK, fmt.Sprint(wantK))
	}
	if !sameShape(v.Shape, wantV) {
		return nil, false, c.ShapeError(attentionV, fmt.Sprint(wantV))
	}
	if a.keyHeads == 0 || a.queryHeads%a.keyHeads != 0 {
		return nil, false, fmt.Errorf("%d query heads are not a multiple of %d key heads", a.queryHeads, a.keyHeads)
	}
	return a, packed, nil
}

// attentionPast checks the cache inputs and returns the length of the past.
func attentionPast[T float](c *Call, a *scaledAttention[T]) (int, error) {
	key, value := c.Tensor(attentionPastKey), c.Tensor(attentionPastValue)
	if key == nil && value == nil {
		return 0, nil
	}
	if key == nil || value == nil {
		return 0, fmt.Errorf("past_key and past_value must be given together")
	}
	if key.Rank() != 4 || !sameShape(key.Shape, []int{a.batch, a.keyHeads, key.Shape[2], a.size}) {
		return 0, c.ShapeError(attentionPastKey, fmt.Sprintf("[%d,%d,past,%d]", a.batch, a.keyHeads, a.size))
	}
	if want := []int{a.batch, a.keyHeads, key.Shape[2], a.valueSize}; !sameShape(value.Shape, want) {
		return 0, c.ShapeError(attentionPastValue, fmt.Sprint(want))
	}
	return key.Shape[2], nil
}

// present joins the past and the incoming keys or values into an output of
// shape [batch, heads, past+incoming, size], and returns a view of it.
func present[T float](c *Call, a *scaledAttention[T], incoming heads[T], size, past, input, output int) (heads[T], error) {
	shape := []int{a.batch, a.keyHeads, a.keys, size}
	t, err := c.Output(output, c.Tensor(attentionQ).Type, shape...)
	if err != nil {
		return heads[T]{}, err
	}
	var before []T
	if past > 0 {
		var ok bool
		if before, ok = asFloats[T](c.Tensor(input)); !ok {
			return heads[T]{}, c.TypeError(input)
		}
	}
	all := headsOf(onnx.View[T](t), a.keyHeads, a.keys, size, false)
	for b := range a.batch {
		for h := range a.keyHeads {
			copy(all.from(b, h, 0), before[(b*a.keyHeads+h)*past*size:][:past*size])
			for s := range a.keys - past {
				copy(all.from(b, h, past+s), incoming.from(b, h, s)[:size])
			}
		}
	}
	return all, nil
}

func inferAttention(n *Node, in []Info) ([]Info, error) {
	elem := elemOf(in[0])
	infos := make([]Info, max(1, len(n.Outputs)))
	for i := range infos {
		infos[i] = UnknownShape(elem)
	}
	q, v := in[0].Type.Shape, in[2].Type.Shape
	if len(q) == 4 && len(v) == 4 {
		infos[0] = TensorInfo(elem, []onnx.Dim{q[0], q[1], q[2], v[3]})
	}
	if heads := n.Int("q_num_heads", 0); len(q) == 3 && len(v) == 3 && heads > 0 && n.Int("kv_num_heads", 0) > 0 {
		last := onnx.Dim{Size: -1}
		if v[2].Known() {
			last.Size = v[2].Size / n.Int("kv_num_heads", 0) * heads
		}
		infos[0] = TensorInfo(elem, []onnx.Dim{q[0], q[1], last})
	}
	return infos, nil
}
