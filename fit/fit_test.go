package fit_test

import (
	"context"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/fit"
	"github.com/kcompress/kcompress/fit/calibrate"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// decaying returns a weight whose singular values fall off, as those of trained
// layers do: the sum of outer products of ever smaller size.
func decaying(seed uint64, in, out int) *onnx.Tensor {
	r := rand.New(rand.NewPCG(seed, 1))
	w := onnx.NewTensor(onnx.Float32, in, out)
	size := float32(1)
	for range 12 {
		u, v := make([]float32, in), make([]float32, out)
		for i := range u {
			u[i] = float32(r.NormFloat64())
		}
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		for i := range u {
			for j := range v {
				w.Float32s()[i*out+j] += size * u[i] * v[j] / 64
			}
		}
		size *= 0.6
	}
	return w
}

// classifier is a network of four layers, of which two share a weight, and an
// embedding that nothing replaces.
func classifier(opset int) *onnx.Model {
	return Model(opset, &onnx.Graph{
		Inputs: []onnx.ValueInfo{Value("x", -1, 64), Typed(onnx.Int64, "ids", -1)}, Outputs: []onnx.ValueInfo{Value("logits", -1, 10)},
		Initializers: []*onnx.Tensor{
			Named("table", Random(5, 40, 64)), Named("w1", decaying(1, 64, 96)), Named("w2", decaying(2, 96, 96)), Named("w3", Transposed(decaying(3, 96, 64))), Named("b", Random(6, 96)), Named("head", decaying(4, 64, 10)),
		},
		Nodes: []*onnx.Node{
			Node("Gather", "table ids", "e"), Node("Add", "x e", "s"), Node("Gemm", "s w1 b", "h1"), Node("Relu", "h1", "r1"),
			Node("MatMul", "r1 w2", "h2"), Node("Tanh", "h2", "r2"), Node("MatMul", "r2 w2", "h3"), Node("Gemm", "h3 w3 b64", "h4", onnx.IntAttr("transB", 1)), Node("MatMul", "h4 head", "logits"),
		},
	})
}

func smallModel(opset int) *onnx.Model {
	m := classifier(opset)
	m.Graph.Initializers = append(m.Graph.Initializers, Named("b64", Random(7, 64)))
	return m
}

func inputs(batches int) *calibrate.Data {
	d := &calibrate.Data{}
	for i := range batches {
		ids := onnx.NewTensor(onnx.Int64, 16)
		for k := range ids.Int64s() {
			ids.Int64s()[k] = int64((i*7 + k*3) % 40)
		}
		d.Batches = append(d.Batches, map[string]*onnx.Tensor{"x": Random(uint64(100+i), 16, 64), "ids": ids})
		d.Samples += 16
	}
	return d
}

func run(t *testing.T, m *onnx.Model, o fit.Options) *fit.Result {
	t.Helper()
	o.Steps = 15
	r, err := fit.Run(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func encode(t *testing.T, m *onnx.Model) string {
	t.Helper()
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The chains of a fitted model, put into the model that they were fitted to,
// give the fitted model again.
func TestApplyToTheOriginal(t *testing.T) {
	for _, weights := range []compact.Weights{compact.FP32, compact.FP16, compact.INT8} {
		for _, o := range []fit.Options{{}, {Ratio: 3}, {Ratio: 3, Distil: 12}, {Method: fit.Kaleidoscope}, {Method: fit.Dense}} {
			o.Weights, o.Producer = weights, "test"
			if o.Method != "" || o.Ratio > 0 {
				o.Data = inputs(6)
			}
			m := smallModel(17)
			fitted := run(t, m, o)
			applied, err := fit.Apply(context.Background(), fitted.Model, m, "test")
			if err != nil {
				t.Fatal(err)
			}
			if (applied.Constants > 0) != (o.Distil > 0) {
				t.Errorf("%s, %d steps: %d constants are changed", weights, o.Distil, applied.Constants)
			}
			if encode(t, applied.Model) != encode(t, fitted.Model) {
				t.Errorf("%s, method %q, ratio %g, %d steps: apply gives another model", weights, o.Method, o.Ratio, o.Distil)
			}
		}
	}
}

// A graph that holds the weights transposed, or under other names, takes the
// chains too.
func TestApplyToAnotherGraph(t *testing.T) {
	m := smallModel(17)
	fitted := run(t, m, fit.Options{Method: fit.Kaleidoscope, Data: inputs(6), Weights: compact.FP32})
	other := Model(13, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("a", -1, 96)}, Outputs: Outputs("p q"),
		Initializers: []*onnx.Tensor{Named("u", decaying(3, 96, 64)), Named("v", Transposed(decaying(2, 96, 96)))},
		Nodes:        []*onnx.Node{Node("MatMul", "a u", "p"), Node("Gemm", "a v", "q")}})
	applied, err := fit.Apply(context.Background(), fitted.Model, other, "test")
	if err != nil {
		t.Fatal(err)
	}
	if applied.Replaced != 2 || applied.Layers != 2 {
		t.Errorf("%d of %d layers are replaced", applied.Replaced, applied.Layers)
	}
	unrelated := Model(13, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("a", -1, 8)}, Outputs: Outputs("p"),
		Initializers: []*onnx.Tensor{Named("u", Random(1, 8, 8))}, Nodes: []*onnx.Node{Node("MatMul", "a u", "p")}})
	if _, err := fit.Apply(context.Background(), fitted.Model, unrelated, "test"); err == nil {
		t.Error("a model without any of the weights is taken")
	}
	if _, err := fit.Apply(context.Background(), m, m, "test"); err == nil {
		t.Error("a model that was never fitted is taken")
	}
}

// One seed gives the same bytes on any number of threads.
func TestThreads(t *testing.T) {
	var want string
	for threads := 1; threads <= 3; threads++ {
		r := run(t, smallModel(17), fit.Options{Ratio: 3, Data: inputs(6), Threads: threads, Seed: 7})
		got := encode(t, r.Model)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("1 and %d threads give different files", threads)
		}
	}
}

func TestExcluded(t *testing.T) {
	m := smallModel(17)
	r := run(t, m, fit.Options{Data: inputs(6), Ratio: 2, Exclude: []*regexp.Regexp{regexp.MustCompile("h2$")}})
	if w := r.Model.Graph.Initializer("w2"); w == nil || w.Type != onnx.Float32 {
		t.Errorf("the excluded weight is stored as %v", w)
	}
	for _, l := range r.Report.Layers {
		if l.Name == "node.h2" && l.Decision != "excluded" {
			t.Errorf("the excluded layer is %s", l.Decision)
		}
	}
	_, err := fit.Run(context.Background(), m, fit.Options{Include: []*regexp.Regexp{regexp.MustCompile("node.h7")}})
	if err == nil || !strings.Contains(err.Error(), "node.h") {
		t.Errorf("a name that matches nothing gives %v", err)
	}
}

// Models before opset 7 come back as they are, and the report says why.
func TestOldOpset(t *testing.T) {
	m := Model(6, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 64)}, Outputs: Outputs("y"),
		Initializers: []*onnx.Tensor{Named("w", decaying(1, 64, 64))}, Nodes: []*onnx.Node{Node("MatMul", "x w", "y")}})
	r := run(t, m, fit.Options{})
	if w := r.Model.Graph.Initializer("w"); w == nil || w.Type != onnx.Float32 || len(r.Model.Functions) > 0 {
		t.Error("the weight was changed")
	}
	if !strings.Contains(strings.Join(r.Report.Warnings, "\n"), "opset 6") || r.Report.Layers[0].BytesAfter != r.Report.Layers[0].BytesBefore {
		t.Errorf("warnings are %q, layers %+v", r.Report.Warnings, r.Report.Layers)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := fit.Run(ctx, smallModel(17), fit.Options{Data: inputs(6), Ratio: 3}); err == nil {
		t.Error("a cancelled fit gives no error")
	}
}

// What a fit with goals says is what the model holds.
func TestReportAgreesWithTheModel(t *testing.T) {
	r := run(t, smallModel(17), fit.Options{Data: inputs(6), Ratio: 3, Weights: compact.FP32})
	dense := 0
	chains := 0
	for _, n := range r.Model.Graph.Nodes {
		if compact.IsChain(n) {
			chains++
		}
	}
	replaced := 0
	for _, l := range r.Report.Layers {
		if l.Op != "Gather" {
			dense += l.ParamsAfter
		}
		if l.Decision == "replaced" {
			replaced++
		}
	}
	if dense != r.Report.DenseParamsAfter || float64(r.Report.DenseParamsBefore)/float64(dense) < 3 || !r.Report.GoalMet {
		t.Errorf("%d -> %d dense parameters, goal met: %v", r.Report.DenseParamsBefore, dense, r.Report.GoalMet)
	}
	if size := int64(len(encode(t, r.Model))); size != r.Report.BytesAfter {
		t.Errorf("the model has %d bytes, the report says %d", size, r.Report.BytesAfter)
	}
	if replaced == 0 || chains < replaced {
		t.Errorf("%d layers are replaced by %d chains", replaced, chains)
	}
}
