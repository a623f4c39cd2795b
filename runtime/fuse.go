package runtime

import (
	"slices"
	"strings"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// Fusion rewrites the steps of a graph before their kernels are built: several
// nodes become one whose kernel does their work in one pass over memory. Every
// rewriting looks at the structure of the graph and at what inference found,
// and gives the results of the single nodes to within rounding. Values that are
// outputs of the graph or that subgraphs read are always computed; recorders
// run unfused.

// fusions are the rewritings in the order in which they are done. A new one is
// a file fuse_*.go and a line here.
var fusions = []func(f *fuser){
	fuseIdentities,
	fuseShapes,
	fuseFunctions,
	fuseAttention,
	fuseBatchNorms,
	fuseEpilogues,
	fuseShuffles,
}

// fuse applies all fusions to the graph of a scope.
func fuse(sc *scope) {
	f := newFuser(sc)
	for _, apply := range fusions {
		apply(f)
	}
	f.dropUnread()
	sc.program.steps = slices.DeleteFunc(f.steps, func(st step) bool { return st.op == nil })
}

// fuser is the state of fusion. A step that has been removed has no operator.
type fuser struct {
	*scope
	steps []step
	// maker is the step that computes a value, by slot, -1 for inputs,
	// constants and captured values; readers are the steps that read it, once
	// for each time.
	maker   []int
	readers [][]int
	// pinned are values that must be computed.
	pinned []bool
}

func newFuser(sc *scope) *fuser {
	p := sc.program
	f := &fuser{scope: sc, steps: p.steps, maker: make([]int, p.slots), readers: make([][]int, p.slots), pinned: make([]bool, p.slots)}
	for slot := range f.maker {
		f.maker[slot] = -1
		f.pinned[slot] = p.isOutput[slot]
	}
	for i := range f.steps {
		f.link(i)
	}
	return f
}

// link notes what step i reads and makes.
func (f *fuser) link(i int) {
	st := &f.steps[i]
	for _, slot := range st.in {
		if slot >= 0 {
			f.readers[slot] = append(f.readers[slot], i)
		}
	}
	for _, slot := range st.uses {
		f.pinned[slot] = true
	}
	for _, slot := range st.out {
		if slot >= 0 {
			f.maker[slot] = i
		}
	}
}

// remove takes step i away. What it made must be made by another step, or read
// by none.
func (f *fuser) remove(i int) {
	st := &f.steps[i]
	for _, slot := range st.in {
		if slot >= 0 {
			at := slices.Index(f.readers[slot], i)
			f.readers[slot] = slices.Delete(f.readers[slot], at, at+1)
		}
	}
	for _, slot := range st.out {
		if slot >= 0 && f.maker[slot] == i {
			f.maker[slot] = -1
		}
	}
	*st = step{}
}

// replace puts a step in the place of step last and takes others away, which
// come before it.
func (f *fuser) replace(last int, by step, others ...int) {
	f.remove(last)
	for _, i := range others {
		f.remove(i)
	}
	f.steps[last] = by
	f.link(last)
}

// newStep returns a step for a node with the given inputs and outputs. label is
// what profiles and errors call the operator.
func (f *fuser) newStep(n *onnx.Node, label string, op *ops.Operator, opset int, in, out []int) step {
	shown := *n
	shown.Op = label
	st := step{node: &shown, op: op, opset: opset, in: in, out: out, source: &ops.Node{Node: n, Opset: opset}}
	for _, slot := range out {
		st.wanted = append(st.wanted, slot >= 0)
	}
	for _, slot := range in {
		st.source.Types = append(st.source.Types, f.info(slot))
		st.source.Constants = append(st.source.Constants, f.constant(slot))
	}
	return st
}

// nodeLike returns a node with the name of another.
func nodeLike(n *onnx.Node, op string, inputs, outputs int, attrs ...onnx.Attribute) *onnx.Node {
	made := &onnx.Node{Name: nodeName(n), Op: op, Attrs: attrs, Inputs: make([]string, inputs), Outputs: make([]string, outputs)}
	for i := range made.Inputs {
		made.Inputs[i] = "input"
	}
	for i := range made.Outputs {
		made.Outputs[i] = "output"
	}
	return made
}

// is reports whether step i is a node of ai.onnx with one of the names and is
// run by the operator of package ops.
func (f *fuser) is(i int, names ...string) bool {
	if i < 0 || f.steps[i].op == nil {
		return false
	}
	st := &f.steps[i]
	return st.source != nil && st.source.Domain == "" && slices.Contains(names, st.source.Op) && st.op == ops.Lookup("", st.source.Op, st.opset)
}

// makerOf returns the step that makes input k of step i, -1 if there is none.
func (f *fuser) makerOf(i, k int) int {
	if k >= len(f.steps[i].in) || f.steps[i].in[k] < 0 {
		return -1
	}
	return f.maker[f.steps[i].in[k]]
}

// onlyReader returns the step that alone reads the first output of step i, -1
// if there are others or the value is needed.
func (f *fuser) onlyReader(i int) int {
	out := f.steps[i].out[0]
	if out < 0 || f.pinned[out] || len(f.readers[out]) != 1 {
		return -1
	}
	return f.readers[out][0]
}

// constant returns the value in a slot if it is a known tensor, else nil.
func (f *fuser) constant(slot int) *onnx.Tensor {
	if slot < 0 {
		return nil
	}
	t, _ := f.program.constants[slot].(*onnx.Tensor)
	return t
}

// scalar returns the value of a float32 constant with one element and no more
// than one axis.
func (f *fuser) scalar(slot int) (float32, bool) {
	t := f.constant(slot)
	if t == nil || t.Type != onnx.Float32 || t.Len() != 1 || t.Rank() > 1 {
		return 0, false
	}
	return t.Float32s()[0], true
}

// info returns what inference found out about a slot.
func (f *fuser) info(slot int) ops.Info {
	if slot < 0 {
		return ops.Info{}
	}
	return f.infos[slot]
}

// isFloat32 reports whether the value in a slot is known to be of float32.
func (f *fuser) isFloat32(slot int) bool {
	return f.info(slot).Type.Kind == onnx.TensorType && f.info(slot).Type.Elem == onnx.Float32
}

// rank returns the rank of the value in a slot, -1 if it is not known.
func (f *fuser) rank(slot int) int {
	t := f.info(slot).Type
	if t.Kind != onnx.TensorType || !t.HasShape {
		return -1
	}
	return len(t.Shape)
}

// sameShape reports whether two values are known to have the same shape.
func (f *fuser) sameShape(a, b int) bool {
	x, y := f.info(a).Type, f.info(b).Type
	return f.rank(a) >= 0 && f.rank(b) >= 0 && slices.EqualFunc(x.Shape, y.Shape, func(p, q onnx.Dim) bool {
		return p.Known() && q.Known() && p.Size == q.Size || p.Symbol != "" && p.Symbol == q.Symbol
	})
}

// label joins the names of operators.
func label(names ...string) string { return strings.Join(names, "+") }

// dropUnread takes away the steps of package ops that nobody reads any more.
func (f *fuser) dropUnread() {
	for i := len(f.steps) - 1; i >= 0; i-- {
		st := &f.steps[i]
		if st.op == nil || st.op.Values || len(st.uses) > 0 || st.kernel != nil {
			continue
		}
		read := false
		for _, slot := range st.out {
			read = read || slot >= 0 && (f.pinned[slot] || len(f.readers[slot]) > 0)
		}
		if !read {
			f.remove(i)
		}
	}
}
