// Package measure compares the outputs of a student with those of its teacher,
// and with labels.
package measure

import (
	"context"
	"fmt"
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
	// Scores tells whether an output is taken for scores of classes, or all
	// outputs for decisions.
	Scores  bool `json:"scores"`
	Samples int  `json:"samples"`
}

// Loss is the one number that the fitter minimises: the divergence where the
// model gives scores, else the squared relative error.
func (d Distance) Loss() float64 {
	if d.Scores && d.KL == 0 {
		return d.Disagreement // decisions without scores
	}
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
	if !info.Type.Elem.IsFloat() || len(shape) < 2 {
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
