package ops_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/ops"
)

// TestInferenceAgreesWithRealModels infers every value of exported models from
// the symbols that their inputs declare, and compares with what a run computes.
func TestInferenceAgreesWithRealModels(t *testing.T) {
	folders, err := filepath.Glob("../../../shared/zoo/*/test_data_set_0")
	if err != nil || len(folders) == 0 {
		t.Skip("the models of ../shared/zoo are not here: inference is NOT compared with them")
	}
	for _, folder := range folders {
		dir := filepath.Dir(folder)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			m, err := onnx.Load(filepath.Join(dir, "model.onnx"))
			if err != nil {
				t.Fatal(err)
			}
			inputs := suiteValues(t, dir, "input", m.Graph.Inputs)
			symbols, ok := boundSymbols(m.Graph, inputs)
			if !ok || len(m.Functions) > 0 {
				t.Skip("this model has functions or inputs without data")
			}
			infos := inferGraph(t, m)
			values := runEveryNode(t, m, inputs)
			ranks, shapes := 0, 0
			for name, v := range values {
				if err := checkInfo(infos[name], v, symbols); err != nil {
					t.Errorf("value %s: %v", name, err)
				}
				if infos[name].Type.HasShape {
					ranks++
					if complete(infos[name].Type.Shape) {
						shapes++
					}
				}
			}
			t.Logf("%d values: rank known of %d, shape of %d", len(values), ranks, shapes)
		})
	}
}

func complete(shape []onnx.Dim) bool {
	for _, d := range shape {
		if !d.Known() && d.Symbol == "" {
			return false
		}
	}
	return true
}

// boundSymbols returns the size of each symbol that the inputs declare.
func boundSymbols(g *onnx.Graph, inputs map[string]onnx.Value) (map[string]int, bool) {
	symbols := map[string]int{}
	for _, info := range g.Inputs {
		if g.Initializer(info.Name) != nil {
			continue
		}
		x, ok := inputs[info.Name].(*onnx.Tensor)
		if !ok {
			return nil, false
		}
		for a, d := range info.Type.Shape {
			if d.Symbol != "" {
				symbols[d.Symbol] = x.Shape[a]
			}
		}
	}
	return symbols, true
}

// inferGraph infers every value of a graph. Nodes of constants are computed.
func inferGraph(t *testing.T, m *onnx.Model) map[string]ops.Info {
	t.Helper()
	infos := map[string]ops.Info{}
	for _, info := range m.Graph.Inputs {
		infos[info.Name] = ops.Info{Type: info.Type}
	}
	for _, x := range m.Graph.Initializers {
		infos[x.Name] = constant(x)
	}
	for _, node := range m.Graph.Nodes {
		op := ops.Lookup(node.Domain, node.Op, m.Opsets[node.Domain])
		if op == nil {
			continue
		}
		n := &ops.Node{Node: node, Opset: m.Opsets[node.Domain]}
		known := !op.Random && !hasGraph(node)
		for _, name := range node.Inputs {
			info := infos[name]
			known = known && (name == "" || info.Const != nil)
			n.Types = append(n.Types, info)
			n.Constants = append(n.Constants, info.Const)
		}
		for i, x := range computeConstants(op, n, known) {
			infos[node.Outputs[i]] = constant(x)
		}
		if op.Infer == nil || len(node.Outputs) > 0 && infos[node.Outputs[0]].Const != nil {
			continue
		}
		results, err := op.Infer(n, n.Types)
		if err != nil {
			t.Errorf("node %s (%s): %v", node.Name, node.Op, err)
			continue
		}
		for i, info := range results {
			if i < len(node.Outputs) {
				infos[node.Outputs[i]] = info
			}
		}
	}
	return infos
}

func constant(x *onnx.Tensor) ops.Info {
	shape := make([]onnx.Dim, len(x.Shape))
	for a, size := range x.Shape {
		shape[a] = onnx.Dim{Size: size}
	}
	info := ops.TensorInfo(x.Type, shape)
	info.Const = x
	return info
}

// computeConstants runs a node whose inputs are all known; it returns nothing
// for other nodes.
func computeConstants(op *ops.Operator, n *ops.Node, known bool) []*onnx.Tensor {
	if !known {
		return nil
	}
	kernel, err := op.Build(n)
	if err != nil {
		return nil
	}
	in := make([]onnx.Value, len(n.Constants))
	for i, x := range n.Constants {
		if x != nil {
			in[i] = x
		}
	}
	c := ops.NewCall(context.Background(), in, len(n.Outputs))
	if kernel(c) != nil {
		return nil
	}
	var out []*onnx.Tensor
	for _, v := range c.Out {
		x, ok := v.(*onnx.Tensor)
		if !ok {
			return nil
		}
		out = append(out, x)
	}
	return out
}

// runEveryNode runs a copy of the model in which every value is an output.
func runEveryNode(t *testing.T, m *onnx.Model, inputs map[string]onnx.Value) map[string]onnx.Value {
	t.Helper()
	every := m.Clone()
	every.Graph.Outputs = nil
	for _, node := range every.Graph.Nodes {
		for _, name := range node.Outputs {
			if name != "" {
				every.Graph.Outputs = append(every.Graph.Outputs, onnx.ValueInfo{Name: name})
			}
		}
	}
	s, err := runtime.New(every, runtime.WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	values, err := s.RunValues(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	return values
}
