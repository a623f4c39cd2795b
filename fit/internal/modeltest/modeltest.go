// Package modeltest makes small models in memory, for the tests of the stages
// of a fit.
package modeltest

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// Node returns a node; inputs and outputs are names with spaces between them,
// "_" for an absent one. Its name is that of its first output with "node." in
// front.
func Node(op, inputs, outputs string, attrs ...onnx.Attribute) *onnx.Node {
	n := &onnx.Node{Op: op, Inputs: names(inputs), Outputs: names(outputs), Attrs: attrs}
	n.Name = "node." + n.Outputs[0]
	return n
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

// Value declares a float32 value; sizes are numbers, -1 for a free one.
func Value(name string, sizes ...int) onnx.ValueInfo {
	info := onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true}}
	for _, n := range sizes {
		info.Type.Shape = append(info.Type.Shape, onnx.Dim{Size: n})
	}
	return info
}

// Typed declares a value of another element type.
func Typed(elem onnx.DType, name string, sizes ...int) onnx.ValueInfo {
	info := Value(name, sizes...)
	info.Type.Elem = elem
	return info
}

// Outputs declares outputs of which only the names are known.
func Outputs(list string) []onnx.ValueInfo {
	var infos []onnx.ValueInfo
	for _, name := range strings.Fields(list) {
		infos = append(infos, onnx.ValueInfo{Name: name})
	}
	return infos
}

// Named gives a tensor a name.
func Named(name string, t *onnx.Tensor) *onnx.Tensor {
	t.Name = name
	return t
}

// Random returns numbers of about the size 1/sqrt(32).
func Random(seed uint64, shape ...int) *onnx.Tensor {
	r := rand.New(rand.NewPCG(seed, 11))
	t := onnx.NewTensor(onnx.Float32, shape...)
	for i := range t.Float32s() {
		t.Float32s()[i] = float32(r.NormFloat64() / 5.7)
	}
	return t
}

// Transposed returns a float32 matrix transposed.
func Transposed(t *onnx.Tensor) *onnx.Tensor {
	rows, columns := t.Shape[0], t.Shape[1]
	y := onnx.NewTensor(onnx.Float32, columns, rows)
	for i := range rows {
		for j := range columns {
			y.Float32s()[j*rows+i] = t.Float32s()[i*columns+j]
		}
	}
	return y
}

// Model returns a model of the graph, with functions in the domain "local".
func Model(opset int, g *onnx.Graph, functions ...*onnx.Function) *onnx.Model {
	g.Name = "test"
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int{"": opset}, Graph: g, Functions: functions}
	if len(functions) > 0 {
		m.Opsets["local"] = 1
	}
	return m
}

// Local makes n a call of a function.
func Local(n *onnx.Node) *onnx.Node {
	n.Domain = "local"
	return n
}

// Open prepares a model.
func Open(t testing.TB, m *onnx.Model) *runtime.Session {
	t.Helper()
	s, err := runtime.New(m, runtime.WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Run opens and runs a model.
func Run(t testing.TB, m *onnx.Model, inputs map[string]*onnx.Tensor) map[string]*onnx.Tensor {
	t.Helper()
	out, err := Open(t, m).Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
