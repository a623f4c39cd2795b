package runtime

import (
	"context"
	"fmt"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// program is a graph prepared for running: a list of steps over numbered
// slots, one slot for each value.
type program struct {
	session *Session
	outer   *scope

	steps     []step
	slots     int
	names     map[string]int // slot of each value of this graph
	constants []onnx.Value   // by slot, nil unless known at load
	isOutput  []bool         // by slot
	fresh     []bool         // by slot: made by a step of this program

	inputs, outputs         []int
	inputInfos, outputInfos []onnx.ValueInfo
	// captures are values of the outer program that are copied in at the start
	// of a run of this subgraph.
	captures []capture
}

type capture struct{ outerSlot, slot int }

// step is one node with its kernel.
type step struct {
	node   *onnx.Node
	op     *ops.Operator
	opset  int
	kernel ops.Kernel
	in     []int // slots, -1 for an absent input
	out    []int
	wanted []bool
	// uses are slots that the subgraphs of the node read.
	uses []int
	// last are slots whose values nobody needs after this step.
	last []int
	// dies tells for each input whether this step is its only remaining user.
	dies []bool
}

// foldLimit bounds the size of a tensor computed at load, beyond what the
// inputs of its node have: a model must not unfold to gigabytes when opened.
const foldLimit = 64 << 20

// scope is the state of the compiler for one graph.
type scope struct {
	program     *program
	parent      *scope
	infos       []ops.Info // by slot
	unsupported *[]UnsupportedNode
	// touched collects the outer slots that the node being compiled captures
	// through its subgraphs.
	touched map[int]bool
}

// compileModel prepares the graph of a model. Initializers that are also inputs
// are constants unless they are named in overridden.
func compileModel(m *onnx.Model, s *Session, overridden map[string]bool) (*program, error) {
	nodes, err := expandFunctions(m)
	if err != nil {
		return nil, err
	}
	var unsupported []UnsupportedNode
	p, err := compileGraph(m.Graph, nodes, s, nil, overridden, &unsupported)
	if len(unsupported) > 0 {
		return nil, &UnsupportedError{File: m.Path, Nodes: unsupported}
	}
	return p, err
}

// compileGraph compiles a graph whose nodes are given with functions expanded.
func compileGraph(g *onnx.Graph, nodes []expandedNode, s *Session, parent *scope, overridden map[string]bool, unsupported *[]UnsupportedNode) (*program, error) {
	p := &program{session: s, outer: parent, names: map[string]int{}}
	sc := &scope{program: p, parent: parent, unsupported: unsupported}
	for _, t := range g.Initializers {
		if overridden[t.Name] {
			continue
		}
		slot := sc.define(t.Name)
		p.constants[slot] = t
		sc.infos[slot] = constantInfo(t)
	}
	for _, info := range g.Inputs {
		if _, isConstant := p.names[info.Name]; isConstant {
			continue
		}
		slot := sc.define(info.Name)
		sc.infos[slot] = ops.Info{Type: info.Type}
		p.inputs = append(p.inputs, slot)
		p.inputInfos = append(p.inputInfos, info)
	}
	for _, n := range liveNodes(g, nodes) {
		if err := sc.add(n); err != nil {
			return nil, err
		}
	}
	for _, info := range g.Outputs {
		slot, err := sc.resolve(info.Name)
		if err != nil {
			return nil, fmt.Errorf("output %q of graph %s: %w", info.Name, g.Name, err)
		}
		p.isOutput[slot] = true
		p.outputs = append(p.outputs, slot)
		p.outputInfos = append(p.outputInfos, refine(info, sc.infos[slot]))
	}
	p.findLastUses()
	return p, nil
}

// refine completes the declared type of a value with what inference found.
func refine(info onnx.ValueInfo, found ops.Info) onnx.ValueInfo {
	if info.Type.Kind == onnx.UnknownType || info.Type.Kind == onnx.TensorType && !info.Type.HasShape && found.Type.HasShape {
		info.Type = found.Type
	}
	return info
}

func constantInfo(t *onnx.Tensor) ops.Info {
	shape := make([]onnx.Dim, len(t.Shape))
	for i, n := range t.Shape {
		shape[i] = onnx.Dim{Size: n}
	}
	info := ops.TensorInfo(t.Type, shape)
	info.Const = t
	const mostDims = 64
	if (t.Type == onnx.Int64 || t.Type == onnx.Int32) && t.Rank() <= 1 && t.Len() <= mostDims {
		if ints, err := ops.IntsOf(t); err == nil {
			info.Dims = make([]onnx.Dim, len(ints))
			for i, v := range ints {
				info.Dims[i] = onnx.Dim{Size: v}
			}
		}
	}
	return info
}

// define makes a slot for a value of this graph.
func (sc *scope) define(name string) int {
	p := sc.program
	slot := p.slots
	p.slots++
	p.names[name] = slot
	p.constants = append(p.constants, nil)
	p.isOutput = append(p.isOutput, false)
	p.fresh = append(p.fresh, false)
	sc.infos = append(sc.infos, ops.Info{})
	return slot
}

// resolve returns the slot of a value, capturing it from an outer graph if it
// is not one of this graph.
func (sc *scope) resolve(name string) (int, error) {
	if slot, ok := sc.program.names[name]; ok {
		return slot, nil
	}
	if sc.parent == nil {
		return 0, fmt.Errorf("value %q is not computed by any node before it is used", name)
	}
	outer, err := sc.parent.resolve(name)
	if err != nil {
		return 0, err
	}
	slot := sc.define(name)
	sc.infos[slot] = sc.parent.infos[outer]
	if v := sc.parent.program.constants[outer]; v != nil {
		sc.program.constants[slot] = v
		return slot, nil
	}
	sc.program.captures = append(sc.program.captures, capture{outer, slot})
	sc.parent.touched[outer] = true
	return slot, nil
}

// add compiles one node: it finds the operator, folds the node if all its
// inputs are known, and appends a step otherwise.
func (sc *scope) add(n expandedNode) error {
	p := sc.program
	op := lookup(n)
	if op == nil {
		*sc.unsupported = append(*sc.unsupported, UnsupportedNode{Node: nodeName(n.Node), Op: n.Op, Domain: n.Domain, Opset: n.opset()})
		for _, name := range n.Outputs {
			if name != "" {
				sc.define(name)
			}
		}
		return nil
	}
	st := step{node: n.Node, op: op, opset: n.opset()}
	fail := func(err error) error {
		if _, already := err.(*NodeError); already {
			return err
		}
		return &NodeError{File: p.session.model.Path, Node: nodeName(n.Node), Op: opName(n.Node), Opset: st.opset, Err: err}
	}
	if err := checkInputCount(op, n.Node); err != nil {
		return fail(err)
	}
	node := &ops.Node{Node: n.Node, Opset: st.opset}
	constant := !op.Random
	for _, name := range n.Inputs {
		slot := -1
		if name != "" {
			var err error
			if slot, err = sc.resolve(name); err != nil {
				return fail(err)
			}
		}
		st.in = append(st.in, slot)
		var info ops.Info
		var known *onnx.Tensor
		if slot >= 0 {
			info = sc.infos[slot]
			known, _ = p.constants[slot].(*onnx.Tensor)
			constant = constant && p.constants[slot] != nil
		}
		node.Types = append(node.Types, info)
		node.Constants = append(node.Constants, known)
	}
	sc.touched = map[int]bool{}
	node.Compile = func(g *onnx.Graph) (ops.Body, error) {
		expanded, err := n.expandBody(g)
		if err != nil {
			return nil, err
		}
		body, err := compileGraph(g, expanded, p.session, sc, nil, sc.unsupported)
		if err != nil {
			return nil, err
		}
		return subgraph{body}, nil
	}
	kernel, err := build(op, node)
	if len(*sc.unsupported) > 0 && err != nil {
		return nil // the unsupported nodes of the body are the error to show
	}
	if err != nil {
		return fail(err)
	}
	st.kernel = kernel
	for slot := range sc.touched {
		st.uses = append(st.uses, slot)
	}
	var infos []ops.Info
	if op.Infer != nil {
		if infos, err = infer(op, node); err != nil {
			return fail(err)
		}
	}
	if constant && len(st.uses) == 0 && len(*sc.unsupported) == 0 && sc.fold(&st, n.Outputs) {
		return nil
	}
	for i, name := range n.Outputs {
		slot := -1
		if name != "" {
			slot = sc.define(name)
			p.fresh[slot] = true
			if i < len(infos) {
				sc.infos[slot] = infos[i]
			}
		}
		st.out = append(st.out, slot)
		st.wanted = append(st.wanted, slot >= 0)
	}
	p.steps = append(p.steps, st)
	return nil
}

// build calls the operator's Build and turns a panic, which would be a mistake
// of ours, into an error.
func build(op *ops.Operator, n *ops.Node) (kernel ops.Kernel, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	kernel, err = op.Build(n)
	if err == nil {
		err = n.Err()
	}
	return kernel, err
}

func infer(op *ops.Operator, n *ops.Node) (infos []ops.Info, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error in shape inference: %v", r)
		}
	}()
	return op.Infer(n, n.Types)
}

func checkInputCount(op *ops.Operator, n *onnx.Node) error {
	given := len(n.Inputs)
	for given > 0 && n.Inputs[given-1] == "" {
		given--
	}
	if given < op.MinInputs || op.MaxInputs >= 0 && given > op.MaxInputs {
		return fmt.Errorf("takes %d to %d inputs, got %d", op.MinInputs, op.MaxInputs, given)
	}
	return nil
}

// fold computes a node whose inputs are all known. It reports false, and
// leaves the node to be run, if that fails: the run will say why, if it comes
// to it at all.
func (sc *scope) fold(st *step, outputs []string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	in := make([]onnx.Value, len(st.in))
	limit := foldLimit
	for i, slot := range st.in {
		if slot < 0 {
			continue
		}
		in[i] = sc.program.constants[slot]
		if checkValue(st, i, in[i]) != nil {
			return false
		}
		if t, isTensor := in[i].(*onnx.Tensor); isTensor {
			limit += 8 * t.Bytes()
		}
	}
	c := ops.NewCall(context.Background(), in, len(outputs))
	c.Frame = foldFrame{limit}
	if st.kernel(c) != nil {
		return false
	}
	for i, name := range outputs {
		if name != "" && c.Out[i] == nil {
			return false
		}
	}
	for i, name := range outputs {
		if name == "" {
			continue
		}
		slot := sc.define(name)
		sc.program.constants[slot] = c.Out[i]
		if t, isTensor := c.Out[i].(*onnx.Tensor); isTensor {
			sc.infos[slot] = constantInfo(t)
		}
	}
	return true
}

// foldFrame gives memory from the heap to nodes that are computed at load.
type foldFrame struct{ limit int }

func (foldFrame) Output(_ *ops.Call, _ int, t onnx.DType, shape []int) (*onnx.Tensor, error) {
	return onnx.NewTensor(t, shape...), nil
}
func (foldFrame) Reuse(*ops.Call, int, int) *onnx.Tensor { return nil }
func (foldFrame) Alias(c *ops.Call, _, in int, shape []int) *onnx.Tensor {
	return c.Tensor(in).Reshaped(shape...)
}
func (f foldFrame) Scratch(_ *ops.Call, bytes int) ([]byte, error) {
	if bytes > f.limit {
		return nil, fmt.Errorf("scratch memory of %d bytes exceeds the limit", bytes)
	}
	return onnx.AlignedBytes(bytes), nil
}
func (foldFrame) Captured(string) (onnx.Value, bool) { return nil, false }
func (f foldFrame) Limit() int                       { return f.limit }

// findLastUses fills last and dies of every step.
func (p *program) findLastUses() {
	used := make([]bool, p.slots)
	for _, slot := range p.outputs {
		used[slot] = true
	}
	for i := len(p.steps) - 1; i >= 0; i-- {
		st := &p.steps[i]
		st.dies = make([]bool, len(st.in))
		count := map[int]int{}
		for _, slot := range st.in {
			count[slot]++
		}
		for _, slot := range st.uses {
			count[slot] += 2
		}
		for j, slot := range st.in {
			st.dies[j] = slot >= 0 && !used[slot] && count[slot] == 1 && p.constants[slot] == nil
		}
		for _, slot := range append(append([]int(nil), st.out...), append(st.in, st.uses...)...) {
			if slot >= 0 && !used[slot] {
				used[slot] = true
				if p.constants[slot] == nil {
					st.last = append(st.last, slot)
				}
			}
		}
	}
}

// liveNodes returns the nodes that the outputs of the graph depend on, in
// order.
func liveNodes(g *onnx.Graph, nodes []expandedNode) []expandedNode {
	needed := map[string]bool{}
	for _, info := range g.Outputs {
		needed[info.Name] = true
	}
	live := make([]bool, len(nodes))
	count := 0
	for i := len(nodes) - 1; i >= 0; i-- {
		for _, name := range nodes[i].Outputs {
			if name != "" && needed[name] {
				live[i] = true
			}
		}
		if !live[i] {
			continue
		}
		count++
		for _, name := range nodes[i].Inputs {
			needed[name] = true
		}
		for _, a := range nodes[i].Attrs {
			needBody(needed, a)
		}
	}
	kept := make([]expandedNode, 0, count)
	for i, n := range nodes {
		if live[i] {
			kept = append(kept, n)
		}
	}
	return kept
}

// needBody marks every name that a graph attribute mentions as needed.
func needBody(needed map[string]bool, a onnx.Attribute) {
	graphs := a.Graphs
	if a.Graph != nil {
		graphs = append([]*onnx.Graph{a.Graph}, graphs...)
	}
	for _, g := range graphs {
		for _, n := range g.Nodes {
			for _, name := range n.Inputs {
				needed[name] = true
			}
			for _, inner := range n.Attrs {
				needBody(needed, inner)
			}
		}
		for _, info := range g.Outputs {
			needed[info.Name] = true
		}
	}
}
