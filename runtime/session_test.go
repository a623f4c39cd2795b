package runtime_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// symbolic declares a matrix whose sizes are symbols.
func symbolic(name string, symbols ...string) onnx.ValueInfo {
	info := tensor(name, onnx.Float32)
	for _, s := range symbols {
		info.Type.Shape = append(info.Type.Shape, onnx.Dim{Size: -1, Symbol: s})
	}
	return info
}

func TestInputErrors(t *testing.T) {
	a, b := symbolic("a", "n"), symbolic("b", "n")
	a.Type.Shape = append(a.Type.Shape, onnx.Dim{Size: 2})
	m := newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{a, b},
		Outputs: []onnx.ValueInfo{untyped("y")},
		Nodes:   []*onnx.Node{node("MatMul", "b a", "y")},
	})
	m.Path = "some/model.onnx"
	s := open(t, m)
	matrix := func(shape ...int) *onnx.Tensor { return onnx.NewTensor(onnx.Float32, shape...) }
	good := map[string]*onnx.Tensor{"a": matrix(3, 2), "b": matrix(3)}
	if _, err := s.Run(context.Background(), good); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change map[string]*onnx.Tensor
		words  []string
	}{
		{"missing", map[string]*onnx.Tensor{"b": nil}, []string{`"b"`}},
		{"unknown", map[string]*onnx.Tensor{"c": matrix(1)}, []string{`no input "c"`, "a float32, b float32"}},
		{"type", map[string]*onnx.Tensor{"a": onnx.NewTensor(onnx.Int64, 3, 2)}, []string{`"a"`, "float32", "int64"}},
		{"rank", map[string]*onnx.Tensor{"a": matrix(3, 2, 1)}, []string{`"a"`, "2 axes", "[3 2 1]"}},
		{"size", map[string]*onnx.Tensor{"a": matrix(3, 5)}, []string{`"a"`, "size 2", "axis 1"}},
		{"symbol", map[string]*onnx.Tensor{"b": matrix(4)}, []string{`"b"`, `"n"`, "3", "4"}},
		{"elements", map[string]*onnx.Tensor{"b": {Type: onnx.Float32, Shape: []int{3}}}, []string{`"b"`, "elements"}},
		{"no type", map[string]*onnx.Tensor{"b": {Shape: []int{3}}}, []string{`"b"`, "element type"}},
		{"negative", map[string]*onnx.Tensor{"b": {Type: onnx.Float32, Shape: []int{-3}}}, []string{`"b"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inputs := map[string]*onnx.Tensor{"a": good["a"], "b": good["b"]}
			for name, v := range test.change {
				inputs[name] = v
			}
			_, err := s.Run(context.Background(), inputs)
			wantError(t, err, append(test.words, "some/model.onnx")...)
			if !errors.Is(err, runtime.ErrInput) {
				t.Errorf("%v is not ErrInput", err)
			}
		})
	}
	delete(good, "b")
	_, err := s.Run(context.Background(), good)
	wantError(t, err, `"b" is missing`)
}

func TestValueInputs(t *testing.T) {
	sequence := onnx.ValueInfo{Name: "s", Type: onnx.Type{Kind: onnx.SequenceType, Of: &onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32}}}
	s := open(t, newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{sequence, untyped("t")},
		Outputs: []onnx.ValueInfo{untyped("r")},
		Nodes:   []*onnx.Node{node("SequenceInsert", "s t", "r")},
	}))
	for _, bad := range []map[string]onnx.Value{
		{"s": floats(1), "t": floats(1)},
		{"s": (*onnx.Sequence)(nil), "t": floats(1)},
		{"s": nil, "t": floats(1)},
		{"s": &onnx.Sequence{Values: []onnx.Value{nil}}, "t": floats(1)},
		{"s": &onnx.Sequence{Values: []onnx.Value{(*onnx.Tensor)(nil)}}, "t": floats(1)},
		{"s": &onnx.Sequence{}, "t": (*onnx.Optional)(nil)},
		{"s": &onnx.Sequence{}, "t": &onnx.Map{}},
	} {
		if _, err := s.RunValues(context.Background(), bad); !errors.Is(err, runtime.ErrInput) {
			t.Errorf("%v gives %v, want ErrInput", bad, err)
		}
	}
	given := floats(1, 2)
	out, err := s.RunValues(context.Background(), map[string]onnx.Value{"s": &onnx.Sequence{Elem: onnx.Float32, Values: []onnx.Value{given}}, "t": given})
	if err != nil {
		t.Fatal(err)
	}
	r := out["r"].(*onnx.Sequence)
	given.Float32s()[0] = 9 // results belong to the caller: they share nothing with inputs
	for _, v := range r.Values {
		wantFloats(t, "an element", v.(*onnx.Tensor), 1, 2)
	}
	_, err = s.Run(context.Background(), nil)
	wantError(t, err, "missing")
}

func TestDefaults(t *testing.T) {
	m := newModel(&onnx.Graph{
		Inputs:       []onnx.ValueInfo{tensor("x", onnx.Float32, 2), tensor("w", onnx.Float32, 2), tensor("b", onnx.Float32, 2)},
		Outputs:      []onnx.ValueInfo{tensor("y", onnx.Float32, 2)},
		Initializers: []*onnx.Tensor{named("w", floats(2, 3)), named("b", floats(10, 20))},
		Nodes:        []*onnx.Node{node("Neg", "w", "v"), node("Mul", "x v", "p"), node("Add", "p b", "y")},
	})
	s := open(t, m)
	if in := s.Inputs(); len(in) != 1 || in[0].Name != "x" {
		t.Fatalf("inputs are %v, want x alone", in)
	}
	for range 2 {
		for _, test := range []struct {
			inputs map[string]*onnx.Tensor
			want   []float32
		}{
			{map[string]*onnx.Tensor{"x": floats(1, 1)}, []float32{8, 17}},
			{map[string]*onnx.Tensor{"x": floats(1, 1), "w": floats(4, 5)}, []float32{6, 15}},
			{map[string]*onnx.Tensor{"x": floats(1, 1), "b": floats(0, 0)}, []float32{-2, -3}},
			{map[string]*onnx.Tensor{"x": floats(1, 1), "w": floats(0, 0), "b": floats(7, 7)}, []float32{7, 7}},
		} {
			out, err := s.Run(context.Background(), test.inputs)
			if err != nil {
				t.Fatal(err)
			}
			wantFloats(t, "y", out["y"], test.want...)
		}
	}
	_, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": floats(1, 1), "w": floats(4, 5, 6)})
	wantError(t, err, `"w"`, "size 2")
}

// Results are copies where they would be weights, inputs or each other.
func TestResultsBelongToTheCaller(t *testing.T) {
	m := newModel(&onnx.Graph{
		Inputs:       []onnx.ValueInfo{tensor("x", onnx.Float32, 2)},
		Outputs:      []onnx.ValueInfo{untyped("x"), untyped("w"), untyped("same"), untyped("shaped"), untyped("first"), untyped("list")},
		Initializers: []*onnx.Tensor{named("w", floats(1, 2)), named("shape", ints(2, 1)), named("zero", ints(0))},
		Nodes: []*onnx.Node{
			node("Identity", "x", "same"), node("Reshape", "x shape", "shaped"),
			node("SequenceConstruct", "w x", "list"), node("SequenceAt", "list zero", "first"),
		},
	})
	m.Graph.Initializers[2] = named("zero", onnx.Scalar(int64(0)))
	s := open(t, m)
	x := floats(5, 6)
	out, err := s.RunValues(context.Background(), map[string]onnx.Value{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range out {
		if list, ok := v.(*onnx.Sequence); ok {
			for _, element := range list.Values {
				clear(element.(*onnx.Tensor).Raw())
			}
			continue
		}
		clear(v.(*onnx.Tensor).Raw())
	}
	wantFloats(t, "the input", x, 5, 6)
	wantFloats(t, "the weight", m.Graph.Initializers[0], 1, 2)
	again, err := s.RunValues(context.Background(), map[string]onnx.Value{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	wantFloats(t, "the second result", again["first"].(*onnx.Tensor), 1, 2)
}

func TestClosed(t *testing.T) {
	s, err := runtime.New(doubler(), runtime.WithThreads(2))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if _, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": floats(1)}); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("a run after Close gives %v, want ErrClosed", err)
	}
}

func TestNodeErrors(t *testing.T) {
	m := newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{untyped("a"), untyped("b")},
		Outputs: []onnx.ValueInfo{untyped("y")},
		Nodes:   []*onnx.Node{node("MatMul", "a b", "y")},
	})
	dir := t.TempDir()
	for _, name := range []string{"product", ""} {
		m.Graph.Nodes[0].Name = name
		path := filepath.Join(dir, "m.onnx")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		s, err := runtime.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Run(context.Background(), map[string]*onnx.Tensor{"a": onnx.NewTensor(onnx.Float32, 2, 3), "b": onnx.NewTensor(onnx.Float32, 4, 5)})
		s.Close()
		var n *runtime.NodeError
		if !errors.As(err, &n) {
			t.Fatalf("got %v, want a NodeError", err)
		}
		label := name
		if name == "" {
			label = `"y"`
		}
		if n.File != path || n.Op != "MatMul" || n.Opset != 17 || n.Node != label || n.Err == nil {
			t.Errorf("got %+v", *n)
		}
	}
	_, err := runtime.New(oneNode(node("Relu", "x x x", "y")))
	wantError(t, err, "Relu", "1 to 1 inputs, got 3")
	_, err = runtime.New(oneNode(node("Concat", "x x", "y"))) // axis is required
	wantError(t, err, "Concat", "axis")
}

// Every node without an operator is named at once, those of subgraphs and of
// functions included.
func TestUnsupported(t *testing.T) {
	branch := func(op string) *onnx.Graph {
		return &onnx.Graph{Name: op, Outputs: []onnx.ValueInfo{untyped(op + ".y")}, Nodes: []*onnx.Node{node(op, "x", op+".y")}}
	}
	f := &onnx.Function{Name: "F", Domain: "local", Inputs: names("a"), Outputs: names("b"), Opsets: map[string]int{"": 15}, Nodes: []*onnx.Node{node("InFunction", "a", "b")}}
	m := newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{tensor("x", onnx.Float32, 2), tensor("c", onnx.Bool)},
		Outputs: []onnx.ValueInfo{untyped("y")},
		Nodes: []*onnx.Node{
			node("NoSuchOp", "x", "a"),
			in("local", node("NoSuchLocal", "a", "b")),
			node("If", "c", "d", onnx.GraphAttr("then_branch", branch("InThen")), onnx.GraphAttr("else_branch", branch("InElse"))),
			in("local", node("F", "d", "e")),
			node("Sum", "b e", "y"),
			node("NotNeeded", "x", "unused"),
		},
	}, f)
	_, err := runtime.New(m)
	var u *runtime.UnsupportedError
	if !errors.As(err, &u) {
		t.Fatalf("got %v, want an UnsupportedError", err)
	}
	want := []runtime.UnsupportedNode{
		{Node: `"a"`, Op: "NoSuchOp", Opset: 17},
		{Node: `"b"`, Op: "NoSuchLocal", Domain: "local", Opset: 1},
		{Node: `"InThen.y"`, Op: "InThen", Opset: 17},
		{Node: `"InElse.y"`, Op: "InElse", Opset: 17},
		{Op: "InFunction", Opset: 15},
	}
	if len(u.Nodes) != len(want) {
		t.Fatalf("got %v", u.Nodes)
	}
	for _, w := range want {
		found := false
		for _, n := range u.Nodes {
			found = found || n.Op == w.Op && n.Domain == w.Domain && n.Opset == w.Opset && (w.Node == "" || n.Node == w.Node)
		}
		if !found {
			t.Errorf("%+v is not among %+v", w, u.Nodes)
		}
		if !strings.Contains(err.Error(), w.Op) || !strings.Contains(err.Error(), w.Node) {
			t.Errorf("the message does not name %+v: %v", w, err)
		}
	}
	wantError(t, err, "5 nodes", "NoSuchLocal of local version 1")
}

func TestBrokenModels(t *testing.T) {
	if _, err := runtime.New(nil); err == nil {
		t.Error("no error for a nil model")
	}
	if _, err := runtime.New(&onnx.Model{}); err == nil {
		t.Error("no error for an empty model")
	}
	if _, err := runtime.Open(filepath.Join(t.TempDir(), "none.onnx")); err == nil {
		t.Error("no error for a file that does not exist")
	}
}
