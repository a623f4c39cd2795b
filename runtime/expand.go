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
		body, err := f.Instantiate(node, fmt.Sprintf("%s/%d/", nodeName(node), e.calls))
		if err != nil {
			return fail(err)
		}
		if out, err = e.appendNodes(out, body, f.Opsets, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}
