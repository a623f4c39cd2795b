package runtime

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
	"github.com/kcompress/kcompress/runtime/ops"
)

// expandedNode is a node of a graph after its functions were expanded, with
// the operator sets that it was written against.
type expandedNode struct {
	*onnx.Node
	opsets map[string]int
	model  *onnx.Model
	depth  int
}

// opset returns the version of the operator set of the node's domain.
func (n expandedNode) opset() int {
	if v, ok := n.opsets[n.Domain]; ok {
		return v
	}
	return 1
}

// lookup returns the operator that runs the node, or nil.
func lookup(n expandedNode) *ops.Operator {
	if compact.IsChain(n.Node) {
		return ops.Lookup(compact.Domain, "Chain", compact.Version)
	}
	return ops.Lookup(n.Domain, n.Op, n.opset())
}

const (
	// maxFunctionDepth bounds functions that call functions.
	maxFunctionDepth = 64
	// maxExpandedNodes bounds what a model may unfold to.
	maxExpandedNodes = 1 << 20
)

// expandFunctions returns the nodes of the model's graph with every call of a
// model-local function replaced by its body, unless the runtime has a kernel
// for the function.
func expandFunctions(m *onnx.Model) ([]expandedNode, error) {
	e := &expander{model: m}
	return e.nodes(m.Graph.Nodes, m.Opsets, 0)
}

// expandBody does the same for a graph attribute of the node.
func (n expandedNode) expandBody(g *onnx.Graph) ([]expandedNode, error) {
	e := &expander{model: n.model}
	return e.nodes(g.Nodes, n.opsets, n.depth)
}

type expander struct {
	model *onnx.Model
	calls int
	out   []expandedNode
}

func (e *expander) nodes(nodes []*onnx.Node, opsets map[string]int, depth int) ([]expandedNode, error) {
	for _, n := range nodes {
		f := e.function(n)
		if f == nil || compact.Recognise(f, n) {
			if len(e.out) >= maxExpandedNodes {
				return nil, fmt.Errorf("functions expand to more than %d nodes", maxExpandedNodes)
			}
			e.out = append(e.out, expandedNode{Node: n, opsets: opsets, model: e.model, depth: depth})
			continue
		}
		if depth >= maxFunctionDepth {
			return nil, fmt.Errorf("function %s: functions are nested more than %d deep", f.Name, maxFunctionDepth)
		}
		e.calls++
		body, err := instantiate(f, n, fmt.Sprintf("%s/%d/", nodeName(n), e.calls))
		if err != nil {
			return nil, &NodeError{File: e.model.Path, Node: nodeName(n), Op: opName(n), Opset: opsets[n.Domain], Err: err}
		}
		if _, err := e.nodes(body, f.Opsets, depth+1); err != nil {
			return nil, err
		}
	}
	return e.out, nil
}

func (e *expander) function(n *onnx.Node) *onnx.Function {
	for _, f := range e.model.Functions {
		if f.Name == n.Op && f.Domain == n.Domain && f.Overload == n.Overload {
			return f
		}
	}
	return nil
}

// instantiate returns the nodes of f for the call n: values renamed, attribute
// references replaced by the call's attributes or their defaults.
func instantiate(f *onnx.Function, n *onnx.Node, prefix string) ([]*onnx.Node, error) {
	if len(n.Inputs) > len(f.Inputs) || len(n.Outputs) > len(f.Outputs) {
		return nil, fmt.Errorf("function has %d inputs and %d outputs, the node %d and %d", len(f.Inputs), len(f.Outputs), len(n.Inputs), len(n.Outputs))
	}
	r := renamer{prefix: prefix, names: map[string]string{"": ""}, attrs: map[string]onnx.Attribute{}}
	for i, name := range f.Inputs {
		r.names[name] = ""
		if i < len(n.Inputs) {
			r.names[name] = n.Inputs[i]
		}
	}
	for i, name := range f.Outputs {
		if i < len(n.Outputs) && n.Outputs[i] != "" && !slices.Contains(f.Inputs, name) {
			r.names[name] = n.Outputs[i]
		}
	}
	for _, a := range f.Defaults {
		r.attrs[a.Name] = a
	}
	for _, a := range n.Attrs {
		r.attrs[a.Name] = a
	}
	body := make([]*onnx.Node, len(f.Nodes))
	for i, inner := range f.Nodes {
		body[i] = r.node(inner)
	}
	// An output of the function that is one of its inputs needs a node of its own.
	for i, name := range f.Outputs {
		if i >= len(n.Outputs) || n.Outputs[i] == "" {
			continue
		}
		for j, input := range f.Inputs {
			if input == name && j < len(n.Inputs) {
				body = append(body, &onnx.Node{Op: "Identity", Inputs: []string{n.Inputs[j]}, Outputs: []string{n.Outputs[i]}})
			}
		}
	}
	return body, nil
}

// renamer copies the nodes of a function body for one call.
type renamer struct {
	prefix string
	names  map[string]string
	attrs  map[string]onnx.Attribute
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

func (r *renamer) node(n *onnx.Node) *onnx.Node {
	c := &onnx.Node{Name: r.prefix + n.Name, Op: n.Op, Domain: n.Domain, Overload: n.Overload, Inputs: r.all(n.Inputs), Outputs: r.all(n.Outputs)}
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
			graphs := make([]*onnx.Graph, len(a.Graphs))
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
func (r *renamer) graph(g *onnx.Graph) *onnx.Graph {
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
