// Package shuffle takes channel permutations out of a model: a channel shuffle
// (Reshape, Transpose, Reshape), a Gather with a constant permutation, pieces of a
// Split in another order. The weights before or after them are permuted once, in
// the file, so that they cost nothing at run time. Outputs stay the same, number
// by number.
package shuffle

import (
	"slices"

	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/onnx"
)

// Folded is a permutation that was taken out.
type Folded struct {
	// Node is the name of the last node of those that made it, Nodes their number.
	Node  string
	Nodes int
	// Into are the names of the nodes whose weights are permuted instead.
	Into []string
}

// minOpset is the first version of ai.onnx that is looked at.
const minOpset = 7

// Model returns the model without the channel permutations of its graph that
// neighbouring weights can take, and what was done. typeOf returns what is known
// about a value of the graph. The model m is not changed; it is returned itself if
// there is nothing to do.
func Model(m *onnx.Model, typeOf func(name string) onnx.Type) (*onnx.Model, []Folded) {
	if m.Opset("") < minOpset {
		return m, nil
	}
	c := m.Clone()
	f := &folder{model: c, graph: c.Graph, names: write.NewNames(c), typeOf: typeOf}
	var folded []Folded
	for at := len(f.graph.Nodes) - 1; at >= 0; at-- {
		if at >= len(f.graph.Nodes) {
			continue // a permutation of several nodes is gone
		}
		f.index()
		r := f.region(f.graph.Nodes[at])
		if r == nil {
			continue
		}
		if into, ok := f.fold(r); ok {
			folded = append(folded, Folded{Node: nodeName(r.last), Nodes: len(r.nodes), Into: into})
		}
	}
	if len(folded) == 0 {
		return m, nil
	}
	return c, folded
}

// folder holds a copy of a model while it is changed.
type folder struct {
	model     *onnx.Model
	graph     *onnx.Graph
	names     write.Names
	typeOf    func(name string) onnx.Type
	producers map[string]*onnx.Node
	readers   map[string][]*onnx.Node
	captured  map[string]bool // values that subgraphs read
	stored    map[string]*onnx.Tensor
}

// index looks up who makes and reads what, after every change.
func (f *folder) index() {
	f.producers, f.readers = f.graph.Producers(), map[string][]*onnx.Node{}
	f.captured, f.stored = map[string]bool{}, map[string]*onnx.Tensor{}
	for _, n := range f.graph.Nodes {
		for i, in := range n.Inputs {
			if in != "" && !slices.Contains(n.Inputs[:i], in) {
				f.readers[in] = append(f.readers[in], n)
			}
		}
		for _, sub := range n.Subgraphs() {
			for _, name := range sub.Captured() {
				f.captured[name] = true
			}
		}
		if a := n.Attr("value"); n.Op == "Constant" && n.Domain == "" && a != nil && a.Tensor != nil {
			f.stored[n.Outputs[0]] = a.Tensor
		}
	}
	for _, t := range f.graph.Initializers {
		if f.graph.Input(t.Name) == nil || f.model.IRVersion < 4 {
			f.stored[t.Name] = t
		}
	}
}

// isBound reports whether a value is read by others than the graph's nodes.
func (f *folder) isBound(name string) bool {
	return f.captured[name] || f.graph.Output(name) != nil
}

// fold takes the permutation of a region out, into what follows or else into what
// comes before; it returns the nodes whose weights changed.
func (f *folder) fold(r *region) (into []string, ok bool) {
	ahead := f.newPlan(r)
	if ahead.forward(r.output, r.axis, r.order) {
		return ahead.apply(), true
	}
	back := f.newPlan(r)
	if back.backward(r.input, r.axis, r.order) {
		return back.apply(), true
	}
	return nil, false
}

// nodeName returns the name of a node, or of its first output.
func nodeName(n *onnx.Node) string {
	if n.Name != "" || len(n.Outputs) == 0 {
		return n.Name
	}
	return n.Outputs[0]
}
