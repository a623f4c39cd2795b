package recognise

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/fit/write"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// Options say which weights of a model are looked at.
type Options struct {
	// Keep reports whether the node with that name is to stay as it is; nil is
	// none.
	Keep func(name string) bool
	// Type returns what is known about a value of the graph; nil is nothing.
	Type func(name string) onnx.Type
	// Weights is how the weight would be stored otherwise.
	Weights compact.Weights
}

// Found is a weight, or several on one input, that holds exact structure.
type Found struct {
	// Nodes are the names of the nodes that multiply with it, Op their operator.
	Nodes   []string
	Op      string
	Out, In int
	// Bytes is what the weight takes in the file of the original.
	Bytes int
	Structure
	// Kept says why the nodes stay dense; empty if the chain took their place.
	Kept string
}

// ChainBytes is what the chain takes in the file.
func (f *Found) ChainBytes() int { return compact.StoredBytes(f.Chain.Design(), compact.FP32) }

// MinParameters is the number of elements from which a weight is looked at.
const MinParameters = 4096

// Model looks at every constant that MatMul, Gemm and Conv multiply with, in the
// graph and its subgraphs, and puts chains in the place of those that hold
// structure where that makes the model smaller and faster. The outputs stay the
// same up to rounding. The model m is not changed; without anything to replace it
// is returned itself.
func Model(m *onnx.Model, o Options) (*onnx.Model, []Found, error) {
	if m.Opset("") < minOpset {
		return m, nil, nil
	}
	c := m.Clone()
	r := &rewriter{model: c, options: o, names: write.NewNames(c), opset: c.Opset("")}
	r.addBody(c.Graph, nil, "")
	for _, b := range r.bodies {
		r.collect(b)
	}
	r.recognise()
	r.stack()
	replaced := false
	for _, s := range r.sites {
		if s.kept = r.why(s); s.kept != "" {
			continue
		}
		if err := r.replace(s); err != nil {
			return nil, nil, err
		}
		replaced = true
	}
	if !replaced {
		return m, r.found(), nil
	}
	for _, s := range r.sites {
		if s.kept == "" {
			r.drop(s)
		}
	}
	c.IRVersion = max(c.IRVersion, compact.MinIRVersion)
	return c, r.found(), nil
}

// minOpset is the first version of ai.onnx that frames of a signal can be written
// in, by Range.
const minOpset = 11

// rewriter holds one copy of a model while it is changed.
type rewriter struct {
	model   *onnx.Model
	options Options
	names   write.Names
	opset   int
	bodies  []*body
	sites   []*site
}

// body is a graph or subgraph.
type body struct {
	graph     *onnx.Graph
	outer     *body
	path      string // leads to a subgraph, for names, as in package discover
	producers map[string]*onnx.Node
}

func (r *rewriter) addBody(g *onnx.Graph, outer *body, path string) {
	b := &body{graph: g, outer: outer, path: path, producers: g.Producers()}
	r.bodies = append(r.bodies, b)
	for _, n := range g.Nodes {
		for i, sub := range n.Subgraphs() {
			r.addBody(sub, b, fmt.Sprintf("%s%s/%d/", path, nodeName(n), i+1))
		}
	}
}

// site is one or more nodes that multiply one input with constants of the same
// form.
type site struct {
	body    *body
	form    form
	input   string
	members []*member
	out, in int
	found   *Structure
	kept    string
}

// member is one node of a site.
type member struct {
	node   *onnx.Node
	bias   string
	beta   float32
	out    int
	weight []float32 // [out, in]
	origin *origin
}

// key is equal for sites that could be one.
func (s *site) key() string {
	return fmt.Sprintf("%p %s %v %d", s.body, s.input, s.form, s.in)
}

// recognise looks at the weights; those without structure are forgotten. Equal
// weights are looked at once.
func (r *rewriter) recognise() {
	known := map[string]*Structure{}
	var sites []*site
	for _, s := range r.sites {
		print := compact.Fingerprint(s.members[0].weight, s.out, s.in)
		found, seen := known[print]
		if !seen {
			found = Recognise(s.members[0].weight, s.out, s.in)
			known[print] = found
		}
		if s.found = found; found != nil {
			sites = append(sites, s)
		}
	}
	r.sites = sites
}

// stack joins sites on one input, such as the cosines and the sines of one
// transform, where a chain for all of them costs less.
func (r *rewriter) stack() {
	byKey := map[string][]*site{}
	for _, s := range r.sites {
		if !r.keeps(s) && s.found.sinusoids {
			byKey[s.key()] = append(byKey[s.key()], s)
		}
	}
	gone := map[*site]bool{}
	for _, s := range r.sites {
		group := byKey[s.key()]
		if len(group) < 2 || group[0] != s {
			continue
		}
		joined := &site{body: s.body, form: s.form, input: s.input, in: s.in}
		var weight []float32
		work := 0
		for _, g := range group {
			joined.members = append(joined.members, g.members...)
			joined.out += g.out
			weight = append(weight, g.members[0].weight...)
			work += g.found.Work()
		}
		if joined.found = Recognise(weight, joined.out, joined.in); joined.found == nil || joined.found.Work() >= work {
			continue
		}
		for _, g := range group[1:] {
			gone[g] = true
		}
		*s = *joined
	}
	r.sites = slices.DeleteFunc(r.sites, func(s *site) bool { return gone[s] })
}

// keeps reports whether the user wants one of the nodes as it is.
func (r *rewriter) keeps(s *site) bool {
	return r.options.Keep != nil && slices.ContainsFunc(s.members, func(m *member) bool { return r.options.Keep(s.body.path + nodeName(m.node)) })
}

// why says why a site stays, or nothing.
func (r *rewriter) why(s *site) string {
	if r.keeps(s) {
		return "kept as asked for"
	}
	for _, m := range s.members {
		if other := r.otherUse(m); other != "" {
			return fmt.Sprintf("its weight is also used by %s", other)
		}
	}
	bytes := s.out * s.in
	switch r.options.Weights {
	case compact.FP32:
		bytes *= 4
	case compact.FP16:
		bytes *= 2
	default:
		bytes += 4 * s.out
	}
	switch {
	case s.found.Bytes() >= bytes:
		return fmt.Sprintf("a chain takes %d bytes, the weight as %s %d", s.found.Bytes(), r.options.Weights, bytes)
	case !s.found.Pays(s.out, s.in, bytes):
		return "a chain is not expected to be faster"
	}
	return ""
}

func (r *rewriter) found() []Found {
	var list []Found
	for _, s := range r.sites {
		f := Found{Op: s.members[0].node.Op, Out: s.out, In: s.in, Structure: *s.found, Kept: s.kept}
		for _, m := range s.members {
			f.Nodes = append(f.Nodes, s.body.path+nodeName(m.node))
			f.Bytes += m.origin.bytes
		}
		list = append(list, f)
	}
	return list
}

// nodeName returns the name of a node, or of its first output.
func nodeName(n *onnx.Node) string {
	if n.Name != "" || len(n.Outputs) == 0 {
		return n.Name
	}
	return n.Outputs[0]
}

// chain stores the factors in the body and returns the node that applies them.
func (r *rewriter) chain(s *site, input, output string) (*onnx.Node, error) {
	first := s.members[0]
	design := s.found.Chain.Design()
	source := compact.Fingerprint(first.weight, first.out, s.in) + compact.Recognised
	n := compact.ChainNode(design, compact.FP32, source, s.found.Error)
	n.Name, n.Inputs, n.Outputs = first.node.Name, []string{input}, []string{output}
	if n.Name == "" {
		n.Name = r.names.Fresh(nodeName(first.node))
	}
	for i, f := range s.found.Chain.Factors {
		tensors, err := compact.FactorTensors(f, compact.FP32)
		if err != nil {
			return nil, err
		}
		for _, t := range tensors {
			n.Inputs = append(n.Inputs, r.store(s.body, t, fmt.Sprintf("%s.factor%d", nodeName(first.node), i+1)))
		}
	}
	r.addFunction(design)
	return n, nil
}

func (r *rewriter) addFunction(d butterfly.Design) {
	r.model.Opsets[compact.Domain] = compact.Version
	f := compact.ChainFunction(d, compact.FP32, r.opset)
	if !slices.ContainsFunc(r.model.Functions, func(other *onnx.Function) bool { return other.Domain == f.Domain && other.Name == f.Name }) {
		r.model.Functions = append(r.model.Functions, f)
	}
}

// store adds an initializer to a body and returns its name.
func (r *rewriter) store(b *body, t *onnx.Tensor, name string) string {
	t.Name = r.names.Fresh(name)
	b.graph.Initializers = append(b.graph.Initializers, t)
	return t.Name
}
