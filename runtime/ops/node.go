package ops

import (
	"context"
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// Node is a node that a kernel is built for.
type Node struct {
	*onnx.Node
	// Opset is the version of the operator set of the node's domain.
	Opset int
	// Constants holds, for each input, its value if it does not depend on the
	// inputs of the model, else nil.
	Constants []*onnx.Tensor
	// Types holds, for each input, what inference found out.
	Types []Info
	// After is what the runtime has fused into the node.
	After Epilogue
	// Compile prepares a graph attribute to be run by the kernel.
	Compile func(g *onnx.Graph) (Body, error)

	err error
}

// Body is a subgraph that is ready to run.
type Body interface {
	// Run computes the outputs of the subgraph for its inputs. Values of the
	// outer graphs that it captures are taken from the call.
	Run(c *Call, inputs []onnx.Value) ([]onnx.Value, error)
}

// Constant returns the value of input i if it is known at load, else nil.
func (n *Node) Constant(i int) *onnx.Tensor {
	if i < len(n.Constants) {
		return n.Constants[i]
	}
	return nil
}

// Has reports whether input i is given.
func (n *Node) Has(i int) bool { return i < len(n.Inputs) && n.Inputs[i] != "" }

// Wants reports whether output i is used.
func (n *Node) Wants(i int) bool { return i < len(n.Outputs) && n.Outputs[i] != "" }

// Err returns the first error that reading attributes met.
func (n *Node) Err() error { return n.err }

// attr returns the attribute with that name if it has one of the kinds.
func (n *Node) attr(name string, kind onnx.AttrKind) *onnx.Attribute {
	for i := range n.Attrs {
		a := &n.Attrs[i]
		if a.Name != name {
			continue
		}
		if a.Kind != kind && a.Kind != onnx.AttrUndefined {
			if n.err == nil {
				n.err = fmt.Errorf("attribute %s has the wrong kind", name)
			}
			return nil
		}
		return a
	}
	return nil
}

// HasAttr reports whether the attribute is given.
func (n *Node) HasAttr(name string) bool {
	for i := range n.Attrs {
		if n.Attrs[i].Name == name {
			return true
		}
	}
	return false
}

// Int returns an integer attribute or its default.
func (n *Node) Int(name string, value int) int {
	if a := n.attr(name, onnx.AttrInt); a != nil {
		return int(a.Int)
	}
	return value
}

// Bool returns an integer attribute as a truth value.
func (n *Node) Bool(name string, value bool) bool {
	if a := n.attr(name, onnx.AttrInt); a != nil {
		return a.Int != 0
	}
	return value
}

// Float returns a float attribute or its default.
func (n *Node) Float(name string, value float32) float32 {
	if a := n.attr(name, onnx.AttrFloat); a != nil {
		return a.Float
	}
	return value
}

// Text returns a string attribute or its default.
func (n *Node) Text(name, value string) string {
	if a := n.attr(name, onnx.AttrString); a != nil {
		return a.String
	}
	return value
}

// Ints returns an attribute of integers, nil if it is not given.
func (n *Node) Ints(name string) []int {
	a := n.attr(name, onnx.AttrInts)
	if a == nil {
		return nil
	}
	ints := make([]int, len(a.Ints))
	for i, v := range a.Ints {
		ints[i] = int(v)
	}
	return ints
}

// Floats returns an attribute of floats, nil if it is not given.
func (n *Node) Floats(name string) []float32 {
	if a := n.attr(name, onnx.AttrFloats); a != nil {
		return a.Floats
	}
	return nil
}

// Texts returns an attribute of strings, nil if it is not given.
func (n *Node) Texts(name string) []string {
	if a := n.attr(name, onnx.AttrStrings); a != nil {
		return a.Strings
	}
	return nil
}

// Tensor returns a tensor attribute, nil if it is not given.
func (n *Node) Tensor(name string) *onnx.Tensor {
	if a := n.attr(name, onnx.AttrTensor); a != nil {
		return a.Tensor
	}
	return nil
}

// Body compiles a graph attribute; it returns nil if the attribute is not given.
func (n *Node) Body(name string) (Body, error) {
	a := n.attr(name, onnx.AttrGraph)
	if a == nil || a.Graph == nil {
		return nil, n.err
	}
	return n.Compile(a.Graph)
}

// NewCall returns a call outside of a session, for tests and constant folding:
// its outputs are allocated from the heap.
func NewCall(ctx context.Context, in []onnx.Value, outputs int) *Call {
	return &Call{Context: ctx, In: in, Out: make([]onnx.Value, outputs)}
}
