package recognise

import (
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// origin is where a constant comes from: stored tensors, and nodes that move or
// convert them.
type origin struct {
	nodes   []*onnx.Node   // in the order of computation
	tensors []*onnx.Tensor // initializers
	values  []string       // all names on the way, the constant itself included
	bytes   int
}

// movers are the operators that exporters put between a stored weight and its
// use.
var movers = []string{"Identity", "Transpose", "Cast", "Reshape", "Squeeze", "Unsqueeze", "DequantizeLinear", "Constant", "Flatten"}

// origin follows a value back to stored tensors; nil if it depends on anything
// else.
func (b *body) origin(name string) *origin {
	o := &origin{}
	if !b.follow(o, name) {
		return nil
	}
	return o
}

func (b *body) follow(o *origin, name string) bool {
	if name == "" || slices.Contains(o.values, name) {
		return true
	}
	const most = 64
	if len(o.values) > most {
		return false
	}
	if t := b.graph.Initializer(name); t != nil {
		o.values, o.tensors, o.bytes = append(o.values, name), append(o.tensors, t), o.bytes+t.Bytes()
		return true
	}
	n := b.producers[name]
	if n == nil {
		return b.graph.Input(name) == nil && b.outer != nil && b.outer.follow(o, name)
	}
	if n.Domain != "" || !slices.Contains(movers, n.Op) {
		return false
	}
	for _, in := range n.Inputs {
		if !b.follow(o, in) {
			return false
		}
	}
	if a := n.Attr("value"); n.Op == "Constant" && a != nil && a.Tensor != nil {
		o.bytes += a.Tensor.Bytes()
	}
	o.values, o.nodes = append(o.values, name), append(o.nodes, n)
	return true
}

// value computes the constant, by the runtime.
func (o *origin) value(m *onnx.Model, name string) *onnx.Tensor {
	if len(o.nodes) == 0 {
		return o.tensors[0]
	}
	small := &onnx.Model{IRVersion: m.IRVersion, Opsets: m.Opsets, Graph: &onnx.Graph{
		Name: "constant", Nodes: o.nodes, Initializers: o.tensors, Outputs: []onnx.ValueInfo{{Name: name}},
	}}
	s, err := runtime.New(small, runtime.WithThreads(1))
	if err != nil {
		return nil
	}
	defer s.Close()
	return s.Constant(name)
}

// otherUse returns the name of a node that needs the constants of a member for
// something else than a site that is replaced, or says that a graph gives them out.
func (r *rewriter) otherUse(m *member) string {
	for _, b := range r.bodies {
		for _, out := range b.graph.Outputs {
			if slices.Contains(m.origin.values, out.Name) {
				return "the outputs of a graph"
			}
		}
		for _, n := range b.graph.Nodes {
			if slices.Contains(m.origin.nodes, n) || r.replaces(n) {
				continue
			}
			if slices.ContainsFunc(n.Inputs, func(in string) bool { return in != "" && slices.Contains(m.origin.values, in) }) {
				return nodeName(n)
			}
		}
	}
	return ""
}

// replaces reports whether a node belongs to a site that may be replaced, or was.
func (r *rewriter) replaces(n *onnx.Node) bool {
	for _, s := range r.sites {
		if s.kept == "" && !r.keeps(s) && slices.ContainsFunc(s.members, func(m *member) bool { return m.node == n || slices.Contains(m.origin.nodes, n) }) {
			return true
		}
	}
	return false
}

// drop removes the constants of a site that nothing reads any more.
func (r *rewriter) drop(s *site) {
	for _, m := range s.members {
		for i := len(m.origin.values) - 1; i >= 0; i-- {
			if name := m.origin.values[i]; !r.isRead(name) {
				r.remove(name)
			}
		}
	}
}

func (r *rewriter) isRead(name string) bool {
	for _, b := range r.bodies {
		if b.graph.Output(name) != nil {
			return true
		}
		for _, n := range b.graph.Nodes {
			if slices.Contains(n.Inputs, name) {
				return true
			}
		}
	}
	return false
}

// remove deletes a constant, by name, wherever it is stored or made.
func (r *rewriter) remove(name string) {
	for _, b := range r.bodies {
		g := b.graph
		g.Initializers = slices.DeleteFunc(g.Initializers, func(t *onnx.Tensor) bool { return t.Name == name })
		g.Nodes = slices.DeleteFunc(g.Nodes, func(n *onnx.Node) bool { return len(n.Outputs) == 1 && n.Outputs[0] == name })
		if b.outer == nil {
			g.Inputs = slices.DeleteFunc(g.Inputs, func(info onnx.ValueInfo) bool { return info.Name == name })
		}
		g.ValueInfos = slices.DeleteFunc(g.ValueInfos, func(info onnx.ValueInfo) bool { return info.Name == name })
	}
}
