package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// transformAttr returns the attribute post_transform.
func transformAttr(n *Node) (string, error) {
	t := n.Text("post_transform", "NONE")
	switch t {
	case "NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT":
		return t, n.Err()
	}
	return "", fmt.Errorf("post_transform %q is not one of NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO, PROBIT", t)
}

// postTransform changes the scores of one row in place.
func postTransform(transform string, scores []float64) {
	switch transform {
	case "LOGISTIC":
		for i, v := range scores {
			scores[i] = logistic(v)
		}
	case "PROBIT":
		for i, v := range scores {
			scores[i] = math.Sqrt2 * math.Erfinv(2*v-1)
		}
	case "SOFTMAX", "SOFTMAX_ZERO":
		softmaxScores(scores, transform == "SOFTMAX_ZERO")
	}
}

func logistic(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

// softmaxScores normalises the exponentials of scores; those that are 0 stay so
// if keepZeros is set.
func softmaxScores(scores []float64, keepZeros bool) {
	top := math.Inf(-1)
	for _, v := range scores {
		top = max(top, v)
	}
	sum := 0.0
	for i, v := range scores {
		if keepZeros && math.Abs(v) <= 1e-7 {
			scores[i] = 0
			continue
		}
		scores[i] = math.Exp(v - top)
		sum += scores[i]
	}
	if sum == 0 {
		return
	}
	for i := range scores {
		scores[i] /= sum
	}
}

// classLabels returns the labels of a classifier.
func classLabels(n *Node, ints string) (*onnx.Tensor, error) {
	if labels := n.Texts("classlabels_strings"); labels != nil {
		return onnx.FromStrings(labels, len(labels)), nil
	}
	if a := n.attr(ints, onnx.AttrInts); a != nil {
		return onnx.FromSlice(a.Ints, len(a.Ints)), nil
	}
	return nil, fmt.Errorf("classlabels are missing")
}

// binaryScores makes the two scores of a classifier that computes one, the
// score of the second class: positive says that scores are probabilities.
func binaryScores(score float64, positive bool, transform string) [2]float64 {
	switch {
	case transform == "PROBIT":
		p := math.Sqrt2 * math.Erfinv(2*score-1)
		return [2]float64{p, p}
	case transform == "LOGISTIC":
		return [2]float64{logistic(-score), logistic(score)}
	case positive:
		return [2]float64{1 - score, score}
	}
	return [2]float64{-score, score}
}

// classifierOutputs are the label and the scores of each row.
type classifierOutputs struct {
	labels *onnx.Tensor
	move   func(row, label int)
	scores *onnx.Tensor
	width  int
}

// newClassifierOutputs makes the two outputs of a classifier.
func newClassifierOutputs(c *Call, labels *onnx.Tensor, rows, width int) (*classifierOutputs, error) {
	y, err := c.Output(0, labels.Type, rows)
	if err != nil {
		return nil, err
	}
	o := &classifierOutputs{labels: labels, move: blockCopier(y, labels, 1), width: width}
	o.scores, err = c.Output(1, onnx.Float32, rows, width)
	return o, err
}

func (o *classifierOutputs) set(row, label int, scores []float64) {
	o.move(row, label)
	for i, v := range scores {
		o.scores.Float32s()[row*o.width+i] = float32(v)
	}
}

// argmaxOf returns the position of the first largest number.
func argmaxOf(scores []float64) int {
	best := 0
	for i, v := range scores {
		if v > scores[best] {
			best = i
		}
	}
	return best
}

// buildTreeClassifier votes for classes. Where only one of two classes ever
// gets votes, its score is the one of the second class, as ONNX Runtime has it
// and converters of boosted trees rely on.
func buildTreeClassifier(n *Node) (Kernel, error) {
	labels, err := classLabels(n, "classlabels_int64s")
	if err != nil {
		return nil, err
	}
	classes := labels.Len()
	if classes < 1 {
		return nil, fmt.Errorf("classlabels are empty")
	}
	f, err := readForest(n, "class", classes)
	if err != nil {
		return nil, err
	}
	transform, err := transformAttr(n)
	if err != nil {
		return nil, err
	}
	only, positive := f.onlyClass()
	return func(c *Call) error {
		rows, _, _, err := f.treeInput(c)
		if err != nil {
			return err
		}
		out, err := newClassifierOutputs(c, labels, rows, classes)
		if err != nil {
			return err
		}
		return f.each(c, func(row int, scores []float64, voted []bool) {
			if classes != 2 || only < 0 {
				f.addBase(scores)
				label := argmaxOf(scores)
				postTransform(transform, scores)
				out.set(row, label, scores)
				return
			}
			score := scores[only]
			if len(f.base) > 0 {
				score += f.base[len(f.base)-1]
			}
			label := 0
			if positive && score > 0.5 || !positive && score > 0 {
				label = 1
			}
			if only == 1 {
				f.addBase(scores)
				postTransform(transform, scores)
				out.set(row, label, scores)
				return
			}
			pair := binaryScores(score, positive, transform)
			out.set(row, label, pair[:])
		})
	}, n.Err()
}

// onlyClass returns the class that all votes are for, -1 if there are several
// or none, and whether no weight is negative.
func (f *forest) onlyClass() (only int, positive bool) {
	only, positive = -1, true
	several := false
	for _, votes := range f.leaves {
		for _, v := range votes {
			several = several || only >= 0 && only != v.target
			only = v.target
			positive = positive && v.weight >= 0
		}
	}
	if several {
		only = -1
	}
	return only, positive
}
