package onnx

import (
	"maps"
	"slices"
)

// Clone returns a copy whose structure can be changed without changing m. The
// tensors themselves are shared.
func (m *Model) Clone() *Model {
	c := *m
	c.Opsets = maps.Clone(m.Opsets)
	c.Metadata = slices.Clone(m.Metadata)
	c.Graph = m.Graph.Clone()
	c.Functions = nil
	for _, f := range m.Functions {
		c.Functions = append(c.Functions, f.Clone())
	}
	return &c
}

// Clone returns a copy of g as Model.Clone does.
func (g *Graph) Clone() *Graph {
	c := *g
	c.Inputs, c.Outputs, c.ValueInfos = cloneValues(g.Inputs), cloneValues(g.Outputs), cloneValues(g.ValueInfos)
	c.Nodes = cloneNodes(g.Nodes)
	c.Initializers = slices.Clone(g.Initializers)
	c.Metadata = slices.Clone(g.Metadata)
	return &c
}

// Clone returns a copy of f as Model.Clone does.
func (f *Function) Clone() *Function {
	c := *f
	c.Inputs, c.Outputs, c.Attributes = slices.Clone(f.Inputs), slices.Clone(f.Outputs), slices.Clone(f.Attributes)
	c.Defaults = cloneAttrs(f.Defaults)
	c.Opsets = maps.Clone(f.Opsets)
	c.Nodes = cloneNodes(f.Nodes)
	c.Metadata = slices.Clone(f.Metadata)
	return &c
}

// Clone returns a copy of n as Model.Clone does.
func (n *Node) Clone() *Node {
	c := *n
	c.Inputs, c.Outputs = slices.Clone(n.Inputs), slices.Clone(n.Outputs)
	c.Attrs = cloneAttrs(n.Attrs)
	c.Metadata = slices.Clone(n.Metadata)
	return &c
}

func cloneNodes(nodes []*Node) []*Node {
	c := slices.Clone(nodes)
	for i, n := range c {
		c[i] = n.Clone()
	}
	return c
}

func cloneAttrs(attrs []Attribute) []Attribute {
	c := slices.Clone(attrs)
	for i := range c {
		a := &c[i]
		a.Floats, a.Ints, a.Strings = slices.Clone(a.Floats), slices.Clone(a.Ints), slices.Clone(a.Strings)
		a.Tensors, a.Graphs, a.Types = slices.Clone(a.Tensors), slices.Clone(a.Graphs), slices.Clone(a.Types)
		if a.Graph != nil {
			a.Graph = a.Graph.Clone()
		}
		for j, g := range a.Graphs {
			a.Graphs[j] = g.Clone()
		}
		a.Type = cloneType(a.Type)
		for j, t := range a.Types {
			a.Types[j] = cloneType(t)
		}
	}
	return c
}

func cloneValues(infos []ValueInfo) []ValueInfo {
	c := slices.Clone(infos)
	for i := range c {
		c[i].Type = *cloneType(&c[i].Type)
	}
	return c
}

func cloneType(t *Type) *Type {
	if t == nil {
		return nil
	}
	c := *t
	c.Shape = slices.Clone(t.Shape)
	c.Of = cloneType(t.Of)
	return &c
}
