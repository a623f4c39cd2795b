package write_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/kcompress/kcompress/fit/discover"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// exactChain is the dense layer as a chain of one factor.
func exactChain(l *discover.Layer) *butterfly.Chain {
	p := butterfly.Pattern{A: 1, B: l.Out, C: l.In, D: 1}
	return &butterfly.Chain{In: l.In, Out: l.Out, Factors: []butterfly.Factor{{Pattern: p, Values: l.Weight}}}
}

// replaceAll writes a model with every layer replaced by its exact chain.
func replaceAll(t *testing.T, m *onnx.Model, o write.Options) (written *onnx.Model, replaced int) {
	t.Helper()
	found := discover.Find(Open(t, m))
	var chains []write.Replacement
	for _, l := range found.Layers {
		if l.Skip == "" {
			chains = append(chains, write.Replacement{Layer: l, Chain: exactChain(l)})
		}
	}
	return writeModel(t, m, found, chains, o), len(chains)
}

func writeModel(t *testing.T, m *onnx.Model, found *discover.Result, chains []write.Replacement, o write.Options) *onnx.Model {
	t.Helper()
	before, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	w, err := write.Model(m, found, chains, o)
	if err != nil {
		t.Fatal(err)
	}
	after, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("the original was changed")
	}
	if err := w.Check(); err != nil {
		t.Fatalf("the written model breaks the standard: %v", err)
	}
	data, err := w.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := onnx.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// keepAll writes a model in which no layer is replaced.
func keepAll(t *testing.T, m *onnx.Model, o write.Options) *onnx.Model {
	t.Helper()
	return writeModel(t, m, discover.Find(Open(t, m)), nil, o)
}

// wantSame compares the float32 outputs of two models.
func wantSame(t *testing.T, what string, got, want map[string]*onnx.Tensor, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d outputs, want %d", what, len(got), len(want))
	}
	for name, w := range want {
		g := got[name]
		if g == nil || g.Type != w.Type || fmt.Sprint(g.Shape) != fmt.Sprint(w.Shape) {
			t.Fatalf("%s: output %s is %v, want %v", what, name, g, w)
		}
		a, err := g.Floats()
		if err != nil {
			t.Fatal(err)
		}
		b, _ := w.Floats()
		for i := range b {
			if !(math.Abs(a[i]-b[i]) <= tolerance*(1+math.Abs(b[i]))) {
				t.Fatalf("%s: output %s, element %d is %v, want %v", what, name, i, a[i], b[i])
			}
		}
	}
}

func attrs(list ...onnx.Attribute) []onnx.Attribute { return list }

// Exact chains leave the outputs as they are, for every form of MatMul and Gemm
// and every operator set.
func TestExactChains(t *testing.T) {
	w, x := Random(1, 6, 5), Random(2, 3, 6)
	type model struct {
		initializers []*onnx.Tensor
		nodes        []*onnx.Node
	}
	tests := map[string]model{
		"MatMul":           {[]*onnx.Tensor{Named("w", w)}, []*onnx.Node{Node("MatMul", "x w", "y")}},
		"twice":            {[]*onnx.Tensor{Named("w", Random(3, 6, 6))}, []*onnx.Node{Node("MatMul", "x w", "a"), Node("Relu", "a", "b"), Node("MatMul", "b w", "y")}},
		"no names":         {[]*onnx.Tensor{Named("w", w)}, []*onnx.Node{{Op: "Neg", Inputs: []string{"x"}, Outputs: []string{"n"}}, {Op: "MatMul", Inputs: []string{"n", "w"}, Outputs: []string{"y"}}}},
		"behind Transpose": {[]*onnx.Tensor{Named("w", Transposed(w))}, []*onnx.Node{Node("Transpose", "w", "v"), Node("MatMul", "x v", "y")}},
		"Constant":         {nil, []*onnx.Node{Node("Constant", "", "w", onnx.TensorAttr("value", w)), Node("MatMul", "x w", "y")}},
		// A name that the writer would like to use is taken.
		"taken names": {[]*onnx.Tensor{Named("w", w), Named("node.y.factor1", Random(5, 5))}, []*onnx.Node{Node("MatMul", "x w", "a"), Node("Add", "a node.y.factor1", "y"), Node("Neg", "x", "y.product")}},
	}
	for name, bias := range map[string]*onnx.Tensor{"none": nil, "N": Random(4, 5), "1xN": Random(4, 1, 5), "MxN": Random(4, 3, 5), "Mx1": Random(4, 3, 1), "scalar": Random(4), "1": Random(4, 1)} {
		for form, a := range map[string][]onnx.Attribute{
			"plain": nil, "alpha": attrs(onnx.FloatAttr("alpha", 0.5)), "beta": attrs(onnx.FloatAttr("beta", -2)),
			"all": attrs(onnx.FloatAttr("alpha", 2), onnx.FloatAttr("beta", 0.25), onnx.IntAttr("transB", 1)),
		} {
			weight := w
			if form == "all" {
				weight = Transposed(w)
			}
			g := model{[]*onnx.Tensor{Named("w", weight)}, []*onnx.Node{Node("Gemm", "x w", "y", a...)}}
			if bias != nil {
				g.initializers = append(g.initializers, Named("b", bias))
				g.nodes[0].Inputs = append(g.nodes[0].Inputs, "b")
			}
			tests["Gemm, bias "+name+", "+form] = g
		}
	}
	for name, g := range tests {
		t.Run(name, func(t *testing.T) {
			for _, opset := range []int{7, 9, 10, 11, 13, 17, 20} {
				if name == "Gemm, bias none, plain" && opset < 11 {
					continue // C is optional since opset 11
				}
				m := Model(opset, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 6)}, Outputs: Outputs("y"), Initializers: g.initializers, Nodes: g.nodes})
				written, replaced := replaceAll(t, m, write.Options{Weights: compact.FP32})
				if replaced != 1 {
					t.Fatalf("%d layers were replaced, want 1", replaced)
				}
				for _, n := range written.Graph.Nodes {
					if n.Op == "MatMul" || n.Op == "Gemm" {
						t.Fatalf("%s is still there", n.Op)
					}
				}
				if len(written.Functions) != 1 || written.IRVersion < compact.MinIRVersion {
					t.Errorf("%d functions, IR version %d", len(written.Functions), written.IRVersion)
				}
				in := map[string]*onnx.Tensor{"x": x}
				wantSame(t, fmt.Sprintf("opset %d", opset), Run(t, written, in), Run(t, m, in), 1e-5)
			}
		})
	}
}

// What only the replaced nodes needed is gone; what was unused before stays.
func TestPruned(t *testing.T) {
	m := Model(17, &onnx.Graph{
		Inputs: []onnx.ValueInfo{Value("x", -1, 6), Value("w", 6, 6), Value("unused", 2)}, Outputs: Outputs("y"),
		Initializers: []*onnx.Tensor{Named("w", Random(1, 6, 6)), Named("spare", Random(2, 3))},
		Nodes:        []*onnx.Node{Node("Transpose", "w", "v"), Node("Identity", "v", "u"), Node("MatMul", "x u", "y"), Node("Neg", "x", "aside")},
		ValueInfos:   []onnx.ValueInfo{Value("v", 6, 6), Value("aside", -1, 6)},
	})
	written, _ := replaceAll(t, m, write.Options{Weights: compact.FP32})
	g := written.Graph
	if g.Initializer("w") != nil || g.Input("w") != nil || g.Initializer("spare") == nil || g.Input("unused") == nil {
		t.Errorf("inputs %v, initializers %v", g.Inputs, g.Initializers)
	}
	var ops []string
	for _, n := range g.Nodes {
		ops = append(ops, n.Op)
	}
	if len(ops) != 2 || ops[1] != "Neg" || len(g.ValueInfos) != 1 {
		t.Errorf("nodes are %v, value infos %v", ops, g.ValueInfos)
	}
}

// Models before opset 7 are left alone, and chains for them refused.
func TestOldOpset(t *testing.T) {
	m := Model(6, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 64)}, Outputs: Outputs("y"), Initializers: []*onnx.Tensor{Named("w", Random(1, 64, 64))}, Nodes: []*onnx.Node{Node("MatMul", "x w", "y")}})
	m.IRVersion = 3
	m.Graph.Inputs = append(m.Graph.Inputs, Value("w", 64, 64))
	found := discover.Find(Open(t, m))
	for _, weights := range []compact.Weights{compact.FP16, compact.INT8} {
		written := writeModel(t, m, found, nil, write.Options{Weights: weights})
		if len(written.Graph.Nodes) != 1 || written.Graph.Initializer("w").Type != onnx.Float32 || written.IRVersion != 3 {
			t.Errorf("%s: the model was changed", weights)
		}
	}
	l := found.Layers[0]
	if _, err := write.Model(m, found, []write.Replacement{{Layer: l, Chain: exactChain(l)}}, write.Options{Weights: compact.FP32}); err == nil {
		t.Error("a chain is written into a model of opset 6")
	}
}

// A constant of which only the shape is used becomes that shape.
func TestShapesOfConstants(t *testing.T) {
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1)}, Outputs: Outputs("y s"),
		Initializers: []*onnx.Tensor{Named("large", Random(1, 40, 50))}, Nodes: []*onnx.Node{Node("Shape", "large", "s"), Node("Expand", "x s", "y")}})
	written := keepAll(t, m, write.Options{Weights: compact.FP32})
	if written.Graph.Initializer("large") != nil {
		t.Error("the constant is still stored")
	}
	x := map[string]*onnx.Tensor{"x": Random(2, 50)}
	wantSame(t, "shape", Run(t, written, x), Run(t, m, x), 0)
}
