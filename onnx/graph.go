package onnx

// Initializer returns the initializer of that name, nil if there is none. It
// looks through all of them: callers with many lookups make a map.
func (g *Graph) Initializer(name string) *Tensor {
	for _, t := range g.Initializers {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Input returns the graph input of that name, nil if there is none.
func (g *Graph) Input(name string) *ValueInfo { return findValue(g.Inputs, name) }

// Output returns the graph output of that name, nil if there is none.
func (g *Graph) Output(name string) *ValueInfo { return findValue(g.Outputs, name) }

func findValue(infos []ValueInfo, name string) *ValueInfo {
	for i := range infos {
		if infos[i].Name == name {
			return &infos[i]
		}
	}
	return nil
}

// FeedInputs returns the inputs that a caller must supply: those that have no
// initializer as a default value.
func (g *Graph) FeedInputs() []ValueInfo {
	defaults := make(map[string]bool, len(g.Initializers))
	for _, t := range g.Initializers {
		defaults[t.Name] = true
	}
	var feeds []ValueInfo
	for _, v := range g.Inputs {
		if !defaults[v.Name] {
			feeds = append(feeds, v)
		}
	}
	return feeds
}

// Producers returns the node that makes each value of g. Subgraphs are not
// included.
func (g *Graph) Producers() map[string]*Node {
	producers := make(map[string]*Node, len(g.Nodes))
	for _, n := range g.Nodes {
		for _, out := range n.Outputs {
			if out != "" {
				producers[out] = n
			}
		}
	}
	return producers
}

// Consumers returns the nodes that read each value, in order, each as often as
// it reads the value. A node whose subgraphs read a value of g counts once for
// each of them.
func (g *Graph) Consumers() map[string][]*Node {
	consumers := make(map[string][]*Node, len(g.Nodes))
	for _, n := range g.Nodes {
		n.reads(func(name string) { consumers[name] = append(consumers[name], n) })
	}
	return consumers
}

// Opset returns the version of a domain's operators that the model imports, 0
// if it does not. Files of IR versions 1 and 2 import version 1 of ai.onnx
// without saying so.
func (m *Model) Opset(domain string) int {
	version := m.Opsets[plainDomain(domain)]
	if version == 0 && plainDomain(domain) == "" && m.IRVersion < 3 {
		return 1
	}
	return version
}

// Attr returns the attribute of that name, nil if n has none.
func (n *Node) Attr(name string) *Attribute {
	for i := range n.Attrs {
		if n.Attrs[i].Name == name {
			return &n.Attrs[i]
		}
	}
	return nil
}

// Int returns an integer attribute, or missing if n does not have it.
func (n *Node) Int(name string, missing int64) int64 {
	if a := n.Attr(name); a != nil && a.Kind == AttrInt {
		return a.Int
	}
	return missing
}

// Float returns a float attribute, or missing if n does not have it.
func (n *Node) Float(name string, missing float32) float32 {
	if a := n.Attr(name); a != nil && a.Kind == AttrFloat {
		return a.Float
	}
	return missing
}

// Str returns a string attribute, or missing if n does not have it.
func (n *Node) Str(name, missing string) string {
	if a := n.Attr(name); a != nil && a.Kind == AttrString {
		return a.String
	}
	return missing
}

// Ints returns an attribute that is a list of integers, nil if n does not have it.
func (n *Node) Ints(name string) []int64 {
	if a := n.Attr(name); a != nil && a.Kind == AttrInts {
		return a.Ints
	}
	return nil
}

// SetAttr replaces the attribute of the same name, or adds a.
func (n *Node) SetAttr(a Attribute) {
	if old := n.Attr(a.Name); old != nil {
		*old = a
		return
	}
	n.Attrs = append(n.Attrs, a)
}

// RemoveAttr removes the attribute of that name, if there is one.
func (n *Node) RemoveAttr(name string) {
	for i := range n.Attrs {
		if n.Attrs[i].Name == name {
			n.Attrs = append(n.Attrs[:i:i], n.Attrs[i+1:]...)
			return
		}
	}
}

// IntAttr returns an attribute that holds an integer.
func IntAttr(name string, v int64) Attribute { return Attribute{Name: name, Kind: AttrInt, Int: v} }

// FloatAttr returns an attribute that holds a float.
func FloatAttr(name string, v float32) Attribute {
	return Attribute{Name: name, Kind: AttrFloat, Float: v}
}

// StringAttr returns an attribute that holds a string.
func StringAttr(name, v string) Attribute { return Attribute{Name: name, Kind: AttrString, String: v} }

// IntsAttr returns an attribute that holds integers.
func IntsAttr(name string, v ...int64) Attribute {
	return Attribute{Name: name, Kind: AttrInts, Ints: v}
}

// FloatsAttr returns an attribute that holds floats.
func FloatsAttr(name string, v ...float32) Attribute {
	return Attribute{Name: name, Kind: AttrFloats, Floats: v}
}

// StringsAttr returns an attribute that holds strings.
func StringsAttr(name string, v ...string) Attribute {
	return Attribute{Name: name, Kind: AttrStrings, Strings: v}
}

// TensorAttr returns an attribute that holds a tensor.
func TensorAttr(name string, v *Tensor) Attribute {
	return Attribute{Name: name, Kind: AttrTensor, Tensor: v}
}

// GraphAttr returns an attribute that holds a graph.
func GraphAttr(name string, v *Graph) Attribute {
	return Attribute{Name: name, Kind: AttrGraph, Graph: v}
}
