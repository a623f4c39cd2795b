package onnxgo

import (
	"errors"
	"math"
	"strings"
	"testing"

	onnxgo "github.com/owulveryck/onnx-go"
	"gorgonia.org/tensor"

	"github.com/kcompress/kcompress/onnx"
)

// One value read twice is one edge of the graph.
func TestSameInputTwice(t *testing.T) {
	b, m := decode(t, opset9(&onnx.Graph{
		Inputs: vectors(2, "x", "y"), Outputs: vectors(2, "z"),
		Nodes: []*onnx.Node{
			node("Mul", []string{"x", "x"}, []string{"xx"}),
			node("Sum", []string{"y", "xx", "y"}, []string{"z"}),
		},
	}))
	setInputs(t, m, vector(3, 4), vector(10, 20))
	expect(t, "z", run(t, b, m)[0], 29, 56)
}

// Inputs with an initializer may come before those without.
func TestInitializerFirst(t *testing.T) {
	b, m := decode(t, opset9(&onnx.Graph{
		Inputs: vectors(2, "w", "x", "v", "y"), Outputs: vectors(2, "z"),
		Initializers: []*onnx.Tensor{initializer("v", 100, 200), initializer("w", 2, 3)},
		Nodes: []*onnx.Node{
			node("Mul", []string{"x", "w"}, []string{"p"}),
			node("Add", []string{"p", "v"}, []string{"q"}),
			node("Sub", []string{"q", "y"}, []string{"z"}),
		},
	}))
	setInputs(t, m, vector(1, 10), vector(7, 8))
	expect(t, "z", run(t, b, m)[0], 95, 222)
}

// Initializers need not be inputs, even if all their elements are 0 as those of
// the placeholders of inputs are.
func TestInitializerOnly(t *testing.T) {
	b, m := decode(t, opset9(&onnx.Graph{
		Inputs: vectors(2, "x", "unused"), Outputs: vectors(2, "z"),
		Initializers: []*onnx.Tensor{initializer("zero", 0, 0), initializer("one", 1, 1)},
		Nodes: []*onnx.Node{
			node("Mul", []string{"x", "zero"}, []string{"p"}),
			node("Add", []string{"p", "one"}, []string{"z"}),
		},
	}))
	setInputs(t, m, vector(3, 4))
	expect(t, "z", run(t, b, m)[0], 1, 1)
}

// Inputs that nobody set are an error, not zeros.
func TestMissingInput(t *testing.T) {
	b, m := decode(t, opset9(&onnx.Graph{
		Inputs: vectors(2, "x", "y"), Outputs: vectors(2, "z"),
		Nodes: []*onnx.Node{node("Add", []string{"x", "y"}, []string{"z"})},
	}))
	setInputs(t, m, vector(3, 4))
	if err := b.Run(); err == nil || !strings.Contains(err.Error(), `"y"`) {
		t.Errorf("got error %v, expected one that names y", err)
	}
}

// Operators without inputs are given one by onnx-go.
func TestConstants(t *testing.T) {
	constant := func(output string, values ...float32) *onnx.Node {
		return node("Constant", nil, []string{output}, onnx.TensorAttr("value", onnx.FromSlice(values, len(values))))
	}
	b, m := decode(t, opset9(&onnx.Graph{
		Inputs: vectors(2, "x"), Outputs: vectors(2, "z"),
		Initializers: []*onnx.Tensor{initializer("w", 1000, 2000)},
		Nodes: []*onnx.Node{
			constant("c", 1, 2), constant("d", 10, 20),
			node("Sum", []string{"x", "c", "d", "w"}, []string{"z"}),
		},
	}))
	setInputs(t, m, vector(100, 200))
	expect(t, "z", run(t, b, m)[0], 1111, 2222)
}

// Absent inputs and outputs are nodes without a name.
func TestAbsentValues(t *testing.T) {
	limit := onnx.Scalar[float32](5)
	limit.Name = "limit"
	model := opset9(&onnx.Graph{
		Inputs: vectors(3, "x"), Outputs: vectors(1, "values", "indices"),
		Initializers: []*onnx.Tensor{limit},
		Nodes: []*onnx.Node{
			node("Clip", []string{"x", "", "limit"}, []string{"c"}),
			node("Unique", []string{"c"}, []string{"values", "", "indices", ""}),
		},
	})
	model.Graph.Outputs[1].Type.Elem = onnx.Int64
	model.Opsets[""] = 11
	b, m := decode(t, model)
	setInputs(t, m, vector(-3, 9, 7))
	outputs := run(t, b, m)
	expect(t, "values", outputs[0], -3, 5)
	expect(t, "indices", outputs[1], 0, 1, 1)
}

// Inner values with a stated type look like outputs, and outputs may be read
// by other operators or be inputs.
func TestInnerValues(t *testing.T) {
	b, m := decode(t, opset9(&onnx.Graph{
		Inputs: vectors(2, "x"), ValueInfos: vectors(2, "a", "b"), Outputs: vectors(2, "b", "c", "x", "d"),
		Initializers: []*onnx.Tensor{initializer("zero", 0, 0)},
		Nodes: []*onnx.Node{
			node("Neg", []string{"x"}, []string{"a"}),
			node("Add", []string{"a", "a"}, []string{"b"}),
			node("Add", []string{"b", "b"}, []string{"c"}),
			node("Add", []string{"c", "zero"}, []string{"e"}),
			node("Add", []string{"e", "e"}, []string{"d"}),
		},
	}))
	for range 2 {
		setInputs(t, m, vector(1, 2))
		outputs := run(t, b, m)
		expect(t, "b", outputs[0], -2, -4)
		expect(t, "c", outputs[1], -4, -8)
		expect(t, "x", outputs[2], 1, 2)
		expect(t, "d", outputs[3], -8, -16)
		for name, first := range map[string]float64{"a": -1, "e": -4} {
			n, _ := m.GetNodeByName(name)
			expect(t, name, n.(*Node).GetTensor(), first, 2*first)
		}
	}
}

// Values that depend on a random one are those of one run.
func TestRandomInnerValue(t *testing.T) {
	b, m := decode(t, opset9(&onnx.Graph{
		Inputs: vectors(64, "x"), ValueInfos: vectors(64, "r"), Outputs: vectors(64, "z"),
		Nodes: []*onnx.Node{
			node("RandomNormalLike", []string{"x"}, []string{"r"}),
			node("Add", []string{"r", "x"}, []string{"z"}),
		},
	}))
	setInputs(t, m, vector(make([]float32, 64)...))
	z := run(t, b, m)[0]
	r, _ := m.GetNodeByName("r")
	expect(t, "r", r.(*Node).GetTensor(), floats(t, z)...)
}

// A session is prepared once, and again for another initializer.
func TestSessionIsKept(t *testing.T) {
	b, m := decode(t, opset9(&onnx.Graph{
		Inputs: vectors(2, "x"), Outputs: vectors(2, "z"),
		Initializers: []*onnx.Tensor{initializer("w", 2, 3)},
		Nodes:        []*onnx.Node{node("Mul", []string{"x", "w"}, []string{"z"})},
	}))
	setInputs(t, m, vector(1, 10))
	expect(t, "first run", run(t, b, m)[0], 2, 30)
	first := b.session
	setInputs(t, m, vector(5, 6))
	expect(t, "second run", run(t, b, m)[0], 10, 18)
	if b.session != first {
		t.Error("the second run prepared another session")
	}
	w, _ := m.GetNodeByName("w")
	for _, factor := range []float32{7, 8} {
		if err := w.(*Node).SetTensor(vector(factor, factor)); err != nil {
			t.Fatal(err)
		}
		expect(t, "other weights", run(t, b, m)[0], 5*float64(factor), 6*float64(factor))
	}
}

// The session is for any shape, and for element types that can be converted.
func TestOtherInputs(t *testing.T) {
	b, m := decode(t, opset9(&onnx.Graph{
		Inputs: vectors(2, "x"), Outputs: vectors(2, "z"),
		Nodes: []*onnx.Node{node("Neg", []string{"x"}, []string{"z"})},
	}))
	setInputs(t, m, vector(1, 2, 3, 4, 5))
	expect(t, "longer", run(t, b, m)[0], -1, -2, -3, -4, -5)
	setInputs(t, m, tensor.New(tensor.WithShape(2), tensor.WithBacking([]int{7, 8})))
	expect(t, "of int", run(t, b, m)[0], -7, -8)
	setInputs(t, m, tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{0.1, 8})))
	if err := b.Run(); err == nil || !strings.Contains(err.Error(), "float64") {
		t.Errorf("got error %v, expected one about float64", err)
	}
}

func TestMistakes(t *testing.T) {
	b, m := decode(t, opset9(&onnx.Graph{
		Inputs: vectors(2, "x"), Outputs: vectors(2, "z"),
		Nodes: []*onnx.Node{
			node("Neg", []string{"x"}, []string{"y"}),
			node("Wobble", []string{"y"}, []string{"z"}),
		},
	}))
	setInputs(t, m, vector(1, 2))
	if err := m.SetInput(1, vector(1, 2)); err == nil {
		t.Error("there is no second input, expected an error")
	}
	y, _ := m.GetNodeByName("y")
	if err := y.(*Node).SetTensor(vector(1, 2)); err == nil || !strings.Contains(err.Error(), "Neg") {
		t.Errorf("got error %v, expected one that names Neg", err)
	}
	var unknown *onnxgo.ErrNotImplemented
	if err := b.Run(); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "Wobble") {
		t.Errorf("got error %v, expected one of onnx-go that names Wobble", err)
	}
}

// Graphs that no model has give errors, not panics.
func TestImpossibleGraphs(t *testing.T) {
	for name, build := range map[string]func(b *Backend, x, y *Node) error{
		"reads itself": func(b *Backend, x, y *Node) error {
			b.SetWeightedEdge(b.NewWeightedEdge(y, y, 0))
			return b.ApplyOperation(onnxgo.Operation{Name: "Neg"}, y)
		},
		"cycle": func(b *Backend, x, y *Node) error {
			b.SetWeightedEdge(b.NewWeightedEdge(y, x, 0))
			b.SetWeightedEdge(b.NewWeightedEdge(x, y, 0))
			return errors.Join(b.ApplyOperation(onnxgo.Operation{Name: "Neg"}, y), b.ApplyOperation(onnxgo.Operation{Name: "Neg"}, x))
		},
		"of another graph": func(b *Backend, x, y *Node) error {
			b.SetWeightedEdge(b.NewWeightedEdge(y, New().NewNode(), 0))
			return b.ApplyOperation(onnxgo.Operation{Name: "Neg"}, y)
		},
		"added twice": func(b *Backend, x, y *Node) error {
			b.AddNode(x)
			b.SetWeightedEdge(b.NewWeightedEdge(y, x, 0))
			return b.ApplyOperation(onnxgo.Operation{Name: "Neg"}, y)
		},
		"computed twice": func(b *Backend, x, y *Node) error {
			return errors.Join(b.ApplyOperation(onnxgo.Operation{Name: "Neg"}, y), b.ApplyOperation(onnxgo.Operation{Name: "Neg"}, y))
		},
		"attribute": func(b *Backend, x, y *Node) error {
			return b.ApplyOperation(onnxgo.Operation{Name: "Neg", Attributes: map[string]any{"a": struct{}{}}}, y)
		},
		"no output": func(b *Backend, x, y *Node) error { return b.ApplyOperation(onnxgo.Operation{Name: "Neg"}) },
		"empty":     func(b *Backend, x, y *Node) error { return nil },
	} {
		b, x, y := twoNodes()
		err := build(b, x, y)
		if err == nil {
			err = b.Run()
		}
		if err == nil {
			t.Errorf("%s: expected an error", name)
		}
	}
}

func TestImpossibleWeights(t *testing.T) {
	for _, weight := range []float64{-1, 0.5, 1, 1e300, math.NaN(), math.Inf(1)} {
		b, x, y := twoNodes()
		b.SetWeightedEdge(b.NewWeightedEdge(y, x, weight))
		if b.ApplyOperation(onnxgo.Operation{Name: "Neg"}, y) == nil {
			t.Errorf("the only input has number %v: expected an error", weight)
		}
	}
}

func twoNodes() (b *Backend, x, y *Node) {
	b = New()
	x, y = b.NewNode().(*Node), b.NewNode().(*Node)
	x.SetName("x")
	b.AddNode(x)
	y.SetName("y")
	b.AddNode(y)
	return b, x, y
}
