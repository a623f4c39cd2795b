package write_test

import (
	"math"
	"testing"

	"github.com/kcompress/kcompress/fit/discover"
	. "github.com/kcompress/kcompress/fit/internal/modeltest"
	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// wantRounded checks that a weight was rounded to int8 with a scale for each
// slice of an axis: within half a step of the largest value of its slice.
func wantRounded(t *testing.T, what string, got, want *onnx.Tensor, axis int) {
	t.Helper()
	if got == nil || got.Type != want.Type || got.Len() != want.Len() {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
	a, _ := got.Floats()
	b, _ := want.Floats()
	inner := 1
	for _, n := range want.Shape[axis+1:] {
		inner *= n
	}
	largest := make([]float64, want.Shape[axis])
	for i, v := range b {
		s := i / inner % want.Shape[axis]
		largest[s] = max(largest[s], math.Abs(v))
	}
	same := true
	for i, v := range b {
		bound := largest[i/inner%want.Shape[axis]] / 254 * 1.01
		if want.Type == onnx.Float16 {
			bound += math.Abs(v) / 1024
		}
		if math.Abs(a[i]-v) > bound {
			t.Fatalf("%s: element %d is %v, want %v to %v", what, i, a[i], v, bound)
		}
		same = same && a[i] == v
	}
	if same {
		t.Errorf("%s: nothing was rounded", what)
	}
}

// uneven makes the slices of an axis differ in size by far, so that a scale
// along another axis would show.
func uneven(t *onnx.Tensor, axis int) *onnx.Tensor {
	inner := 1
	for _, n := range t.Shape[axis+1:] {
		inner *= n
	}
	for i := range t.Float32s() {
		t.Float32s()[i] *= float32(math.Pow(3, float64(i/inner%t.Shape[axis]%7)))
	}
	return t
}

// Each kind of weight is rounded along its output features, for every opset.
func TestRoundedWeights(t *testing.T) {
	convInput := Value("x", -1, 8, 20)
	for name, test := range map[string]struct {
		in   onnx.ValueInfo
		w    *onnx.Tensor
		axis int
		node *onnx.Node
	}{
		"MatMul":        {Value("x", -1, 32), Random(1, 32, 40), 1, Node("MatMul", "x w", "y")},
		"left":          {Value("x", 40, -1), Random(1, 32, 40), 0, Node("MatMul", "w x", "y")},
		"batch":         {Value("x", -1, 3, 20), Random(1, 3, 20, 24), 2, Node("MatMul", "x w", "y")},
		"Gemm":          {Value("x", -1, 32), Random(1, 32, 40), 1, Node("Gemm", "x w b", "y")},
		"Gemm transB":   {Value("x", -1, 32), Random(1, 40, 32), 0, Node("Gemm", "x w b", "y", onnx.IntAttr("transB", 1))},
		"Conv":          {convInput, Random(1, 64, 8, 3), 0, Node("Conv", "x w", "y")},
		"ConvTranspose": {convInput, Random(1, 8, 64, 3), 1, Node("ConvTranspose", "x w", "y")},
		"LSTM":          {Value("x", -1, 1, 16), Random(1, 1, 80, 16), 1, Node("LSTM", "x w r", "y", onnx.IntAttr("hidden_size", 20))},
		"Gather":        {Typed(onnx.Int64, "x", -1), Random(1, 64, 20), 0, Node("Gather", "w x", "y")},
	} {
		t.Run(name, func(t *testing.T) {
			w := Named("w", uneven(test.w, test.axis))
			for _, opset := range []int{7, 11, 13, 20} {
				for _, elem := range []onnx.DType{onnx.Float32, onnx.Float64, onnx.Float16} {
					stored, err := w.ConvertTo(elem)
					if err != nil {
						t.Fatal(err)
					}
					in := test.in
					if in.Type.Elem == onnx.Float32 {
						in.Type.Elem = elem
					}
					small, _ := Random(2, 40).ConvertTo(elem)
					recurrent, _ := Random(2, 1, 80, 20).ConvertTo(elem)
					m := Model(opset, &onnx.Graph{Inputs: []onnx.ValueInfo{in}, Outputs: Outputs("y"), Nodes: []*onnx.Node{test.node},
						Initializers: []*onnx.Tensor{Named("w", stored), Named("b", small), Named("r", recurrent)}})
					written := keepAll(t, m, write.Options{Weights: compact.INT8})
					s := Open(t, written)
					wantRounded(t, elem.String(), s.Constant("w"), stored, test.axis)
					if q := written.Graph.Initializer("w.int8"); q == nil || q.Type != onnx.Int8 || q.Len() != stored.Len() {
						t.Errorf("stored as %v", q)
					}
					if written.Graph.Initializer("w") != nil {
						t.Error("the original is stored too")
					}
					if b := written.Graph.Initializer("b"); b == nil {
						t.Error("a small constant was rounded")
					}
				}
			}
		})
	}
}

func TestHalfWeights(t *testing.T) {
	big := Random(3, 32, 40)
	big.Float32s()[7] = 1e6
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 32)}, Outputs: Outputs("y z"),
		Initializers: []*onnx.Tensor{Named("w", Random(1, 32, 40)), Named("big", big)}, Nodes: []*onnx.Node{Node("MatMul", "x w", "y"), Node("MatMul", "x big", "z")}})
	written := keepAll(t, m, write.Options{Weights: compact.FP16})
	if h := written.Graph.Initializer("w.fp16"); h == nil || h.Type != onnx.Float16 {
		t.Error("w is not stored as float16")
	}
	if written.Graph.Initializer("big") == nil {
		t.Error("a weight beyond float16 is stored so")
	}
	x := map[string]*onnx.Tensor{"x": Random(4, 2, 32)}
	wantSame(t, "fp16", Run(t, written, x), Run(t, m, x), 2e-3)
}

// Scales and what is computed from several constants are not weights: rounding
// them would be a second loss, or more than one.
func TestNotRounded(t *testing.T) {
	q := onnx.NewTensor(onnx.Int8, 8, 1200)
	for i := range q.Raw() {
		q.Raw()[i] = byte(i*7 + i/300)
	}
	scale := Random(1, 1200)
	for i, v := range scale.Float32s() {
		scale.Float32s()[i] = float32(math.Abs(float64(v))) + 0.01
	}
	bad := Random(2, 32, 40)
	bad.Float32s()[0] = float32(math.Inf(1))
	graph := func() *onnx.Graph {
		return &onnx.Graph{
			Inputs: []onnx.ValueInfo{Value("x", -1, 8), Value("x2", -1, 32)}, Outputs: Outputs("y z o kept"),
			Initializers: []*onnx.Tensor{
				Named("q", q), Named("scale", scale), Named("zero", onnx.NewTensor(onnx.Int8, 1200)), Named("bias", Random(3, 1200)),
				Named("wide", Random(4, 1, 1200)), Named("bad", bad), Named("kept", Random(5, 32, 40)), Named("wi", onnx.NewTensor(onnx.Int32, 32, 40)),
			},
			Nodes: []*onnx.Node{
				Node("DequantizeLinear", "q scale zero", "w", onnx.IntAttr("axis", 1)), Node("MatMul", "x w", "a"), Node("Add", "a bias", "y"),
				Node("MatMul", "x2 bad", "z"), Node("MatMul", "x2 kept", "m"), Node("Cast", "x2", "xi", onnx.IntAttr("to", int64(onnx.Int32))), Node("MatMul", "xi wi", "mi"),
				Node("Cast", "mi", "mf", onnx.IntAttr("to", 1)), Node("Add", "m mf", "o"),
			},
		}
	}
	written := keepAll(t, Model(17, graph()), write.Options{Weights: compact.INT8})
	for _, before := range graph().Initializers {
		if before.Name == "bias" {
			continue // TestRoundAdded
		}
		after := written.Graph.Initializer(before.Name)
		if after == nil || after.Type != before.Type || string(after.Raw()) != string(before.Raw()) {
			t.Errorf("%s became %v", before.Name, after)
		}
	}
	// What a fit has rounded is not rounded again.
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 32)}, Outputs: Outputs("y"),
		Initializers: []*onnx.Tensor{Named("w", Random(6, 32, 1040))}, Nodes: []*onnx.Node{Node("MatMul", "x w", "y")}})
	once := keepAll(t, m, write.Options{Weights: compact.INT8})
	twice := keepAll(t, once, write.Options{Weights: compact.INT8})
	a, _ := once.Encode()
	b, _ := twice.Encode()
	if string(a) != string(b) {
		t.Error("a second rounding changes the file")
	}
}

// Layers that the user excludes keep their weights, whatever they share.
func TestExact(t *testing.T) {
	w := Random(1, 32, 40)
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 32)}, Outputs: Outputs("y z e"),
		Initializers: []*onnx.Tensor{Named("w", w), Named("table", Transposed(w)), Named("other", Random(2, 32, 40))},
		Nodes:        []*onnx.Node{Node("MatMul", "x w", "y"), Node("MatMul", "x other", "z"), Node("Shape", "x", "s"), Node("Gather", "table s", "e")}})
	for _, layer := range []string{"node.y", "node.e"} {
		written := keepAll(t, m, write.Options{Weights: compact.INT8, Exact: map[string]bool{layer: true}})
		s := Open(t, written)
		if string(s.Constant("w").Raw()) != string(w.Raw()) {
			t.Errorf("without %s: w was rounded", layer)
		}
		if written.Graph.Initializer("other") != nil {
			t.Errorf("without %s: the other weight was not rounded", layer)
		}
	}
}

// Weights of subgraphs and functions are rounded where they are stored.
func TestRoundedInside(t *testing.T) {
	branch := func(name, output string, initializers []*onnx.Tensor, nodes ...*onnx.Node) *onnx.Graph {
		return &onnx.Graph{Name: name, Outputs: Outputs(output), Initializers: initializers, Nodes: nodes}
	}
	then := branch("then", "p", []*onnx.Tensor{Named("wi", Random(1, 32, 40)), Named("small", Random(9, 40))}, Node("MatMul", "x wi", "pi"), Node("Add", "pi small", "p"))
	otherwise := branch("else", "q", nil, Node("Constant", "", "wk", onnx.TensorAttr("value", Random(2, 32, 40))), Node("MatMul", "x wk", "qi"), Node("MatMul", "x wc", "qj"), Node("Add", "qi qj", "q"))
	f := &onnx.Function{Name: "F", Domain: "local", Inputs: []string{"a", "v"}, Outputs: []string{"b"}, Opsets: map[string]int{"": 17}, Nodes: []*onnx.Node{
		Node("Constant", "", "wf", onnx.TensorAttr("value", Random(3, 32, 40))), Node("MatMul", "a wf", "i"), Node("MatMul", "i v", "b"),
	}}
	m := Model(17, &onnx.Graph{
		Inputs: []onnx.ValueInfo{Value("x", -1, 32), Typed(onnx.Bool, "c")}, Outputs: Outputs("y z"),
		Initializers: []*onnx.Tensor{Named("wc", Random(4, 32, 40)), Named("wp", Random(5, 40, 44))},
		Nodes: []*onnx.Node{
			Node("If", "c", "z", onnx.GraphAttr("then_branch", then), onnx.GraphAttr("else_branch", otherwise)), Local(Node("F", "x wp", "y")),
		},
	}, f)
	original := discover.Bodies(m)
	for _, weights := range []compact.Weights{compact.FP16, compact.INT8} {
		written := keepAll(t, m, write.Options{Weights: weights})
		tolerance := 2e-3
		if weights == compact.INT8 {
			tolerance = 4e-2
		}
		for _, c := range []bool{true, false} {
			in := map[string]*onnx.Tensor{"x": Random(6, 2, 32), "c": onnx.Scalar(c)}
			wantSame(t, string(weights), Run(t, written, in), Run(t, m, in), tolerance)
		}
		if n := len(original); n != 4 {
			t.Fatalf("%d bodies, want 4", n)
		}
		if left := wideWeights(written); left != 0 {
			t.Errorf("%s: %d weights are stored as they were", weights, left)
		}
	}
}

// wideWeights counts the float32 matrices that a model stores anywhere.
func wideWeights(m *onnx.Model) int {
	n := wideIn(m.Graph.Nodes)
	for _, t := range m.Graph.Initializers {
		n += wide(t)
	}
	for _, f := range m.Functions {
		n += wideIn(f.Nodes)
	}
	return n
}

func wideIn(nodes []*onnx.Node) int {
	count := 0
	for _, n := range nodes {
		for i := range n.Attrs {
			count += wide(n.Attrs[i].Tensor)
		}
		for _, g := range n.Subgraphs() {
			for _, t := range g.Initializers {
				count += wide(t)
			}
			count += wideIn(g.Nodes)
		}
	}
	return count
}

func wide(t *onnx.Tensor) int {
	if t != nil && t.Type == onnx.Float32 && t.Len() >= write.MinRounded {
		return 1
	}
	return 0
}

// Equal constants are stored once, and transposed ones as a Transpose.
func TestSharedConstants(t *testing.T) {
	w := Random(1, 32, 40)
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 32), Typed(onnx.Int64, "ids", -1)}, Outputs: Outputs("y z e"),
		Initializers: []*onnx.Tensor{Named("table", Transposed(w)), Named("head", w), Named("again", w.Clone()), Named("other", Random(2, 40, 32))},
		Nodes: []*onnx.Node{
			Node("Gather", "table ids", "e"), Node("MatMul", "x head", "y"), Node("MatMul", "x again", "a"), Node("MatMul", "a other", "z")}})
	in := map[string]*onnx.Tensor{"x": Random(3, 2, 32), "ids": onnx.FromSlice([]int64{0, 39, 7}, 3)}
	for weights, most := range map[compact.Weights]int{compact.FP32: 2 * 4 * 1280, compact.FP16: 2 * 2 * 1280, compact.INT8: 2 * (1280 + 160)} {
		written := keepAll(t, m, write.Options{Weights: weights})
		bytes := 0
		for _, t := range written.Graph.Initializers {
			bytes += t.Bytes()
		}
		if bytes > most {
			t.Errorf("%s: %d bytes are stored, want at most %d", weights, bytes, most)
		}
		tolerance := map[compact.Weights]float64{compact.FP32: 0, compact.FP16: 2e-3, compact.INT8: 4e-2}[weights]
		wantSame(t, string(weights), Run(t, written, in), Run(t, m, in), tolerance)
	}
	// Outputs and inputs keep their names.
	m.Graph.Outputs = append(m.Graph.Outputs, Outputs("again")...)
	m.Graph.Inputs = append(m.Graph.Inputs, Value("head", 32, 40))
	written := keepAll(t, m, write.Options{Weights: compact.FP32})
	if written.Graph.Initializer("again") == nil || written.Graph.Initializer("head") == nil {
		t.Error("a constant that callers know by name was merged")
	}
}

// Biases, scales of normalisations and tables that rows are taken from are
// rounded; what may be read in another way is not, and no constant that float16
// can not hold.
func TestRoundAdded(t *testing.T) {
	large := Random(7, 300)
	large.Float32s()[3] = 1e6
	m := Model(17, &onnx.Graph{Inputs: []onnx.ValueInfo{Value("x", -1, 300)}, Outputs: Outputs("y v shifted"),
		Initializers: []*onnx.Tensor{
			Named("positions", Random(1, 1, 16, 300)), Named("starts", onnx.FromSlice([]int64{2}, 1)), Named("ends", onnx.FromSlice([]int64{3}, 1)), Named("axes", onnx.FromSlice([]int64{1}, 1)),
			Named("scale", Random(2, 300)), Named("offset", Random(3, 300)), Named("factor", Random(4, 1, 300)), Named("large", large),
			Named("base", Random(5, 300)), Named("shifted", Random(6, 300)), Named("short", Random(8, 100)),
		},
		Nodes: []*onnx.Node{
			Node("Slice", "positions starts ends axes", "row"), Node("Add", "x row", "a"), Node("LayerNormalization", "a scale offset", "b"),
			Node("Mul", "b factor", "c"), Node("Add", "c large", "d"), Node("Add", "d shifted", "y"), Node("Max", "base base", "u"), Node("Sub", "u base", "w"),
			Node("ReduceSum", "w", "v"),
		}})
	written := keepAll(t, m, write.Options{Weights: compact.INT8})
	for name, want := range map[string]onnx.DType{
		"positions.int8": onnx.Int8, "scale.fp16": onnx.Float16, "offset.fp16": onnx.Float16, "factor.fp16": onnx.Float16,
		"large": onnx.Float32, "base": onnx.Float32, "shifted": onnx.Float32, "short": onnx.Float32,
	} {
		if got := written.Graph.Initializer(name); got == nil && name != "short" || got != nil && got.Type != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	x := map[string]*onnx.Tensor{"x": Random(9, 4, 300)}
	wantSame(t, "rounded", Run(t, written, x), Run(t, m, x), 1e-2)
}
