package discover

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// Body is a list of nodes with values of its own: the graph of a model, a
// subgraph, or a model-local function.
type Body struct {
	// Path leads to a subgraph or function, for names; it ends in "/". It is
	// empty for the graph of the model.
	Path string
	// Graph is nil for a function, Function nil for a graph.
	Graph    *onnx.Graph
	Function *onnx.Function
	// Opset is the version of ai.onnx that the nodes are written against.
	Opset int
	// Weights are the constants stored in this body that are weights, here or
	// in subgraphs and functions that they are handed to.
	Weights []Weight

	outer *Body
	scope
	// called gives the inputs of calls of functions that take weights.
	called map[*onnx.Node][]int
}

// Weight is a stored constant that a MatMul, Gemm, Conv, LSTM, Gather or the
// like takes as its weight, as it is or behind operators that only move, view
// or convert its elements.
type Weight struct {
	// Name is that of an initializer, or the output of a Constant node.
	Name   string
	Tensor *onnx.Tensor
	// Axis is the one whose slices each belong to one output feature, or are
	// rows of a table; 0 if it is not known.
	Axis int
	// Node is the first that uses the weight.
	Node *onnx.Node
}

// scope is where names of a body lead to.
type scope struct {
	producers map[string]*onnx.Node
	stored    map[string]*onnx.Tensor
}

// Bodies returns the graph of a model, first, and everything nested in it: its
// subgraphs, its functions and their subgraphs.
func Bodies(m *onnx.Model) []*Body {
	w := &walker{model: m, parameters: map[*onnx.Function]map[int]int{}}
	w.add(&Body{Graph: m.Graph, Opset: m.Opset("")})
	for _, f := range m.Functions {
		w.add(&Body{Path: f.Name + "/", Function: f, Opset: f.Opsets[""]})
	}
	for _, b := range w.bodies {
		for _, n := range b.nodes() {
			w.node(b, n)
		}
	}
	return w.bodies
}

func (b *Body) nodes() []*onnx.Node {
	if b.Function != nil {
		return b.Function.Nodes
	}
	return b.Graph.Nodes
}

// what says what kind of body it is.
func (b *Body) what() string {
	if b.Function != nil {
		return "a model-local function"
	}
	return "a subgraph"
}

type walker struct {
	model  *onnx.Model
	bodies []*Body
	// parameters gives the inputs of each function that are weights, with the
	// axis of output features.
	parameters map[*onnx.Function]map[int]int
}

// add appends a body and the subgraphs of its nodes.
func (w *walker) add(b *Body) *Body {
	b.called = map[*onnx.Node][]int{}
	b.producers, b.stored = map[string]*onnx.Node{}, map[string]*onnx.Tensor{}
	w.bodies = append(w.bodies, b)
	if b.Graph != nil {
		for _, t := range b.Graph.Initializers {
			b.stored[t.Name] = t
		}
	}
	for _, n := range b.nodes() {
		for _, out := range n.Outputs {
			b.producers[out] = n
		}
		if t := constantOf(n); t != nil {
			b.stored[n.Outputs[0]] = t
		}
		for i, g := range n.Subgraphs() {
			w.add(&Body{Path: fmt.Sprintf("%s%s/%d/", b.Path, nodeName(n), i+1), Graph: g, Opset: b.Opset, outer: b})
		}
	}
	return b
}

// constantOf returns the tensor of a Constant node, nil for other nodes.
func constantOf(n *onnx.Node) *onnx.Tensor {
	if n.Op != "Constant" || n.Domain != "" || len(n.Outputs) != 1 {
		return nil
	}
	if a := n.Attr("value"); a != nil && a.RefName == "" {
		return a.Tensor
	}
	return nil
}

// node records the weights that a node takes.
func (w *walker) node(b *Body, n *onnx.Node) {
	if compact.IsChain(n) {
		return // its factors are stored as they are meant to be
	}
	inputs := weightInputs(n)
	f := w.model.Function(n)
	if f != nil {
		inputs = w.functionWeights(f)
	} else if b.allStored(n) {
		return // its result is a constant: that may be a weight, but its inputs are none
	}
	for _, i := range slices.Sorted(maps.Keys(inputs)) {
		if i >= len(n.Inputs) {
			continue
		}
		if f != nil {
			b.called[n] = append(b.called[n], i)
		}
		b.record(n, n.Inputs[i], inputs[i])
	}
}

// allStored reports whether all inputs of a node are stored constants.
func (b *Body) allStored(n *onnx.Node) bool {
	for _, in := range n.Inputs {
		if in != "" && !b.isStored(in) {
			return false
		}
	}
	return true
}

// isStored reports whether a value is put together from stored constants.
func (b *Body) isStored(name string) bool {
	all := true
	b.origins(name, noAxis, func(name string, _ int) {
		inner := b.stored[name] != nil
		outer := b.producers[name] == nil && b.outer != nil && b.outer.isStored(name)
		all = all && (inner || outer)
	})
	return all
}

// noAxis stands for an axis that is not known; others count from the front, or
// from the end if they are negative.
const noAxis = 1 << 10

// weightInputs returns which inputs of a node are weights, with the axis of
// output features. Both inputs of a MatMul are: the constant one is the weight.
func weightInputs(n *onnx.Node) map[int]int {
	inputs := map[int]int{}
	op := n.Op
	if n.Domain == microsoft {
		switch op {
		case "FusedMatMul", "FusedGemm":
			op = "Gemm"
		case "FusedConv":
			op = "Conv"
		case "Attention":
			inputs[1] = 1
			return inputs
		default:
			return inputs
		}
	} else if n.Domain != "" {
		return inputs
	}
	switch op {
	case "MatMul":
		inputs[0], inputs[1] = -2, -1
	case "Gemm":
		if inputs[1] = 1; n.Int("transB", 0) != 0 {
			inputs[1] = 0
		}
	case "LSTM", "GRU", "RNN":
		inputs[1], inputs[2] = 1, 1
	case "Conv":
		inputs[1] = 0
	case "ConvTranspose":
		inputs[1] = 1
	case "Gather":
		inputs[0] = int(n.Int("axis", 0))
	}
	return inputs
}

// functionWeights returns which inputs of a function are weights, with the axis
// of output features.
func (w *walker) functionWeights(f *onnx.Function) map[int]int {
	if known, ok := w.parameters[f]; ok {
		return known
	}
	found := map[int]int{}
	w.parameters[f] = found // functions do not call themselves: onnx.Model.Check
	b := &Body{Function: f, scope: scope{producers: map[string]*onnx.Node{}, stored: map[string]*onnx.Tensor{}}}
	for _, n := range f.Nodes {
		for _, out := range n.Outputs {
			b.producers[out] = n
		}
	}
	for _, n := range f.Nodes {
		inputs := weightInputs(n)
		if called := w.model.Function(n); called != nil {
			inputs = w.functionWeights(called)
		}
		for _, i := range slices.Sorted(maps.Keys(inputs)) {
			if i >= len(n.Inputs) {
				continue
			}
			b.origins(n.Inputs[i], inputs[i], func(name string, axis int) {
				if at := slices.Index(f.Inputs, name); at >= 0 {
					if _, known := found[at]; !known {
						found[at] = axis
					}
				}
			})
		}
	}
	return found
}

// record notes the stored constants that a weight comes from, in the bodies that
// store them.
func (b *Body) record(n *onnx.Node, name string, axis int) {
	b.origins(name, axis, func(name string, axis int) {
		t := b.stored[name]
		if t == nil {
			if b.producers[name] == nil && b.outer != nil {
				b.outer.record(n, name, axis)
			}
			return
		}
		if !t.Type.IsFloat() || t.Rank() < 2 || b.weight(name) {
			return
		}
		if axis < 0 {
			axis += t.Rank()
		}
		if axis < 0 || axis >= t.Rank() {
			axis = 0 // as good as any
		}
		b.Weights = append(b.Weights, Weight{Name: name, Tensor: t, Axis: axis, Node: n})
	})
}

func (b *Body) weight(name string) bool {
	return slices.ContainsFunc(b.Weights, func(w Weight) bool { return w.Name == name })
}

// origins calls visit with every value of the body that a value is put together
// from by operators that move, view or convert elements without computing
// anything, and where an axis of the value lies in it.
func (b *Body) origins(name string, axis int, visit func(name string, axis int)) {
	seen := map[string]bool{}
	var follow func(name string, axis int)
	follow = func(name string, axis int) {
		if seen[name] {
			return
		}
		seen[name] = true
		n := b.producers[name]
		if n == nil || n.Domain != "" || len(n.Inputs) == 0 {
			visit(name, axis)
			return
		}
		switch n.Op {
		case "Identity", "Slice", "Split":
			follow(n.Inputs[0], axis)
		case "Cast":
			if !onnx.DType(n.Int("to", 0)).IsFloat() {
				visit(name, axis)
				return
			}
			follow(n.Inputs[0], axis)
		case "Transpose":
			follow(n.Inputs[0], beforeTranspose(n.Ints("perm"), axis))
		case "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Tile":
			follow(n.Inputs[0], noAxis)
		case "Concat":
			for _, in := range n.Inputs {
				follow(in, axis)
			}
		default:
			visit(name, axis)
		}
	}
	follow(name, axis)
}

// beforeTranspose returns where an axis of the result of a Transpose is in its
// input. Without perm, the axes are in the opposite order.
func beforeTranspose(perm []int64, axis int) int {
	switch {
	case axis < 0 && axis >= -len(perm):
		return int(perm[len(perm)+axis])
	case axis >= 0 && axis < len(perm):
		return int(perm[axis])
	case perm == nil && axis != noAxis:
		return -1 - axis
	}
	return noAxis
}
