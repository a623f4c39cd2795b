package compact_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// A bias, a residual and an activation after a chain are computed with it, and
// give what they give after the multiplied-out chain.
func TestChainWithEpilogue(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, d := range designs(t) {
		for _, activation := range []string{"Relu", "Tanh"} {
			m := chainModel(t, randomChain(r, d), compact.FP32, 17, compact.Domain)
			bias, x, residual := normal(r, d.Out), normal(r, 3, d.In), normal(r, 3, d.Out)
			want := dense(t, m, x)
			for i := range want {
				want[i] += float64(bias.Float32s()[i%d.Out]) + float64(residual.Float32s()[i])
				if activation == "Tanh" {
					want[i] = math.Tanh(want[i])
				} else {
					want[i] = max(want[i], 0)
				}
			}
			bias.Name = "bias"
			g := m.Graph
			g.Initializers = append(g.Initializers, bias)
			for name, size := range map[string]int{"x": d.In, "residual": d.Out} {
				info := onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Size: -1, Symbol: "batch"}, {Size: size}}}}
				if name == "x" {
					g.Inputs[0] = info
				} else {
					g.Inputs = append(g.Inputs, info)
				}
			}
			g.Nodes = append(g.Nodes,
				&onnx.Node{Op: "Add", Inputs: []string{"y", "bias"}, Outputs: []string{"z"}},
				&onnx.Node{Op: "Add", Inputs: []string{"residual", "z"}, Outputs: []string{"sum"}},
				&onnx.Node{Op: activation, Inputs: []string{"sum"}, Outputs: []string{"out"}})
			g.Outputs[0].Name = "out"
			var operators []string
			s, err := runtime.New(m, runtime.WithThreads(1), runtime.WithTrace(func(n runtime.NodeTime) { operators = append(operators, n.Node.Op) }))
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Run(context.Background(), map[string]*onnx.Tensor{"x": x, "residual": residual})
			s.Close()
			if err != nil {
				t.Fatal(err)
			}
			if len(operators) != 1 || !strings.HasSuffix(operators[0], "+Add+Add+"+activation) {
				t.Errorf("%v: ran %v", d, operators)
			}
			wantClose(t, d.String()+" "+activation, got["out"], []int{3, d.Out}, want)
		}
	}
}

func normal(r *rand.Rand, shape ...int) *onnx.Tensor {
	x := onnx.NewTensor(onnx.Float32, shape...)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(r.NormFloat64())
	}
	return x
}
