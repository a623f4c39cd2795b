package discover_test

import (
	"math"
	"testing"

	"github.com/kcompress/kcompress/fit/discover"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/onnx"
)

// truth is a node with a constant condition.
func truth(name string, value bool) *onnx.Node {
	return Node("Constant", "", name, onnx.TensorAttr("value", onnx.Scalar(value)))
}

// inlinedModel has dense layers in a function that calls another one, twice, and
// in branches of which the condition is known: one in a branch of the other.
func inlinedModel(opset int) *onnx.Model {
	inner := &onnx.Function{Name: "Dense", Domain: "local", Inputs: []string{"a", "v"}, Outputs: []string{"b"}, Attributes: []string{"axis"}, Opsets: map[string]int{"": opset}, Nodes: []*onnx.Node{
		Node("MatMul", "a v", "m"), {Name: "s", Op: "Softmax", Inputs: []string{"m"}, Outputs: []string{"b"}, Attrs: []onnx.Attribute{{Name: "axis", Kind: onnx.AttrInt, RefName: "axis"}}},
	}}
	outer := &onnx.Function{Name: "Block", Domain: "local", Inputs: []string{"a"}, Outputs: []string{"b"}, Opsets: map[string]int{"": opset, "local": 1}, Nodes: []*onnx.Node{
		Node("Constant", "", "m", onnx.TensorAttr("value", Random(1, 4, 4))), Local(Node("Dense", "a m", "b", onnx.IntAttr("axis", 1))),
	}}
	plain := &onnx.Function{Name: "Plain", Domain: "local", Inputs: []string{"a"}, Outputs: []string{"b"}, Opsets: map[string]int{"": opset}, Nodes: []*onnx.Node{Node("Neg", "a", "b")}}
	leaf := func(out, w string, seed uint64) *onnx.Graph {
		return &onnx.Graph{Name: out, Outputs: Outputs(out), Initializers: []*onnx.Tensor{Named(w, Random(seed, 4, 4))}, Nodes: []*onnx.Node{Node("MatMul", "p "+w, out)}}
	}
	nested := &onnx.Graph{Name: "then", Outputs: Outputs("t kept p"), Initializers: []*onnx.Tensor{Named("kept", Random(5, 2))}, Nodes: []*onnx.Node{
		truth("no", false), Node("If", "no", "t", onnx.GraphAttr("then_branch", leaf("t1", "w1", 2)), onnx.GraphAttr("else_branch", leaf("t2", "w2", 3))),
	}}
	other := &onnx.Graph{Name: "else", Outputs: Outputs("e f g"), Nodes: []*onnx.Node{Node("Neg", "p", "e"), Node("Neg", "p", "f"), Node("Neg", "p", "g")}}
	return Model(opset, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 4)}, Outputs: Outputs("y k p2"), Nodes: []*onnx.Node{
		Local(Node("Block", "x", "o")), Local(Node("Plain", "o", "o2")), Local(Node("Block", "o2", "p")),
		truth("yes", true), Node("If", "yes", "y k p2", onnx.GraphAttr("then_branch", nested), onnx.GraphAttr("else_branch", other)),
	}}, inner, outer, plain)
}

func TestInline(t *testing.T) {
	m := inlinedModel(17)
	before, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s := openInlined(t, m)
	inlined := s.Model()
	if after, _ := m.Encode(); string(after) != string(before) {
		t.Error("the model was changed")
	}
	if err := inlined.Check(); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, n := range inlined.Graph.Nodes {
		count[n.Op]++
	}
	if count["MatMul"] != 3 || count["If"] != 0 || count["Block"] != 0 || count["Plain"] != 1 || len(inlined.Functions) != 1 {
		t.Errorf("nodes are %v, with %d functions", count, len(inlined.Functions))
	}
	if layers := discover.Find(s).Layers; len(layers) != 2 || len(layers[0].Uses) != 2 || layers[0].Skip+layers[1].Skip != "" {
		t.Errorf("%d layers", len(layers))
	}
	in := map[string]*onnx.Tensor{"x": Random(9, 3, 4)}
	want := Run(t, m, in)
	for name, got := range Run(t, inlined, in) {
		for i, v := range got.Float32s() {
			if math.Abs(float64(v-want[name].Float32s()[i])) > 1e-6 {
				t.Fatalf("%s[%d] is %v, want %v", name, i, v, want[name].Float32s()[i])
			}
		}
	}
}

// A function that is written against another operator set stays a function.
func TestInlineOtherOpset(t *testing.T) {
	m := inlinedModel(17)
	for _, f := range m.Functions {
		f.Opsets[""] = 13
	}
	s := openInlined(t, m)
	if len(s.Model().Functions) != 3 {
		t.Errorf("%d functions", len(s.Model().Functions))
	}
}

// A model with nothing to inline is taken as it is.
func TestInlineNothing(t *testing.T) {
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 4)}, Outputs: Outputs("y"), Nodes: []*onnx.Node{Node("Neg", "x", "y")}})
	if s := openInlined(t, m); s.Model() != m {
		t.Error("the model was copied")
	}
}
