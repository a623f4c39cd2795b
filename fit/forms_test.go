package fit_test

import (
	"strings"
	"testing"

	"github.com/kcompress/kcompress/fit"
	"github.com/kcompress/kcompress/fit/calibrate"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// detector has a dense layer of every form in a row: convolutions, a transposed
// one, a GRU and a product.
func detector() *onnx.Model {
	weight := func(name string, seed uint64, in int, shape ...int) *onnx.Tensor {
		n := 1
		for _, s := range shape {
			n *= s
		}
		return Named(name, Transposed(decaying(seed, in, n/in)).Reshaped(shape...))
	}
	one := onnx.IntsAttr("pads", 1, 1, 1, 1)
	return Model(17, &onnx.Graph{
		Inputs: []onnx.ValueInfo{Value("x", 4, 24, 6, 6)}, Outputs: []onnx.ValueInfo{Value("y", 1, 4, 32)},
		Initializers: []*onnx.Tensor{
			weight("w3", 1, 24*9, 48, 24, 3, 3), Named("b3", Random(2, 48)), weight("w1", 3, 48, 64, 48, 1, 1), Named("b1", Random(4, 64)),
			weight("wt", 5, 24*4, 64, 24, 2, 2), weight("wg", 6, 24, 1, 3*32, 24), weight("rg", 7, 32, 1, 3*32, 32), Named("axis", onnx.FromSlice([]int64{0}, 1)),
		},
		Nodes: []*onnx.Node{
			Node("Conv", "x w3 b3", "a", one), Node("Relu", "a", "b"), Node("Conv", "b w1 b1", "c"), Node("Relu", "c", "d"),
			Node("ConvTranspose", "d wt", "e", onnx.IntsAttr("strides", 2, 2)), Node("GlobalAveragePool", "e", "f"), Node("Flatten", "f", "g"),
			Node("Unsqueeze", "g axis", "h"), Node("GRU", "h wg rg", "i y", onnx.IntAttr("hidden_size", 32)),
		},
	})
}

// A fit replaces layers of all forms, trains what can be trained, and its result
// stays near the original.
func TestFormsAreFitted(t *testing.T) {
	d := &calibrate.Data{}
	for i := range 12 {
		d.Batches = append(d.Batches, map[string]*onnx.Tensor{"x": Random(uint64(i+50), 4, 24, 6, 6)})
		d.Samples += 4
	}
	for _, o := range []fit.Options{{Ratio: 3}, {Ratio: 3, Distil: 6}, {Ratio: 3, Weights: compact.INT8}} {
		o.Data = d
		r := run(t, detector(), o)
		replaced := map[string]bool{}
		for _, l := range r.Report.Layers {
			if l.Decision == "replaced" {
				replaced[l.Op] = true
			} else if l.Op == "GRU" && !strings.Contains(l.Reason, "state") && !strings.Contains(l.Reason, "chosen") {
				t.Logf("%s is kept: %s", l.Name, l.Reason)
			}
		}
		for _, op := range []string{"Conv", "ConvTranspose"} {
			if !replaced[op] {
				t.Errorf("%+v: no %s was replaced: %+v", o.Weights, op, r.Report.Layers)
			}
		}
		if c := r.Report.Changed; c == nil || c.RelativeError > 0.25 {
			t.Errorf("the outputs moved by %+v", c)
		}
		if r.Report.BytesAfter*2 > r.Report.BytesBefore {
			t.Errorf("%d -> %d bytes", r.Report.BytesBefore, r.Report.BytesAfter)
		}
	}
}
