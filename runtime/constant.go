package runtime

import (
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// Constant returns the value with that name in the model's graph if it does
// not depend on the inputs, else nil. It must not be changed.
func (s *Session) Constant(name string) *onnx.Tensor {
	if slot, ok := s.program.names[name]; ok {
		t, _ := s.program.constants[slot].(*onnx.Tensor)
		return t
	}
	return s.ConstantIn(nil, name)
}

// ConstantIn is Constant for a value of a subgraph. inner are the graphs around
// the value, from the one in a node of the model's graph inwards.
func (s *Session) ConstantIn(inner []*onnx.Graph, name string) *onnx.Tensor {
	g := *s.model.Graph
	key := constantKey{name: name}
	for _, sub := range inner {
		key.in = sub
		g.Nodes = append(slices.Clip(g.Nodes), sub.Nodes...)
		g.Inputs = append(slices.Clip(g.Inputs), sub.Inputs...)
		g.Initializers = append(slices.Clip(g.Initializers), sub.Initializers...)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	t, ok := s.constants[key]
	if !ok {
		t = s.compute(&g, name)
		s.constants[key] = t
	}
	return t
}

// constantKey is a value of a subgraph, or of the model's graph.
type constantKey struct {
	in   *onnx.Graph
	name string
}

// Type returns what is known before a run about the value with that name in the
// model's graph. Its Kind is UnknownType if that is nothing.
func (s *Session) Type(name string) onnx.Type {
	slot, ok := s.program.names[name]
	if !ok {
		return onnx.Type{}
	}
	return s.program.types[slot]
}

// compute returns a constant that a run does not need, such as a dequantized
// weight whose node takes it as it is stored.
func (s *Session) compute(g *onnx.Graph, name string) *onnx.Tensor {
	if t := g.Initializer(name); t != nil {
		return t
	}
	nodes := constantNodes(g, name)
	if nodes == nil {
		return nil
	}
	m := *s.model
	m.Graph = &onnx.Graph{Name: g.Name, Nodes: nodes, Initializers: g.Initializers, Outputs: []onnx.ValueInfo{{Name: name}}}
	p, err := compileModel(&m, s, nil)
	if err != nil {
		return nil
	}
	t, _ := p.constants[p.names[name]].(*onnx.Tensor)
	return t
}

// constantNodes returns the nodes that a value is computed from, in order; nil
// if it depends on an input of the graph or is no value of a node.
func constantNodes(g *onnx.Graph, name string) []*onnx.Node {
	isInput := map[string]bool{}
	for _, info := range g.Inputs {
		isInput[info.Name] = g.Initializer(info.Name) == nil
	}
	needed := map[string]bool{name: true}
	var backwards []*onnx.Node
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if !makesAny(n, needed) {
			continue
		}
		for _, in := range n.Inputs {
			needed[in] = true
		}
		for _, a := range n.Attrs {
			needBody(needed, a)
		}
		backwards = append(backwards, n)
	}
	for in := range needed {
		if isInput[in] {
			return nil
		}
	}
	var nodes []*onnx.Node
	for i := len(backwards) - 1; i >= 0; i-- {
		nodes = append(nodes, backwards[i])
	}
	return nodes
}

// makesAny reports whether a node computes one of the values.
func makesAny(n *onnx.Node, needed map[string]bool) bool {
	for _, out := range n.Outputs {
		if out != "" && needed[out] {
			return true
		}
	}
	return false
}
