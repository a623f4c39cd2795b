package measure_test

import (
	"errors"
	"math"
	"testing"

	"github.com/kcompress/kcompress/fit/calibrate"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/fit/measure"
	"github.com/kcompress/kcompress/onnx"
)

func matrix(columns int, values ...float32) *onnx.Tensor {
	return onnx.FromSlice(values, len(values)/columns, columns)
}

func outputs(name string, batches ...*onnx.Tensor) measure.Outputs {
	var all measure.Outputs
	for _, t := range batches {
		all = append(all, map[string]*onnx.Tensor{name: t})
	}
	return all
}

func graph(infos ...onnx.ValueInfo) *onnx.Graph { return &onnx.Graph{Outputs: infos} }

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// softmax in float64.
func softmax(x []float32) []float64 {
	p, sum := make([]float64, len(x)), 0.0
	for i, v := range x {
		p[i] = math.Exp(float64(v))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func TestCompareScores(t *testing.T) {
	teacher := outputs("logits", matrix(3, 1, 2, 3, 0.5, 0, -1), matrix(3, 2, 1, 0))
	student := outputs("logits", matrix(3, 1, 3, 2, 0.25, 0, -1), matrix(3, 2, 1, 0))
	d, err := measure.Compare(graph(Value("logits", -1, 3)), teacher, student)
	if err != nil {
		t.Fatal(err)
	}
	var all, other []float64
	kl := 0.0
	for b := range teacher {
		x, y := teacher[b]["logits"].Float32s(), student[b]["logits"].Float32s()
		for i := range x {
			all, other = append(all, float64(x[i])), append(other, float64(y[i]))
		}
		for r := 0; r < len(x); r += 3 {
			p, q := softmax(x[r:r+3]), softmax(y[r:r+3])
			for i := range p {
				kl += p[i] * math.Log(p[i]/q[i]) / 3
			}
		}
	}
	mean, difference, deviation := 0.0, 0.0, 0.0
	for _, v := range all {
		mean += v / float64(len(all))
	}
	for i, v := range all {
		difference += (other[i] - v) * (other[i] - v)
		deviation += (v - mean) * (v - mean)
	}
	near(t, "relative error", d.RelativeError, math.Sqrt(difference/deviation))
	near(t, "divergence", d.KL, kl)
	near(t, "disagreement", d.Disagreement, 1./3)
	near(t, "largest difference", d.MaxAbs, 1)
	near(t, "loss", d.Loss(), kl)
	if d.Samples != 3 || !d.Scores {
		t.Errorf("%d samples, scores: %v", d.Samples, d.Scores)
	}
}

func TestCompareValues(t *testing.T) {
	g := graph(Value("y", -1, 2))
	teacher := outputs("y", matrix(2, 1, 2, 3, 4))
	d, err := measure.Compare(g, teacher, teacher)
	if err != nil || d.RelativeError != 0 || d.MaxAbs != 0 || d.Scores {
		t.Errorf("a model against itself: %+v, %v", d, err)
	}
	d, _ = measure.Compare(g, teacher, outputs("y", matrix(2, 2.5, 2.5, 2.5, 2.5)))
	near(t, "the error of the mean", d.RelativeError, 1)
	near(t, "its loss", d.Loss(), 1)
	d, _ = measure.Compare(g, outputs("y", matrix(2, 5, 5)), outputs("y", matrix(2, 5, 6)))
	near(t, "the error where the original is constant", d.RelativeError, 1)
}

// All types of floats count, not float32 alone.
func TestCompareTypes(t *testing.T) {
	for _, elem := range []onnx.DType{onnx.Float16, onnx.BFloat16, onnx.Float64} {
		x, _ := matrix(2, 1, 2, 3, 4).ConvertTo(elem)
		y, _ := matrix(2, 1, 2, 3, 8).ConvertTo(elem)
		d, err := measure.Compare(graph(Typed(elem, "y", -1, 2)), outputs("y", x), outputs("y", y))
		if err != nil {
			t.Fatal(err)
		}
		near(t, elem.String(), d.RelativeError, math.Sqrt(16./5))
	}
}

// Where there are no floats, integers are decisions.
func TestCompareDecisions(t *testing.T) {
	g := graph(Typed(onnx.Int64, "class", -1))
	x, y := onnx.FromSlice([]int64{1, 2, 3, 4}, 4), onnx.FromSlice([]int64{1, 2, 0, 4}, 4)
	d, err := measure.Compare(g, outputs("class", x), outputs("class", y))
	if err != nil || !d.Scores {
		t.Fatalf("%+v, %v", d, err)
	}
	near(t, "disagreement", d.Disagreement, 0.25)
	near(t, "loss", d.Loss(), 0.25)
	d, _ = measure.Compare(g, outputs("class", x), outputs("class", onnx.FromSlice([]int64{1}, 1)))
	near(t, "disagreement with fewer", d.Disagreement, 0.75)
	words := onnx.FromStrings([]string{"a"}, 1)
	if _, err := measure.Compare(graph(Typed(onnx.String, "w", 1)), outputs("w", words), outputs("w", words)); !errors.Is(err, measure.ErrNothingToCompare) {
		t.Errorf("strings give %v", err)
	}
}

func TestCompareOddOutputs(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	g := graph(Value("logits", -1, 2))
	// What is no number in the original does not count.
	d, err := measure.Compare(g, outputs("logits", matrix(2, 1, -inf, 3, 4, nan, 1)), outputs("logits", matrix(2, 1, -inf, 3, 5, 7, 1)))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "largest difference", d.MaxAbs, 1)
	// What is one there and none in the student is an error.
	for _, bad := range []float32{inf, -inf, nan} {
		if _, err := measure.Compare(g, outputs("logits", matrix(2, 1, 2)), outputs("logits", matrix(2, 1, bad))); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	// Sizes that depend on the data: all wrong, but no error.
	d, err = measure.Compare(graph(Value("y", -1, 2)), outputs("y", matrix(2, 1, 2, 3, 4)), outputs("y", matrix(2, 1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the error of another size", d.RelativeError, 1)
	if _, err := measure.Compare(g, outputs("logits", matrix(2, 1, 2)), outputs("other", matrix(2, 1, 2))); err == nil {
		t.Error("a missing output is taken")
	}
	// No classes, no samples, scalars where scores were declared.
	none := onnx.NewTensor(onnx.Float32, 3, 0)
	empty := []measure.Outputs{outputs("logits", none), outputs("logits", onnx.NewTensor(onnx.Float32, 0, 2))}
	for _, e := range empty {
		if _, err := measure.Compare(g, e, e); !errors.Is(err, measure.ErrNothingToCompare) {
			t.Errorf("empty outputs give %v", err)
		}
	}
	scalar := outputs("logits", onnx.Scalar(float32(2)))
	if _, err := measure.Compare(g, scalar, scalar); err != nil {
		t.Error(err)
	}
}

func TestLooksLikeScores(t *testing.T) {
	g := &onnx.Graph{Nodes: []*onnx.Node{Node("Softmax", "a", "y"), Node("Relu", "a", "z")}}
	for _, test := range []struct {
		info onnx.ValueInfo
		want bool
	}{
		{Value("logits", -1, 10), true}, {Value("Class_Probs", -1, 10), true}, {Value("y", -1, 10), true}, {Value("z", -1, 10), false},
		{Value("logits", 10), false}, {Value("logits", -1, 1), false}, {Typed(onnx.Int64, "logits", -1, 10), false}, {onnx.ValueInfo{Name: "logits"}, false},
	} {
		if got := measure.LooksLikeScores(g, test.info); got != test.want {
			t.Errorf("%s %v: %v", test.info.Name, test.info.Type.Shape, got)
		}
	}
}

func TestAccuracy(t *testing.T) {
	nan := float32(math.NaN())
	scores := outputs("y", matrix(3, 1, 2, 3, 3, 2, 1), matrix(3, 2, 2, 1, nan, nan, nan, 0, nan, 1))
	labels := func(values ...int64) *onnx.Tensor { return onnx.FromSlice(values, len(values)) }
	data := func(a, b *onnx.Tensor) *calibrate.Data {
		return &calibrate.Data{Batches: []map[string]*onnx.Tensor{{"label": a}, {"label": b}}}
	}
	for _, test := range []struct {
		k       int
		first   *onnx.Tensor
		second  *onnx.Tensor
		want    float64
		samples int
	}{
		{1, labels(2, 1), labels(0, 0, 2), 3. / 5, 5}, // ties go to the first; NaN is no hit
		{2, labels(1, 1), labels(1, 0, 2), 4. / 5, 5},
		{1, labels(-1, -1), labels(1, -1, -1), 0, 1}, // negative: left out
	} {
		value, samples, err := measure.Accuracy(scores, "y", data(test.first, test.second), "label", test.k)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "accuracy", value, test.want)
		if samples != test.samples {
			t.Errorf("%d samples, want %d", samples, test.samples)
		}
	}
	for name, d := range map[string]*calibrate.Data{
		"outside":   data(labels(3, 0), labels(0, 0, 0)),
		"too few":   data(labels(1), labels(0, 0, 0)),
		"none":      data(labels(-1, -1), labels(-1, -1, -1)),
		"no labels": {Batches: []map[string]*onnx.Tensor{{}, {}}},
		"text":      data(onnx.FromStrings([]string{"a", "b"}, 2), labels(0, 0, 0)),
	} {
		if _, _, err := measure.Accuracy(scores, "y", d, "label", 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, _, err := measure.Accuracy(scores, "other", data(labels(0, 0), labels(0, 0, 0)), "label", 1); err == nil {
		t.Error("an output that is not there is taken")
	}
}

func TestAgainst(t *testing.T) {
	g := graph(Value("logits", -1, 2), Value("z", -1, 2))
	x := measure.Outputs{{"logits": matrix(2, 1, 2), "z": matrix(2, 3, 4)}}
	y := measure.Outputs{{"logits": matrix(2, 1, 4), "z": matrix(2, 3, 1)}}
	p, q := softmax([]float32{1, 2}), softmax([]float32{1, 4})
	kl := p[0]*math.Log(p[0]/q[0]) + p[1]*math.Log(p[1]/q[1])
	dot, xx, yy := 1.+8+9+4, 1.+4+9+16, 1.+16+9+1
	for metric, want := range map[measure.Metric]float64{measure.MSE: (4. + 9) / 4, measure.MaxAbs: 3, measure.KL: kl, measure.Cosine: dot / math.Sqrt(xx*yy)} {
		got, err := measure.Against(g, metric, x, y)
		if err != nil {
			t.Fatal(err)
		}
		near(t, string(metric), got, want)
	}
	if _, err := measure.Against(g, measure.Top1, x, y); err == nil {
		t.Error("top1 without labels is taken")
	}
	if _, err := measure.Against(g, measure.MSE, x, measure.Outputs{{}}); err == nil {
		t.Error("models without a common output are compared")
	}
	if _, err := measure.Against(graph(Value("z", -1, 2)), measure.KL, outputs("z", matrix(2, 1, 2)), outputs("z", matrix(2, 1, 2))); err == nil {
		t.Error("kl of what are no scores is taken")
	}
	for _, name := range []string{"top1", "top5", "mse", "kl", "cosine", "maxabs"} {
		m, err := measure.ParseMetric(name)
		if err != nil || m.NeedsLabels() != (name == "top1" || name == "top5") {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	if _, err := measure.ParseMetric("bleu"); err == nil {
		t.Error("an unknown metric is taken")
	}
}
