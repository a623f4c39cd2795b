package compact_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// runTraced runs a model and returns y and the operators that were run.
func runTraced(t *testing.T, m *onnx.Model, x *onnx.Tensor) (*onnx.Tensor, []string) {
	t.Helper()
	var operators []string
	s, err := runtime.New(m, runtime.WithThreads(1), runtime.WithTrace(func(n runtime.NodeTime) { operators = append(operators, n.Node.Op) }))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	return out["y"], operators
}

// dense multiplies the rows of x by the stored chain, multiplied out in
// float64.
func dense(t *testing.T, m *onnx.Model, x *onnx.Tensor) []float64 {
	t.Helper()
	c, err := compact.ReadChain(m.Graph.Nodes[0], constants(m))
	if err != nil {
		t.Fatal(err)
	}
	w := c.Dense()
	rows := x.Len() / c.In
	y := make([]float64, rows*c.Out)
	for r := range rows {
		for o := range c.Out {
			for i := range c.In {
				y[r*c.Out+o] += float64(w[o*c.In+i]) * float64(x.Float32s()[r*c.In+i])
			}
		}
	}
	return y
}

func wantClose(t *testing.T, what string, got *onnx.Tensor, shape []int, want []float64) {
	t.Helper()
	if !slices.Equal(got.Shape, shape) {
		t.Fatalf("%s has shape %v, want %v", what, got.Shape, shape)
	}
	for i, v := range got.Float32s() {
		if math.Abs(float64(v)-want[i]) > 1e-5*(1+math.Abs(want[i])) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, v, want[i])
		}
	}
}

// The body of the function, the kernel and the multiplied-out chain agree for
// every form of weights, operator set and rank of the input.
func TestBodyEqualsKernel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, d := range designs(t) {
		for _, w := range allWeights {
			c := randomChain(r, d)
			opsets := []int{7, 9, 10, 11, 13, 14, 17, 20}
			if w != compact.FP32 {
				opsets = []int{7, 11, 17} // the form of weights and the operator set do not meet
			}
			for _, opset := range opsets {
				kernel := chainModel(t, c, w, opset, compact.Domain)
				body := chainModel(t, c, w, opset, "plain")
				lead := [][]int{{}, {3}, {2, 3}, {2, 1, 3}, {0}, {0, 2}}
				if opset >= 14 {
					lead = append(lead, []int{2, 0})
				}
				for _, rows := range lead {
					x := onnx.NewTensor(onnx.Float32, append(slices.Clone(rows), d.In)...)
					for i := range x.Float32s() {
						x.Float32s()[i] = float32(r.NormFloat64())
					}
					shape := append(slices.Clone(rows), d.Out)
					want := dense(t, kernel, x)
					what := fmt.Sprintf("%v as %s, opset %d, x %v", d, w, opset, x.Shape)
					y, operators := runTraced(t, kernel, x)
					if len(operators) != 1 || !strings.HasPrefix(operators[0], "Chain_") {
						t.Fatalf("%s: the kernel did not run, but %v", what, operators)
					}
					wantClose(t, what+": kernel", y, shape, want)
					y, operators = runTraced(t, body, x)
					if slices.ContainsFunc(operators, func(op string) bool { return strings.HasPrefix(op, "Chain_") }) {
						t.Fatalf("%s: the kernel ran in place of the body", what)
					}
					wantClose(t, what+": body", y, shape, want)
				}
			}
		}
	}
}

// Chains whose factors are inputs of the model are run too.
func TestFactorsThatAreNotConstant(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 2))
	c := randomChain(r, mustParse(t, "1x4x4x4·4x4x4x1"))
	m := chainModel(t, c, compact.INT8, 17, compact.Domain)
	x := onnx.NewTensor(onnx.Float32, 3, 16)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(r.NormFloat64())
	}
	want := dense(t, m, x)
	inputs := map[string]*onnx.Tensor{"x": x}
	for _, stored := range m.Graph.Initializers {
		inputs[stored.Name] = stored
		m.Graph.Inputs = append(m.Graph.Inputs, onnx.ValueInfo{Name: stored.Name, Type: onnx.Type{Kind: onnx.TensorType, Elem: stored.Type}})
	}
	m.Graph.Initializers = nil
	s, err := runtime.New(m)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	wantClose(t, "y", out["y"], []int{3, 16}, want)
	inputs["factor1.0"] = onnx.NewTensor(onnx.Int8, 1)
	if _, err := s.Run(context.Background(), inputs); err == nil || !strings.Contains(err.Error(), "factor 1") {
		t.Errorf("a factor of the wrong shape gives %v", err)
	}
}

// changes are edits of a model after each of which the function is no longer
// what this package writes, or the node is not about it.
var changes = map[string]func(f *onnx.Function, n *onnx.Node){
	"operator":          func(f *onnx.Function, _ *onnx.Node) { f.Nodes[len(f.Nodes)-1].Op = "Identity" },
	"domain of a node":  func(f *onnx.Function, _ *onnx.Node) { f.Nodes[2].Domain = "other" },
	"overload":          func(f *onnx.Function, _ *onnx.Node) { f.Nodes[2].Overload = "other" },
	"input of a node":   func(f *onnx.Function, _ *onnx.Node) { f.Nodes[0].Inputs = []string{"F1"} },
	"output of a node":  func(f *onnx.Function, _ *onnx.Node) { f.Nodes[0].Outputs = []string{"other"} },
	"a node less":       func(f *onnx.Function, _ *onnx.Node) { f.Nodes = f.Nodes[:len(f.Nodes)-1] },
	"a node more":       func(f *onnx.Function, _ *onnx.Node) { f.Nodes = append(f.Nodes, f.Nodes[0]) },
	"order":             func(f *onnx.Function, _ *onnx.Node) { f.Nodes[0], f.Nodes[1] = f.Nodes[1], f.Nodes[0] },
	"opset":             func(f *onnx.Function, _ *onnx.Node) { f.Opsets[""] = 9 },
	"old opset":         func(f *onnx.Function, _ *onnx.Node) { f.Opsets[""] = 6 },
	"no opset":          func(f *onnx.Function, _ *onnx.Node) { delete(f.Opsets, "") },
	"name":              func(f *onnx.Function, _ *onnx.Node) { f.Name += "x" },
	"input":             func(f *onnx.Function, _ *onnx.Node) { f.Inputs[1] = "other" },
	"an input more":     func(f *onnx.Function, _ *onnx.Node) { f.Inputs = append(f.Inputs, "other") },
	"output":            func(f *onnx.Function, _ *onnx.Node) { f.Outputs[0] = "X" },
	"perm":              func(f *onnx.Function, _ *onnx.Node) { find(f, "Transpose").Attrs[0].Ints[0] = 3 },
	"fewer perm":        func(f *onnx.Function, _ *onnx.Node) { a := &find(f, "Transpose").Attrs[0]; a.Ints = a.Ints[:3] },
	"perm's name":       func(f *onnx.Function, _ *onnx.Node) { find(f, "Transpose").Attrs[0].Name = "other" },
	"perm's kind":       func(f *onnx.Function, _ *onnx.Node) { find(f, "Transpose").Attrs[0].Kind = onnx.AttrFloats },
	"perm by reference": func(f *onnx.Function, _ *onnx.Node) { find(f, "Transpose").Attrs[0].RefName = "in" },
	"no perm":           func(f *onnx.Function, _ *onnx.Node) { find(f, "Transpose").Attrs = nil },
	"an attribute more": func(f *onnx.Function, _ *onnx.Node) {
		n := find(f, "MatMul")
		n.Attrs = append(n.Attrs, onnx.IntAttr("x", 1))
	},
	"constant":           func(f *onnx.Function, _ *onnx.Node) { constant(f).Int64s()[0] = 5 },
	"constant's shape":   func(f *onnx.Function, _ *onnx.Node) { constant(f).Shape = []int{1, 1} },
	"constant's type":    func(f *onnx.Function, _ *onnx.Node) { constant(f).Type = onnx.Uint64 },
	"no constant":        func(f *onnx.Function, _ *onnx.Node) { find(f, "Constant").Attrs[0].Tensor = nil },
	"axis":               func(f *onnx.Function, _ *onnx.Node) { find(f, "Concat").Attrs[0].Int = 1 },
	"cast":               func(f *onnx.Function, _ *onnx.Node) { find(f, "Cast").Attrs[0].Int = int64(onnx.Float16) },
	"node's domain":      func(_ *onnx.Function, n *onnx.Node) { n.Domain = "other" },
	"node's operator":    func(_ *onnx.Function, n *onnx.Node) { n.Op = "Other" },
	"node's patterns":    func(_ *onnx.Function, n *onnx.Node) { n.Attrs[0].Ints[0] = 2 },
	"patterns' kind":     func(_ *onnx.Function, n *onnx.Node) { n.Attrs[0].Kind = onnx.AttrFloats },
	"a pattern less":     func(_ *onnx.Function, n *onnx.Node) { n.Attrs[0].Ints = n.Attrs[0].Ints[:4] },
	"half a pattern":     func(_ *onnx.Function, n *onnx.Node) { n.Attrs[0].Ints = n.Attrs[0].Ints[:6] },
	"no patterns":        func(_ *onnx.Function, n *onnx.Node) { n.Attrs[0].Ints = nil },
	"overflow":           func(_ *onnx.Function, n *onnx.Node) { n.Attrs[0].Ints[1], n.Attrs[0].Ints[2] = 1<<62, 1<<62 },
	"negative":           func(_ *onnx.Function, n *onnx.Node) { n.Attrs[0].Ints[1], n.Attrs[0].Ints[2] = -4, -4 },
	"node's inputs size": func(_ *onnx.Function, n *onnx.Node) { n.Attrs[1].Int = 12 },
	"node's output size": func(_ *onnx.Function, n *onnx.Node) { n.Attrs[2].Int = 12 },
	"node's weights":     func(_ *onnx.Function, n *onnx.Node) { n.Attrs[3].String = "fp16" },
	"unknown weights":    func(_ *onnx.Function, n *onnx.Node) { n.Attrs[3].String = "int3" },
	"no attributes":      func(_ *onnx.Function, n *onnx.Node) { n.Attrs = nil },
}

func find(f *onnx.Function, op string) *onnx.Node {
	for _, n := range f.Nodes {
		if n.Op == op {
			return n
		}
	}
	panic("the body has no " + op)
}

func constant(f *onnx.Function) *onnx.Tensor { return find(f, "Constant").Attrs[0].Tensor }

func TestRecogniseRefusesChanges(t *testing.T) {
	d := mustParse(t, "1x4x4x4·4x4x4x1")
	fresh := func() (*onnx.Function, *onnx.Node) {
		return compact.ChainFunction(d, compact.INT8, 17), compact.ChainNode(d, compact.INT8, "", 0)
	}
	if f, n := fresh(); !compact.Recognise(f, n) {
		t.Fatal("the function as it is written is not recognised")
	}
	for name, change := range changes {
		f, n := fresh()
		change(f, n)
		if compact.Recognise(f, n) {
			t.Errorf("%s: a changed function is recognised", name)
		}
	}
}

// A file is recognised after it was written and read.
func TestRecogniseAfterReading(t *testing.T) {
	for _, d := range designs(t) {
		for _, w := range allWeights {
			m := chainModel(t, butterfly.NewChain(d), w, 17, compact.Domain)
			data, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if m, err = onnx.Decode(data); err != nil {
				t.Fatal(err)
			}
			if err := m.Check(); err != nil {
				t.Fatal(err)
			}
			if !compact.Recognise(m.Functions[0], m.Graph.Nodes[0]) {
				t.Errorf("%v as %s is not recognised after reading", d, w)
			}
			n, err := compact.ReadNode(m.Graph.Nodes[0])
			if err != nil || n.Design.String() != d.String() || n.Weights != w || n.Source != "source" || n.Error != 0.125 {
				t.Errorf("the node says %+v, %v", n, err)
			}
		}
	}
}
