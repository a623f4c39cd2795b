package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// controlOps run subgraphs. They are never computed at load, whatever their
// inputs are: a loop may not end, and only a run can be cancelled.
var controlOps = []Operator{
	{Name: "If", MinInputs: 1, MaxInputs: 1, Values: true, Random: true, Build: buildIf, Infer: inferIf},
	{Name: "Loop", MinInputs: 0, MaxInputs: -1, Values: true, Random: true, Build: buildLoop, Infer: inferLoop},
	{Name: "Scan", Since: 8, Until: 8, MinInputs: 0, MaxInputs: -1, Values: true, Random: true, Build: buildScan8, Infer: inferScan},
	{Name: "Scan", Since: 9, MinInputs: 1, MaxInputs: -1, Values: true, Random: true, Build: buildScan, Infer: inferScan},
	{Name: "SequenceMap", Since: 17, MinInputs: 1, MaxInputs: -1, Values: true, Random: true, Build: buildSequenceMap, Infer: inferSequenceMap},
}

// graphAttr returns a graph attribute, nil if it is not given.
func graphAttr(n *Node, name string) *onnx.Graph {
	if a := n.attr(name, onnx.AttrGraph); a != nil {
		return a.Graph
	}
	return nil
}

// requiredBody compiles a graph attribute that must be given.
func requiredBody(n *Node, name string) (Body, *onnx.Graph, error) {
	g := graphAttr(n, name)
	if g == nil {
		return nil, nil, fmt.Errorf("attribute %s is missing", name)
	}
	body, err := n.Body(name)
	return body, g, err
}

// condition returns the only element of a tensor of truth values.
func condition(v onnx.Value) (bool, error) {
	t, ok := v.(*onnx.Tensor)
	if !ok || t.Type != onnx.Bool || t.Len() != 1 {
		return false, fmt.Errorf("the condition is %v, expected one bool", describe(v))
	}
	return t.Raw()[0] != 0, nil
}

// describe says what kind of value v is.
func describe(v onnx.Value) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case *onnx.Tensor:
		return v.String()
	case *onnx.Sequence:
		return fmt.Sprintf("a sequence of %d", len(v.Values))
	case *onnx.Optional:
		return "an optional"
	}
	return "a map"
}

func buildIf(n *Node) (Kernel, error) {
	var branches [2]Body
	for i, name := range []string{"else_branch", "then_branch"} {
		// A branch that is known not to be taken is not compiled.
		if t := n.Constant(0); t != nil {
			if taken, err := condition(t); err != nil || taken != (i == 1) {
				continue
			}
		}
		body, g, err := requiredBody(n, name)
		if err != nil {
			return nil, err
		}
		if len(g.Outputs) < len(n.Outputs) {
			return nil, fmt.Errorf("%s has %d outputs, expected %d", name, len(g.Outputs), len(n.Outputs))
		}
		branches[i] = body
	}
	return func(c *Call) error {
		holds, err := condition(c.In[0])
		if err != nil {
			return err
		}
		body := branches[0]
		if holds {
			body = branches[1]
		}
		out, err := body.Run(c, nil)
		if err != nil {
			return err
		}
		for i := range c.Out {
			c.Set(i, out[i])
		}
		return nil
	}, n.Err()
}

func inferIf(n *Node, in []Info) ([]Info, error) {
	graphs := []*onnx.Graph{graphAttr(n, "then_branch"), graphAttr(n, "else_branch")}
	if t := input(in, 0).Const; t != nil {
		taken, err := condition(t)
		if err != nil {
			return nil, err
		}
		if taken {
			graphs[1] = graphs[0]
		} else {
			graphs[0] = graphs[1]
		}
	}
	out := make([]Info, len(n.Outputs))
	for i := range out {
		a, b := declared(graphs[0], i), declared(graphs[1], i)
		out[i] = Info{Type: commonType(a, b)}
	}
	return out, nil
}

// declared returns the type that a subgraph states for output i, without its
// symbols: they may stand for other sizes than outside.
func declared(g *onnx.Graph, i int) onnx.Type {
	if g == nil || i >= len(g.Outputs) {
		return onnx.Type{}
	}
	t := g.Outputs[i].Type
	if t.Kind != onnx.TensorType {
		return t
	}
	shape := make([]onnx.Dim, len(t.Shape))
	for a, d := range t.Shape {
		shape[a] = unknownDim
		if d.Known() {
			shape[a] = d
		}
	}
	return onnx.Type{Kind: t.Kind, Elem: t.Elem, Shape: shape, HasShape: t.HasShape}
}

// commonType returns what two types have in common.
func commonType(a, b onnx.Type) onnx.Type {
	if a.Kind != onnx.TensorType || b.Kind != a.Kind || a.Elem != b.Elem {
		return onnx.Type{}
	}
	out := onnx.Type{Kind: a.Kind, Elem: a.Elem}
	if !a.HasShape || !b.HasShape || len(a.Shape) != len(b.Shape) {
		return out
	}
	out.HasShape, out.Shape = true, unknownDims(len(a.Shape))
	for i, d := range a.Shape {
		if d == b.Shape[i] {
			out.Shape[i] = d
		}
	}
	return out
}

func buildSequenceMap(n *Node) (Kernel, error) {
	body, g, err := requiredBody(n, "body")
	if err != nil {
		return nil, err
	}
	if len(g.Outputs) != len(n.Outputs) {
		return nil, fmt.Errorf("body has %d outputs, the node %d", len(g.Outputs), len(n.Outputs))
	}
	return func(c *Call) error {
		first, ok := c.In[0].(*onnx.Sequence)
		if !ok {
			return fmt.Errorf("input 0 is %s, expected a sequence", describe(c.In[0]))
		}
		out := make([]*onnx.Sequence, len(c.Out))
		for i := range out {
			out[i] = &onnx.Sequence{Elem: g.Outputs[i].Type.Elem}
			c.Set(i, out[i])
		}
		for k := range first.Values {
			if err := c.Context.Err(); err != nil {
				return err
			}
			in := make([]onnx.Value, len(c.In))
			for i, v := range c.In {
				in[i] = v
				if s, ok := v.(*onnx.Sequence); ok {
					if k >= len(s.Values) {
						return fmt.Errorf("input %d is a sequence of %d, input 0 of %d", i, len(s.Values), len(first.Values))
					}
					in[i] = s.Values[k]
				}
			}
			results, err := body.Run(c, in)
			if err != nil {
				return err
			}
			for i, v := range results {
				out[i].Values = append(out[i].Values, v)
			}
		}
		return nil
	}, n.Err()
}

func inferSequenceMap(n *Node, _ []Info) ([]Info, error) {
	out := make([]Info, len(n.Outputs))
	for i := range out {
		t := declared(graphAttr(n, "body"), i)
		out[i] = sequenceInfo(t.Elem)
	}
	return out, nil
}

// sequenceInfo returns the Info of a sequence of tensors.
func sequenceInfo(elem onnx.DType) Info {
	return Info{Type: onnx.Type{Kind: onnx.SequenceType, Of: &onnx.Type{Kind: onnx.TensorType, Elem: elem}}}
}
