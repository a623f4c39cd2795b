package discover_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/fit/discover"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// find discovers the layers of a graph with the input x [n, 4].
func find(t *testing.T, opset int, outputs string, initializers []*onnx.Tensor, nodes []*onnx.Node, functions ...*onnx.Function) *discover.Result {
	t.Helper()
	m := Model(opset, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 4)}, Outputs: Outputs(outputs), Initializers: initializers, Nodes: nodes}, functions...)
	m.Opsets["com.microsoft"] = 1
	return discover.Find(Open(t, m))
}

// wantLayer checks a layer against the product that its node computes:
// y = x w, w [in, out].
func wantLayer(t *testing.T, l *discover.Layer, w *onnx.Tensor, stored string) {
	t.Helper()
	if l.In != w.Shape[0] || l.Out != w.Shape[1] || l.Skip != "" {
		t.Fatalf("layer %s is %d -> %d %q, want %v", l.Name, l.In, l.Out, l.Skip, w.Shape)
	}
	for i := range l.In {
		for o := range l.Out {
			if got, want := l.Weight[o*l.In+i], w.Float32s()[i*l.Out+o]; got != want {
				t.Fatalf("layer %s: weight from %d to %d is %v, want %v", l.Name, i, o, got, want)
			}
		}
	}
	if l.Fingerprint != compact.Fingerprint(l.Weight, l.Out, l.In) || l.Parameters != w.Len() {
		t.Errorf("layer %s: fingerprint or parameters are wrong", l.Name)
	}
	if !slices.Equal(l.Stored, strings.Fields(stored)) {
		t.Errorf("layer %s: stored as %v, want %s", l.Name, l.Stored, stored)
	}
}

func scaled(t *onnx.Tensor, by float32) *onnx.Tensor {
	c := t.Clone()
	for i := range c.Float32s() {
		c.Float32s()[i] *= by
	}
	return c
}

// A weight is found through whatever exporters put before it, and is the
// matrix that is multiplied with in the end.
func TestWeightsBehindOperators(t *testing.T) {
	w := Random(1, 4, 6)
	turned := Transposed(w)
	float16, _ := w.ConvertTo(onnx.Float16)
	rounded, _ := float16.ConvertTo(onnx.Float32)
	q := onnx.FromSlice([]int8{1, -2, 3, 4, -5, 6, 7, 8, -9, 10, 11, 12, 13, -14, 15, 16, 17, 18, -19, 20, 21, 22, 23, -24}, 4, 6)
	dequantized, _ := q.ConvertTo(onnx.Float32)
	tests := map[string]struct {
		initializers []*onnx.Tensor
		nodes        []*onnx.Node
		want         *onnx.Tensor
		stored       string
	}{
		"plain":     {[]*onnx.Tensor{Named("w", w)}, []*onnx.Node{Node("MatMul", "x w", "y")}, w, "w"},
		"Identity":  {[]*onnx.Tensor{Named("w", w)}, []*onnx.Node{Node("Identity", "w", "v"), Node("MatMul", "x v", "y")}, w, "w"},
		"Transpose": {[]*onnx.Tensor{Named("t", turned)}, []*onnx.Node{Node("Transpose", "t", "v"), Node("MatMul", "x v", "y")}, w, "t"},
		"Cast":      {[]*onnx.Tensor{Named("h", float16)}, []*onnx.Node{Node("Cast", "h", "v", onnx.IntAttr("to", 1)), Node("MatMul", "x v", "y")}, rounded, "h"},
		"Constant":  {nil, []*onnx.Node{Node("Constant", "", "c", onnx.TensorAttr("value", w)), Node("MatMul", "x c", "y")}, w, "c"},
		"DequantizeLinear": {[]*onnx.Tensor{Named("q", q), Named("s", onnx.Scalar(float32(0.5)))},
			[]*onnx.Node{Node("DequantizeLinear", "q s", "v"), Node("MatMul", "x v", "y")}, scaled(dequantized, 0.5), "q s"},
		"Gemm":        {[]*onnx.Tensor{Named("w", w)}, []*onnx.Node{Node("Gemm", "x w", "y")}, w, "w"},
		"Gemm transB": {[]*onnx.Tensor{Named("t", turned)}, []*onnx.Node{Node("Gemm", "x t", "y", onnx.IntAttr("transB", 1))}, w, "t"},
		"Gemm alpha":  {[]*onnx.Tensor{Named("t", turned)}, []*onnx.Node{Node("Gemm", "x t", "y", onnx.IntAttr("transB", 1), onnx.FloatAttr("alpha", 0.25))}, scaled(w, 0.25), "t"},
		"all of it": {[]*onnx.Tensor{Named("h", Transposed(rounded))}, []*onnx.Node{
			Node("Identity", "h", "a"), Node("Transpose", "a", "b", onnx.IntsAttr("perm", 1, 0)), Node("Identity", "b", "c"), Node("MatMul", "x c", "y")}, rounded, "h"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, opset := range []int{9, 13, 20} {
				if name == "DequantizeLinear" && opset < 10 {
					continue
				}
				found := find(t, opset, "y", test.initializers, test.nodes)
				if len(found.Layers) != 1 {
					t.Fatalf("%d layers", len(found.Layers))
				}
				wantLayer(t, found.Layers[0], test.want, test.stored)
			}
		})
	}
}

// Scales and zero points that many weights share tie none of them.
func TestSharedZeroPoint(t *testing.T) {
	q := func(name string) *onnx.Tensor {
		t := onnx.NewTensor(onnx.Int8, 4, 4)
		for i := range t.Raw() {
			t.Raw()[i] = byte(i * len(name))
		}
		return Named(name, t)
	}
	found := find(t, 17, "y", []*onnx.Tensor{q("a"), q("bb"), Named("s", onnx.Scalar(float32(0.5))), Named("z", onnx.Scalar(int8(0)))}, []*onnx.Node{
		Node("Identity", "z", "z2"), Node("DequantizeLinear", "a s z", "fa"), Node("DequantizeLinear", "bb s z2", "fb"), Node("MatMul", "x fa", "m"), Node("MatMul", "m fb", "y"),
	})
	for _, l := range found.Layers {
		if l.Skip != "" || len(l.Tied) > 0 {
			t.Errorf("layer %s: %q", l.Name, l.Skip)
		}
	}
	if len(found.Layers) != 2 {
		t.Errorf("%d layers", len(found.Layers))
	}
}

func TestTiedWeights(t *testing.T) {
	w := Random(2, 4, 4)
	same := []*onnx.Node{Node("MatMul", "x w", "a"), Node("Relu", "a", "b"), Node("MatMul", "b w", "y")}
	found := find(t, 17, "y", []*onnx.Tensor{Named("w", w)}, same)
	if len(found.Layers) != 1 || len(found.Layers[0].Uses) != 2 || found.Layers[0].Uses[1].Input != "b" {
		t.Fatalf("one weight used twice gives %d layers", len(found.Layers))
	}
	wantLayer(t, found.Layers[0], w, "w")

	// Equal content under two names, one of them transposed for Gemm.
	copies := []*onnx.Node{Node("MatMul", "x w", "a"), Node("MatMul", "a w2", "b"), Node("Gemm", "b w3", "y", onnx.IntAttr("transB", 1))}
	found = find(t, 17, "y", []*onnx.Tensor{Named("w", w), Named("w2", w.Clone()), Named("w3", Transposed(w))}, copies)
	if len(found.Layers) != 1 || len(found.Layers[0].Uses) != 3 {
		t.Fatalf("equal weights under three names give %d layers", len(found.Layers))
	}
	wantLayer(t, found.Layers[0], w, "w w2 w3")
	if found.Layers[0].Bytes != 3*64 {
		t.Errorf("three copies take %d bytes", found.Layers[0].Bytes)
	}

	// The same weight, once as it is and once transposed: two matrices, neither
	// of which can go without the other.
	turned := []*onnx.Node{Node("MatMul", "x w", "a"), Node("Gemm", "a w", "y", onnx.IntAttr("transB", 1))}
	found = find(t, 17, "y", []*onnx.Tensor{Named("w", w)}, turned)
	if len(found.Layers) != 2 {
		t.Fatalf("%d layers", len(found.Layers))
	}
	for _, l := range found.Layers {
		if !strings.Contains(l.Skip, "also used by") || len(l.Tied) != 1 {
			t.Errorf("layer %s of a transposed tie: %q", l.Name, l.Skip)
		}
	}
}

// What else needs a weight keeps it in the file.
func TestOtherUsesOfAWeight(t *testing.T) {
	w := Named("w", Random(3, 4, 4))
	branch := func(output string, nodes ...*onnx.Node) *onnx.Graph {
		return &onnx.Graph{Name: "branch", Outputs: Outputs(output), Nodes: nodes}
	}
	fixed := []*onnx.Tensor{w, Named("ids", onnx.FromSlice([]int64{1, 2}, 2))}
	for name, test := range map[string]struct {
		outputs string
		nodes   []*onnx.Node
		word    string
	}{
		"Gather":            {"y e", []*onnx.Node{Node("Shape", "x", "s"), Node("MatMul", "x w", "y"), Node("Gather", "w s", "e")}, "Gather"},
		"Add":               {"y", []*onnx.Node{Node("MatMul", "x w", "a"), Node("Add", "a w", "y")}, "Add"},
		"through Transpose": {"y", []*onnx.Node{Node("Transpose", "w", "v"), Node("MatMul", "x w", "a"), Node("Mul", "a v", "y")}, "Mul"},
		"subgraph": {"y z", []*onnx.Node{
			Node("MatMul", "x w", "y"), Node("ReduceSum", "x", "r", onnx.IntAttr("keepdims", 0)), Node("Cast", "r", "c", onnx.IntAttr("to", int64(onnx.Bool))),
			Node("If", "c", "z", onnx.GraphAttr("then_branch", branch("p", Node("Neg", "w", "p"))), onnx.GraphAttr("else_branch", branch("q", Node("Abs", "w", "q"))))}, `output "p"`},
		"node of a subgraph": {"y z", []*onnx.Node{
			Node("MatMul", "x w", "y"), Node("ReduceSum", "x", "r", onnx.IntAttr("keepdims", 0)), Node("Cast", "r", "c", onnx.IntAttr("to", int64(onnx.Bool))),
			Node("If", "c", "z", onnx.GraphAttr("then_branch", branch("p", Node("Add", "x w", "p"))), onnx.GraphAttr("else_branch", branch("q", Node("Abs", "x", "q"))))}, "node.p (Add)"},
		"output":          {"y w", []*onnx.Node{Node("MatMul", "x w", "y")}, `output "w"`},
		"computed output": {"y v", []*onnx.Node{Node("MatMul", "x w", "y"), Node("Neg", "w", "v")}, `output "v"`},
	} {
		found := find(t, 17, test.outputs, fixed, test.nodes)
		if len(found.Layers) == 0 || !strings.Contains(found.Layers[0].Skip, test.word) {
			t.Errorf("%s: %+v", name, found.Layers)
		}
	}
	found := find(t, 17, "y e", fixed, []*onnx.Node{Node("Shape", "x", "s"), Node("MatMul", "x w", "y"), Node("Gather", "w s", "e")})
	if len(found.Embeddings) != 1 || found.Embeddings[0].Parameters != 16 || found.Embeddings[0].Bytes != 64 {
		t.Errorf("embeddings are %+v", found.Embeddings)
	}
	if found.DenseParameters() != 0 {
		t.Errorf("%d dense parameters, want none that can be replaced", found.DenseParameters())
	}
}

func TestLayersThatAreKept(t *testing.T) {
	bad := Random(4, 4, 4)
	bad.Float32s()[5] = float32(math.NaN())
	half, _ := Random(5, 2, 4, 4).ConvertTo(onnx.Float16)
	initializers := []*onnx.Tensor{
		Named("nan", bad), Named("batch", Random(6, 2, 4, 4)), Named("vector", Random(7, 4)), Named("left3", Random(8, 2, 3, 4)),
		Named("kernel", Random(9, 4, 2, 3)), Named("lw", Random(10, 1, 8, 4)), Named("lr", Random(11, 1, 8, 2)), Named("half", half), Named("big", scaled(Random(12, 4, 4), 1e38)),
	}
	nodes := []*onnx.Node{
		Node("MatMul", "x nan", "a"), Node("MatMul", "x batch", "b"), Node("MatMul", "x vector", "c"),
		Node("Transpose", "x", "xt"), Node("MatMul", "left3 x", "d"),
		Node("Unsqueeze", "x axes", "x3"), Node("Transpose", "x3", "x4", onnx.IntsAttr("perm", 1, 2, 0)), Node("Conv", "x4 kernel", "e", onnx.IntsAttr("pads", 1, 1), onnx.IntAttr("group", 2)),
		Node("LSTM", "x3 lw lr", "f", onnx.IntAttr("hidden_size", 2)),
		Node("Cast", "x", "xh", onnx.IntAttr("to", int64(onnx.Float16))), Node("MatMul", "xh half", "g"),
		Node("Gemm", "xt nan", "h", onnx.IntAttr("transA", 1)),
		Node("Gemm", "x big", "i", onnx.FloatAttr("alpha", 1e5)),
	}
	initializers = append(initializers, Named("axes", onnx.FromSlice([]int64{0}, 1)))
	found := find(t, 17, "a b c d e f g h i", initializers, nodes)
	want := map[string]string{
		"node.a": `"nan"`, "node.b": "batch", "node.c": "vector", "node.d": "on the left", "node.e": "2 groups",
		"node.f#2": "state", "node.g": "batch", "node.h": "transposed input", "node.i": "infinite",
	}
	if len(found.Layers) != len(want)+1 {
		t.Errorf("%d layers, want %d", len(found.Layers), len(want)+1)
	}
	for _, l := range found.Layers {
		if l.Name == "node.f" { // the weight W of the LSTM
			continue
		}
		if w := want[l.Name]; w == "" || !strings.Contains(l.Skip, w) {
			t.Errorf("layer %s: %q, want %q", l.Name, l.Skip, w)
		}
	}
}

// Names of layers differ even where those of nodes do not.
func TestNamesDiffer(t *testing.T) {
	nodes := []*onnx.Node{Node("MatMul", "x a", "p"), Node("MatMul", "p b", "q"), Node("MatMul", "q c", "y")}
	nodes[0].Name, nodes[1].Name, nodes[2].Name = "same", "same", ""
	found := find(t, 17, "y", []*onnx.Tensor{Named("a", Random(1, 4, 5)), Named("b", Random(2, 5, 6)), Named("c", Random(3, 6, 7))}, nodes)
	var got []string
	for _, l := range found.Layers {
		got = append(got, l.Name)
	}
	if !slices.Equal(got, []string{"same", "same#2", "y"}) {
		t.Errorf("names are %v", got)
	}
}

func TestOldOpsets(t *testing.T) {
	for opset, frozen := range map[int]bool{1: true, 6: true, 7: false, 20: false} {
		found := find(t, opset, "y", []*onnx.Tensor{Named("w", Random(1, 4, 4))}, []*onnx.Node{Node("MatMul", "x w", "y")})
		if (found.Frozen != "") != frozen || (found.Layers[0].Skip != "") != frozen {
			t.Errorf("opset %d: frozen %q, layer %q", opset, found.Frozen, found.Layers[0].Skip)
		}
	}
}

// Weights of IR version 3, whose initializers are inputs too.
func TestInitializersThatAreInputs(t *testing.T) {
	w := Random(1, 4, 4)
	m := Model(8, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 4), Value("w", 4, 4)}, Outputs: Outputs("y"), Initializers: []*onnx.Tensor{Named("w", w)}, Nodes: []*onnx.Node{Node("MatMul", "x w", "y")}})
	m.IRVersion = 3
	found := discover.Find(Open(t, m))
	wantLayer(t, found.Layers[0], w, "w")
}

// A node may have no outputs, or only absent ones.
func TestNodesWithoutOutputs(t *testing.T) {
	nodes := []*onnx.Node{Node("MatMul", "x w", "y"), {Op: "Identity", Inputs: []string{"w"}}, {Op: "Identity", Inputs: []string{"w"}, Outputs: []string{""}}}
	if found := find(t, 17, "y", []*onnx.Tensor{Named("w", Random(1, 4, 4))}, nodes); len(found.Layers) != 1 {
		t.Errorf("%d layers", len(found.Layers))
	}
}

func TestNestedWeights(t *testing.T) {
	inBranch := &onnx.Graph{Name: "then", Outputs: Outputs("p"), Initializers: []*onnx.Tensor{Named("wi", Random(1, 4, 8))}, Nodes: []*onnx.Node{Node("MatMul", "x wi", "p")}}
	captured := &onnx.Graph{Name: "else", Outputs: Outputs("q"), Nodes: []*onnx.Node{Node("Transpose", "wc", "wt"), Node("MatMul", "x wt", "q")}}
	f := &onnx.Function{Name: "F", Domain: "local", Inputs: []string{"a", "v"}, Outputs: []string{"b"}, Opsets: map[string]int{"": 17}, Nodes: []*onnx.Node{
		Node("Constant", "", "wf", onnx.TensorAttr("value", Random(3, 4, 4))), Node("MatMul", "a wf", "i"), Node("Transpose", "v", "vt"), Node("MatMul", "i vt", "b"),
	}}
	nodes := []*onnx.Node{
		Node("ReduceSum", "x", "r", onnx.IntAttr("keepdims", 0)), Node("Cast", "r", "c", onnx.IntAttr("to", int64(onnx.Bool))),
		Node("If", "c", "z", onnx.GraphAttr("then_branch", inBranch), onnx.GraphAttr("else_branch", captured)),
		Local(Node("F", "x wp", "y")),
	}
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 4)}, Outputs: Outputs("y z"), Nodes: nodes,
		Initializers: []*onnx.Tensor{Named("wc", Random(2, 8, 4)), Named("wp", Random(4, 6, 4))}}, f)
	bodies := discover.Bodies(m)
	got := map[string]int{}
	for _, b := range bodies {
		for _, w := range b.Weights {
			got[b.Path+w.Name] = w.Axis
		}
	}
	want := map[string]int{"wc": 0, "wp": 0, "node.z/1/wi": 1, "F/wf": 1}
	if len(got) != len(want) {
		t.Errorf("weights are %v, want %v", got, want)
	}
	for name, axis := range want {
		if got[name] != axis {
			t.Errorf("axis of %s is %d, want %d (%v)", name, got[name], axis, got)
		}
	}
	for inlined, s := range map[bool]*runtime.Session{false: Open(t, m), true: openInlined(t, m)} {
		listed := map[string]string{}
		for _, l := range discover.Find(s).Layers {
			listed[strings.Join(l.Stored, " ")] = l.Skip
		}
		for name, word := range map[string]string{"wc": "", "wp": "function", "wi": "", "wf": "function"} {
			if inlined {
				word, name = "", strings.Replace(name, "wf", "node.y/1/wf", 1)
			}
			skip, ok := listed[name]
			if !ok || !strings.Contains(skip, word) || word == "" && skip != "" {
				t.Errorf("%s is listed as %q, want %q (%v)", name, skip, word, listed)
			}
		}
	}
}

// openInlined prepares a model as fits do.
func openInlined(t *testing.T, m *onnx.Model) *runtime.Session {
	t.Helper()
	s, err := discover.Open(m, runtime.WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
