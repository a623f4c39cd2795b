package grad

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/ops"
)

// plan finds the way from parameters to outputs.
type plan struct {
	nodes []node
	// leads tells of a value whether an output depends on it through nodes that
	// are not constant almost everywhere.
	leads map[string]bool
	// broken tells of a value whether some way from it to an output passes a
	// node without a derivative.
	broken map[string]bool
}

// node is a step of the model with its derivative, nil if it has none.
type node struct {
	*ops.Node
	derivative *derivative
	reads      []string
}

func newPlan(steps []runtime.Step, outputs []onnx.ValueInfo) *plan {
	p := &plan{leads: map[string]bool{}, broken: map[string]bool{}}
	for _, s := range steps {
		n := &ops.Node{Node: s.Node, Opset: s.Opset}
		p.nodes = append(p.nodes, node{n, lookup(n), valuesRead(s.Node)})
	}
	for _, info := range outputs {
		p.leads[info.Name] = true
	}
	for i := len(p.nodes) - 1; i >= 0; i-- {
		n := p.nodes[i]
		if n.derivative == flat || !slices.ContainsFunc(n.Outputs, p.isLeading) {
			continue
		}
		bad := n.derivative == nil || slices.ContainsFunc(n.Outputs, func(v string) bool { return p.broken[v] })
		for _, v := range n.reads {
			p.leads[v] = true
			p.broken[v] = p.broken[v] || bad
		}
	}
	return p
}

func (p *plan) isLeading(v string) bool { return v != "" && p.leads[v] }

// valuesRead returns the values that a node reads, its subgraphs included.
func valuesRead(n *onnx.Node) []string {
	names := slices.Clone(n.Inputs)
	for _, a := range n.Attrs {
		graphs := a.Graphs
		if a.Graph != nil {
			graphs = append([]*onnx.Graph{a.Graph}, graphs...)
		}
		for _, g := range graphs {
			for _, inner := range g.Nodes {
				names = append(names, valuesRead(inner)...)
			}
			for _, info := range g.Outputs {
				names = append(names, info.Name)
			}
		}
	}
	return names
}

// differentiable returns the parameters whose every way to an output has a
// derivative, and the nodes that break the ways of the others. Parameters that
// no output depends on are left out.
func (p *plan) differentiable(parameters []string) (kept []string, blocked []Blocked) {
	for _, name := range parameters {
		if p.leads[name] && !p.broken[name] {
			kept = append(kept, name)
		}
	}
	active := p.active(parameters)
	for _, n := range p.nodes {
		if n.derivative == nil && slices.ContainsFunc(n.Outputs, p.isLeading) && slices.ContainsFunc(n.reads, func(v string) bool { return active[v] }) {
			blocked = append(blocked, Blocked{Node: describe(n.Node.Node), Op: n.Op, Opset: n.Opset})
		}
	}
	return kept, blocked
}

func describe(n *onnx.Node) string {
	if n.Name != "" {
		return n.Name
	}
	for _, out := range n.Outputs {
		if out != "" {
			return fmt.Sprintf("%q", out)
		}
	}
	return "(unnamed)"
}

// active returns the values that depend on the parameters.
func (p *plan) active(parameters []string) map[string]bool {
	active := map[string]bool{}
	for _, name := range parameters {
		active[name] = true
	}
	for _, n := range p.nodes {
		if n.derivative != flat && slices.ContainsFunc(n.reads, func(v string) bool { return active[v] }) {
			for _, out := range n.Outputs {
				if out != "" {
					active[out] = true
				}
			}
		}
	}
	return active
}

// steps returns the nodes to go back through.
func (p *plan) steps(parameters []string) []step {
	active := p.active(parameters)
	var steps []step
	for _, n := range p.nodes {
		if n.derivative == nil || n.derivative == flat || !slices.ContainsFunc(n.Outputs, p.isLeading) {
			continue
		}
		needs := make([]bool, len(n.Inputs))
		for i, v := range n.Inputs {
			needs[i] = v != "" && active[v]
		}
		if slices.Contains(needs, true) {
			steps = append(steps, step{node: n.Node, derivative: n.derivative, needs: needs, cache: cache{}})
		}
	}
	return steps
}

// keptValues returns the names of all values that the derivatives read.
func keptValues(steps []step) []string {
	seen := map[string]bool{"": true}
	var names []string
	keep := func(v string) {
		if !seen[v] {
			seen[v] = true
			names = append(names, v)
		}
	}
	for _, s := range steps {
		for i, v := range s.node.Inputs {
			if s.readsInput(i) {
				keep(v)
			}
		}
		for i, v := range s.node.Outputs {
			if s.readsOutput(i) {
				keep(v)
			}
		}
	}
	return names
}
