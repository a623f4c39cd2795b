package shuffle

import (
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// plan collects the changes that take a permutation out. Nothing is changed
// before all of it is known to work.
type plan struct {
	*folder
	region *region
	edits  []edit
	into   []string
	// ahead and behind are the values that come without the permutation, or with
	// it, once the changes are made.
	ahead, behind map[string]bool
}

// edit permutes an axis of an input of a node, which is a constant.
type edit struct {
	node  *onnx.Node
	input int
	axis  int
	order []int
}

func (f *folder) newPlan(r *region) *plan {
	return &plan{folder: f, region: r, ahead: map[string]bool{}, behind: map[string]bool{}}
}

// change plans a permuted constant; it reports whether the input is one of the
// right size. Inputs that are absent, or have one element along the axis, stay.
func (p *plan) change(n *onnx.Node, input, axis int, order []int) bool {
	if input >= len(n.Inputs) || n.Inputs[input] == "" {
		return true
	}
	t := p.stored[n.Inputs[input]]
	if t == nil || t.Type.Bits() < 8 || t.Type == onnx.String {
		return false
	}
	if axis < 0 {
		axis += t.Rank()
	}
	if axis < 0 || axis >= t.Rank() || t.Shape[axis] == 1 {
		return true // broadcast
	}
	if t.Shape[axis] != len(order) {
		return false
	}
	p.edits = append(p.edits, edit{n, input, axis, order})
	return true
}

// changeWeight is change for a weight that ends the way of the permutation.
func (p *plan) changeWeight(n *onnx.Node, input, axis int, order []int) bool {
	before := len(p.edits)
	if !p.change(n, input, axis, order) || len(p.edits) == before {
		return false
	}
	p.into = append(p.into, nodeName(n))
	return true
}

// apply makes the changes: permuted copies of constants, and the nodes of the
// region out of the graph.
func (p *plan) apply() []string {
	for _, e := range p.edits {
		old := e.node.Inputs[e.input]
		t := permuted(p.stored[old], e.axis, e.order)
		if len(p.readers[old]) == 1 && !p.isBound(old) && p.graph.Initializer(old) != nil && p.graph.Input(old) == nil {
			t.Name = old // nobody else needs it as it was
			p.graph.Initializers[slices.IndexFunc(p.graph.Initializers, func(i *onnx.Tensor) bool { return i.Name == old })] = t
			p.stored[old] = t
			continue
		}
		t.Name = p.names.Fresh(old + ".permuted")
		p.graph.Initializers = append(p.graph.Initializers, t)
		e.node.Inputs[e.input] = t.Name
		p.stored[t.Name] = t
		p.readers[t.Name] = []*onnx.Node{e.node}
		p.readers[old] = slices.DeleteFunc(p.readers[old], func(n *onnx.Node) bool { return n == e.node })
	}
	p.removeRegion()
	return p.into
}

// removeRegion takes the nodes out that moved the elements.
func (p *plan) removeRegion() {
	r := p.region
	for _, n := range p.graph.Nodes {
		for i, in := range n.Inputs {
			if in == r.output {
				n.Inputs[i] = r.input
			}
		}
	}
	p.graph.Nodes = slices.DeleteFunc(p.graph.Nodes, func(n *onnx.Node) bool { return slices.Contains(r.nodes, n) })
	p.graph.ValueInfos = slices.DeleteFunc(p.graph.ValueInfos, func(info onnx.ValueInfo) bool { return p.isMade(r, info.Name) })
	p.dropUnread(r)
}

func (p *plan) isMade(r *region, name string) bool {
	return slices.ContainsFunc(r.nodes, func(n *onnx.Node) bool { return slices.Contains(n.Outputs, name) })
}

// dropUnread removes the constants that only the region read.
func (p *plan) dropUnread(r *region) {
	used := map[string]bool{}
	for _, n := range p.graph.Nodes {
		for _, in := range n.Inputs {
			used[in] = true
		}
	}
	p.graph.Initializers = slices.DeleteFunc(p.graph.Initializers, func(t *onnx.Tensor) bool {
		read := slices.ContainsFunc(r.nodes, func(n *onnx.Node) bool { return slices.Contains(n.Inputs, t.Name) })
		return read && !used[t.Name] && !p.isBound(t.Name) && p.graph.Input(t.Name) == nil
	})
}
