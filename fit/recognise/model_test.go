package recognise_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/fit/recognise"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// basis is the windowed real Fourier basis [n+2, ...] as exporters write it.
func basis(n int) []float32 {
	half := n/2 + 1
	w := make([]float32, 2*half*n)
	for i := range 2 * half {
		for j := range n {
			sin, cos := math.Sincos(2 * math.Pi * float64(i%half*j%n) / float64(n))
			window := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(j)+0.5)/float64(n))
			if i >= half {
				cos = -sin
			}
			w[i*n+j] = float32(cos * window)
		}
	}
	return w
}

func basisTensor(n int, shape ...int) *onnx.Tensor {
	return onnx.FromSlice(basis(n), append([]int{n + 2}, shape...)...)
}

// filterBank is a sparse matrix [in, out] of triangles.
func filterBank(in, out int) *onnx.Tensor {
	t := onnx.NewTensor(onnx.Float32, in, out)
	for o := range out {
		centre, width := float64(o+1)*float64(in)/float64(out+2), float64(in)/float64(out)
		for i := range in {
			t.Float32s()[i*out+o] = float32(max(0, 1-math.Abs(float64(i)-centre)/width))
		}
	}
	return t
}

// rewrite runs recognise.Model and checks that the outputs stay.
func rewrite(t *testing.T, m *onnx.Model, inputs map[string]*onnx.Tensor) (*onnx.Model, []recognise.Found) {
	t.Helper()
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	s := Open(t, m)
	after, found, err := recognise.Model(m, recognise.Options{Weights: compact.INT8, Type: s.Type})
	if err != nil {
		t.Fatal(err)
	}
	if err := after.Check(); err != nil {
		t.Fatal(err)
	}
	data, err := after.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := onnx.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	want, got := Run(t, m, inputs), Run(t, read, inputs)
	for name, w := range want {
		g := got[name]
		if !slices.Equal(w.Shape, g.Shape) {
			t.Fatalf("%s has shape %v, was %v", name, g.Shape, w.Shape)
		}
		for i, v := range w.Float32s() {
			if d := math.Abs(float64(g.Float32s()[i] - v)); d > 1e-4*(1+math.Abs(float64(v))) || d != d {
				t.Fatalf("%s: element %d is %v, was %v", name, i, g.Float32s()[i], v)
			}
		}
	}
	return after, found
}

// operators lists those of a model, those of its subgraphs included.
func operators(g *onnx.Graph) []string {
	var list []string
	for _, n := range g.Nodes {
		op := n.Op
		if compact.IsChain(n) {
			op = "Chain"
		}
		list = append(list, op)
		for _, sub := range n.Subgraphs() {
			list = append(list, operators(sub)...)
		}
	}
	return list
}

func TestConvolutionsWithAFourierBasis(t *testing.T) {
	for _, opset := range []int{11, 13, 17} {
		for _, c := range []struct {
			n, length int
			attrs     []onnx.Attribute
		}{
			{128, 1000, []onnx.Attribute{onnx.IntsAttr("strides", 64)}},
			{128, 1000, []onnx.Attribute{onnx.IntsAttr("strides", 40), onnx.IntsAttr("pads", 64, 64)}},
			{240, 500, []onnx.Attribute{onnx.IntsAttr("strides", 7), onnx.IntsAttr("pads", 0, 3)}},
			{128, 128, []onnx.Attribute{onnx.IntsAttr("strides", 50)}},
			{128, 200, nil},
			{200, 633, []onnx.Attribute{onnx.IntsAttr("strides", 200), onnx.StringAttr("auto_pad", "VALID")}},
		} {
			for _, bias := range []bool{false, true} {
				t.Run(fmt.Sprintf("opset %d, %d of %d %v, bias %v", opset, c.n, c.length, c.attrs, bias), func(t *testing.T) {
					inputs := "x w"
					if bias {
						inputs += " b"
					}
					m := Model(opset, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 1, -1)}, Outputs: Outputs("y"),
						Initializers: []*onnx.Tensor{Named("w", basisTensor(c.n, 1, c.n)), Named("b", Random(2, c.n+2))},
						Nodes:        []*onnx.Node{Node("Conv", inputs, "y", c.attrs...)}})
					after, found := rewrite(t, m, map[string]*onnx.Tensor{"x": Random(1, 2, 1, c.length)})
					if len(found) != 1 || found[0].Kept != "" || !strings.Contains(found[0].Kind, fmt.Sprintf("DFT %d, windowed", c.n)) {
						t.Fatalf("found %+v", found)
					}
					if ops := operators(after.Graph); slices.Contains(ops, "Conv") || !slices.Contains(ops, "Chain") {
						t.Errorf("operators %v", ops)
					}
					if after.Graph.Initializer("w") != nil {
						t.Error("the basis is still there")
					}
				})
			}
		}
	}
}

// A kernel over several channels, and kernels of two axes along a line.
func TestOtherConvolutions(t *testing.T) {
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 4, -1)}, Outputs: Outputs("y"),
		Initializers: []*onnx.Tensor{Named("w", basisTensor(128, 4, 32))},
		Nodes:        []*onnx.Node{Node("Conv", "x w", "y", onnx.IntsAttr("strides", 3))}})
	if _, found := rewrite(t, m, map[string]*onnx.Tensor{"x": Random(1, 2, 4, 100)}); len(found) != 1 || found[0].Kept != "" {
		t.Errorf("several channels: %+v", found)
	}
	m = Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 1, 1, -1)}, Outputs: Outputs("y"),
		Initializers: []*onnx.Tensor{Named("w", basisTensor(128, 1, 1, 128))},
		Nodes:        []*onnx.Node{Node("Conv", "x w", "y", onnx.IntsAttr("strides", 1, 16), onnx.IntsAttr("pads", 0, 5, 0, 0))}})
	if _, found := rewrite(t, m, map[string]*onnx.Tensor{"x": Random(1, 2, 1, 1, 300)}); len(found) != 1 || found[0].Kept != "" {
		t.Errorf("two axes: %+v", found)
	}
	m.Graph.Inputs = []onnx.ValueInfo{Value("x", -1, 1, -1, -1)}
	if _, found := rewrite(t, m, map[string]*onnx.Tensor{"x": Random(1, 2, 1, 3, 300)}); len(found) != 0 {
		t.Errorf("an image: %+v", found)
	}
	m = Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 128, -1, -1)}, Outputs: Outputs("y"),
		Initializers: []*onnx.Tensor{Named("w", basisTensor(128, 128, 1, 1)), Named("b", Random(2, 130))},
		Nodes:        []*onnx.Node{Node("Conv", "x w b", "y")}})
	if _, found := rewrite(t, m, map[string]*onnx.Tensor{"x": Random(1, 2, 128, 3, 2)}); len(found) != 1 || found[0].Kept != "" {
		t.Errorf("a kernel of one element: %+v", found)
	}
}

func TestProductsWithABasis(t *testing.T) {
	w := basisTensor(128, 128)
	for name, c := range map[string]struct {
		w     *onnx.Tensor
		nodes []*onnx.Node
		x     []int
	}{
		"MatMul":      {Transposed(w), []*onnx.Node{Node("MatMul", "x w", "y")}, []int{3, 5, 128}},
		"left MatMul": {w, []*onnx.Node{Node("MatMul", "w x", "y")}, []int{3, 128, 5}},
		"Gemm":        {w, []*onnx.Node{Node("Gemm", "x w b", "y", onnx.IntAttr("transB", 1), onnx.FloatAttr("alpha", 0.5), onnx.FloatAttr("beta", 2))}, []int{3, 128}},
		"Transpose":   {w, []*onnx.Node{Node("Transpose", "w", "v"), Node("MatMul", "x v", "y")}, []int{3, 128}},
		"mel":         {filterBank(257, 80), []*onnx.Node{Node("MatMul", "x w", "y")}, []int{7, 257}},
	} {
		t.Run(name, func(t *testing.T) {
			sizes := slices.Clone(c.x)
			sizes[0] = -1
			m := Model(13, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", sizes...)}, Outputs: Outputs("y"),
				Initializers: []*onnx.Tensor{Named("w", c.w), Named("b", Random(2, 130))}, Nodes: c.nodes})
			after, found := rewrite(t, m, map[string]*onnx.Tensor{"x": Random(1, c.x...)})
			if len(found) != 1 || found[0].Kept != "" || after.Graph.Initializer("w") != nil {
				t.Fatalf("found %+v", found)
			}
		})
	}
}

// Cosines and sines on one input become one chain; each output keeps its name.
func TestCosinesAndSinesShareAChain(t *testing.T) {
	w := basis(256)
	for _, opset := range []int{11, 13} {
		m := Model(opset, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 1, -1)}, Outputs: Outputs("y"),
			Initializers: []*onnx.Tensor{Named("cos", onnx.FromSlice(w[:129*256], 129, 1, 256)), Named("sin", onnx.FromSlice(w[129*256:], 129, 1, 256))},
			Nodes: []*onnx.Node{
				Node("Conv", "x cos", "re", onnx.IntsAttr("strides", 100)), Node("Conv", "x sin", "im", onnx.IntsAttr("strides", 100)),
				Node("Mul", "re re", "a"), Node("Mul", "im im", "b"), Node("Add", "a b", "y")}})
		after, found := rewrite(t, m, map[string]*onnx.Tensor{"x": Random(1, 1, 1, 1000)})
		if len(found) != 1 || len(found[0].Nodes) != 2 || found[0].Out != 258 {
			t.Fatalf("found %+v", found)
		}
		if ops := operators(after.Graph); slices.Contains(ops, "Conv") {
			t.Errorf("operators %v", ops)
		}
	}
}

// Subgraphs are looked at too, with weights of their own or of the graph around.
func TestSubgraphs(t *testing.T) {
	branch := func(name, w string) onnx.Attribute {
		g := &onnx.Graph{Name: name, Outputs: Outputs(name + ".y"), Nodes: []*onnx.Node{Node("Conv", "x "+w, name+".y", onnx.IntsAttr("strides", 64))}}
		if w == "inner" {
			g.Initializers = []*onnx.Tensor{Named("inner", basisTensor(128, 1, 128))}
		}
		return onnx.GraphAttr(name, g)
	}
	m := Model(16, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 1, -1), Typed(onnx.Bool, "c")}, Outputs: Outputs("y"),
		Initializers: []*onnx.Tensor{Named("outer", basisTensor(128, 1, 128))},
		Nodes:        []*onnx.Node{Node("If", "c", "y", branch("then_branch", "inner"), branch("else_branch", "outer"))}})
	for _, c := range []bool{false, true} {
		after, found := rewrite(t, m, map[string]*onnx.Tensor{"x": Random(1, 1, 1, 500), "c": onnx.Scalar(c)})
		if len(found) != 2 || found[0].Kept != "" || found[1].Kept != "" {
			t.Fatalf("found %+v", found)
		}
		if ops := operators(after.Graph); slices.Contains(ops, "Conv") || len(after.Graph.Initializers) != 0 {
			t.Errorf("operators %v, %d initializers", ops, len(after.Graph.Initializers))
		}
	}
}

func TestWhatStays(t *testing.T) {
	w := basisTensor(128, 1, 128)
	base := func(nodes ...*onnx.Node) *onnx.Model {
		return Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 1, -1)}, Outputs: Outputs("y"),
			Initializers: []*onnx.Tensor{Named("w", w)}, Nodes: nodes})
	}
	x := map[string]*onnx.Tensor{"x": Random(1, 1, 1, 300)}
	m := base(Node("Conv", "x w", "a"), Node("ReduceSum", "w", "s"), Node("Add", "a s", "y"))
	if after, found := rewrite(t, m, x); after != m || len(found) != 1 || !strings.Contains(found[0].Kept, "also used") {
		t.Errorf("a tied weight: %+v", found)
	}
	m = base(Node("Conv", "x w", "y"))
	after, found, err := recognise.Model(m, recognise.Options{Weights: compact.INT8, Keep: func(name string) bool { return name == "node.y" }})
	if err != nil || after != m || len(found) != 1 || found[0].Kept == "" {
		t.Errorf("an excluded node: %+v %v", found, err)
	}
	m.Opsets[""] = 10
	if after, found, err := recognise.Model(m, recognise.Options{}); err != nil || after != m || found != nil {
		t.Errorf("an old model: %+v %v", found, err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	dilated := base(Node("Conv", "x w", "y", onnx.IntsAttr("dilations", 2)))
	if _, found := rewrite(t, dilated, x); len(found) != 0 {
		t.Errorf("a dilated kernel: %+v", found)
	}
	for i := range w.Float32s() {
		w.Float32s()[i] += float32(1e-3 * r.NormFloat64())
	}
	if after, found := rewrite(t, base(Node("Conv", "x w", "y")), x); len(found) != 0 || len(after.Functions) != 0 {
		t.Errorf("a basis with noise: %+v", found)
	}
}
