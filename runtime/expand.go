package runtime

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
	"github.com/kcompress/kcompress/runtime/ops"
)

// expandedNode is a node of a graph after its functions were expanded, with
// the operator sets that it was written against.
type expandedNode struct {
	*onnx.Node
	opsets map[string]int
	depth  int // of function calls around it
}

// opset returns the version of the operator set of the node's domain.
func (n expandedNode) opset() int {
	if v, ok := n.opsets[n.Domain]; ok {
		return v
	}
	return 1
}

const (
	// maxFunctionDepth bounds functions that call functions.
	maxFunctionDepth = 64
	// maxExpandedNodes bounds the nodes that functions unfold to in a whole
	// model: a few functions that call each other twice could have billions.
	maxExpandedNodes = 1 << 17
)

// functionKey identifies a model-local function.
type functionKey struct{ domain, name, overload string }

// expander replaces the calls of model-local functions by their bodies.
type expander struct {
	model     *onnx.Model
	functions map[functionKey]*onnx.Function
	operators []ops.Operator         // the user's
	sizes     map[*onnx.Function]int // nodes of each body
	calls     int                    // so far, for names
	made      int                    // nodes of bodies so far
}

func newExpander(m *onnx.Model, operators []ops.Operator) *expander {
	e := &expander{model: m, functions: map[functionKey]*onnx.Function{}, sizes: map[*onnx.Function]int{}, operators: operators}
	for _, f := range m.Functions {
		e.sizes[f] = countNodes(f.Nodes)
		e.functions[functionKey{f.Domain, f.Name, f.Overload}] = f
	}
	return e
}

// countNodes returns the number of nodes, those of subgraphs included.
func countNodes(nodes []*onnx.Node) int {
	total := len(nodes)
	for _, n := range nodes {
		for _, g := range n.Subgraphs() {
			total += countNodes(g.Nodes)
		}
	}
	return total
}

// lookup returns the operator that runs the node, or nil. The user's operators
// come first.
func (e *expander) lookup(n expandedNode) *ops.Operator {
	if op := findOperator(e.operators, n.Domain, n.Op, n.opset()); op != nil {
		return op
	}
	if compact.IsChain(n.Node) {
		return ops.Lookup(compact.Domain, "Chain", compact.Version)
	}
	return ops.Lookup(n.Domain, n.Op, n.opset())
}

// function returns the function whose body stands for the node, nil if the node
// is run by an operator: one of the user's or the kernel of chains.
func (e *expander) function(n expandedNode) *onnx.Function {
	f := e.functions[functionKey{n.Domain, n.Op, n.Overload}]
	if f == nil || findOperator(e.operators, n.Domain, n.Op, n.opset()) != nil || compact.Recognise(f, n.Node) {
		return nil
	}
	return f
}

// expand returns nodes with every call of a function replaced by its body. The
// nodes are written against the given operator sets, inside of depth calls.
func (e *expander) expand(nodes []*onnx.Node, opsets map[string]int, depth int) ([]expandedNode, error) {
	out := make([]expandedNode, 0, len(nodes))
	return e.appendNodes(out, nodes, opsets, depth)
}

func (e *expander) appendNodes(out []expandedNode, nodes []*onnx.Node, opsets map[string]int, depth int) ([]expandedNode, error) {
	for _, node := range nodes {
		n := expandedNode{Node: node, opsets: opsets, depth: depth}
		f := e.function(n)
		if f == nil {
			out = append(out, n)
			continue
		}
		fail := func(err error) ([]expandedNode, error) {
			return nil, &NodeError{File: e.model.Path, Node: nodeName(node), Op: opName(node), Opset: n.opset(), Err: err}
		}
		if depth >= maxFunctionDepth {
			return fail(fmt.Errorf("functions are nested more than %d deep", maxFunctionDepth))
		}
		if e.made += e.sizes[f]; e.made > maxExpandedNodes {
			return fail(fmt.Errorf("functions expand to more than %d nodes", maxExpandedNodes))
		}
		e.calls++
		body, err := instantiate(f, node, fmt.Sprintf("%s/%d/", nodeName(node), e.calls))
		if err != nil {
			return fail(err)
		}
		if out, err = e.appendNodes(out, body, f.Opsets, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
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
	body := make([]*onnx.Node, len(f.Nodes))
	for i, inner := range f.Nodes {
		body[i] = r.node(inner)
	}
	for _, i := range copied {
		body = append(body, &onnx.Node{Name: prefix + "output", Op: "Identity", Inputs: []string{r.name(f.Outputs[i])}, Outputs: []string{n.Outputs[i]}})
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
