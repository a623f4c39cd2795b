package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// part is an operator inside of a fused one. Fused operators are written as
// the operators that they stand for, so that each definition exists once.
type part struct {
	name    string // for errors, may be empty
	kernel  Kernel
	outputs int
}

// newPart builds the kernel of an operator of ai.onnx for a fused node. from
// gives for each of its inputs the input of n that it is, or -1 for a value
// that the fused kernel makes.
func newPart(n *Node, name string, opset, outputs int, attrs []onnx.Attribute, from ...int) (*part, error) {
	op := Lookup("", name, opset)
	if op == nil {
		return nil, fmt.Errorf("needs the operator %s, which is missing", name)
	}
	inner := &Node{Node: &onnx.Node{Name: n.Name, Op: name, Attrs: attrs}, Opset: opset, Compile: n.Compile}
	for i, at := range from {
		input, constant, info := fmt.Sprint("in", i), (*onnx.Tensor)(nil), Info{}
		if at >= 0 {
			constant = n.Constant(at)
			if !n.Has(at) {
				input = ""
			}
			if at < len(n.Types) {
				info = n.Types[at]
			}
		}
		inner.Inputs = append(inner.Inputs, input)
		inner.Constants = append(inner.Constants, constant)
		inner.Types = append(inner.Types, info)
	}
	for i := range outputs {
		inner.Outputs = append(inner.Outputs, fmt.Sprint("out", i))
	}
	kernel, err := op.Build(inner)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &part{name: name, kernel: kernel, outputs: outputs}, nil
}

// run computes the outputs of the part into memory of their own.
func (p *part) run(c *Call, in ...onnx.Value) ([]*onnx.Tensor, error) {
	inner := &Call{Context: c.Context, Pool: c.Pool, In: in, Out: make([]onnx.Value, p.outputs)}
	if c.Frame != nil {
		inner.Frame = heapFrame{c.Frame}
	}
	if err := p.call(inner); err != nil {
		return nil, err
	}
	out := make([]*onnx.Tensor, p.outputs)
	for i, v := range inner.Out {
		out[i], _ = v.(*onnx.Tensor)
	}
	return out, nil
}

// one is run for a part with one output.
func (p *part) one(c *Call, in ...onnx.Value) (*onnx.Tensor, error) {
	out, err := p.run(c, in...)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// finish computes the outputs of the part as those of c and returns the first.
func (p *part) finish(c *Call, in ...onnx.Value) (*onnx.Tensor, error) {
	inner := &Call{Context: c.Context, Pool: c.Pool, In: in, Out: c.Out[:min(p.outputs, len(c.Out))], Wanted: c.Wanted}
	if c.Frame != nil {
		inner.Frame = finishFrame{c.Frame}
	}
	if err := p.call(inner); err != nil {
		return nil, err
	}
	y, _ := c.Out[0].(*onnx.Tensor)
	return y, nil
}

func (p *part) call(c *Call) error {
	for i, v := range c.In {
		if t, ok := v.(*onnx.Tensor); ok && t == nil {
			c.In[i] = nil // an absent input
		}
	}
	err := p.kernel(c)
	if err != nil && p.name != "" {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return err
}

// finishFrame is a Frame for a part that makes the outputs of the fused node
// from other inputs than those of the node.
type finishFrame struct{ Frame }

// Reuse implements Frame.
func (finishFrame) Reuse(*Call, int, int) *onnx.Tensor { return nil }

// Alias implements Frame.
func (finishFrame) Alias(c *Call, _, in, from int, shape []int) *onnx.Tensor {
	return PartOf(c.Tensor(in), from, shape).Clone()
}

// needInputs fails unless the node has the given inputs: for operators that
// have optional inputs before needed ones.
func needInputs(n *Node, inputs ...int) error {
	for _, i := range inputs {
		if !n.Has(i) {
			return fmt.Errorf("input %d is missing", i)
		}
	}
	return nil
}

// otherAttrs returns the attributes of a node but those named.
func otherAttrs(n *Node, names ...string) []onnx.Attribute { return otherNodeAttrs(n.Node, names...) }

func otherNodeAttrs(n *onnx.Node, names ...string) []onnx.Attribute {
	var attrs []onnx.Attribute
next:
	for _, a := range n.Attrs {
		for _, name := range names {
			if a.Name == name {
				continue next
			}
		}
		attrs = append(attrs, a)
	}
	return attrs
}

// asOpset returns a Build that reads a node as one of another opset version,
// for operators of other domains that have the definition of that version.
func asOpset(opset int, build func(n *Node) (Kernel, error)) func(n *Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		same := *n
		same.Opset = opset
		kernel, err := build(&same)
		if err == nil {
			err = same.err
		}
		return kernel, err
	}
}

// asOpsetInfer is asOpset for Infer.
func asOpsetInfer(opset int, infer func(n *Node, in []Info) ([]Info, error)) func(n *Node, in []Info) ([]Info, error) {
	return func(n *Node, in []Info) ([]Info, error) {
		same := *n
		same.Opset = opset
		return infer(&same, in)
	}
}
