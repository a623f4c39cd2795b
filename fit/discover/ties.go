package discover

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// storedOf returns the constants of the file that a value is computed from.
func (f *finder) storedOf(value string) []string {
	seen := map[string]bool{}
	var names []string
	var visit func(string)
	visit = func(name string) {
		if name == "" || seen[name] {
			return
		}
		seen[name] = true
		if t := f.stored[name]; t != nil {
			names = append(names, name)
			f.elements[name] = t.Len()
			return
		}
		if n := f.producers[name]; n != nil {
			if n.Op == "Constant" && n.Domain == "" {
				names = append(names, name)
				if t := f.value(name); t != nil {
					f.elements[name] = t.Len()
				}
				return
			}
			for _, in := range reads(n) {
				visit(in)
			}
		}
	}
	visit(value)
	return names
}

func (f *finder) bytes(stored []string) int {
	n := 0
	for _, name := range stored {
		if t := f.stored[name]; t != nil {
			n += t.Bytes()
		} else if t := f.value(name); t != nil {
			n += t.Bytes()
		}
	}
	return n
}

// reads returns the values of a graph that a node of it reads, those that its
// subgraphs capture included.
func reads(n *onnx.Node) []string {
	all := slices.Clone(n.Inputs)
	for _, g := range n.Subgraphs() {
		all = append(all, g.Captured()...)
	}
	return all
}

// folded reports whether all outputs of a node are computed at load.
func (f *finder) folded(n *onnx.Node) bool {
	for _, out := range n.Outputs {
		if out != "" && f.value(out) == nil {
			return false
		}
	}
	return len(n.Outputs) > 0
}

// tieShare is the part of a weight's elements from which a constant counts as one
// that holds the weight: scales, zero points and shapes are shared by many.
const tieShare = 16

// findTies records the nodes that keep the stored constants of a layer alive
// when the layer itself is replaced: those that read them, or something that is
// computed from them at load, and are no uses of the layer.
func (f *finder) findTies(l *Layer, bodies []*Body) {
	uses := map[*onnx.Node]bool{}
	for _, u := range l.Uses {
		uses[u.Node] = true
	}
	reached := map[string]bool{}
	for _, name := range l.Stored {
		reached[name] = f.elements[name]*tieShare > l.Parameters
	}
	output := ""
	for _, b := range bodies { // those around a body come before it
		if !f.enter(b) {
			continue
		}
		for _, n := range b.Graph.Nodes {
			if uses[n] || !slices.ContainsFunc(n.Inputs, func(in string) bool { return reached[in] }) {
				continue
			}
			if !f.folded(n) {
				l.Tied = append(l.Tied, n)
				continue
			}
			for _, out := range n.Outputs {
				reached[out] = true
			}
		}
		for _, info := range b.Graph.Outputs {
			if reached[info.Name] && output == "" {
				output = info.Name
			}
		}
	}
	switch {
	case l.Skip != "":
	case len(l.Tied) > 0:
		l.Skip = fmt.Sprintf("its weight is also used by %s (%s), so it has to stay", nodeName(l.Tied[0]), l.Tied[0].Op)
	case output != "":
		l.Skip = fmt.Sprintf("its weight is also the output %q of the model or a subgraph, so it has to stay", output)
	}
}
