package distil

import (
	"fmt"
	"math"
	"slices"

	"github.com/kcompress/kcompress/fit/measure"
	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/pool"
)

// outputLoss is the loss of one output of the model.
type outputLoss struct {
	name   string
	scores bool // divergence instead of squared error
	// probabilities tells that the output has been through Softmax.
	probabilities bool
	// ids is the input whose zeros mark positions of the output as padding;
	// empty if there is none.
	ids string
}

// newLosses returns the losses of all float32 outputs of the teacher.
func newLosses(g *onnx.Graph, inputs []onnx.ValueInfo) []outputLoss {
	producers := g.Producers()
	var losses []outputLoss
	for _, info := range g.Outputs {
		if info.Type.Elem != onnx.Float32 && info.Type.Elem != onnx.Undefined {
			continue
		}
		l := outputLoss{name: info.Name, scores: measure.LooksLikeScores(g, info), ids: idsFor(info, inputs)}
		if n := producers[info.Name]; n != nil && n.Op == "Softmax" {
			l.probabilities = true
		}
		losses = append(losses, l)
	}
	return losses
}

// idsFor returns the integer input that has one element for each position of
// an output [batch, time, features]: the ids of a sequence, padded with 0.
func idsFor(output onnx.ValueInfo, inputs []onnx.ValueInfo) string {
	if len(output.Type.Shape) != 3 {
		return ""
	}
	for _, in := range inputs {
		shape := in.Type.Shape
		if in.Type.Elem.IsInteger() && len(shape) == 2 && !shape[1].Known() && shape[1].Symbol != "" &&
			shape[0].Symbol == output.Type.Shape[0].Symbol && shape[1].Symbol == output.Type.Shape[1].Symbol {
			return in.Name
		}
	}
	return ""
}

// rowsPerRange is the number of rows that one thread takes at a time.
const rowsPerRange = 16

// compute returns the loss of the output y, and its gradient if that is wanted.
func (l outputLoss) compute(p *pool.Pool, e example, y *onnx.Tensor, wantGradient bool) (float64, []float32, error) {
	target := e.targets[l.name]
	if y == nil || target == nil || y.Type != onnx.Float32 || !slices.Equal(y.Shape, target.Shape) {
		return 0, nil, fmt.Errorf("output %q is %v, the original's is %v", l.name, y, target)
	}
	if y.Len() == 0 || y.Rank() == 0 {
		return 0, nil, nil
	}
	c := comparison{y: y.Float32s(), target: target.Float32s(), size: y.Shape[y.Rank()-1], weights: l.weights(e, y)}
	if wantGradient {
		c.gradient = make([]float32, y.Len())
	}
	row := c.squaredRow
	switch {
	case l.scores && l.probabilities:
		row = c.probabilityRow
	case l.scores:
		row = c.divergenceRow
	}
	c.normalise(l.scores)
	rows := y.Len() / c.size
	parts := make([]float64, rows)
	p.For(rows, rowsPerRange, func(from, to int) {
		scratch := make([]float32, 3*c.size)
		for r := from; r < to; r++ {
			if w := c.weight(r); w > 0 {
				parts[r] = row(r, w, scratch)
			}
		}
	})
	loss := 0.0
	for _, v := range parts {
		loss += v
	}
	return loss, c.gradient, nil
}

// weights returns 0 for rows that are padding and 1 for others, nil if all
// count.
func (l outputLoss) weights(e example, y *onnx.Tensor) []float32 {
	ids := e.inputs[l.ids]
	if ids == nil || y.Rank() != 3 || !slices.Equal(ids.Shape, y.Shape[:2]) {
		return nil
	}
	wide, err := ids.ConvertTo(onnx.Int64)
	if err != nil {
		return nil
	}
	weights := make([]float32, ids.Len())
	found := false
	for i, id := range wide.Int64s() {
		if id != 0 {
			weights[i], found = 1, true
		}
	}
	if !found {
		return nil
	}
	return weights
}

// comparison is an output of the student beside the teacher's, in rows.
type comparison struct {
	y, target, gradient []float32 // gradient is nil if it is not wanted
	size                int
	weights             []float32
	scale               float64
}

func (c *comparison) weight(row int) float64 {
	if c.weights == nil {
		return c.scale
	}
	return c.scale * float64(c.weights[row])
}

// normalise sets the scale of rows, so that the loss is a mean over rows for
// scores, else relative to the deviation of the target from its mean.
func (c *comparison) normalise(scores bool) {
	rows := len(c.y) / c.size
	if scores {
		count := float64(rows)
		if c.weights != nil {
			count = 0
			for _, w := range c.weights {
				count += float64(w)
			}
		}
		c.scale = 1 / count
		return
	}
	c.scale = 1
	var n, sum, squares float64
	for r := range rows {
		if c.weight(r) == 0 {
			continue
		}
		for _, v := range c.target[r*c.size : (r+1)*c.size] {
			n++
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
	}
	if deviation := squares - sum*sum/n; deviation > 1e-12*squares {
		c.scale = 1 / deviation
	} else {
		c.scale = 1 / max(squares, 1e-12) // a constant output: relative to its size
	}
}

func (c *comparison) rowOf(x []float32, r int) []float32 { return x[r*c.size : (r+1)*c.size] }

// squaredRow is w |y - target|^2.
func (c *comparison) squaredRow(r int, w float64, _ []float32) float64 {
	y, target := c.rowOf(c.y, r), c.rowOf(c.target, r)
	loss := 0.0
	for i, v := range y {
		d := float64(v) - float64(target[i])
		loss += d * d
		if c.gradient != nil {
			c.gradient[r*c.size+i] = float32(2 * w * d)
		}
	}
	return w * loss
}

// divergenceRow is w KL(softmax(target) || softmax(y)), whose gradient is
// w (softmax(y) - softmax(target)).
func (c *comparison) divergenceRow(r int, w float64, scratch []float32) float64 {
	y, target := c.rowOf(c.y, r), c.rowOf(c.target, r)
	logP, logQ := scratch[:c.size], scratch[c.size:2*c.size]
	vec.LogSoftmax(logP, target)
	vec.LogSoftmax(logQ, y)
	loss := 0.0
	g := scratch[2*c.size:]
	if c.gradient != nil {
		g = c.rowOf(c.gradient, r)
	}
	vec.Exp(g, logP) // softmax of the target
	vec.Sub(logP, logP, logQ)
	for i, d := range logP {
		loss += float64(g[i]) * float64(d)
	}
	if c.gradient == nil {
		return w * loss
	}
	vec.Exp(logQ, logQ)
	vec.Sub(g, logQ, g)
	vec.Scale(g, g, float32(w))
	return w * loss
}

// leastProbability keeps logarithms of probabilities finite.
const leastProbability = 1e-9

// probabilityRow is w KL(target || y) of probabilities, whose gradient is
// -w target / y.
func (c *comparison) probabilityRow(r int, w float64, _ []float32) float64 {
	y, target := c.rowOf(c.y, r), c.rowOf(c.target, r)
	loss := 0.0
	for i, v := range target {
		p, q := math.Max(float64(v), 0), math.Max(float64(y[i]), leastProbability)
		if p == 0 {
			continue
		}
		loss += p * (math.Log(math.Max(p, leastProbability)) - math.Log(q))
		if c.gradient != nil {
			c.gradient[r*c.size+i] = float32(-w * p / q)
		}
	}
	return w * loss
}
