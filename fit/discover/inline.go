package discover

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// Open prepares a model whose layers are to be found. Calls of model-local
// functions that hold or take weights are replaced by the functions' nodes, and
// If nodes whose condition is known by the branch that they take, so that the
// layers inside are layers of the graph. Session.Model returns the model in that
// form; m is not changed.
func Open(m *onnx.Model, opts ...runtime.Option) (*runtime.Session, error) {
	s, err := runtime.New(m, opts...)
	if err != nil {
		return nil, err
	}
	const most = 16 // branches within functions within branches
	for range most {
		inlined := inline(s)
		if inlined == nil {
			break
		}
		next, err := runtime.New(inlined, opts...)
		if err != nil {
			break // the model as it is works
		}
		s.Close()
		s = next
	}
	return s, nil
}

// maxInlined bounds the nodes of a graph into which calls are inlined.
const maxInlined = 1 << 16

// inliner puts the nodes of functions and branches in the place of the nodes
// that run them.
type inliner struct {
	session *runtime.Session
	model   *onnx.Model // the result
	taken   map[string]bool
	carries map[*onnx.Function]bool // whether a function holds or takes weights
	nodes   []*onnx.Node
	calls   int
}

// inline returns the model of a session with one level of calls and branches
// inlined, nil if there are none.
func inline(s *runtime.Session) *onnx.Model {
	m, g := *s.Model(), *s.Model().Graph
	m.Graph, m.Opsets = &g, maps.Clone(m.Opsets)
	in := &inliner{session: s, model: &m, carries: map[*onnx.Function]bool{}, taken: map[string]bool{}}
	in.collect(&g)
	changed := false
	for i, n := range g.Nodes {
		nodes, tensors := in.expand(n)
		if nodes == nil || len(in.nodes)+len(nodes)+len(g.Nodes)-i > maxInlined {
			in.nodes = append(in.nodes, n)
			continue
		}
		in.nodes = append(in.nodes, nodes...)
		g.Initializers = append(slices.Clip(g.Initializers), tensors...)
		changed = true
	}
	if !changed {
		return nil
	}
	g.Nodes = in.nodes
	in.dropFunctions()
	return &m
}

// collect notes the names of all values of a graph and what is nested in it.
func (in *inliner) collect(g *onnx.Graph) {
	for _, t := range g.Initializers {
		in.taken[t.Name] = true
	}
	for _, info := range g.Inputs {
		in.taken[info.Name] = true
	}
	for _, n := range g.Nodes {
		for _, out := range n.Outputs {
			in.taken[out] = true
		}
		for _, sub := range n.Subgraphs() {
			in.collect(sub)
		}
	}
}

// expand returns the nodes that a node stands for, nil if it stays.
func (in *inliner) expand(n *onnx.Node) ([]*onnx.Node, []*onnx.Tensor) {
	var nodes []*onnx.Node
	var tensors []*onnx.Tensor
	var err error
	if f := in.model.Function(n); f != nil {
		if f.Domain == compact.Domain || !in.hasWeights(f) || !in.imports(f) {
			return nil, nil
		}
		nodes, err = f.Instantiate(n, in.prefix(n))
	} else if branch := in.branch(n); branch != nil {
		nodes, tensors, err = branch.Instantiate(n.Outputs, in.prefix(n))
	}
	if err != nil || !in.free(nodes, tensors, n) {
		return nil, nil
	}
	return nodes, tensors
}

// prefix returns what comes before the names of values inside of a node.
func (in *inliner) prefix(n *onnx.Node) string {
	in.calls++
	return fmt.Sprintf("%s/%d/", nodeName(n), in.calls)
}

// branch returns the subgraph that an If with a constant condition runs.
func (in *inliner) branch(n *onnx.Node) *onnx.Graph {
	if n.Op != "If" || n.Domain != "" || len(n.Inputs) != 1 {
		return nil
	}
	c := in.session.Constant(n.Inputs[0])
	if c == nil || c.Type != onnx.Bool || c.Len() != 1 {
		return nil
	}
	name := "else_branch"
	if onnx.View[bool](c)[0] {
		name = "then_branch"
	}
	if a := n.Attr(name); a != nil {
		return a.Graph
	}
	return nil
}

// free makes sure that the new values have names of their own, and notes them.
func (in *inliner) free(nodes []*onnx.Node, tensors []*onnx.Tensor, by *onnx.Node) bool {
	var names []string
	for _, t := range tensors {
		names = append(names, t.Name)
	}
	for _, n := range nodes {
		names = append(names, n.Outputs...)
	}
	for _, name := range names {
		if name != "" && in.taken[name] && !slices.Contains(by.Outputs, name) {
			return false
		}
	}
	for _, name := range names {
		in.taken[name] = true
	}
	return true
}

// hasWeights reports whether a function, or one that it calls, has operators with
// weights.
func (in *inliner) hasWeights(f *onnx.Function) bool {
	known, ok := in.carries[f]
	if ok {
		return known
	}
	in.carries[f] = false // functions do not call themselves: onnx.Model.Check
	for _, n := range f.Nodes {
		called := in.model.Function(n)
		if called != nil && in.hasWeights(called) || called == nil && n.Op != "Gather" && len(weightInputs(n)) > 0 {
			in.carries[f] = true
			return true
		}
	}
	return false
}

// imports makes the operator sets of a function those of the model too, unless
// the model has other versions of them.
func (in *inliner) imports(f *onnx.Function) bool {
	for domain, version := range f.Opsets {
		if v, ok := in.model.Opsets[domain]; ok && v != version {
			return false
		}
	}
	maps.Copy(in.model.Opsets, f.Opsets)
	return true
}

// dropFunctions removes the functions that nothing calls any more.
func (in *inliner) dropFunctions() {
	before, after := called(in.session.Model(), in.session.Model().Graph.Nodes), called(in.model, in.nodes)
	in.model.Functions = slices.DeleteFunc(slices.Clone(in.model.Functions), func(f *onnx.Function) bool { return before[f] && !after[f] })
}

// called returns the functions that nodes call, directly or not.
func called(m *onnx.Model, nodes []*onnx.Node) map[*onnx.Function]bool {
	found := map[*onnx.Function]bool{}
	var visit func(nodes []*onnx.Node)
	visit = func(nodes []*onnx.Node) {
		for _, n := range nodes {
			for _, g := range n.Subgraphs() {
				visit(g.Nodes)
			}
			if f := m.Function(n); f != nil && !found[f] {
				found[f] = true
				visit(f.Nodes)
			}
		}
	}
	visit(nodes)
	return found
}
