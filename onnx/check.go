package onnx

import "fmt"

// maxOpset bounds versions of operator sets and of the IR: what is above is no
// version but damage.
const maxOpset = 1 << 20

// Check reports the first rule of the standard that the model breaks, as an
// *Error: versions and imports of operator sets, names (each value made once,
// each read value made before), the order of nodes and cycles, and local
// functions (each defined once, no recursion, attribute references).
//
// Operators themselves are not checked, nor are values: see Tensor.NonFinite.
func (m *Model) Check() error { return inFile(m.check(), m.Path) }

func (m *Model) check() error {
	if m.IRVersion < 1 || m.IRVersion > maxOpset {
		return fail(ErrInvalid, "ir_version is %d", m.IRVersion)
	}
	if m.Graph == nil {
		return fail(ErrInvalid, "the model has no graph")
	}
	if len(m.Graph.Outputs) == 0 {
		return fail(ErrInvalid, "the graph has no outputs")
	}
	if m.IRVersion >= 3 && len(m.Opsets) == 0 {
		return fail(ErrInvalid, "the model imports no operator set")
	}
	if err := checkOpsets(m.Opsets); err != nil {
		return err
	}
	c := checker{opsets: m.Opsets, implicit: m.IRVersion < 3}
	if err := c.graph(m.Graph, nil); err != nil {
		return err
	}
	return m.checkFunctions()
}

func checkOpsets(opsets map[string]int) error {
	for domain, version := range opsets {
		if version < 1 || version > maxOpset {
			return fail(ErrInvalid, "operator set %q is imported in version %d", domain, version)
		}
	}
	return nil
}

// checker checks the graphs of a model or function.
type checker struct {
	opsets map[string]int
	// implicit says that ai.onnx need not be imported.
	implicit bool
	// attributes are those that the function has; nil outside of functions.
	attributes map[string]bool
}

// scope holds the values that nodes can read: those of a graph and of the
// graphs around it.
type scope struct {
	outer  *scope
	values map[string]bool
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if s.values[name] {
			return true
		}
	}
	return false
}

// graph checks g, whose nodes can read the values of outer too.
func (c *checker) graph(g *Graph, outer *scope) error {
	s := &scope{outer: outer, values: map[string]bool{}}
	for _, v := range g.Inputs {
		if err := s.define(v.Name, "input"); err != nil {
			return err
		}
	}
	stored := map[string]bool{}
	for _, t := range g.Initializers {
		if t.Name == "" || stored[t.Name] {
			return &Error{Value: t.Name, Err: ErrInvalid, Reason: "two initializers of one name, or one without"}
		}
		stored[t.Name] = true
		s.values[t.Name] = true
	}
	if err := c.nodes(g.Nodes, s); err != nil {
		return err
	}
	for _, v := range g.Outputs {
		if !s.has(v.Name) {
			return &Error{Value: v.Name, Err: ErrInvalid, Reason: "no node makes this graph output"}
		}
	}
	return nil
}

// define adds a value that may not be there yet.
func (s *scope) define(name, what string) error {
	if name == "" {
		return fail(ErrInvalid, "%s without a name", what)
	}
	if s.values[name] {
		return &Error{Value: name, Err: ErrInvalid, Reason: "more than one input or node defines this value",
			Remedy: "values are assigned once; rename one of them"}
	}
	s.values[name] = true
	return nil
}

func (c *checker) nodes(nodes []*Node, s *scope) error {
	for _, n := range nodes {
		if err := c.node(n, s); err != nil {
			return c.explain(inNode(err, n), nodes)
		}
	}
	return nil
}

// explain replaces an error about an input that is not there by one about a
// cycle or the order of the nodes, if that is why.
func (c *checker) explain(err error, nodes []*Node) error {
	e, ok := err.(*Error)
	if !ok || e.Err != errMissing {
		return err
	}
	for _, n := range nodes {
		for _, out := range n.Outputs {
			if out != e.Value {
				continue
			}
			if _, cycle := sortNodes(nodes); cycle != nil {
				return cycle
			}
			e.Reason, e.Remedy = "a later node makes this input", "sort the nodes"
		}
	}
	return err
}

// errMissing is the kind of errors about inputs that nothing makes.
var errMissing = fmt.Errorf("%w: missing input", ErrInvalid)

func (c *checker) node(n *Node, s *scope) error {
	if n.Op == "" {
		return fail(ErrInvalid, "node without an operator")
	}
	if c.opsets[n.Domain] == 0 && !(c.implicit && n.Domain == "") {
		return &Error{Err: ErrInvalid, Reason: fmt.Sprintf("operator set %q is not imported", n.Domain),
			Remedy: "add it to opset_import"}
	}
	for _, in := range n.Inputs {
		if in != "" && !s.has(in) {
			return &Error{Value: in, Err: errMissing, Reason: "no node, input or initializer has this name"}
		}
	}
	if err := c.attributesOf(n.Attrs, s); err != nil {
		return err
	}
	for _, out := range n.Outputs {
		if out == "" {
			continue
		}
		if err := s.define(out, "output"); err != nil {
			return err
		}
	}
	return nil
}

// attributesOf checks the attributes of one node.
func (c *checker) attributesOf(attrs []Attribute, s *scope) error {
	seen := make(map[string]bool, len(attrs))
	for i := range attrs {
		a := &attrs[i]
		if a.Name == "" || seen[a.Name] {
			return &Error{Value: a.Name, Err: ErrInvalid, Reason: "two attributes of one name, or one without"}
		}
		seen[a.Name] = true
		if a.RefName != "" && !c.attributes[a.RefName] {
			return &Error{Value: a.Name, Err: ErrInvalid, Reason: fmt.Sprintf("refers to the attribute %q, which no function around it has", a.RefName)}
		}
		if a.Graph != nil {
			if err := c.graph(a.Graph, s); err != nil {
				return err
			}
		}
		for _, g := range a.Graphs {
			if err := c.graph(g, s); err != nil {
				return err
			}
		}
	}
	return nil
}
