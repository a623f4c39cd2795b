package grad_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/grad"
)

func named(name string, values ...float32) *onnx.Tensor {
	t := onnx.FromSlice(values, len(values))
	t.Name = name
	return t
}

func node(op string, out string, in ...string) *onnx.Node {
	return &onnx.Node{Name: out, Op: op, Inputs: in, Outputs: []string{out}}
}

func model(initializers []*onnx.Tensor, nodes ...*onnx.Node) *onnx.Model {
	g := &onnx.Graph{Name: "test", Initializers: initializers, Nodes: nodes, Outputs: []onnx.ValueInfo{{Name: "y"}}}
	g.Inputs = []onnx.ValueInfo{{Name: "x", Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Size: 2}}}}}
	return &onnx.Model{IRVersion: 10, Opsets: map[string]int{"": 20}, Graph: g}
}

// A value that several nodes read gets the sum of their gradients, and the
// gradient of an output that is also read goes both ways.
func TestSharedValues(t *testing.T) {
	m := model([]*onnx.Tensor{named("w", 3, 5)},
		node("Mul", "a", "x", "w"), node("Mul", "b", "a", "a"), node("Add", "c", "b", "a"), node("Sub", "y", "c", "w"))
	m.Graph.Outputs = append(m.Graph.Outputs, onnx.ValueInfo{Name: "a"})
	g, err := grad.New(m, []string{"w"})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	x := []float32{2, -1}
	p, err := g.Forward(context.Background(), map[string]*onnx.Tensor{"x": onnx.FromSlice(x, 2), "w": m.Graph.Initializers[0]})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got, err := p.Backward(context.Background(), map[string][]float32{"y": {1, 1}, "a": {10, 0}})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range []float32{3, 5} { // y = (xw)^2 + xw - w, and 10 a for the first
		want := 2*x[i]*x[i]*w + x[i] - 1
		if i == 0 {
			want += 10 * x[i]
		}
		if math.Abs(float64(got["w"][i]-want)) > 1e-4 {
			t.Errorf("element %d: %g, want %g", i, got["w"][i], want)
		}
	}
}

// A parameter behind a node without a derivative is left out and the node
// named; others keep their gradients, and comparisons block nothing.
func TestBlocked(t *testing.T) {
	m := model([]*onnx.Tensor{named("v", 1, 1), named("w", 3, 5), named("unused", 1, 1)},
		node("Mul", "a", "x", "v"), node("CumSum", "b", "a", "zero"), node("Add", "c", "b", "w"),
		node("Greater", "d", "w", "x"), node("Where", "y", "d", "c", "w"))
	zero := onnx.Scalar(int64(0))
	zero.Name = "zero"
	m.Graph.Initializers = append(m.Graph.Initializers, zero)
	g, err := grad.New(m, []string{"v", "w", "unused"})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if !slices.Equal(g.Parameters(), []string{"w"}) {
		t.Errorf("parameters %v, want w alone", g.Parameters())
	}
	if b := g.Blocked(); len(b) != 1 || !strings.Contains(b[0].String(), "CumSum") {
		t.Errorf("blocked by %v, want the CumSum", b)
	}
}

func TestErrors(t *testing.T) {
	m := model([]*onnx.Tensor{named("w", 3, 5)}, node("Mul", "y", "x", "w"))
	if _, err := grad.New(m, []string{"other"}); err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("unknown parameter: %v", err)
	}
	g, err := grad.New(m, []string{"w"})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	inputs := map[string]*onnx.Tensor{"x": onnx.FromSlice([]float32{1, 2}, 2), "w": m.Graph.Initializers[0]}
	p, err := g.Forward(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for name, loss := range map[string]map[string][]float32{"unknown": {"z": {1}}, "length": {"y": {1}}} {
		if _, err := p.Backward(context.Background(), loss); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Backward(ctx, map[string][]float32{"y": {1, 1}}); err == nil {
		t.Error("cancelled: no error")
	}
}
