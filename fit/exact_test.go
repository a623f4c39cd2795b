package fit_test

import (
	"context"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/fit"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/fit/report"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// spectrum is a model that takes a Fourier transform of x [n, 1, 1000] and
// multiplies it with a dense weight.
func spectrum() *onnx.Model {
	const n, half = 256, 129
	w := onnx.NewTensor(onnx.Float32, 2*half, 1, n)
	for i := range 2 * half {
		for j := range n {
			sin, cos := math.Sincos(2 * math.Pi * float64(i%half*j%n) / n)
			if i >= half {
				cos = -sin
			}
			w.Float32s()[i*n+j] = float32(cos)
		}
	}
	return Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 1, 1000)}, Outputs: Outputs("y"),
		Initializers: []*onnx.Tensor{Named("basis", w), Named("w", Random(3, 2*half, 40))},
		Nodes: []*onnx.Node{Node("Conv", "x basis", "a", onnx.IntsAttr("strides", 128)), Node("Transpose", "a", "b", onnx.IntsAttr("perm", 0, 2, 1)),
			Node("MatMul", "b w", "y")}})
}

func exactRow(r *report.Report) *report.Layer {
	for i, l := range r.Layers {
		if l.Method == "exact" {
			return &r.Layers[i]
		}
	}
	return nil
}

func TestExactStructureIsReplaced(t *testing.T) {
	m := spectrum()
	r, err := fit.Run(context.Background(), m, fit.Options{Weights: compact.INT8, Threads: 1, Steps: 5})
	if err != nil {
		t.Fatal(err)
	}
	row := exactRow(r.Report)
	if row == nil || row.Name != "node.a" || !strings.Contains(row.Reason, "DFT 256") || row.Error > 1e-6 || row.BytesAfter >= row.BytesBefore/4 {
		t.Fatalf("the row of the transform: %+v", row)
	}
	x := Random(1, 2, 1, 1000)
	want := Run(t, m, map[string]*onnx.Tensor{"x": x})["y"]
	got := Run(t, r.Model, map[string]*onnx.Tensor{"x": x})["y"]
	if !slices.Equal(got.Shape, want.Shape) {
		t.Fatalf("shape %v, was %v", got.Shape, want.Shape)
	}
	difference, norm := 0.0, 0.0
	for i, v := range want.Float32s() {
		d := float64(got.Float32s()[i] - v)
		difference, norm = difference+d*d, norm+float64(v)*float64(v)
	}
	if e := math.Sqrt(difference / norm); e > 0.01 { // the other weight is int8
		t.Errorf("outputs differ by %g", e)
	}
	// The same chains go into another file of the same model.
	applied, err := fit.Apply(context.Background(), r.Model, m, "")
	if err != nil || applied.Replaced != 1 || applied.Chains != 1 {
		t.Errorf("apply: %+v %v", applied, err)
	}
}

func TestExactStructureStaysIfAskedFor(t *testing.T) {
	for name, o := range map[string]fit.Options{
		"excluded":     {Exclude: []*regexp.Regexp{regexp.MustCompile("node.a")}},
		"not included": {Include: []*regexp.Regexp{regexp.MustCompile("node.y")}},
		"forced":       {Forced: []fit.Forced{{Layer: regexp.MustCompile("node.a"), Keep: true, Text: "dense"}}},
		"no chains":    {Method: fit.Dense},
	} {
		o.Weights, o.Threads, o.Steps = compact.INT8, 1, 5
		r, err := fit.Run(context.Background(), spectrum(), o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if row := exactRow(r.Report); row != nil {
			t.Errorf("%s: replaced all the same: %+v", name, row)
		}
	}
}
