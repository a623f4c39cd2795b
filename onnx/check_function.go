package onnx

import "strings"

// functionKey identifies a local function.
type functionKey struct{ domain, name, overload string }

func (k functionKey) String() string {
	return strings.Trim(k.domain+"."+k.name+":"+k.overload, ".:")
}

// Function returns the local function that n stands for, nil if there is none.
func (m *Model) Function(n *Node) *Function {
	for _, f := range m.Functions {
		if f.Name == n.Op && f.Domain == n.Domain && f.Overload == n.Overload {
			return f
		}
	}
	return nil
}

func (m *Model) checkFunctions() error {
	functions := make(map[functionKey]*Function, len(m.Functions))
	for _, f := range m.Functions {
		key := functionKey{f.Domain, f.Name, f.Overload}
		if f.Name == "" || functions[key] != nil {
			return &Error{Value: key.String(), Err: ErrInvalid, Reason: "two local functions of one name, or one without"}
		}
		functions[key] = f
		if err := f.check(); err != nil {
			return inValue(err, key.String())
		}
	}
	order, err := callOrder(m.Functions, functions)
	if err != nil {
		return err
	}
	return checkExpansion(m.Graph, order, functions)
}

// check checks the body of a function.
func (f *Function) check() error {
	if err := checkOpsets(f.Opsets); err != nil {
		return err
	}
	c := checker{opsets: f.Opsets, attributes: map[string]bool{}}
	for _, name := range f.Attributes {
		c.attributes[name] = true
	}
	for i := range f.Defaults {
		c.attributes[f.Defaults[i].Name] = true
	}
	s := &scope{values: map[string]bool{}}
	for _, name := range f.Inputs {
		if err := s.define(name, "function input"); err != nil {
			return err
		}
	}
	if err := c.attributesOf(f.Defaults, s); err != nil {
		return err
	}
	if err := c.nodes(f.Nodes, s); err != nil {
		return err
	}
	for _, name := range f.Outputs {
		if !s.values[name] {
			return fail(ErrInvalid, "no node makes the function output %q", name)
		}
	}
	return nil
}

// callOrder returns the functions so that each comes after those that it uses.
// It fails if a function uses itself, also through others: there would be no
// end to expanding it.
func callOrder(list []*Function, functions map[functionKey]*Function) ([]functionKey, error) {
	const (
		active = 1
		done   = 2
	)
	state := make(map[functionKey]int, len(list))
	// Functions may call each other in a long chain: the stack is a slice, not
	// that of the goroutine.
	type frame struct {
		key   functionKey
		calls []functionKey
	}
	var order []functionKey
	var stack []frame
	push := func(key functionKey) {
		state[key] = active
		stack = append(stack, frame{key, calledFunctions(functions[key].Nodes, functions)})
	}
	for _, f := range list {
		if key := (functionKey{f.Domain, f.Name, f.Overload}); state[key] == 0 {
			push(key)
		}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.calls) == 0 {
				state[top.key] = done
				order = append(order, top.key)
				stack = stack[:len(stack)-1]
				continue
			}
			next := top.calls[0]
			top.calls = top.calls[1:]
			switch state[next] {
			case active:
				return nil, &Error{Value: next.String(), Err: ErrInvalid, Reason: "the local function uses itself, directly or through " + top.key.String()}
			case 0:
				push(next)
			}
		}
	}
	return order, nil
}

// calledFunctions returns the local functions that nodes and their subgraphs
// use, once for each use.
func calledFunctions(nodes []*Node, functions map[functionKey]*Function) []functionKey {
	var calls []functionKey
	for _, n := range nodes {
		key := functionKey{n.Domain, n.Op, n.Overload}
		if functions[key] != nil {
			calls = append(calls, key)
		}
		for _, g := range n.Subgraphs() {
			calls = append(calls, calledFunctions(g.Nodes, functions)...)
		}
	}
	return calls
}

// maxExpanded bounds the nodes that a model has once its local functions are
// replaced by their bodies. A few functions that use each other twice could
// have billions.
const maxExpanded = 10_000_000

// checkExpansion fails if g becomes too big when local functions are expanded.
// order has each function after those that it uses.
func checkExpansion(g *Graph, order []functionKey, functions map[functionKey]*Function) error {
	sizes := make(map[functionKey]int, len(order))
	size := func(nodes []*Node) int {
		total := countNodes(nodes)
		for _, call := range calledFunctions(nodes, functions) {
			total = min(total+sizes[call], maxExpanded+1)
		}
		return total
	}
	for _, key := range order {
		sizes[key] = size(functions[key].Nodes)
	}
	if size(g.Nodes) > maxExpanded {
		return fail(ErrLimit, "the model has more than %d nodes once its local functions are expanded", maxExpanded)
	}
	return nil
}

// countNodes returns the number of nodes, those of subgraphs included.
func countNodes(nodes []*Node) int {
	total := len(nodes)
	for _, n := range nodes {
		for _, g := range n.Subgraphs() {
			total += countNodes(g.Nodes)
		}
	}
	return total
}
