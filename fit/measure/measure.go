// Package measure compares the outputs of a student with those of its teacher,
// and with labels.
package measure

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// Distance says how far the outputs of a student are from its teacher's, over
// a set of samples.
type Distance struct {
	// RelativeError is the root of the squared difference over the squared
	// deviation of the teacher's outputs from their mean, all outputs together;
	// 1 if the teacher's outputs are constant and the student's differ.
	RelativeError float64 `json:"relative_error"`
	// KL is the mean Kullback-Leibler divergence, in nats, of the softmax of
	// outputs that are scores of classes; 0 if there are none.
	KL float64 `json:"kl"`
	// Disagreement is the share of score vectors whose largest element is not
	// the teacher's.
	Disagreement float64 `json:"disagreement"`
	// MaxAbs is the largest absolute difference.
	MaxAbs float64 `json:"max_abs"`
	// Scores tells whether an output is taken for scores of classes.
	Scores  bool `json:"scores"`
	Samples int  `json:"samples"`
}

// Loss is the one number that the fitter minimises: the divergence where the
// model gives scores, else the squared relative error.
func (d Distance) Loss() float64 {
	if d.Scores {
		return d.KL
	}
	return d.RelativeError * d.RelativeError
}

// Outputs are the results of a model for each batch of a data set.
type Outputs []map[string]*onnx.Tensor

// Run runs a session on all batches of the data.
func Run(ctx context.Context, s *runtime.Session, d *calibrate.Data) (Outputs, error) {
	var all Outputs
	for i, batch := range d.Batches {
		out, err := s.Run(ctx, calibrate.Inputs(batch, s.Inputs()))
		if err != nil {
			return nil, fmt.Errorf("batch %d: %w", i+1, err)
		}
		all = append(all, out)
	}
	return all, nil
}

// LooksLikeScores reports whether an output is taken for the scores of classes
// (logits or probabilities): a float output of at least two classes whose name
// says so, or that Softmax computes.
func LooksLikeScores(g *onnx.Graph, info onnx.ValueInfo) bool {
	shape := info.Type.Shape
	if info.Type.Elem != onnx.Float32 || len(shape) < 2 {
		return false
	}
	if last := shape[len(shape)-1]; last.Known() && last.Size < 2 {
		return false
	}
	name := strings.ToLower(info.Name)
	for _, word := range []string{"logit", "prob", "score", "softmax", "class"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	for _, n := range g.Nodes {
		for _, out := range n.Outputs {
			if out == info.Name && (n.Op == "Softmax" || n.Op == "LogSoftmax") {
				return true
			}
		}
	}
	return false
}

// Compare measures student against teacher over the same batches. The graph is
// the teacher's. Elements that are NaN or infinite in the teacher's outputs do
// not count: they say nothing about the student. It is an error if others are
// so in the student's.
func Compare(g *onnx.Graph, teacher, student Outputs) (Distance, error) {
	var d Distance
	var difference, deviation, rows, disagree float64
	for _, info := range g.Outputs {
		scores := LooksLikeScores(g, info)
		mean, count := meanOf(teacher, info.Name)
		if count == 0 {
			continue
		}
		for b := range teacher {
			t, s := teacher[b][info.Name], student[b][info.Name]
			if s == nil || s.Type != t.Type || fmt.Sprint(s.Shape) != fmt.Sprint(t.Shape) {
				return d, fmt.Errorf("output %q is %v, the original's is %v", info.Name, s, t)
			}
			x, y := t.Float32s(), s.Float32s()
			for i := range x {
				if !finite(x[i]) {
					continue
				}
				if !finite(y[i]) {
					return d, fmt.Errorf("output %q holds NaN or infinite numbers where the original's are finite", info.Name)
				}
				e := float64(y[i]) - float64(x[i])
				difference += e * e
				deviation += (float64(x[i]) - mean) * (float64(x[i]) - mean)
				d.MaxAbs = math.Max(d.MaxAbs, math.Abs(e))
			}
			if !scores {
				continue
			}
			d.Scores = true
			classes := t.Shape[t.Rank()-1]
			for from := 0; from+classes <= len(x); from += classes {
				p, q := x[from:from+classes], y[from:from+classes]
				if !allFinite(p) {
					continue
				}
				d.KL += divergence(p, q)
				if largest(p) != largest(q) {
					disagree++
				}
				rows++
			}
		}
	}
	if deviation > 0 {
		d.RelativeError = math.Sqrt(difference / deviation)
	} else if difference > 0 {
		d.RelativeError = 1
	}
	if rows > 0 {
		d.KL /= rows
		d.Disagreement = disagree / rows
	}
	for _, batch := range teacher {
		d.Samples += samples(batch)
	}
	return d, nil
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

func meanOf(outputs Outputs, name string) (mean float64, count int) {
	for _, batch := range outputs {
		t := batch[name]
		if t == nil || t.Type != onnx.Float32 {
			return 0, 0
		}
		for _, v := range t.Float32s() {
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
