package write

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// names makes value and node names that the model does not have yet, in its graph or
// in a function.
type names struct{ taken map[string]bool }

func newNames(m *onnx.Model) *names {
	n := &names{taken: map[string]bool{}}
	n.collect(m.Graph)
	for _, f := range m.Functions {
		for _, name := range f.Inputs {
			n.taken[name] = true
		}
		n.collectNodes(f.Nodes)
	}
	return n
}

func (n *names) collect(g *onnx.Graph) {
	for _, t := range g.Initializers {
		n.taken[t.Name] = true
	}
	for _, info := range append(append([]onnx.ValueInfo(nil), g.Inputs...), g.Outputs...) {
		n.taken[info.Name] = true
	}
	n.collectNodes(g.Nodes)
}

func (n *names) collectNodes(nodes []*onnx.Node) {
	for _, node := range nodes {
		n.taken[node.Name] = true
		for _, name := range append(append([]string(nil), node.Inputs...), node.Outputs...) {
			n.taken[name] = true
		}
		for _, sub := range node.Subgraphs() {
			n.collect(sub)
		}
	}
}

func (n *names) fresh(want string) string {
	name := want
	for i := 2; n.taken[name] || name == ""; i++ {
		name = fmt.Sprintf("%s.%d", want, i)
	}
	n.taken[name] = true
	return name
}

// Names makes value and node names that a model does not have yet.
type Names struct{ names *names }

// NewNames collects the names of the model.
func NewNames(m *onnx.Model) Names { return Names{newNames(m)} }

// Fresh returns the wanted name, with a number behind it if it is taken.
func (n Names) Fresh(want string) string { return n.names.fresh(want) }
