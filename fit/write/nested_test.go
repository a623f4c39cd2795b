package write_test

import (
	"context"
	"testing"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/discover"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// nestedModel has a dense layer in a Loop, which runs it three times, one in a
// Scan in that loop, and one in each branch of an If, of which one reads its
// weight from the model's graph. The else branch is never run.
func nestedModel() *onnx.Model {
	scan := &onnx.Graph{Name: "scan", Inputs: []onnx.ValueInfo{Value("row", 8)}, Outputs: Outputs("rowOut"),
		Initializers: []*onnx.Tensor{Named("ws", Random(1, 8, 8))}, Nodes: []*onnx.Node{Node("MatMul", "row ws", "rowOut")}}
	loop := &onnx.Graph{Name: "loop", Inputs: []onnx.ValueInfo{Typed(onnx.Int64, "i"), Typed(onnx.Bool, "more"), Value("state", -1, 8)}, Outputs: Outputs("moreOut stateOut"),
		Nodes: []*onnx.Node{
			Node("Identity", "more", "moreOut"), Node("Constant", "", "wl", onnx.TensorAttr("value", Random(2, 8, 8))),
			Node("MatMul", "state wl", "product"), Node("Tanh", "product", "bounded"),
			Node("Scan", "bounded", "stateOut", onnx.IntAttr("num_scan_inputs", 1), onnx.GraphAttr("body", scan)),
		}}
	branch := func(out, w string, initializers ...*onnx.Tensor) *onnx.Graph {
		return &onnx.Graph{Name: out, Outputs: Outputs(out), Initializers: initializers, Nodes: []*onnx.Node{Node("MatMul", "looped "+w, out)}}
	}
	return Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 8), Typed(onnx.Bool, "c")}, Outputs: Outputs("y"),
		Initializers: []*onnx.Tensor{Named("three", onnx.Scalar(int64(3))), Named("yes", onnx.Scalar(true)), Named("wo", Random(3, 8, 8))},
		Nodes: []*onnx.Node{
			Node("Loop", "three yes x", "looped", onnx.GraphAttr("body", loop)),
			Node("If", "c", "y", onnx.GraphAttr("then_branch", branch("t", "wo")), onnx.GraphAttr("else_branch", branch("e", "we", Named("we", Random(4, 8, 8))))),
		}})
}

// Layers of subgraphs are replaced where they are, and their weights are gone.
func TestNestedLayers(t *testing.T) {
	m := nestedModel()
	for _, weights := range []compact.Weights{compact.FP32, compact.FP16} {
		written, replaced := replaceAll(t, m, write.Options{Weights: weights})
		if replaced != 4 {
			t.Fatalf("%d layers were replaced, want 4", replaced)
		}
		for _, b := range discover.Bodies(written) {
			for _, w := range b.Weights {
				if len(w.Name) == 2 { // ws, wl, wo, we
					t.Errorf("%s%s is still stored", b.Path, w.Name)
				}
			}
		}
		for _, c := range []bool{true, false} {
			in := map[string]*onnx.Tensor{"x": Random(5, 6, 8), "c": onnx.Scalar(c)}
			wantSame(t, string(weights), Run(t, written, in), Run(t, m, in), map[compact.Weights]float64{compact.FP32: 1e-5, compact.FP16: 2e-3}[weights])
			if weights == compact.FP32 {
				keepForRuntimes(t, "nested", map[bool]int{true: 1, false: 0}[c], written, in["x"], Run(t, m, in)["y"])
			}
		}
	}
}

// The moments of layers in subgraphs are those of all their runs.
func TestNestedMoments(t *testing.T) {
	m := nestedModel()
	s := Open(t, m)
	layers := discover.Find(s).Layers
	x := Random(5, 6, 8)
	d := &calibrate.Data{Batches: []map[string]*onnx.Tensor{{"x": x, "c": onnx.Scalar(true)}}, Samples: 6}
	moments, err := calibrate.Moments(context.Background(), m, layers, d, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, l := range layers {
		rows[l.Uses[0].Node.Outputs[0]] = moments[l.Name].Rows
	}
	if rows["product"] != 18 || rows["rowOut"] != 18 || rows["t"] != 6 || rows["e"] != 0 {
		t.Fatalf("rows are %v", rows)
	}
	looped := Run(t, onlyOutput(m, "looped"), map[string]*onnx.Tensor{"x": x, "c": onnx.Scalar(true)})["looped"].Float32s()
	for _, l := range layers {
		if l.Uses[0].Node.Outputs[0] != "t" {
			continue
		}
		for i := range 8 {
			for j := i; j < 8; j++ {
				sum := 0.0
				for r := range 6 {
					sum += float64(looped[8*r+i]) * float64(looped[8*r+j])
				}
				if got := moments[l.Name].Values[8*i+j]; got-sum/6 > 1e-6 || sum/6-got > 1e-6 {
					t.Fatalf("moment of %d and %d is %v, want %v", i, j, got, sum/6)
				}
			}
		}
	}
}

func onlyOutput(m *onnx.Model, name string) *onnx.Model {
	c := m.Clone()
	c.Graph.Outputs = Outputs(name)
	return c
}
