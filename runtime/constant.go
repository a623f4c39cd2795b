package runtime

import (
	"github.com/kcompress/kcompress/onnx"
)

// Constant returns the value with that name in the model's graph if it does
// not depend on the inputs, else nil. It must not be changed.
func (s *Session) Constant(name string) *onnx.Tensor {
	if slot, ok := s.program.names[name]; ok {
		t, _ := s.program.constants[slot].(*onnx.Tensor)
		return t
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	t, ok := s.constants[name]
	if !ok {
		t = s.compute(name)
		s.constants[name] = t
	}
	return t
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
func (s *Session) compute(name string) *onnx.Tensor {
	m, g := *s.model, *s.model.Graph
	nodes := constantNodes(&g, name)
	if nodes == nil {
		return nil
	}
	g.Nodes, g.Inputs, g.Outputs = nodes, nil, []onnx.ValueInfo{{Name: name}}
	m.Graph = &g
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
