package runtime_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// randomGraph makes graphs of operators that move, view and change values of
// 24 elements, so that the memory of one value is soon the memory of others.
type randomGraph struct {
	random *rand.Rand
	graph  *onnx.Graph
	values []string
	shapes map[string][]int
}

var shapesOf24 = [][]int{{24}, {4, 6}, {6, 4}, {2, 3, 4}, {1, 24}, {2, 12}, {3, 1, 8}}

func newRandomGraph(seed uint64) *randomGraph {
	g := &randomGraph{random: rand.New(rand.NewPCG(seed, 7)), graph: &onnx.Graph{}, shapes: map[string][]int{}}
	g.graph.Inputs = []onnx.ValueInfo{tensor("x", onnx.Float32, 4, 6), tensor("y", onnx.Float32, 24), tensor("c", onnx.Bool)}
	g.add("x", 4, 6)
	g.add("y", 24)
	for range 30 {
		g.step()
	}
	for range 4 {
		name := g.pick()
		if g.graph.Output(name) == nil {
			g.graph.Outputs = append(g.graph.Outputs, untyped(name))
		}
	}
	return g
}

func (g *randomGraph) add(name string, shape ...int) {
	g.values = append(g.values, name)
	g.shapes[name] = shape
}

func (g *randomGraph) pick() string { return g.values[g.random.IntN(len(g.values))] }

// recent picks one of the last values: others live long.
func (g *randomGraph) recent() string {
	return g.values[max(0, len(g.values)-1-g.random.IntN(4))]
}

// reshaped returns a view of a value with the shape of another.
func (g *randomGraph) reshaped(name string, shape []int) string {
	if slices.Equal(g.shapes[name], shape) {
		return name
	}
	to := g.fresh()
	constant := to + ".shape"
	sizes := make([]int64, len(shape))
	for i, n := range shape {
		sizes[i] = int64(n)
	}
	g.graph.Initializers = append(g.graph.Initializers, named(constant, ints(sizes...)))
	g.graph.Nodes = append(g.graph.Nodes, node("Reshape", name+" "+constant, to))
	g.add(to, shape...)
	return to
}

func (g *randomGraph) fresh() string { return fmt.Sprintf("v%d", len(g.values)) }

func (g *randomGraph) step() {
	a, b := g.recent(), g.pick()
	shape := g.shapes[a]
	switch g.random.IntN(9) {
	case 0:
		g.reshaped(a, shapesOf24[g.random.IntN(len(shapesOf24))])
	case 1:
		g.unary("Identity", a)
	case 2:
		g.unary([]string{"Neg", "Relu", "Abs", "Tanh", "Sigmoid"}[g.random.IntN(5)], a)
	case 3:
		perm := make([]int64, len(shape))
		turned := make([]int, len(shape))
		for i := range shape {
			perm[i], turned[i] = int64(len(shape)-1-i), shape[len(shape)-1-i]
		}
		to := g.fresh()
		g.graph.Nodes = append(g.graph.Nodes, node("Transpose", a, to, onnx.IntsAttr("perm", perm...)))
		g.add(to, turned...)
	case 4: // two halves, put together the other way round
		a = g.reshaped(a, []int{2, 12})
		to := g.fresh()
		g.graph.Nodes = append(g.graph.Nodes, node("Split", a, to+".h "+to+".l", onnx.IntAttr("axis", 0)), node("Concat", to+".l "+to+".h", to, onnx.IntAttr("axis", 0)))
		g.add(to, 2, 12)
	case 5: // a branch that captures two values
		b = g.reshaped(b, g.shapes[a])
		to := g.fresh()
		then := body("", to+".s", node("Sub", a+" "+b, to+".d"), node("Tanh", to+".d", to+".s"))
		g.graph.Nodes = append(g.graph.Nodes, ifNode("c", to, then, body("", a)))
		g.add(to, g.shapes[a]...)
	default:
		b = g.reshaped(b, g.shapes[a])
		to := g.fresh()
		g.graph.Nodes = append(g.graph.Nodes, node([]string{"Add", "Sub", "Mul", "Max"}[g.random.IntN(4)], a+" "+b, to))
		g.add(to, g.shapes[a]...)
	}
}

func (g *randomGraph) unary(op, a string) {
	to := g.fresh()
	g.graph.Nodes = append(g.graph.Nodes, node(op, a, to))
	g.add(to, g.shapes[a]...)
}

// each runs every node in a session of its own.
func (g *randomGraph) each(t *testing.T, inputs map[string]*onnx.Tensor) map[string]*onnx.Tensor {
	values := map[string]*onnx.Tensor{}
	for name, v := range inputs {
		values[name] = v
	}
	for _, v := range g.graph.Initializers {
		values[v.Name] = v
	}
	for _, n := range g.graph.Nodes {
		alone := &onnx.Graph{Nodes: []*onnx.Node{n}}
		read := append(slices.Clone(n.Inputs), capturedBy(n)...)
		slices.Sort(read)
		taken := map[string]*onnx.Tensor{}
		for _, name := range slices.Compact(read) {
			alone.Inputs = append(alone.Inputs, untyped(name))
			taken[name] = values[name]
		}
		for _, name := range n.Outputs {
			alone.Outputs = append(alone.Outputs, untyped(name))
		}
		s := open(t, newModel(alone), runtime.WithThreads(1))
		out, err := s.Run(context.Background(), taken)
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range out {
			values[name] = v
		}
		s.Close()
	}
	return values
}

func capturedBy(n *onnx.Node) []string {
	var all []string
	for _, g := range n.Subgraphs() {
		all = append(all, g.Captured()...)
	}
	return all
}

// The memory of values that nobody needs any more is used again: results must
// be those of a run of each node by itself.
func TestReuseOfMemory(t *testing.T) {
	for seed := range uint64(40) {
		g := newRandomGraph(seed)
		s := open(t, newModel(g.graph), runtime.WithThreads(1))
		for trial := range 3 {
			x, y := onnx.NewTensor(onnx.Float32, 4, 6), onnx.NewTensor(onnx.Float32, 24)
			for i := range 24 {
				x.Float32s()[i], y.Float32s()[i] = g.random.Float32()*2-1, g.random.Float32()*2-1
			}
			inputs := map[string]*onnx.Tensor{"x": x, "y": y, "c": onnx.Scalar(trial != 1)}
			given := map[string]*onnx.Tensor{"x": x.Clone(), "y": y.Clone()}
			want := g.each(t, inputs)
			got, err := s.Run(context.Background(), inputs)
			if err != nil {
				t.Fatal(err)
			}
			for name, v := range got {
				if string(v.Raw()) != string(want[name].Raw()) {
					t.Fatalf("seed %d, run %d: %s is %v, want %v", seed, trial, name, v.Float32s(), want[name].Float32s())
				}
				clear(v.Raw()) // results are the caller's
			}
			for name, v := range given {
				if string(v.Raw()) != string(inputs[name].Raw()) {
					t.Fatalf("seed %d: the run changed input %s", seed, name)
				}
			}
		}
	}
}

// Identity gives out a view of a tensor, not a copy.
func TestIdentityIsAView(t *testing.T) {
	const elements = 1 << 20
	m := newModel(&onnx.Graph{
		Inputs:  []onnx.ValueInfo{tensor("x", onnx.Float32, elements)},
		Outputs: []onnx.ValueInfo{untyped("y")},
		Nodes:   []*onnx.Node{node("Neg", "x", "n"), node("Identity", "n", "i"), node("ReduceMax", "i", "y")},
	})
	s := open(t, m, runtime.WithMaxRunBytes(4*elements*3/2))
	out, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": onnx.NewTensor(onnx.Float32, elements)})
	if err != nil {
		t.Fatal(err)
	}
	if v := out["y"].Float32s()[0]; v != 0 {
		t.Errorf("got %v", v)
	}
}
