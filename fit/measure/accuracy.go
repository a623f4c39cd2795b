package measure

import (
	"fmt"
	"math"
	"sort"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/onnx"
)

// Metric is a way to judge outputs against labels or against a reference.
type Metric string

// The metrics. Top1 and Top5 compare with labels and are shares from 0 to 1;
// the others compare with the reference outputs.
const (
	Top1   Metric = "top1"
	Top5   Metric = "top5"
	MSE    Metric = "mse"
	KL     Metric = "kl"
	Cosine Metric = "cosine"
	MaxAbs Metric = "maxabs"
)

// ParseMetric returns the metric with that name.
func ParseMetric(name string) (Metric, error) {
	switch m := Metric(name); m {
	case Top1, Top5, MSE, KL, Cosine, MaxAbs:
		return m, nil
	}
	return "", fmt.Errorf("unknown metric %q: use top1, top5, mse, kl, cosine or maxabs", name)
}

// NeedsLabels reports whether the metric compares with labels.
func (m Metric) NeedsLabels() bool { return m == Top1 || m == Top5 }

// Accuracy returns the share of samples whose label is among the k largest
// scores. Labels are integers, one for each row of the named output; negative
// ones are left out.
func Accuracy(outputs Outputs, output string, d *calibrate.Data, label string, k int) (value float64, samples int, err error) {
	hits := 0
	for b, batch := range d.Batches {
		labels, scores := batch[label], outputs[b][output]
		if labels == nil {
			return 0, 0, fmt.Errorf("the test data has no array %q of labels", label)
		}
		values := floatsOf(scores)
		if values == nil || scores.Rank() == 0 {
			return 0, 0, fmt.Errorf("output %q is no tensor of scores", output)
		}
		wide, err := labels.ConvertTo(onnx.Int64)
		if err != nil {
			return 0, 0, fmt.Errorf("labels %q: %w", label, err)
		}
		classes := scores.Shape[scores.Rank()-1]
		if wide.Len()*classes != scores.Len() {
			return 0, 0, fmt.Errorf("%d labels do not fit scores of shape %v", wide.Len(), scores.Shape)
		}
		for i, y := range wide.Int64s() {
			if y < 0 {
				continue
			}
			if y >= int64(classes) {
				return 0, 0, fmt.Errorf("label %d is outside of %d classes", y, classes)
			}
			samples++
			if rank(values[i*classes:(i+1)*classes], int(y)) < k {
				hits++
			}
		}
	}
	if samples == 0 {
		return 0, 0, fmt.Errorf("the test data has no labelled samples")
	}
	return float64(hits) / float64(samples), samples, nil
}

// rank counts the classes that come before class y: larger scores, equal ones of
// a smaller index, and for a score that is NaN all others.
func rank(scores []float32, y int) int {
	n := 0
	for i, v := range scores {
		if v > scores[y] || v == scores[y] && i < y || scores[y] != scores[y] && i != y {
			n++
		}
	}
	return n
}

// Against returns a metric of outputs against reference outputs, over all
// outputs of floats that both have.
func Against(g *onnx.Graph, m Metric, reference, outputs Outputs) (float64, error) {
	if m == KL || m == MaxAbs {
		d, err := Compare(g, reference, outputs)
		if err != nil {
			return 0, err
		}
		if m == MaxAbs {
			return d.MaxAbs, nil
		}
		if !d.Scores {
			return 0, fmt.Errorf("no output of the model looks like scores of classes: kl needs one")
		}
		return d.KL, nil
	}
	var dot, xx, yy, square float64
	count := 0
	for b := range reference {
		names := make([]string, 0, len(reference[b]))
		for name := range reference[b] {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			x, y := floatsOf(reference[b][name]), floatsOf(outputs[b][name])
			if len(x) != len(y) {
				continue
			}
			for i, v := range x {
				w := y[i]
				if !finite(v) || !finite(w) {
					return 0, fmt.Errorf("output %q holds NaN or infinite numbers", name)
				}
				dot += float64(v) * float64(w)
				xx += float64(v) * float64(v)
				yy += float64(w) * float64(w)
				square += (float64(v) - float64(w)) * (float64(v) - float64(w))
				count++
			}
		}
	}
	switch {
	case count == 0:
		return 0, fmt.Errorf("the models have no output of floats in common")
	case m == MSE:
		return square / float64(count), nil
	case m == Cosine:
		if xx == 0 || yy == 0 {
			return 0, nil
		}
		return dot / math.Sqrt(xx*yy), nil
	}
	return 0, fmt.Errorf("metric %s needs labels", m)
}
