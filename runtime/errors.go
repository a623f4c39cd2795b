package runtime

import (
	"cmp"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/pool"
)

// ErrInput is wrapped by errors about the inputs given to Run: unknown or
// missing names, wrong element types, wrong shapes.
var ErrInput = errors.New("input does not fit the model")

// ErrClosed is returned by Run after Close.
var ErrClosed = errors.New("the session is closed")

// ErrMemory is wrapped by errors of runs whose values take more memory than
// WithMaxRunBytes allows.
var ErrMemory = errors.New("the values of this run exceed the limit")

// NodeError is an error of one node, at load or during a run.
type NodeError struct {
	File  string // path of the model, or empty
	Node  string // name of the node, or of its first output in quotes
	Op    string // operator with its domain if that is not ai.onnx
	Opset int    // version of the operator set
	Err   error
}

func (e *NodeError) Error() string {
	where := fmt.Sprintf("node %s (%s, opset %d): %v", e.Node, e.Op, e.Opset, e.Err)
	if e.File != "" {
		where = e.File + ": " + where
	}
	return where
}

func (e *NodeError) Unwrap() error { return e.Err }

// PanicError is a panic of an operator, at load or during a run: a mistake in
// this module, or in an operator of the user's. A NodeError around it names the
// node.
type PanicError struct {
	Value any
	// Stack is where it happened.
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("internal error: %v", e.Value) }

// panicError returns the error for a recovered panic. It is to be called in the
// deferred function that recovered it.
func panicError(r any) error {
	if p, ok := r.(*pool.Panic); ok {
		return &PanicError{p.Value, p.Stack}
	}
	return &PanicError{r, debug.Stack()}
}

// UnsupportedError lists every node of a model that the runtime has no
// operator for.
type UnsupportedError struct {
	File  string
	Nodes []UnsupportedNode
}

// UnsupportedNode is a node that the runtime can not run.
type UnsupportedNode struct {
	Node, Op, Domain string
	Opset            int
}

func (e *UnsupportedError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ": ")
	}
	fmt.Fprintf(&b, "%d nodes have operators that are not supported:", len(e.Nodes))
	type operator struct {
		domain, op string
		opset      int
	}
	var operators []operator
	nodes := map[operator][]string{}
	for _, n := range e.Nodes {
		o := operator{n.Domain, n.Op, n.Opset}
		if nodes[o] == nil {
			operators = append(operators, o)
		}
		nodes[o] = append(nodes[o], n.Node)
	}
	for i, o := range operators {
		if i > 0 {
			b.WriteString(";")
		}
		what := "node"
		if len(nodes[o]) > 1 {
			what = "nodes"
		}
		fmt.Fprintf(&b, " %s of %s version %d (%s %s)", o.op, cmp.Or(o.domain, "ai.onnx"), o.opset, what, strings.Join(nodes[o], ", "))
	}
	return b.String()
}

// nodeName returns the name of a node for messages.
func nodeName(n *onnx.Node) string {
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

// opName returns the operator of a node with its domain where that matters.
func opName(n *onnx.Node) string {
	if n.Domain == "" {
		return n.Op
	}
	return n.Domain + "." + n.Op
}
