package runtime_test

import (
	"context"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// node returns a node; inputs and outputs are names with spaces between them,
// "_" for an absent one.
func node(op, inputs, outputs string, attrs ...onnx.Attribute) *onnx.Node {
	return &onnx.Node{Op: op, Inputs: names(inputs), Outputs: names(outputs), Attrs: attrs}
}

func names(text string) []string {
	list := strings.Fields(text)
	for i, name := range list {
		if name == "_" {
			list[i] = ""
		}
	}
	return list
}

// in returns a node of another domain.
func in(domain string, n *onnx.Node) *onnx.Node {
	n.Domain = domain
	return n
}

// tensor declares a value; sizes are numbers, -1 for an unknown one.
func tensor(name string, elem onnx.DType, sizes ...int) onnx.ValueInfo {
	shape := make([]onnx.Dim, len(sizes))
	for i, n := range sizes {
		shape[i] = onnx.Dim{Size: n}
	}
	return onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: elem, Shape: shape, HasShape: true}}
}

// untyped declares a value of which nothing is said.
func untyped(name string) onnx.ValueInfo { return onnx.ValueInfo{Name: name} }

func named(name string, t *onnx.Tensor) *onnx.Tensor {
	t.Name = name
	return t
}

func floats(values ...float32) *onnx.Tensor { return onnx.FromSlice(values, len(values)) }
func ints(values ...int64) *onnx.Tensor     { return onnx.FromSlice(values, len(values)) }

// newModel returns a model of opset 17 with functions in the domain "local".
func newModel(g *onnx.Graph, functions ...*onnx.Function) *onnx.Model {
	g.Name = "test"
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int{"": 17, "local": 1}, Graph: g, Functions: functions}
}

func open(t testing.TB, m *onnx.Model, opts ...runtime.Option) *runtime.Session {
	t.Helper()
	s, err := runtime.New(m, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// run opens and runs a model.
func run(t testing.TB, m *onnx.Model, inputs map[string]*onnx.Tensor) map[string]*onnx.Tensor {
	t.Helper()
	out, err := open(t, m).Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantFloats compares the float32 elements of a tensor exactly.
func wantFloats(t testing.TB, what string, got *onnx.Tensor, want ...float32) {
	t.Helper()
	if got == nil || got.Type != onnx.Float32 || got.Len() != len(want) {
		t.Fatalf("%s is %v, want %v", what, got, want)
	}
	for i, v := range got.Float32s() {
		if v != want[i] {
			t.Fatalf("%s is %v, want %v", what, got.Float32s(), want)
		}
	}
}

// wantError checks that there is an error that says all the words.
func wantError(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Fatalf("the error %q does not say %q", err, w)
		}
	}
}
