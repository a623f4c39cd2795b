package runtime

import (
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// Quantized models hold each Conv or MatMul between DequantizeLinear and
// QuantizeLinear nodes. The compiler takes such a group for the one operator
// that computes it with exact integers, which is faster, and gives what ONNX
// Runtime gives.

// fusedOpsets are the versions that ops.FuseQuantized writes nodes against.
var fusedOpsets = map[string]int{"": 13, "com.microsoft": 1}

// fuseQuantized returns the nodes of a graph with the groups of quantized models
// replaced. Models with operators of the user's stay as they are.
func (sc *scope) fuseQuantized(g *onnx.Graph, nodes []expandedNode) []expandedNode {
	if sc.compiler.unfused || !slices.ContainsFunc(nodes, func(n expandedNode) bool { return n.Op == "QuantizeLinear" }) || len(sc.compiler.session.options.operators) > 0 {
		return nodes
	}
	plain := make([]*onnx.Node, len(nodes))
	kept := map[string]bool{} // by name: what others than nodes need
	constants := map[string]*onnx.Tensor{}
	origin := map[*onnx.Node]expandedNode{}
	for i, n := range nodes {
		plain[i] = n.Node
		origin[n.Node] = n
		for _, a := range n.Attrs {
			needBody(kept, a)
		}
		if a := n.Attr("value"); n.Op == "Constant" && n.Domain == "" && a != nil && len(n.Outputs) == 1 {
			constants[n.Outputs[0]] = a.Tensor
		}
	}
	for _, info := range g.Outputs {
		kept[info.Name] = true
	}
	constant := func(name string) *onnx.Tensor {
		if t := constants[name]; t != nil {
			return t
		}
		return sc.known(name)
	}
	fused := ops.FuseQuantized(plain, constant, func(name string) bool { return kept[name] })
	result := make([]expandedNode, len(fused))
	for i, n := range fused {
		var old bool
		if result[i], old = origin[n]; !old {
			result[i] = expandedNode{Node: n, opsets: fusedOpsets}
		}
	}
	return result
}

// known returns a value of this graph or one around it if it is known before any
// node is compiled.
func (sc *scope) known(name string) *onnx.Tensor {
	for ; sc != nil; sc = sc.parent {
		if slot, ok := sc.program.names[name]; ok {
			t, _ := sc.program.constants[slot].(*onnx.Tensor)
			return t
		}
	}
	return nil
}
