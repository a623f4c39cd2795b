package onnx

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// node returns a node called name, with inputs and outputs separated by spaces.
func node(name, inputs, outputs string, attrs ...Attribute) *Node {
	return &Node{Name: name, Op: "Op", Inputs: strings.Fields(inputs), Outputs: strings.Fields(outputs), Attrs: attrs}
}

func values(names ...string) []ValueInfo {
	var infos []ValueInfo
	for _, name := range names {
		infos = append(infos, ValueInfo{Name: name})
	}
	return infos
}

// chainModel returns a valid model, x -> a -> b -> y, with the weight w.
func chainModel() *Model {
	w := Scalar(float32(1))
	w.Name = "w"
	return &Model{IRVersion: 8, Opsets: map[string]int{"": 17, "local": 1}, Graph: &Graph{
		Inputs: values("x"), Outputs: values("y"), Initializers: []*Tensor{w},
		Nodes: []*Node{node("A", "x", "a"), node("B", "a w", "b"), node("C", "b", "y")},
	}}
}

func body(outputs []ValueInfo, nodes ...*Node) *Graph { return &Graph{Outputs: outputs, Nodes: nodes} }

func TestCheckRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(m *Model)
		kind   error
		says   string
	}{
		{"no ir_version", func(m *Model) { m.IRVersion = 0 }, ErrInvalid, "ir_version"},
		{"damaged ir_version", func(m *Model) { m.IRVersion = 1 << 40 }, ErrInvalid, "ir_version"},
		{"no graph", func(m *Model) { m.Graph = nil }, ErrInvalid, "no graph"},
		{"no outputs", func(m *Model) { m.Graph.Outputs = nil }, ErrInvalid, "no outputs"},
		{"no operator sets", func(m *Model) { m.Opsets = nil }, ErrInvalid, "no operator set"},
		{"operator set 0", func(m *Model) { m.Opsets[""] = 0 }, ErrInvalid, "version 0"},
		{"operator set -1", func(m *Model) { m.Opsets["local"] = -1 }, ErrInvalid, "version -1"},
		{"domain not imported", func(m *Model) { m.Graph.Nodes[1].Domain = "other" }, ErrInvalid, `"other" is not imported`},
		{"no operator", func(m *Model) { m.Graph.Nodes[1].Op = "" }, ErrInvalid, "without an operator"},
		{"missing input", func(m *Model) { m.Graph.Nodes[1].Inputs[0] = "none" }, ErrInvalid, `node "B" (Op): "none"`},
		{"missing output", func(m *Model) { m.Graph.Outputs[0].Name = "none" }, ErrInvalid, `"none": invalid model: no node makes`},
		{"output made twice", func(m *Model) { m.Graph.Nodes[2].Outputs[0] = "b" }, ErrInvalid, `node "C" (Op): "b"`},
		{"output with the name of an input", func(m *Model) { m.Graph.Nodes[1].Outputs[0] = "x" }, ErrInvalid, `node "B" (Op): "x"`},
		{"output with the name of an initializer", func(m *Model) { m.Graph.Nodes[1].Outputs[0] = "w" }, ErrInvalid, `node "B" (Op): "w"`},
		{"two inputs of one name", func(m *Model) { m.Graph.Inputs = values("x", "x") }, ErrInvalid, `"x"`},
		{"input without a name", func(m *Model) { m.Graph.Inputs = values("x", "") }, ErrInvalid, "without a name"},
		{"two initializers of one name", func(m *Model) { m.Graph.Initializers = append(m.Graph.Initializers, m.Graph.Initializers[0]) }, ErrInvalid, "two initializers"},
		{"node that reads itself", func(m *Model) { m.Graph.Nodes[1].Inputs[0] = "b" }, ErrInvalid, `cycle: "B"`},
		{"cycle", func(m *Model) { m.Graph.Nodes[0].Inputs[0] = "b" }, ErrInvalid, "in a cycle"},
		{"cycle through a subgraph", func(m *Model) {
			m.Graph.Nodes[0].SetAttr(GraphAttr("body", body(values("i"), node("I", "b", "i"))))
		}, ErrInvalid, "in a cycle"},
		{"not sorted", func(m *Model) { slices.Reverse(m.Graph.Nodes) }, ErrInvalid, "sort the nodes"},
		{"missing input in a subgraph", func(m *Model) {
			m.Graph.Nodes[0].SetAttr(GraphAttr("body", body(values("i"), node("I", "none", "i"))))
		}, ErrInvalid, `node "I" (Op): "none"`},
		{"output of a subgraph read outside", func(m *Model) {
			m.Graph.Nodes[0].SetAttr(GraphAttr("body", body(values("i"), node("I", "x", "i"))))
			m.Graph.Nodes[1].Inputs[0] = "i"
		}, ErrInvalid, `node "B" (Op): "i"`},
		{"two attributes of one name", func(m *Model) { m.Graph.Nodes[0].Attrs = []Attribute{IntAttr("a", 1), IntAttr("a", 2)} }, ErrInvalid, "two attributes"},
		{"attribute reference outside of functions", func(m *Model) { m.Graph.Nodes[0].Attrs = []Attribute{{Name: "a", RefName: "b"}} }, ErrInvalid, `attribute "b"`},
		{"function with a missing input", func(m *Model) { m.Functions = []*Function{function("F", node("N", "none", "y"))} }, ErrInvalid, `"none"`},
		{"function with an unknown attribute", func(m *Model) {
			m.Functions = []*Function{function("F", node("N", "x", "y", Attribute{Name: "a", RefName: "none"}))}
		}, ErrInvalid, `attribute "none"`},
		{"function without its output", func(m *Model) { m.Functions = []*Function{function("F", node("N", "x", "z"))} }, ErrInvalid, `function output "y"`},
		{"function that reads the graph", func(m *Model) { m.Functions = []*Function{function("F", node("N", "w", "y"))} }, ErrInvalid, `"w"`},
		{"function without imports", func(m *Model) {
			m.Functions = []*Function{function("F", node("N", "x", "y"))}
			m.Functions[0].Opsets = nil
		}, ErrInvalid, "not imported"},
		{"two functions of one name", func(m *Model) {
			m.Functions = []*Function{function("F", node("N", "x", "y")), function("F", node("N", "x", "y"))}
		}, ErrInvalid, "two local functions"},
		{"function that uses itself", func(m *Model) { m.Functions = []*Function{function("F", call("F", "x", "y"))} }, ErrInvalid, "uses itself"},
		{"GHSA-7w46-vvrh-m8q5: functions that use each other", func(m *Model) {
			m.Functions = []*Function{function("F", call("G", "x", "y")), function("G", call("H", "x", "y")), function("H", call("F", "x", "y"))}
		}, ErrInvalid, "uses itself"},
		{"function that uses itself in a subgraph", func(m *Model) {
			m.Functions = []*Function{function("F", node("N", "x", "y", GraphAttr("body", body(values("i"), call("F", "x", "i")))))}
		}, ErrInvalid, "uses itself"},
		{"functions that unfold to 2^40 nodes", func(m *Model) {
			for i := range 40 {
				next := fmt.Sprint("F", i+1)
				m.Functions = append(m.Functions, function(fmt.Sprint("F", i), call(next, "x", "h"), call(next, "h", "y")))
			}
			m.Functions = append(m.Functions, function("F40", node("N", "x", "y")))
			m.Graph.Nodes[0] = call("F0", "x", "a")
		}, ErrLimit, "expanded"},
	}
	for _, test := range tests {
		m := chainModel()
		test.change(m)
		err := m.Check()
		var e *Error
		if !errors.Is(err, test.kind) || !errors.As(err, &e) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %v with %q", test.name, err, test.kind, test.says)
		}
	}
}

func function(name string, nodes ...*Node) *Function {
	return &Function{Name: name, Domain: "local", Inputs: []string{"x"}, Outputs: []string{"y"},
		Attributes: []string{"alpha"}, Opsets: map[string]int{"": 17, "local": 1}, Nodes: nodes}
}

// call returns a node that stands for a local function.
func call(name, inputs, outputs string) *Node {
	n := node("call "+name, inputs, outputs)
	n.Op, n.Domain = name, "local"
	return n
}

func TestCheckAccepts(t *testing.T) {
	tests := map[string]func(m *Model){
		"as it is":                               func(*Model) {},
		"optional input":                         func(m *Model) { m.Graph.Nodes[1].Inputs = []string{"a", "", "w"} },
		"optional output":                        func(m *Model) { m.Graph.Nodes[1].Outputs = []string{"b", "", ""} },
		"initializer that is an input's default": func(m *Model) { m.Graph.Inputs = values("x", "w") },
		"input as output":                        func(m *Model) { m.Graph.Outputs = values("x") },
		"initializer as output":                  func(m *Model) { m.Graph.Outputs = values("w") },
		"IR version 1 without imports":           func(m *Model) { m.IRVersion, m.Opsets = 1, nil },
		"subgraph that reads outer values": func(m *Model) {
			m.Graph.Nodes[2].SetAttr(GraphAttr("body", body(values("i"), node("I", "a w x b", "i"))))
		},
		"subgraph within a subgraph": func(m *Model) {
			inner := GraphAttr("body", body(values("j"), node("J", "i a", "j")))
			m.Graph.Nodes[2].SetAttr(GraphAttr("body", body(values("k"), node("I", "b", "i"), node("K", "i", "k", inner))))
		},
		"functions that use others": func(m *Model) {
			m.Functions = []*Function{function("F", call("G", "x", "h"), call("G", "h", "y")), function("G", node("N", "x", "y", Attribute{Name: "a", RefName: "alpha"}))}
			m.Graph.Nodes[0] = call("F", "x", "a")
		},
		"overloads of one function": func(m *Model) {
			m.Functions = []*Function{function("F", node("N", "x", "y")), function("F", node("N", "x", "y"))}
			m.Functions[1].Overload = "other"
		},
	}
	for name, change := range tests {
		m := chainModel()
		change(m)
		if err := m.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSort shuffles graphs without cycles: every node must come after those
// that it reads from, and a sorted graph must stay as it is.
func TestSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 20).Draw(t, "nodes")
		var nodes []*Node
		for i := range n {
			var inputs []string
			for range rapid.IntRange(0, 3).Draw(t, "inputs") {
				inputs = append(inputs, fmt.Sprint("v", rapid.IntRange(0, max(i-1, 0)).Draw(t, "input")))
			}
			if i == 0 {
				inputs = nil
			}
			a := node(fmt.Sprint("n", i), "", fmt.Sprint("v", i))
			if rapid.Bool().Draw(t, "in a subgraph") {
				a.SetAttr(GraphAttr("body", body(nil, node("inner", strings.Join(inputs, " "), fmt.Sprint("inner", i)))))
			} else {
				a.Inputs = inputs
			}
			nodes = append(nodes, a)
		}
		g := &Graph{Nodes: slices.Clone(nodes)}
		if err := g.Sort(); err != nil || !slices.Equal(g.Nodes, nodes) {
			t.Fatalf("a sorted graph was changed: %v", err)
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r.Shuffle(n, func(i, j int) { g.Nodes[i], g.Nodes[j] = g.Nodes[j], g.Nodes[i] })
		if err := g.Sort(); err != nil {
			t.Fatal(err)
		}
		if len(g.Nodes) != n {
			t.Fatalf("%d nodes became %d", n, len(g.Nodes))
		}
		done := map[string]bool{}
		for _, a := range g.Nodes {
			a.reads(func(name string) {
				if !done[name] {
					t.Errorf("%s comes before what makes %s", a.Name, name)
				}
			})
			done[a.Outputs[0]] = true
		}
	})
}

// TestLoadSorts reads a file whose nodes are in the wrong order.
func TestLoadSorts(t *testing.T) {
	m := chainModel()
	slices.Reverse(m.Graph.Nodes)
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Check(); err != nil {
		t.Error(err)
	}
}

func TestGraphHelpers(t *testing.T) {
	g := chainModel().Graph
	g.Nodes[2].SetAttr(GraphAttr("body", body(values("i"), node("I", "a outer", "i"))))
	if got := g.Captured(); !slices.Equal(got, []string{"outer"}) {
		t.Errorf("captured %v", got)
	}
	if got := g.Producers()["b"]; got != g.Nodes[1] {
		t.Errorf("b is made by %v", got)
	}
	if got := g.Consumers()["a"]; len(got) != 2 || got[0] != g.Nodes[1] || got[1] != g.Nodes[2] {
		t.Errorf("a is read by %v", got)
	}
	g.Inputs = values("x", "w")
	if got := g.FeedInputs(); len(got) != 1 || got[0].Name != "x" {
		t.Errorf("inputs to feed: %v", got)
	}
}
