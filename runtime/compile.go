package runtime

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// program is a graph prepared for running: a list of steps over numbered
// slots, one slot for each value.
type program struct {
	session *Session
	outer   *scope

	steps []step
	// unfused are the nodes of the model that the steps compute, each by
	// itself.
	unfused   []Step
	slots     int
	names     map[string]int // slot of each value of this graph
	constants []onnx.Value   // by slot, nil unless known at load
	isOutput  []bool         // by slot
	fresh     []bool         // by slot: a tensor that a kernel made, none that it handed on
	types     []onnx.Type    // by slot: what is known before a run

	inputs, outputs         []int
	inputInfos, outputInfos []onnx.ValueInfo
	symbols                 map[string]int // of the inputs' shapes, with their numbers
	// recorded programs lend their outputs to a Recording instead of handing
	// them out.
	recorded bool
	// captures are values of the outer program that are copied in at the start
	// of a run of this subgraph.
	captures []capture

	idle []*frame // for the next runs, guarded by the session's mutex
}

// handedOut reports whether the caller of a run gets the value in the slot, so
// that it needs memory of its own.
func (p *program) handedOut(slot int) bool { return p.isOutput[slot] && !p.recorded }

type capture struct{ outerSlot, slot int }

// step is one node with its kernel.
type step struct {
	node   *onnx.Node
	op     *ops.Operator
	opset  int
	kernel ops.Kernel
	// source is what the kernel is built from, once it is known what is fused.
	source *ops.Node
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

// compiler is what the graphs of one model share while they are compiled.
type compiler struct {
	session     *Session
	functions   *expander
	unsupported []UnsupportedNode
	// foldLeft is how many more bytes may be computed at load.
	foldLeft int
	// unfused leaves every node to itself.
	unfused bool
}

// scope is the state of the compiler for one graph.
type scope struct {
	compiler *compiler
	program  *program
	parent   *scope
	infos    []ops.Info // by slot
	// touched collects the outer slots that the node being compiled captures
	// through its subgraphs.
	touched map[int]bool
	// wide holds the float16 values that are kept as float32 (halves.go).
	wide map[string]wideHalf
}

// compileModel prepares the graph of a model. Initializers that are also inputs
// are constants unless they are named in overridden.
func compileModel(m *onnx.Model, s *Session, overridden map[string]bool) (*program, error) {
	return compile(m, &compiler{session: s, unfused: len(s.options.observed) > 0}, overridden)
}

// compileUnfused prepares the graph so that every value of it can be recorded.
func compileUnfused(m *onnx.Model, s *Session) (*program, error) {
	return compile(m, &compiler{session: s, unfused: true}, nil)
}

func compile(m *onnx.Model, c *compiler, overridden map[string]bool) (*program, error) {
	c.functions = newExpander(m, c.session.options.operators)
	c.foldLeft = foldBase + foldFactor*storedBytes(m)
	nodes, err := c.functions.expand(m.Graph.Nodes, m.Opsets, 0)
	if err != nil {
		return nil, err
	}
	p, err := c.graph(m.Graph, nodes, nil, overridden)
	if len(c.unsupported) > 0 {
		return nil, &UnsupportedError{File: m.Path, Nodes: c.unsupported}
	}
	return p, err
}

// graph compiles a graph whose nodes are given with functions expanded.
func (c *compiler) graph(g *onnx.Graph, nodes []expandedNode, parent *scope, overridden map[string]bool) (*program, error) {
	p := &program{session: c.session, outer: parent, names: map[string]int{}}
	sc := &scope{compiler: c, program: p, parent: parent}
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
	for _, n := range liveNodes(g, sc.fuseQuantized(g, nodes)) {
		n, err := sc.widen(n)
		if err != nil {
			return nil, err
		}
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
	p.types = sc.types()
	for i := range p.steps {
		p.unfused = append(p.unfused, Step{p.steps[i].node, p.steps[i].opset})
	}
	if !c.unfused {
		fuse(sc)
	}
	if err := sc.buildKernels(); err != nil {
		return nil, err
	}
	p.findLastUses()
	p.findSymbols()
	return p, nil
}

// types returns what inference found about each value of the graph.
func (sc *scope) types() []onnx.Type {
	types := make([]onnx.Type, len(sc.infos))
	for slot, info := range sc.infos {
		types[slot] = info.Type
	}
	return types
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
	if half, ok := sc.wide[name]; ok {
		err := sc.narrow(name, half)
		return sc.program.names[name], err
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
	op := sc.compiler.functions.lookup(n)
	if op == nil {
		sc.compiler.unsupported = append(sc.compiler.unsupported, UnsupportedNode{Node: nodeName(n.Node), Op: n.Op, Domain: n.Domain, Opset: n.opset()})
		for _, name := range n.Outputs {
			if name != "" {
				sc.define(name)
			}
		}
		return nil
	}
	st := step{node: n.Node, op: op, opset: n.opset()}
	fail := func(err error) error { return sc.nodeError(&st, err) }
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
		expanded, err := sc.compiler.functions.expand(g.Nodes, n.opsets, n.depth)
		if err != nil {
			return nil, err
		}
		body, err := sc.compiler.graph(g, expanded, sc, nil)
		if err != nil {
			return nil, err
		}
		return subgraph{body}, nil
	}
	st.source = node
	if len(n.Subgraphs()) > 0 || constant {
		kernel, err := build(op, node)
		if len(sc.compiler.unsupported) > 0 && err != nil {
			return nil // the unsupported nodes of the body are the error to show
		}
		if err != nil {
			return fail(err)
		}
		st.kernel = kernel
	}
	for slot := range sc.touched {
		st.uses = append(st.uses, slot)
	}
	var err error
	var infos []ops.Info
	if op.Infer != nil {
		if infos, err = infer(op, node); err != nil {
			return fail(err)
		}
	}
	if sc.knownByInference(n.Outputs, infos) {
		return nil
	}
	if constant && len(st.uses) == 0 && len(sc.compiler.unsupported) == 0 && tensorsOnly(infos) && sc.fold(&st, n.Outputs) {
		return nil
	}
	for i, name := range n.Outputs {
		slot := -1
		if name != "" {
			slot = sc.define(name)
			p.fresh[slot] = !op.Values
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

// buildKernels builds the kernels that there are none of yet.
func (sc *scope) buildKernels() error {
	if len(sc.compiler.unsupported) > 0 {
		return nil // which will be the error to show
	}
	for i := range sc.program.steps {
		st := &sc.program.steps[i]
		if st.kernel == nil {
			kernel, err := build(st.op, st.source)
			if err != nil {
				return sc.nodeError(st, err)
			}
			st.kernel = kernel
			releaseConstants(st.source.Constants)
		}
		st.source = nil
	}
	return nil
}

// nodeError adds the node to an error that names none.
func (sc *scope) nodeError(st *step, err error) error {
	if _, already := err.(*NodeError); already {
		return err
	}
	return &NodeError{File: sc.compiler.session.model.Path, Node: nodeName(st.node), Op: opName(st.node), Opset: st.opset, Err: err}
}

// releaseConstants gives back the memory of constants in mapped files once a
// kernel is built: most have packed what they need. The others read it again.
func releaseConstants(constants []*onnx.Tensor) {
	for _, t := range constants {
		if t != nil {
			t.ReleasePages()
		}
	}
}
