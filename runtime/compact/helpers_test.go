package compact_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

var allWeights = []compact.Weights{compact.FP32, compact.FP16, compact.INT8}

func mustParse(t testing.TB, text string) butterfly.Design {
	t.Helper()
	d, err := butterfly.ParseDesign(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// designs are one of each kind: square, rectangular factors, inputs that are
// padded, outputs that are cut, low rank, a single factor, and those of the
// paper.
func designs(t testing.TB) []butterfly.Design {
	list := []butterfly.Design{
		mustParse(t, "1x4x4x4·4x4x4x1"),
		mustParse(t, "2x3x5x4·4x6x3x2"),
		mustParse(t, "13>16:1x4x4x4·4x4x4x1"),
		mustParse(t, "16>11:4x4x4x1·1x4x4x4"),
		mustParse(t, "5>7:1x8x6x1"),
		mustParse(t, "1x3x24x1·1x40x3x1"),
		mustParse(t, "1x1x1x1"),
		mustParse(t, "3x1x4x5·1x7x15x1"),
		mustParse(t, "64x8x8x1·1x64x64x8"),
		mustParse(t, "0x12x12x1·3x4x4x1·0x20x13x3"),
		mustParse(t, "9>5:0x12x10x2·3x2x4x1·0x7x6x1"),
	}
	for _, sides := range [][2]int{{16, 16}, {12, 20}, {8, 5}} {
		d, err := butterfly.Kaleidoscope(sides[0], sides[1], 1, 2, 2)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	return list
}

// randomChain returns a chain whose factors keep the size of what goes through
// them.
func randomChain(r *rand.Rand, d butterfly.Design) *butterfly.Chain {
	c := butterfly.NewChain(d)
	for _, f := range c.Factors {
		for i := range f.Values {
			f.Values[i] = float32(r.NormFloat64()) / float32(f.C)
		}
		for i := range f.Indexes {
			f.Indexes[i] = int32(r.IntN(f.C))
		}
	}
	return c
}

// chainModel returns a model of one chain node, y = chain(x), with the stored
// tensors as initializers. The domain is compact.Domain, or another one, in
// which nobody knows what the function is.
func chainModel(t testing.TB, c *butterfly.Chain, w compact.Weights, opset int, domain string) *onnx.Model {
	t.Helper()
	d := c.Design()
	f := compact.ChainFunction(d, w, opset)
	n := compact.ChainNode(d, w, "source", 0.125)
	f.Domain, n.Domain = domain, domain
	n.Name, n.Inputs, n.Outputs = "chain", []string{"x"}, []string{"y"}
	g := &onnx.Graph{Name: "test", Nodes: []*onnx.Node{n}}
	for i, factor := range c.Factors {
		tensors, err := compact.FactorTensors(factor, w)
		if err != nil {
			t.Fatal(err)
		}
		for j, stored := range tensors {
			stored.Name = fmt.Sprintf("factor%d.%d", i+1, j)
			n.Inputs = append(n.Inputs, stored.Name)
			g.Initializers = append(g.Initializers, stored)
		}
	}
	g.Inputs = []onnx.ValueInfo{{Name: "x", Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32}}}
	g.Outputs = []onnx.ValueInfo{{Name: "y", Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32}}}
	return &onnx.Model{IRVersion: compact.MinIRVersion, Opsets: map[string]int{"": opset, domain: compact.Version}, Graph: g, Functions: []*onnx.Function{f}}
}

// constants returns the stored tensors of a model's chain node, which is its
// only node.
func constants(m *onnx.Model) []*onnx.Tensor {
	var list []*onnx.Tensor
	for _, name := range m.Graph.Nodes[0].Inputs[1:] {
		list = append(list, m.Graph.Initializer(name))
	}
	return list
}
