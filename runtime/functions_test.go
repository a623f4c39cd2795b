package runtime_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

func function(name, inputs, outputs string, nodes ...*onnx.Node) *onnx.Function {
	return &onnx.Function{Name: name, Domain: "local", Inputs: names(inputs), Outputs: names(outputs), Opsets: map[string]int{"": 17, "local": 1}, Nodes: nodes}
}

// refer returns an attribute that takes its value from the function's attribute.
func refer(name, to string, kind onnx.AttrKind) onnx.Attribute {
	return onnx.Attribute{Name: name, RefName: to, Kind: kind}
}

// vectorModel is a model from x [2] to the named outputs.
func vectorModel(outputs string, nodes []*onnx.Node, functions ...*onnx.Function) *onnx.Model {
	g := &onnx.Graph{Inputs: []onnx.ValueInfo{tensor("x", onnx.Float32, 2)}, Nodes: nodes}
	for _, name := range names(outputs) {
		g.Outputs = append(g.Outputs, untyped(name))
	}
	return newModel(g, functions...)
}

func TestNestedFunctions(t *testing.T) {
	twice := function("Twice", "a", "b", node("Add", "a a", "b"))
	// Inner values have the names of outer ones: they must not be mixed up.
	four := function("Four", "x", "y", in("local", node("Twice", "x", "a")), in("local", node("Twice", "a", "y")))
	m := vectorModel("y", []*onnx.Node{in("local", node("Four", "x", "a")), in("local", node("Four", "a", "b")), node("Sub", "b a", "y")}, four, twice)
	wantFloats(t, "y", run(t, m, map[string]*onnx.Tensor{"x": floats(1, 2)})["y"], 12, 24)
}

func TestFunctionAttributes(t *testing.T) {
	leaky := function("Leaky", "a", "b", node("LeakyRelu", "a", "b", refer("alpha", "slope", onnx.AttrFloat)))
	leaky.Defaults = []onnx.Attribute{onnx.FloatAttr("slope", 0.5)}
	// The attribute of a call is itself a reference to the attribute of the
	// function around it.
	outer := function("Outer", "a", "b", in("local", node("Leaky", "a", "b", refer("slope", "given", onnx.AttrFloat))))
	outer.Attributes = []string{"given"}
	plain := function("Plain", "a", "b", node("LeakyRelu", "a", "b", refer("alpha", "slope", onnx.AttrFloat)))
	plain.Attributes = []string{"slope"} // without it, LeakyRelu has its own default
	m := vectorModel("a b c d e", []*onnx.Node{
		in("local", node("Leaky", "x", "a")),
		in("local", node("Leaky", "x", "b", onnx.FloatAttr("slope", 0.25))),
		in("local", node("Outer", "x", "c", onnx.FloatAttr("given", 2))),
		in("local", node("Outer", "x", "d")),
		in("local", node("Plain", "x", "e")),
	}, leaky, outer, plain)
	out := run(t, m, map[string]*onnx.Tensor{"x": floats(-100, 1)})
	for name, want := range map[string]float32{"a": -50, "b": -25, "c": -200, "d": -50, "e": -1} {
		wantFloats(t, name, out[name], want, 1)
	}
}

func TestFunctionOptionalInputs(t *testing.T) {
	clip := function("Limit", "a low high", "b", node("Clip", "a low high", "b"))
	m := vectorModel("all none low high", []*onnx.Node{
		node("Constant", "", "one", onnx.TensorAttr("value", onnx.Scalar(float32(1)))),
		node("Constant", "", "minus", onnx.TensorAttr("value", onnx.Scalar(float32(-1)))),
		in("local", node("Limit", "x minus one", "all")), in("local", node("Limit", "x", "none")),
		in("local", node("Limit", "x minus", "low")), in("local", node("Limit", "x _ one", "high")),
	}, clip)
	out := run(t, m, map[string]*onnx.Tensor{"x": floats(-5, 5)})
	wantFloats(t, "both", out["all"], -1, 1)
	wantFloats(t, "none", out["none"], -5, 5)
	wantFloats(t, "low", out["low"], -1, 5)
	wantFloats(t, "high", out["high"], -5, 1)
}

func TestFunctionOutputs(t *testing.T) {
	// Outputs that are inputs, that come twice, and that nobody wants.
	f := function("F", "a b", "b s a s n", node("Add", "a b", "s"), node("Neg", "s", "n"))
	m := vectorModel("p q r s", []*onnx.Node{
		node("Neg", "x", "m"),
		in("local", node("F", "x x", "_ p q r")),
		in("local", node("F", "x m", "s")),
	}, f)
	out := run(t, m, map[string]*onnx.Tensor{"x": floats(1, 2)})
	wantFloats(t, "p", out["p"], 2, 4)
	wantFloats(t, "q", out["q"], 1, 2)
	wantFloats(t, "r", out["r"], 2, 4)
	wantFloats(t, "s", out["s"], -1, -2)
}

// Functions in subgraphs, and subgraphs in functions that capture the
// function's values.
func TestFunctionsAndSubgraphs(t *testing.T) {
	double := function("Double", "a", "b", node("Add", "a a", "b"))
	then := &onnx.Graph{Name: "then", Outputs: []onnx.ValueInfo{untyped("r")}, Nodes: []*onnx.Node{in("local", node("Double", "v", "r"))}}
	otherwise := &onnx.Graph{Name: "else", Outputs: []onnx.ValueInfo{untyped("q")}, Nodes: []*onnx.Node{node("Neg", "v", "q")}}
	f := function("Choose", "c a", "b", node("Abs", "a", "v"), node("If", "c", "b", onnx.GraphAttr("then_branch", then), onnx.GraphAttr("else_branch", otherwise)))
	m := vectorModel("y z", []*onnx.Node{
		in("local", node("Choose", "c x", "y")), node("Not", "c", "d"), in("local", node("Choose", "d x", "z")),
	}, double, f)
	m.Graph.Inputs = append(m.Graph.Inputs, tensor("c", onnx.Bool))
	out := run(t, m, map[string]*onnx.Tensor{"x": floats(-1, 3), "c": onnx.Scalar(true)})
	wantFloats(t, "y", out["y"], 2, 6)
	wantFloats(t, "z", out["z"], -1, -3)
}

func TestFunctionOpset(t *testing.T) {
	// Opset 12 of the function has the axes of Squeeze as an attribute.
	f := function("F", "a", "b", node("Squeeze", "a", "b", onnx.IntsAttr("axes", 0)))
	f.Opsets[""] = 12
	m := vectorModel("y", []*onnx.Node{
		node("Constant", "", "axes", onnx.TensorAttr("value", ints(0))),
		node("Unsqueeze", "x axes", "u"), in("local", node("F", "u", "y")),
	}, f)
	wantFloats(t, "y", run(t, m, map[string]*onnx.Tensor{"x": floats(1, 2)})["y"], 1, 2)
}

// laughs returns functions of which each calls the one before it so many times,
// through a subgraph if wanted.
func laughs(levels, times int, subgraphs bool) *onnx.Model {
	functions := []*onnx.Function{function("F0", "a", "b", node("Neg", "a", "b"))}
	for level := 1; level <= levels; level++ {
		var nodes []*onnx.Node
		at := "a"
		for i := range times {
			to := fmt.Sprintf("v%d", i)
			if i == times-1 {
				to = "b"
			}
			call := in("local", node(fmt.Sprintf("F%d", level-1), at, to))
			if subgraphs {
				inner := call.Clone()
				inner.Outputs = []string{to + ".inner"}
				g := &onnx.Graph{Name: "g", Outputs: []onnx.ValueInfo{untyped(to + ".inner")}, Nodes: []*onnx.Node{inner}}
				other := &onnx.Graph{Name: "h", Outputs: []onnx.ValueInfo{untyped(at)}}
				call = node("If", "c", to, onnx.GraphAttr("then_branch", g), onnx.GraphAttr("else_branch", other))
			}
			nodes = append(nodes, call)
			at = to
		}
		inputs := "a"
		if subgraphs {
			nodes = append([]*onnx.Node{node("Constant", "", "i", onnx.TensorAttr("value", onnx.Scalar(true))), node("RandomNormal", "", "f", onnx.IntsAttr("shape")), node("Cast", "f", "c", onnx.IntAttr("to", int64(onnx.Bool)))}, nodes...)
		}
		functions = append(functions, function(fmt.Sprintf("F%d", level), inputs, "b", nodes...))
	}
	return vectorModel("y", []*onnx.Node{in("local", node(fmt.Sprintf("F%d", levels), "x", "y"))}, functions...)
}

func TestExponentialFunctions(t *testing.T) {
	for _, subgraphs := range []bool{false, true} {
		for _, levels := range []int{18, 40} { // 2^18 is below the limit of package onnx
			started := time.Now()
			if _, err := runtime.New(laughs(levels, 2, subgraphs)); err == nil {
				t.Fatalf("functions of 2^%d nodes are accepted", levels)
			}
			t.Logf("2^%d nodes are refused after %v", levels, time.Since(started))
		}
	}
	m := laughs(10, 2, false) // 1,024 times Neg is fine
	wantFloats(t, "y", run(t, m, map[string]*onnx.Tensor{"x": floats(1, 2)})["y"], 1, 2)
	if _, err := runtime.New(laughs(100, 1, false)); err == nil {
		t.Error("a hundred nested calls are accepted")
	}
	if _, err := open(t, laughs(5, 2, true)).Run(context.Background(), map[string]*onnx.Tensor{"x": floats(1, 2)}); err != nil {
		t.Error(err)
	}
}
