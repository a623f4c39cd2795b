package runtime_test

import (
	"context"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

func body(inputs, outputs string, nodes ...*onnx.Node) *onnx.Graph {
	g := &onnx.Graph{Name: "body", Nodes: nodes}
	for _, name := range names(inputs) {
		g.Inputs = append(g.Inputs, untyped(name))
	}
	for _, name := range names(outputs) {
		g.Outputs = append(g.Outputs, tensor(name, onnx.Float32))
		g.Outputs[len(g.Outputs)-1].Type.HasShape = false
	}
	return g
}

func ifNode(condition, output string, then, otherwise *onnx.Graph) *onnx.Node {
	return node("If", condition, output, onnx.GraphAttr("then_branch", then), onnx.GraphAttr("else_branch", otherwise))
}

// Values captured through two levels, some of them made by the inner node's
// own graph and some by the outermost.
func TestCaptureThroughTwoLevels(t *testing.T) {
	inner := ifNode("d", "r", body("", "s", node("Add", "top mid", "s")), body("", "u", node("Sub", "top mid", "u")))
	then := body("", "r", node("Mul", "top top", "mid"), inner)
	otherwise := body("", "e", node("Identity", "top", "e"))
	m := newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{tensor("x", onnx.Float32, 2), tensor("c", onnx.Bool), tensor("d", onnx.Bool)},
		Outputs: []onnx.ValueInfo{untyped("y")},
		Nodes:   []*onnx.Node{node("Neg", "x", "top"), ifNode("c", "y", then, otherwise)},
	})
	s := open(t, m)
	for _, test := range []struct {
		c, d bool
		want []float32
	}{{true, true, []float32{0, 2}}, {true, false, []float32{-2, -6}}, {false, true, []float32{-1, -2}}} {
		out, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": floats(1, 2), "c": onnx.Scalar(test.c), "d": onnx.Scalar(test.d)})
		if err != nil {
			t.Fatal(err)
		}
		wantFloats(t, "y", out["y"], test.want...)
	}
}

// A loop inside of a branch: sums base*i for i below n, base captured from the
// graph outside of the If.
func TestLoopInsideIf(t *testing.T) {
	loopBody := body("i going sum", "going sum2 each",
		node("Cast", "i", "f", onnx.IntAttr("to", int64(onnx.Float32))), node("Mul", "base f", "each"), node("Add", "sum each", "sum2"))
	then := body("", "total", node("Loop", "n _ zero", "total _", onnx.GraphAttr("body", loopBody)))
	m := newModel(&onnx.Graph{
		Inputs:       []onnx.ValueInfo{tensor("x", onnx.Float32, 2), tensor("c", onnx.Bool), tensor("n", onnx.Int64)},
		Outputs:      []onnx.ValueInfo{untyped("y")},
		Initializers: []*onnx.Tensor{named("zero", floats(0, 0))},
		Nodes:        []*onnx.Node{node("Abs", "x", "base"), ifNode("c", "y", then, body("", "base"))},
	})
	s := open(t, m)
	for n, want := range map[int64][]float32{0: {0, 0}, 1: {0, 0}, 5: {10, 20}} {
		out, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": floats(-1, 2), "c": onnx.Scalar(true), "n": onnx.Scalar(n)})
		if err != nil {
			t.Fatal(err)
		}
		wantFloats(t, "y", out["y"], want...)
	}
	out, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": floats(-1, 2), "c": onnx.Scalar(false), "n": onnx.Scalar(int64(3))})
	if err != nil {
		t.Fatal(err)
	}
	wantFloats(t, "y", out["y"], 1, 2)
}

// Sequences keep what was put into them, although the memory that it lay in is
// used again: values of the iteration, values captured from the outer graph,
// and views of either.
func TestSequenceKeepsValues(t *testing.T) {
	shape := named("shape", ints(1, 2))
	loopBody := body("i going list", "going list4",
		node("Cast", "i", "f", onnx.IntAttr("to", int64(onnx.Float32))),
		node("Add", "base f", "own"), // in the loop's memory
		node("Reshape", "own shape", "view"),
		node("Reshape", "base shape", "outerView"),
		node("SequenceInsert", "list own", "list1"),
		node("SequenceInsert", "list1 view", "list2"),
		node("SequenceInsert", "list2 base", "list3"),
		node("SequenceInsert", "list3 outerView", "list4"))
	m := newModel(&onnx.Graph{
		Inputs:       []onnx.ValueInfo{tensor("x", onnx.Float32, 2)},
		Outputs:      []onnx.ValueInfo{untyped("list"), untyped("end")},
		Initializers: []*onnx.Tensor{shape, named("n", onnx.Scalar(int64(3)))},
		Nodes: []*onnx.Node{
			node("Neg", "x", "base"),
			node("SequenceEmpty", "", "empty"),
			node("Loop", "n _ empty", "list", onnx.GraphAttr("body", loopBody)),
			// Overwrite the memory of base.
			node("Exp", "x", "e1"), node("Exp", "e1", "e2"), node("Exp", "e2", "end"),
		},
	})
	s := open(t, m)
	for range 2 {
		out, err := s.RunValues(context.Background(), map[string]onnx.Value{"x": floats(1, 2)})
		if err != nil {
			t.Fatal(err)
		}
		values := out["list"].(*onnx.Sequence).Values
		if len(values) != 12 {
			t.Fatalf("the sequence has %d elements, want 12", len(values))
		}
		for i := range 3 {
			f := float32(i)
			for k, want := range [][]float32{{f - 1, f - 2}, {f - 1, f - 2}, {-1, -2}, {-1, -2}} {
				wantFloats(t, "an element", values[4*i+k].(*onnx.Tensor), want...)
			}
		}
	}
}

func TestScanCaptures(t *testing.T) {
	scanBody := body("state row", "next out", node("Add", "state row", "next"), node("Mul", "next base", "out"))
	m := newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{tensor("x", onnx.Float32, 3, 2), tensor("b", onnx.Float32, 2)},
		Outputs: []onnx.ValueInfo{untyped("last"), untyped("rows")},
		Nodes: []*onnx.Node{
			node("Neg", "b", "base"), node("Sub", "b b", "zero"),
			node("Scan", "zero x", "last rows", onnx.GraphAttr("body", scanBody), onnx.IntAttr("num_scan_inputs", 1)),
		},
	})
	out := run(t, m, map[string]*onnx.Tensor{"x": onnx.FromSlice([]float32{1, 2, 3, 4, 5, 6}, 3, 2), "b": floats(1, 10)})
	wantFloats(t, "last", out["last"], 9, 12)
	wantFloats(t, "rows", out["rows"], -1, -20, -4, -60, -9, -120)
}

// A branch that a constant condition rules out may hold anything.
func TestBranchNotTaken(t *testing.T) {
	m := newModel(&onnx.Graph{
		Inputs:       []onnx.ValueInfo{tensor("x", onnx.Float32, 2)},
		Outputs:      []onnx.ValueInfo{untyped("y")},
		Initializers: []*onnx.Tensor{named("yes", onnx.Scalar(true))},
		Nodes:        []*onnx.Node{ifNode("yes", "y", body("", "a", node("Neg", "x", "a")), body("", "b", node("NoSuchOp", "x", "b")))},
	})
	wantFloats(t, "y", run(t, m, map[string]*onnx.Tensor{"x": floats(1, 2)})["y"], -1, -2)
}

func TestSubgraphErrors(t *testing.T) {
	m := newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{untyped("x"), tensor("c", onnx.Bool)},
		Outputs: []onnx.ValueInfo{untyped("y")},
		Nodes:   []*onnx.Node{ifNode("c", "y", body("", "a", node("MatMul", "x x", "a")), body("", "b", node("Neg", "x", "b")))},
	})
	s := open(t, m)
	x := onnx.NewTensor(onnx.Float32, 2, 3)
	_, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": x, "c": onnx.Scalar(true)})
	wantError(t, err, "MatMul", `"a"`) // the inner node is named
	_, err = s.Run(context.Background(), map[string]*onnx.Tensor{"x": x, "c": onnx.FromSlice([]bool{true, false}, 2)})
	wantError(t, err, `"c"`)
}
