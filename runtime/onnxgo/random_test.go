package onnxgo

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	onnxgo "github.com/owulveryck/onnx-go"
	"gorgonia.org/tensor"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// Models of random structure give what the runtime gives for the same file, so
// that nothing is lost or confused on the way through onnx-go.
func TestRandomModels(t *testing.T) {
	for seed := range uint64(300) {
		m, inputs := randomModel(rand.New(rand.NewPCG(seed, 0)))
		session, err := runtime.New(m.Clone())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want, err := session.Run(context.Background(), inputs)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		session.Close()
		b, decoded := decode(t, m, WithRuntime(runtime.WithThreads(1)))
		for i, info := range m.Graph.FeedInputs() {
			if err := decoded.SetInput(i, vector(inputs[info.Name].Float32s()...)); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for i, got := range run(t, b, decoded) {
			name := m.Graph.Outputs[i].Name
			expect(t, fmt.Sprintf("seed %d, output %s", seed, name), got, floats64(want[name])...)
		}
		b.session.run.Close()
	}
}

func floats64(t *onnx.Tensor) []float64 {
	values, _ := t.Floats()
	return values
}

// randomModel returns a model of operators on vectors of two elements, with
// inputs for it. Initializers are inputs or not and come in any order; inner
// values have a stated type or not; outputs may be read by operators and may be
// inputs.
func randomModel(r *rand.Rand) (*onnx.Model, map[string]*onnx.Tensor) {
	g := &onnx.Graph{}
	inputs := map[string]*onnx.Tensor{}
	var names, inner []string
	some := func(n int) float32 { return float32(r.IntN(n) - n/2) }
	for i := range 1 + r.IntN(6) {
		name := fmt.Sprintf("v%d", i)
		names = append(names, name)
		isInput := i == 0 || r.IntN(2) == 0
		if isInput {
			g.Inputs = append(g.Inputs, floatVector(name, 2))
		}
		if i > 0 && (!isInput || r.IntN(2) == 0) {
			g.Initializers = append(g.Initializers, initializer(name, some(3), some(3)))
		} else {
			inputs[name] = onnx.FromSlice([]float32{some(9), some(9)}, 2)
		}
	}
	r.Shuffle(len(g.Inputs), func(i, j int) { g.Inputs[i], g.Inputs[j] = g.Inputs[j], g.Inputs[i] })
	operators := []string{"Add", "Sub", "Max", "Sum", "Neg"}
	for i := range 1 + r.IntN(8) {
		n := node(operators[r.IntN(len(operators))], nil, []string{fmt.Sprintf("n%d", i)})
		for range map[string]int{"Neg": 1, "Sum": 3}[n.Op] + map[bool]int{n.Op != "Neg" && n.Op != "Sum": 2}[true] {
			n.Inputs = append(n.Inputs, names[r.IntN(len(names))])
		}
		g.Nodes = append(g.Nodes, n)
		names, inner = append(names, n.Outputs[0]), append(inner, n.Outputs[0])
		if r.IntN(2) == 0 {
			g.ValueInfos = append(g.ValueInfos, floatVector(n.Outputs[0], 2))
		}
	}
	chosen := map[string]bool{inner[len(inner)-1]: true}
	g.Outputs = vectors(2, inner[len(inner)-1])
	for range r.IntN(4) {
		name := inner[r.IntN(len(inner))]
		if r.IntN(4) == 0 {
			name = g.Inputs[r.IntN(len(g.Inputs))].Name
		}
		if !chosen[name] {
			chosen[name] = true
			g.Outputs = append(g.Outputs, floatVector(name, 2))
		}
	}
	r.Shuffle(len(g.Outputs), func(i, j int) { g.Outputs[i], g.Outputs[j] = g.Outputs[j], g.Outputs[i] })
	return opset9(g), inputs
}

// FuzzGraph builds graphs from random calls, which may fail but not panic.
func FuzzGraph(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 2, 0, 3, 1, 0, 0, 4, 1, 0, 0, 5, 0, 0, 0})
	f.Fuzz(func(t *testing.T, calls []byte) {
		b := New(WithRuntime(runtime.WithThreads(1)))
		nodes := []*Node{b.NewNode().(*Node)}
		for ; len(calls) >= 4; calls = calls[4:] {
			pick := func(i int) *Node { return nodes[int(calls[i])%len(nodes)] }
			switch calls[0] % 6 {
			case 0:
				nodes = append(nodes, b.NewNode().(*Node))
				pick(1).SetName(string('a' + rune(calls[2]%5)))
			case 1:
				b.AddNode(pick(1))
			case 2:
				_ = pick(1).SetTensor(tensor.New(tensor.WithShape(int(calls[2]%3)+1), tensor.WithBacking(make([]float32, calls[2]%3+1))))
			case 3:
				weight := float64(calls[3]%4) - 1
				if calls[3] > 250 {
					weight = math.Float64frombits(binary.LittleEndian.Uint64(append(calls[:4:4], calls[:4]...)))
				}
				b.SetWeightedEdge(b.NewWeightedEdge(pick(1), pick(2), weight))
			case 4:
				name := []string{"Neg", "Add", "Sum", "Split", "Wobble"}[calls[3]%5]
				_ = b.ApplyOperation(onnxgo.Operation{Name: name}, pick(1), pick(2))
			case 5:
				_ = b.Run()
				pick(1).GetTensor()
				b.Node(int64(calls[2]))
			}
		}
		_ = b.Run()
	})
}
