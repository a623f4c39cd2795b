package runtime

import "github.com/kcompress/kcompress/onnx"

// findLastUses fills last and dies of every step.
func (p *program) findLastUses() {
	used := make([]bool, p.slots)
	for _, slot := range p.outputs {
		used[slot] = true
	}
	for i := len(p.steps) - 1; i >= 0; i-- {
		st := &p.steps[i]
		st.dies = make([]bool, len(st.in))
		count := map[int]int{}
		for _, slot := range st.in {
			count[slot]++
		}
		for _, slot := range st.uses {
			count[slot] += 2
		}
		for j, slot := range st.in {
			st.dies[j] = slot >= 0 && !used[slot] && count[slot] == 1 && p.constants[slot] == nil
		}
		for _, slot := range append(append([]int(nil), st.out...), append(st.in, st.uses...)...) {
			if slot >= 0 && !used[slot] {
				used[slot] = true
				if p.constants[slot] == nil {
					st.last = append(st.last, slot)
				}
			}
		}
	}
}

// liveNodes returns the nodes that the outputs of the graph depend on, in
// order.
func liveNodes(g *onnx.Graph, nodes []expandedNode) []expandedNode {
	needed := map[string]bool{}
	for _, info := range g.Outputs {
		needed[info.Name] = true
	}
	live := make([]bool, len(nodes))
	count := 0
	for i := len(nodes) - 1; i >= 0; i-- {
		for _, name := range nodes[i].Outputs {
			if name != "" && needed[name] {
				live[i] = true
			}
		}
		if !live[i] {
			continue
		}
		count++
		for _, name := range nodes[i].Inputs {
			needed[name] = true
		}
		for _, a := range nodes[i].Attrs {
			needBody(needed, a)
		}
	}
	kept := make([]expandedNode, 0, count)
	for i, n := range nodes {
		if live[i] {
			kept = append(kept, n)
		}
	}
	return kept
}

// needBody marks every name that a graph attribute mentions as needed.
func needBody(needed map[string]bool, a onnx.Attribute) {
	graphs := a.Graphs
	if a.Graph != nil {
		graphs = append([]*onnx.Graph{a.Graph}, graphs...)
	}
	for _, g := range graphs {
		for _, n := range g.Nodes {
			for _, name := range n.Inputs {
				needed[name] = true
			}
			for _, inner := range n.Attrs {
				needBody(needed, inner)
			}
		}
		for _, info := range g.Outputs {
			needed[info.Name] = true
		}
	}
}
