package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// linearAttention is a LinearAttention node (ai.onnx 27): attention as a
// recurrence over a state matrix S [key size, value size] for each key head,
//
//	S = e^decay S, then S += k u', and y = scale S' q
//
// where u is v, or beta (v - S' k) for the delta rules. It is computed token
// by token, chunk_size being a hint only.
type linearAttention struct {
	queryHeads, keyHeads int
	scale                float64 // 0 for 1/sqrt(key size)
	gated, delta         bool
}

// The inputs of LinearAttention.
const (
	linearQ = iota
	linearK
	linearV
	linearState
	linearDecay
	linearBeta
)

func buildLinearAttention(n *Node) (Kernel, error) {
	v := &linearAttention{queryHeads: n.Int("q_num_heads", 0), keyHeads: n.Int("kv_num_heads", 0), scale: float64(n.Float("scale", 0))}
	rule := n.Text("update_rule", "gated_delta")
	if err := checkChoice("update_rule", rule, []string{"linear", "gated", "delta", "gated_delta"}); err != nil {
		return nil, err
	}
	v.gated = rule == "gated" || rule == "gated_delta"
	v.delta = rule == "delta" || rule == "gated_delta"
	if v.gated && !n.Has(linearDecay) || v.delta && !n.Has(linearBeta) {
		return nil, fmt.Errorf("update_rule %s needs the inputs decay (gated) and beta (delta)", rule)
	}
	if v.keyHeads < 1 || v.queryHeads < 1 || v.queryHeads%v.keyHeads != 0 {
		return nil, fmt.Errorf("q_num_heads %d is not a positive multiple of kv_num_heads %d", v.queryHeads, v.keyHeads)
	}
	return v.run, n.Err()
}

func (v *linearAttention) run(c *Call) error {
	q, state := c.Tensor(linearQ), c.Tensor(linearState)
	if err := sameTypes(c, linearK, linearV, linearDecay, linearBeta); err != nil {
		return err
	}
	switch {
	case isHalf(q.Type) && state != nil && state.Type == onnx.Float32:
		return inFloat32(c, v.run, 1)
	case isHalf(q.Type):
		return inFloat32(c, v.run)
	case q.Type == onnx.Float32:
		return runLinearAttention[float32](c, v)
	case q.Type == onnx.Float64:
		return runLinearAttention[float64](c, v)
	}
	return c.TypeError(linearQ)
}

// linearRun is a run of a LinearAttention node.
type linearRun[T float] struct {
	*linearAttention
	length, keySize, valueSize int
	factor                     T
	q, k, v, y                 heads[T]
	decay, beta                []T
	// decayWidth and betaWidth are the sizes of their last axes.
	decayWidth, betaWidth int
	state                 []T
}

func runLinearAttention[T float](c *Call, v *linearAttention) error {
	r := &linearRun[T]{linearAttention: v}
	batch, err := r.sizes(c)
	if err != nil {
		return err
	}
	r.factor = T(v.scale)
	if v.scale == 0 {
		r.factor = T(1 / math.Sqrt(float64(r.keySize)))
	}
	stateShape := []int{batch, v.keyHeads, r.keySize, r.valueSize}
	stateType := c.Tensor(linearQ).Type
	var before []T
	if t := c.Tensor(linearState); t != nil {
		var ok bool
		if before, ok = asFloats[T](t); !ok {
			return c.TypeError(linearState)
		}
		if !sameShape(t.Shape, stateShape) {
			return c.ShapeError(linearState, fmt.Sprint(stateShape))
		}
		stateType = t.Type
	}
	y, err := c.Output(0, c.Tensor(linearQ).Type, batch, r.length, v.queryHeads*r.valueSize)
	if err != nil {
		return err
	}
	last, err := c.Output(1, stateType, stateShape...)
	if err != nil {
		return err
	}
	r.state = make([]T, last.Len())
	copy(r.state, before)
	r.q = headsOf(onnx.View[T](c.Tensor(linearQ)), v.queryHeads, r.length, r.keySize, true)
	r.k = headsOf(onnx.View[T](c.Tensor(linearK)), v.keyHeads, r.length, r.keySize, true)
	r.v = headsOf(onnx.View[T](c.Tensor(linearV)), v.keyHeads, r.length, r.valueSize, true)
	r.y = headsOf(onnx.View[T](y), v.queryHeads, r.length, r.valueSize, true)
	c.Parallel(batch*v.keyHeads, 1, func(from, to int) {
		update := make([]T, r.valueSize)
		for i := from; i < to; i++ {
			r.head(i/v.keyHeads, i%v.keyHeads, update)
		}
	})
	storeAs(last, r.state)
	return nil
}

// sizes reads the sizes from the shapes of the inputs and returns the batch.
func (r *linearRun[T]) sizes(c *Call) (batch int, err error) {
	q, k, v := c.Tensor(linearQ), c.Tensor(linearK), c.Tensor(linearV)
	if q.Rank() != 3 || q.Shape[2]%r.queryHeads != 0 {
		return 0, c.ShapeError(linearQ, fmt.Sprintf("[batch,length,%d*size]", r.queryHeads))
	}
	batch, r.length, r.keySize = q.Shape[0], q.Shape[1], q.Shape[2]/r.queryHeads
	if want := []int{batch, r.length, r.keyHeads * r.keySize}; !sameShape(k.Shape, want) {
		return 0, c.ShapeError(linearK, fmt.Sprint(want))
	}
	if v.Rank() != 3 || !sameShape(v.Shape[:2], q.Shape[:2]) || v.Shape[2]%r.keyHeads != 0 {
		return 0, c.ShapeError(linearV, fmt.Sprintf("[%d,%d,%d*size]", batch, r.length, r.keyHeads))
	}
	r.valueSize = v.Shape[2] / r.keyHeads
	if r.gated {
		r.decay, r.decayWidth, err = gate[T](c, linearDecay, r.keyHeads, r.keyHeads*r.keySize)
	}
	if r.delta && err == nil {
		r.beta, r.betaWidth, err = gate[T](c, linearBeta, r.keyHeads, 1)
	}
	return batch, err
}

// gate reads an input of shape [batch, length, width] with one of two widths.
func gate[T float](c *Call, i, width, otherwise int) ([]T, int, error) {
	t := c.Tensor(i)
	q := c.Tensor(linearQ)
	if t == nil {
		return nil, 0, fmt.Errorf("input %d is missing", i)
	}
	if t.Rank() != 3 || !sameShape(t.Shape[:2], q.Shape[:2]) || t.Shape[2] != width && t.Shape[2] != otherwise {
		return nil, 0, c.ShapeError(i, fmt.Sprintf("[%d,%d,%d or %d]", q.Shape[0], q.Shape[1], width, otherwise))
	}
	return onnx.View[T](t), t.Shape[2], nil
}

// head runs the recurrence of one key head.
func (r *linearRun[T]) head(b, h int, update []T) {
	state := r.state[(b*r.keyHeads+h)*r.keySize*r.valueSize:][:r.keySize*r.valueSize]
	group := r.queryHeads / r.keyHeads
	for t := range r.length {
		key := r.k.from(b, h, t)[:r.keySize]
		if r.gated {
			r.decayState(state, b, h, t)
		}
		copy(update, r.v.from(b, h, t))
		if r.delta {
			for i, k := range key {
				addWeighted(update, state[i*r.valueSize:][:r.valueSize], -k)
			}
			beta := r.beta[(b*r.length+t)*r.betaWidth+h%r.betaWidth]
			for j := range update {
				update[j] *= beta
			}
		}
		for i, k := range key {
			addWeighted(state[i*r.valueSize:][:r.valueSize], update, k)
		}
		for q := h * group; q < (h+1)*group; q++ {
			out := r.y.from(b, q, t)[:r.valueSize]
			clear(out)
			for i, x := range r.q.from(b, q, t)[:r.keySize] {
				addWeighted(out, state[i*r.valueSize:][:r.valueSize], x*r.factor)
			}
		}
	}
}

// decayState multiplies the state by e^decay, of which there is one value for
// the head or for each row of the state.
func (r *linearRun[T]) decayState(state []T, b, h, t int) {
	row := r.decay[(b*r.length+t)*r.decayWidth:][:r.decayWidth]
	for i := range r.keySize {
		at := h
		if r.decayWidth != r.keyHeads {
			at = h*r.keySize + i
		}
		scaleBy(state[i*r.valueSize:][:r.valueSize], T(math.Exp(float64(row[at]))))
	}
}

func inferLinearAttention(n *Node, in []Info) ([]Info, error) {
	elem := elemOf(in[0])
	q, k, v := in[0].Type.Shape, in[1].Type.Shape, in[2].Type.Shape
	queryHeads, keyHeads := n.Int("q_num_heads", 0), n.Int("kv_num_heads", 0)
	infos := []Info{UnknownShape(elem), UnknownShape(elem)}
	if n.Has(linearState) && len(in) > linearState {
		infos[1] = infoLike(elemOf(in[linearState]), in[linearState])
	}
	if len(q) == 3 && len(v) == 3 && len(k) == 3 && keyHeads > 0 && v[2].Known() {
		infos[0] = TensorInfo(elem, []onnx.Dim{q[0], q[1], {Size: v[2].Size / keyHeads * queryHeads}})
	}
	return infos, nil
}
