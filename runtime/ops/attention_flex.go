package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// flexAttention is a FlexAttention node (ai.onnx.preview 1): attention whose
// scores and probabilities subgraphs may change.
type flexAttention struct {
	scale               float64 // 0 for 1/sqrt(head size)
	precision           onnx.DType
	scoreBody, probBody Body
}

func buildFlexAttention(n *Node) (Kernel, error) {
	v := &flexAttention{scale: float64(n.Float("scale", 0)), precision: onnx.DType(n.Int("softmax_precision", 0))}
	if v.precision != onnx.Undefined && v.precision != onnx.Float32 && v.precision != onnx.Float64 && !isHalf(v.precision) {
		return nil, fmt.Errorf("softmax_precision is %v, expected a float type", v.precision)
	}
	var err error
	if v.scoreBody, err = n.Body("score_mod"); err != nil {
		return nil, err
	}
	if v.probBody, err = n.Body("prob_mod"); err != nil {
		return nil, err
	}
	return v.run, n.Err()
}

func (v *flexAttention) run(c *Call) error {
	q := c.Tensor(attentionQ)
	if err := sameTypes(c, attentionK, attentionV); err != nil {
		return err
	}
	switch {
	case isHalf(q.Type):
		return inFloat32(c, v.run)
	case q.Type == onnx.Float32:
		return runFlexAttention[float32](c, v)
	case q.Type == onnx.Float64:
		return runFlexAttention[float64](c, v)
	}
	return c.TypeError(attentionQ)
}

func runFlexAttention[T float](c *Call, v *flexAttention) error {
	if c.Tensor(attentionQ).Rank() != 4 {
		return c.ShapeError(attentionQ, "[batch,heads,length,size]")
	}
	a, _, err := attentionSizes[T](c, 0, 0)
	if err != nil {
		return err
	}
	a.q = headsOf(onnx.View[T](c.Tensor(attentionQ)), a.queryHeads, a.queries, a.size, false)
	a.k = headsOf(onnx.View[T](c.Tensor(attentionK)), a.keyHeads, a.keys, a.size, false)
	a.v = headsOf(onnx.View[T](c.Tensor(attentionV)), a.keyHeads, a.keys, a.valueSize, false)
	if a.scale = v.scale; a.scale == 0 {
		a.scale = 1 / math.Sqrt(float64(a.size))
	}
	y, err := c.Output(0, c.Tensor(attentionQ).Type, a.batch, a.queryHeads, a.queries, a.valueSize)
	if err != nil {
		return err
	}
	a.y = headsOf(onnx.View[T](y), a.queryHeads, a.queries, a.valueSize, false)
	if v.scoreBody == nil && v.probBody == nil {
		a.run(c)
		return nil
	}
	return flexSteps(c, v, a)
}

// flexSteps computes all scores, lets the subgraphs change them before and
// after softmax, and applies them to the values.
func flexSteps[T float](c *Call, v *flexAttention, a *scaledAttention[T]) error {
	shape := []int{a.batch, a.queryHeads, a.queries, a.keys}
	if _, err := onnx.Elements(shape); err != nil {
		return err
	}
	if n := a.batch * a.queryHeads * a.queries * a.keys; c.limit() > 0 && n > c.limit()/8 {
		return fmt.Errorf("scores of shape %v exceed the limit of %d bytes for one tensor", shape, c.limit())
	}
	t := onnx.NewTensor(onnx.TypeOf[T](), shape...)
	scores := onnx.View[T](t)
	a.eachHead(c, func(b, h, keyHead int) {
		left := matrix[T]{data: a.q.from(b, h, 0), stride: a.q.row}
		right := matrix[T]{data: a.k.from(b, keyHead, 0), stride: a.k.row, transposed: true}
		part := scores[(b*a.queryHeads+h)*a.queries*a.keys:][:a.queries*a.keys]
		matrixProduct(part, a.keys, left, right, a.queries, a.keys, a.size, false)
		scaleBy(part, T(a.scale))
	})
	t, err := v.modify(c, v.scoreBody, t)
	if err != nil {
		return fmt.Errorf("score_mod: %w", err)
	}
	scores = onnx.View[T](t)
	for i := 0; a.keys > 0 && i < len(scores); i += a.keys {
		a.softmax(scores[i:][:a.keys])
	}
	if t, err = v.modify(c, v.probBody, t); err != nil {
		return fmt.Errorf("prob_mod: %w", err)
	}
	scores = onnx.View[T](t)
	a.eachHead(c, func(b, h, keyHead int) {
		left := matrix[T]{data: scores[(b*a.queryHeads+h)*a.queries*a.keys:], stride: a.keys}
		right := matrix[T]{data: a.v.from(b, keyHead, 0), stride: a.v.row}
		matrixProduct(a.y.from(b, h, 0), a.y.row, left, right, a.queries, a.valueSize, a.keys, false)
	})
	return nil
}

// eachHead calls body for every head of the batch.
func (a *scaledAttention[T]) eachHead(c *Call, body func(b, h, keyHead int)) {
	group := a.queryHeads / a.keyHeads
	c.Parallel(a.batch*a.queryHeads, 1, func(from, to int) {
		for i := from; i < to; i++ {
			body(i/a.queryHeads, i%a.queryHeads, i%a.queryHeads/group)
		}
	})
}

// modify runs a subgraph on scores, in the precision of the softmax, and
// returns its result as a tensor of their type that may be changed.
func (v *flexAttention) modify(c *Call, body Body, scores *onnx.Tensor) (*onnx.Tensor, error) {
	if body == nil {
		return scores, nil
	}
	in := scores
	if v.precision != onnx.Undefined && v.precision != scores.Type {
		var err error
		if in, err = scores.ConvertTo(v.precision); err != nil {
			return nil, err
		}
	}
	results, err := body.Run(c, []onnx.Value{in})
	if err != nil {
		return nil, err
	}
	if len(results) != 1 {
		return nil, fmt.Errorf("the subgraph has %d outputs, expected 1", len(results))
	}
	out, ok := results[0].(*onnx.Tensor)
	if !ok || out.Type != in.Type || !sameShape(out.Shape, scores.Shape) {
		return nil, fmt.Errorf("the subgraph gives %v, expected %v", results[0], in)
	}
	if out.Type != scores.Type {
		return out.ConvertTo(scores.Type)
	}
	return out.Clone(), nil
}
