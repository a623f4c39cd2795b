package write

import (
	"github.com/kcompress/kcompress/onnx"
)

// prune removes the constants and nodes of g that nothing needs any more, but
// were needed in the original graph: what a model carries without using it is
// the owner's business.
func prune(original, g *onnx.Graph) {
	before := needed(original)
	after := needed(g)
	drop := func(name string) bool { return before[name] && !after[name] }
	var tensors []*onnx.Tensor
	for _, t := range g.Initializers {
		if !drop(t.Name) {
			tensors = append(tensors, t)
		}
	}
	g.Initializers = tensors
	var inputs []onnx.ValueInfo
	for _, info := range g.Inputs {
		if !drop(info.Name) || original.Initializer(info.Name) == nil {
			inputs = append(inputs, info)
		}
	}
	g.Inputs = inputs
	var nodes []*onnx.Node
	for _, n := range g.Nodes {
		dead := len(n.Outputs) > 0
		for _, out := range n.Outputs {
			dead = dead && (out == "" || drop(out))
		}
		if !dead {
			nodes = append(nodes, n)
		}
	}
	g.Nodes = nodes
	var infos []onnx.ValueInfo
	for _, info := range g.ValueInfos {
		if !drop(info.Name) {
			infos = append(infos, info)
		}
	}
	g.ValueInfos = infos
}

// needed returns the names of all values that the outputs of a graph depend on.
func needed(g *onnx.Graph) map[string]bool {
	need := map[string]bool{}
	for _, info := range g.Outputs {
		need[info.Name] = true
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		live := len(n.Outputs) == 0
		for _, out := range n.Outputs {
			live = live || need[out]
		}
		if live {
			needInputs(need, n)
		}
	}
	return need
}

// needInputs marks what a node reads, its subgraphs included.
func needInputs(need map[string]bool, n *onnx.Node) {
	for _, in := range n.Inputs {
		need[in] = true
	}
	for _, sub := range n.Subgraphs() {
		for _, inner := range sub.Nodes {
			needInputs(need, inner)
		}
		for _, info := range sub.Outputs {
			need[info.Name] = true
		}
	}
}
