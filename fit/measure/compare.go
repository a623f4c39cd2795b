package measure

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// Compare measures student against teacher over the same batches. The graph is
// the teacher's. Elements that are NaN or infinite in the teacher's outputs do
// not count: they say nothing about the student. It is an error if others are
// so in the student's. Where the size of an output depends on the data and
// differs, the student's is taken to be the mean: wholly wrong.
//
// All outputs of floats are compared. If there are none, each integer or bool
// of the outputs is taken for a decision.
func Compare(g *onnx.Graph, teacher, student Outputs) (Distance, error) {
	c := comparison{}
	for _, info := range g.Outputs {
		if err := c.output(info.Name, LooksLikeScores(g, info), teacher, student); err != nil {
			return c.Distance, err
		}
	}
	if c.numbers == 0 {
		for _, info := range g.Outputs {
			if err := c.decisions(info.Name, teacher, student); err != nil {
				return c.Distance, err
			}
		}
	}
	if c.numbers == 0 && c.rows == 0 {
		return c.Distance, ErrNothingToCompare
	}
	for _, batch := range teacher {
		c.Samples += samples(batch)
	}
	return c.result(), nil
}

// ErrNothingToCompare is returned for models whose outputs are neither numbers
// nor bools, or are empty.
var ErrNothingToCompare = errors.New("the outputs of the model hold no numbers that could be compared")

// comparison sums up differences over outputs and batches.
type comparison struct {
	Distance
	numbers               int
	difference, deviation float64
	rows, disagree        float64
}

func (c *comparison) result() Distance {
	d := c.Distance
	if c.deviation > 0 {
		d.RelativeError = math.Sqrt(c.difference / c.deviation)
	} else if c.difference > 0 {
		d.RelativeError = 1
	}
	if c.rows > 0 {
		d.KL /= c.rows
		d.Disagreement = c.disagree / c.rows
	}
	return d
}

// output adds the batches of one output of floats.
func (c *comparison) output(name string, scores bool, teacher, student Outputs) error {
	mean, count := meanOf(teacher, name)
	if count == 0 {
		return nil
	}
	for b := range teacher {
		t, s := teacher[b][name], student[b][name]
		if s == nil || s.Type != t.Type || s.Rank() != t.Rank() {
			return fmt.Errorf("output %q is %v, the original's is %v", name, s, t)
		}
		x, y := floatsOf(t), floatsOf(s)
		if !slices.Equal(s.Shape, t.Shape) {
			y = make([]float32, len(x))
			for i := range y {
				y[i] = float32(mean)
			}
		}
		if err := c.add(name, mean, x, y); err != nil {
			return err
		}
		if scores && t.Rank() > 0 {
			c.addScores(x, y, t.Shape[t.Rank()-1])
		}
	}
	return nil
}

func (c *comparison) add(name string, mean float64, x, y []float32) error {
	for i := range x {
		if !finite(x[i]) {
			continue
		}
		if !finite(y[i]) {
			return fmt.Errorf("output %q holds NaN or infinite numbers where the original's are finite", name)
		}
		e := float64(y[i]) - float64(x[i])
		c.difference += e * e
		c.deviation += (float64(x[i]) - mean) * (float64(x[i]) - mean)
		c.MaxAbs = math.Max(c.MaxAbs, math.Abs(e))
		c.numbers++
	}
	return nil
}

// addScores compares vectors of the scores of classes.
func (c *comparison) addScores(x, y []float32, classes int) {
	if classes == 0 {
		return
	}
	c.Scores = true
	for from := 0; from+classes <= len(x); from += classes {
		p, q := x[from:from+classes], y[from:from+classes]
		if !allFinite(p) {
			continue
		}
		c.KL += divergence(p, q)
		if largest(p) != largest(q) {
			c.disagree++
		}
		c.rows++
	}
}

// decisions adds the batches of one output of integers or bools.
func (c *comparison) decisions(name string, teacher, student Outputs) error {
	for b := range teacher {
		t, s := teacher[b][name], student[b][name]
		if t == nil || s == nil {
			return nil
		}
		x, err := t.Ints()
		if err != nil {
			return nil // no numbers
		}
		y, err := s.Ints()
		if err != nil {
			return fmt.Errorf("output %q is %v, the original's is %v", name, s, t)
		}
		c.Scores = true
		for i, v := range x {
			if i >= len(y) || y[i] != v {
				c.disagree++
			}
			c.rows++
		}
	}
	return nil
}

// floatsOf returns the elements of a tensor of floats, nil for others.
func floatsOf(t *onnx.Tensor) []float32 {
	if t == nil || !t.Type.IsFloat() {
		return nil
	}
	single, err := t.ConvertTo(onnx.Float32)
	if err != nil {
		return nil
	}
	return single.Float32s()
}

func finite(v float32) bool { return v-v == 0 }

func allFinite(x []float32) bool {
	for _, v := range x {
		if !finite(v) {
			return false
		}
	}
	return true
}

func samples(batch map[string]*onnx.Tensor) int {
	n := 0
	for _, t := range batch {
		if t.Rank() > 0 {
			n = max(n, t.Shape[0])
		}
	}
	return max(n, 1)
}

// meanOf returns the mean of the finite elements of an output of floats, and how
// many there are.
func meanOf(outputs Outputs, name string) (mean float64, count int) {
	for _, batch := range outputs {
		for _, v := range floatsOf(batch[name]) {
			if finite(v) {
				mean += float64(v)
				count++
			}
		}
	}
	if count > 0 {
		mean /= float64(count)
	}
	return mean, count
}

// divergence is the Kullback-Leibler divergence of softmax(q) from softmax(p).
func divergence(p, q []float32) float64 {
	logP, logQ := logSumExp(p), logSumExp(q)
	kl := 0.0
	for i := range p {
		lp := float64(p[i]) - logP
		kl += math.Exp(lp) * (lp - (float64(q[i]) - logQ))
	}
	return math.Max(kl, 0)
}

func logSumExp(x []float32) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = math.Max(top, float64(v))
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum)
}

// largest returns the index of the first largest element.
func largest(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
