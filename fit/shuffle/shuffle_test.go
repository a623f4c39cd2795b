package shuffle_test

import (
	"math"
	"slices"
	"testing"

	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/fit/shuffle"
	"github.com/kcompress/kcompress/onnx"
)

// model has an input x [n, 12, 5, 4] unless another one is given.
func model(nodes []*onnx.Node, initializers ...*onnx.Tensor) *onnx.Model {
	return Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 12, 5, 4)}, Outputs: Outputs("y"), Initializers: initializers, Nodes: nodes})
}

// fold takes the permutations out and checks that the outputs stay.
func fold(t *testing.T, m *onnx.Model, shape ...int) (*onnx.Model, []shuffle.Folded) {
	t.Helper()
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	before, _ := m.Encode()
	after, folded := shuffle.Model(m, Open(t, m).Type)
	if now, _ := m.Encode(); !slices.Equal(before, now) {
		t.Fatal("the model itself was changed")
	}
	if err := after.Check(); err != nil {
		t.Fatal(err)
	}
	x := map[string]*onnx.Tensor{"x": Random(1, shape...)}
	want, got := Run(t, m, x)["y"], Run(t, after, x)["y"]
	if !slices.Equal(want.Shape, got.Shape) {
		t.Fatalf("shape %v, was %v", got.Shape, want.Shape)
	}
	for i, v := range want.Float32s() {
		if d := math.Abs(float64(got.Float32s()[i] - v)); d > 1e-4*(1+math.Abs(float64(v))) || d != d {
			t.Fatalf("element %d is %v, was %v", i, got.Float32s()[i], v)
		}
	}
	return after, folded
}

func operators(m *onnx.Model) []string {
	var list []string
	for _, n := range m.Graph.Nodes {
		list = append(list, n.Op)
	}
	return list
}

func ints(name string, values ...int64) *onnx.Tensor {
	return Named(name, onnx.FromSlice(values, len(values)))
}

// shuffled are the nodes of a channel shuffle of 12 channels in 3 groups.
func shuffled(from, to string) []*onnx.Node {
	return []*onnx.Node{
		Node("Reshape", from+" split", to+".split"), Node("Transpose", to+".split", to+".turned", onnx.IntsAttr("perm", 0, 2, 1, 3, 4)), Node("Reshape", to+".turned joined", to),
	}
}

func shapes() []*onnx.Tensor {
	return []*onnx.Tensor{ints("split", -1, 3, 4, 5, 4), ints("joined", -1, 12, 5, 4)}
}

func TestShufflesFold(t *testing.T) {
	conv := func(seed uint64, name string, out, in int) *onnx.Tensor {
		return Named(name, Random(seed, out, in, 1, 1))
	}
	depthwise := Named("dw", Random(5, 12, 1, 3, 3))
	pads := onnx.IntsAttr("pads", 1, 1, 1, 1)
	norm := func(in, out string) *onnx.Node {
		return Node("BatchNormalization", in+" scale shift mean variance", out)
	}
	variance := Random(9, 12)
	for i := range variance.Float32s() {
		variance.Float32s()[i] = 1 + variance.Float32s()[i]*variance.Float32s()[i]
	}
	weights := append(shapes(), conv(2, "w1", 12, 12), conv(3, "w2", 12, 12), depthwise, Named("b", Random(4, 12)), Named("g2", Random(6, 12, 4, 1, 1)),
		Named("scale", Random(6, 12)), Named("shift", Random(7, 12)), Named("mean", Random(8, 12)), Named("variance", variance),
		Named("bias", Random(3, 12, 1, 1)), Named("fc", Random(4, 12, 7)), Named("flat", Random(4, 240, 7)), ints("order", 3, 1, 0, 2, 7, 6, 5, 4, 11, 10, 9, 8), ints("blocks", 4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11),
		Named("slope", Random(2, 12, 1, 1)))
	nodes := func(parts ...any) []*onnx.Node {
		var list []*onnx.Node
		for _, p := range parts {
			switch p := p.(type) {
			case *onnx.Node:
				list = append(list, p)
			case []*onnx.Node:
				list = append(list, p...)
			}
		}
		return list
	}
	group := onnx.IntAttr("group", 3)
	each := onnx.IntAttr("group", 12)
	for name, c := range map[string][]*onnx.Node{
		"before a Conv":         nodes(shuffled("x", "s"), Node("Conv", "s w1 b", "y")),
		"after a Conv":          nodes(Node("Conv", "x w1 b", "a"), Node("Relu", "a", "r"), shuffled("r", "s"), Node("Conv", "s g2", "y", group)),
		"depthwise":             nodes(Node("Conv", "x g2", "a", group), shuffled("a", "s"), Node("Conv", "s dw b", "d", each, pads), norm("d", "n"), Node("Relu", "n", "r"), Node("Conv", "r w2", "y")),
		"depthwise, backward":   nodes(Node("Conv", "x w1", "a"), norm("a", "n"), Node("Conv", "n dw b", "d", each, pads), Node("PRelu", "d slope", "p"), shuffled("p", "s"), Node("Conv", "s g2", "y", group)),
		"Gather":                nodes(Node("Gather", "x order", "s", onnx.IntAttr("axis", 1)), Node("Mul", "s bias", "m"), Node("Conv", "m w1", "y")),
		"Split and Concat":      nodes(Node("Split", "x", "p q r", onnx.IntAttr("axis", 1), onnx.IntAttr("num_outputs", 3)), Node("Concat", "q r p", "s", onnx.IntAttr("axis", 1)), Node("Conv", "s w1", "y")),
		"blocks of groups":      nodes(Node("Gather", "x blocks", "s", onnx.IntAttr("axis", 1)), Node("Conv", "s g2 b", "a", group), Node("Conv", "a w1", "y")),
		"a pool and Gemm":       nodes(shuffled("x", "s"), Node("GlobalAveragePool", "s", "g"), Node("Flatten", "g", "f"), Node("Gemm", "f fc", "y")),
		"Flatten of positions":  nodes(shuffled("x", "s"), Node("Flatten", "s", "f"), Node("MatMul", "f flat", "y")),
		"a residual":            nodes(Node("Conv", "x w2", "z"), shuffled("x", "s"), Node("Add", "s z", "a"), Node("Conv", "a w1", "y")),
		"swish":                 nodes(shuffled("x", "s"), Node("Sigmoid", "s", "g"), Node("Mul", "s g", "m"), Node("Conv", "m w1", "y")),
		"two in turn":           nodes(shuffled("x", "s"), Node("Conv", "s w1", "a"), Node("Relu", "a", "r"), shuffled("r", "q"), Node("Conv", "q w2", "y")),
		"one after the other":   nodes(shuffled("x", "s"), shuffled("s", "q"), Node("Conv", "q w2", "y")),
		"shared by two readers": nodes(shuffled("x", "s"), Node("Conv", "s w1", "a"), Node("Conv", "s w2", "c"), Node("Add", "a c", "y")),
	} {
		t.Run(name, func(t *testing.T) {
			m := model(c, weights...)
			if slices.Contains(operators(m), "Split") {
				m.Opsets[""] = 18
			}
			after, folded := fold(t, m, 2, 12, 5, 4)
			if len(folded) == 0 {
				t.Fatal("nothing was folded")
			}
			for _, op := range operators(after) {
				if slices.Contains([]string{"Reshape", "Transpose", "Gather", "Split", "Concat"}, op) {
					t.Fatalf("%v are left", operators(after))
				}
			}
		})
	}
}

func TestWhatCanNotFold(t *testing.T) {
	group := onnx.IntAttr("group", 3)
	weights := append(shapes(), Named("g1", Random(2, 12, 4, 1, 1)), Named("g2", Random(3, 12, 4, 1, 1)), Named("w", Random(3, 12, 12, 1, 1)), ints("some", 1, 0, 3), Named("v", Random(3, 12, 3, 1, 1)))
	for name, c := range map[string][]*onnx.Node{
		"between groups":     append(append([]*onnx.Node{Node("Conv", "x g1", "a", group)}, shuffled("a", "s")...), Node("Conv", "s g2", "y", group)),
		"an output":          append(shuffled("x", "y"), Node("Conv", "y w", "z")),
		"a softmax over it":  append(shuffled("x", "s"), Node("Softmax", "s", "p", onnx.IntAttr("axis", 1)), Node("Conv", "p w", "y")),
		"some of channels":   {Node("Gather", "x some", "s", onnx.IntAttr("axis", 1)), Node("Conv", "s v", "y")},
		"a weight that runs": append(append([]*onnx.Node{Node("Mul", "w w", "v2")}, shuffled("x", "s")...), Node("Add", "s x", "q"), Node("Conv", "q v2", "y")),
	} {
		t.Run(name, func(t *testing.T) {
			m := model(c, weights...)
			if after, folded := fold(t, m, 2, 12, 5, 4); after != m || len(folded) != 0 {
				t.Errorf("folded %+v", folded)
			}
		})
	}
}
