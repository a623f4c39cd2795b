package onnx

import "fmt"

// Instantiate returns the nodes of f for the call n: attribute references are
// replaced by the call's attributes or their defaults, and values renamed. prefix
// comes before the names of all inner values and nodes.
func (f *Function) Instantiate(n *Node, prefix string) ([]*Node, error) {
	if len(n.Inputs) > len(f.Inputs) || len(n.Outputs) > len(f.Outputs) {
		return nil, fmt.Errorf("function has %d inputs and %d outputs, the node %d and %d", len(f.Inputs), len(f.Outputs), len(n.Inputs), len(n.Outputs))
	}
	r := newRenamer(prefix)
	for i, name := range f.Inputs {
		r.names[name] = ""
		if i < len(n.Inputs) {
			r.names[name] = n.Inputs[i]
		}
	}
	// The first output of a name is computed under the caller's name. One that
	// is an input, or comes again, is copied by a node of its own.
	var copied []int
	for i, name := range f.Outputs {
		if i >= len(n.Outputs) || n.Outputs[i] == "" {
			continue
		}
		if _, taken := r.names[name]; taken {
			copied = append(copied, i)
			continue
		}
		r.names[name] = n.Outputs[i]
	}
	for _, a := range f.Defaults {
		r.attrs[a.Name] = a
	}
	for _, a := range n.Attrs {
		r.attrs[a.Name] = a
	}
	body := make([]*Node, len(f.Nodes))
	for i, inner := range f.Nodes {
		body[i] = r.node(inner)
	}
	for _, i := range copied {
		body = append(body, &Node{Name: prefix + "output", Op: "Identity", Inputs: []string{r.name(f.Outputs[i])}, Outputs: []string{n.Outputs[i]}})
	}
	return body, nil
}

// Instantiate returns the nodes and initializers of a subgraph without inputs, to
// stand in the graph around it: its outputs get the names given, an empty one
// is not needed. prefix comes before the names of all inner values and nodes.
func (g *Graph) Instantiate(outputs []string, prefix string) ([]*Node, []*Tensor, error) {
	if len(g.Inputs) > 0 || len(outputs) > len(g.Outputs) {
		return nil, nil, fmt.Errorf("subgraph has %d inputs and %d outputs, expected none and %d", len(g.Inputs), len(g.Outputs), len(outputs))
	}
	r := newRenamer(prefix)
	for _, name := range g.Captured() {
		r.names[name] = name
	}
	for _, t := range g.Initializers {
		r.names[t.Name] = prefix + t.Name
	}
	var copied []*Node
	for i, to := range outputs {
		from := g.Outputs[i].Name
		if to == "" {
			continue
		}
		if _, taken := r.names[from]; taken {
			copied = append(copied, &Node{Name: fmt.Sprintf("%soutput%d", prefix, i+1), Op: "Identity", Inputs: []string{r.name(from)}, Outputs: []string{to}})
			continue
		}
		r.names[from] = to
	}
	c := r.graph(g)
	return append(c.Nodes, copied...), c.Initializers, nil
}

// renamer copies the nodes of a function body for one call.
type renamer struct {
	prefix string
	names  map[string]string
	attrs  map[string]Attribute
}

func newRenamer(prefix string) *renamer {
	return &renamer{prefix: prefix, names: map[string]string{"": ""}, attrs: map[string]Attribute{}}
}

func (r *renamer) name(s string) string {
	if to, ok := r.names[s]; ok {
		return to
	}
	return r.prefix + s
}

func (r *renamer) all(names []string) []string {
	out := make([]string, len(names))
	for i, s := range names {
		out[i] = r.name(s)
	}
	return out
}

func (r *renamer) node(n *Node) *Node {
	c := &Node{Name: r.prefix + n.Name, Op: n.Op, Domain: n.Domain, Overload: n.Overload, Inputs: r.all(n.Inputs), Outputs: r.all(n.Outputs)}
	for _, a := range n.Attrs {
		if a.RefName != "" {
			value, given := r.attrs[a.RefName]
			if !given {
				continue // an attribute without a default that the call leaves out
			}
			value.Name, value.RefName = a.Name, ""
			c.Attrs = append(c.Attrs, value)
			continue
		}
		if a.Graph != nil {
			a.Graph = r.graph(a.Graph)
		}
		if len(a.Graphs) > 0 {
			graphs := make([]*Graph, len(a.Graphs))
			for i, g := range a.Graphs {
				graphs[i] = r.graph(g)
			}
			a.Graphs = graphs
		}
		c.Attrs = append(c.Attrs, a)
	}
	return c
}

// graph copies a subgraph inside a function body. Its own values are renamed
// like all others: names are unique within a function.
func (r *renamer) graph(g *Graph) *Graph {
	c := *g
	c.Inputs, c.Outputs, c.Initializers, c.Nodes = nil, nil, nil, nil
	for _, info := range g.Inputs {
		info.Name = r.name(info.Name)
		c.Inputs = append(c.Inputs, info)
	}
	for _, info := range g.Outputs {
		info.Name = r.name(info.Name)
		c.Outputs = append(c.Outputs, info)
	}
	for _, t := range g.Initializers {
		renamed := *t
		renamed.Name = r.name(t.Name)
		c.Initializers = append(c.Initializers, &renamed)
	}
	for _, n := range g.Nodes {
		c.Nodes = append(c.Nodes, r.node(n))
	}
	return &c
}
