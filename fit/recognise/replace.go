package recognise

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// replace puts the nodes of a chain in the place of the first node of a site, and
// takes the others out.
func (r *rewriter) replace(s *site) error {
	b := &nodeBuilder{rewriter: r, site: s}
	var err error
	switch s.form.kind {
	case rightWeight:
		err = b.rightWeight()
	case leftWeight:
		err = b.leftWeight()
	case filters:
		err = b.filters()
	case pointwise:
		err = b.pointwise()
	}
	if err != nil {
		return fmt.Errorf("node %s: %w", nodeName(s.members[0].node), err)
	}
	g := s.body.graph
	at := slices.IndexFunc(g.Nodes, s.has)
	if at < 0 {
		return fmt.Errorf("node %s is not in the graph", nodeName(s.members[0].node))
	}
	rest := slices.DeleteFunc(slices.Clone(g.Nodes[at:]), s.has)
	g.Nodes = slices.Concat(g.Nodes[:at:at], b.nodes, rest)
	return nil
}

// has reports whether a node is one of the site's.
func (s *site) has(n *onnx.Node) bool {
	return slices.ContainsFunc(s.members, func(m *member) bool { return m.node == n })
}

// nodeBuilder collects the nodes that take the place of a site.
type nodeBuilder struct {
	*rewriter
	site  *site
	nodes []*onnx.Node
}

// add appends a node with one output and returns the output's name.
func (b *nodeBuilder) add(op string, attrs []onnx.Attribute, inputs ...string) string {
	name := b.names.Fresh(fmt.Sprintf("%s.%s", nodeName(b.site.members[0].node), op))
	b.nodes = append(b.nodes, &onnx.Node{Name: name, Op: op, Inputs: inputs, Outputs: []string{name}, Attrs: attrs})
	return name
}

func (b *nodeBuilder) integers(values ...int64) string {
	return b.store(b.site.body, onnx.FromSlice(values, len(values)), nodeName(b.site.members[0].node)+".sizes")
}

func (b *nodeBuilder) transpose(x string, perm ...int64) string {
	return b.add("Transpose", []onnx.Attribute{onnx.IntsAttr("perm", perm...)}, x)
}

// chain applies the chain to the last axis.
func (b *nodeBuilder) chain(x string) (string, error) {
	y := b.names.Fresh(nodeName(b.site.members[0].node) + ".chain")
	n, err := b.rewriter.chain(b.site, x, y)
	if err == nil {
		b.nodes = append(b.nodes, n)
	}
	return y, err
}

// finish gives the result the names that the site's nodes had: parts of the axis,
// if there are several.
func (b *nodeBuilder) finish(y string, axis int64) {
	s := b.site
	if len(s.members) > 1 {
		var parts []int64
		for _, m := range s.members {
			parts = append(parts, int64(m.out))
		}
		n := &onnx.Node{Name: b.names.Fresh(s.members[0].node.Name + ".Split"), Op: "Split", Inputs: []string{y}, Attrs: []onnx.Attribute{onnx.IntAttr("axis", axis)}}
		if b.opset >= 13 {
			n.Inputs = append(n.Inputs, b.integers(parts...))
		} else {
			n.Attrs = append(n.Attrs, onnx.IntsAttr("split", parts...))
		}
		for _, m := range s.members {
			n.Outputs = append(n.Outputs, m.node.Outputs[0])
		}
		b.nodes = append(b.nodes, n)
		return
	}
	last := b.nodes[len(b.nodes)-1]
	last.Outputs = []string{s.members[0].node.Outputs[0]}
}

// rightWeight is for MatMul and Gemm.
func (b *nodeBuilder) rightWeight() error {
	y, err := b.chain(b.site.input)
	if err != nil {
		return err
	}
	if m := b.site.members[0]; len(b.site.members) == 1 && m.bias != "" {
		bias := m.bias
		if m.beta != 1 {
			scale := onnx.Scalar(m.beta)
			bias = b.add("Mul", nil, bias, b.store(b.site.body, scale, nodeName(m.node)+".beta"))
		}
		y = b.add("Add", nil, y, bias)
	}
	b.finish(y, -1)
	return nil
}

// leftWeight is for MatMul with the weight on the left.
func (b *nodeBuilder) leftWeight() error {
	swap := make([]int64, b.site.form.rank)
	for i := range swap {
		swap[i] = int64(i)
	}
	slices.Reverse(swap[len(swap)-2:])
	y, err := b.chain(b.transpose(b.site.input, swap...))
	if err != nil {
		return err
	}
	b.finish(b.transpose(y, swap...), int64(len(swap)-2))
	return nil
}
