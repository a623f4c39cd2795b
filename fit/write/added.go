package write

import (
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// minHalved is the number of elements from which a constant that is added or
// multiplied is worth the node that makes it float32 again.
const minHalved = 256

// leastRow is the length of the rows of a table from which they are worth a
// scale each.
const leastRow = 64

// roundAdded stores what the graph adds and multiplies element by element in
// fewer bits: biases, scales of normalisations and tables of positions. They are
// rounded finer than weights: to float16, except for tables that are only added
// and read row by row, such as those of positions, which are embeddings.
func (w *writer) roundAdded(exact map[string]bool) {
	g := w.model.Graph
	fixed := boundNames(g)
	uses := newUses(g)
	var tensors []*onnx.Tensor
	var prologue []*onnx.Node
	for _, t := range g.Initializers {
		role := uses.role(t.Name)
		if t.Type != onnx.Float32 || t.Len() < minHalved || exact[t.Name] || fixed[t.Name] || role == otherRole || !fitsHalf(t) {
			tensors = append(tensors, t)
			continue
		}
		axis := tableAxis(t)
		if w.options.Weights == compact.INT8 && role == addedRole && axis >= 0 {
			stored, made := w.rounded(t, t.Name, axis)
			tensors, prologue = append(tensors, stored...), append(prologue, made...)
			continue
		}
		half := converted(t, onnx.Float16)
		half.Name = w.names.fresh(t.Name + ".fp16")
		w.halved[t.Name] = half.Name
		tensors = append(tensors, half)
		prologue = append(prologue, w.cast(half.Name, t.Name, onnx.Float32))
	}
	g.Initializers = tensors
	g.Nodes = append(prologue, g.Nodes...)
}

// fitsHalf reports whether the values of a float32 tensor are finite as float16
// and not so small that its precision ends.
func fitsHalf(t *onnx.Tensor) bool {
	const least = 1.0 / (1 << 10) // 2^14 steps of float16 below the largest value at the least
	if t.NonFinite() > 0 {
		return false
	}
	largest := float32(0)
	for _, v := range t.Float32s() {
		largest = max(largest, v, -v)
	}
	return largest == 0 || largest >= least && converted(t, onnx.Float16).NonFinite() == 0
}

// tableAxis returns the axis of the rows of a table [..., rows, features], -1
// for vectors and tables with short rows.
func tableAxis(t *onnx.Tensor) int {
	axis := t.Rank() - 2
	if axis < 0 || t.Len() < MinRounded || t.Shape[axis+1] < leastRow || t.Shape[axis] < 2 {
		return -1
	}
	return axis
}

// role is what a constant is for.
type role int

const (
	addedRole  role = iota // added to activations, perhaps after rows were picked
	scaledRole             // added or multiplied, or a bias or scale of an operator
	otherRole
)

// uses are the inputs of nodes, by the value that they take.
type uses struct {
	inputs map[string][]use
	taken  map[string]bool // by subgraphs, functions, and as outputs
}

type use struct {
	node  *onnx.Node
	index int
}

func newUses(g *onnx.Graph) uses {
	u := uses{inputs: map[string][]use{}, taken: map[string]bool{}}
	for _, n := range g.Nodes {
		for i, in := range n.Inputs {
			u.inputs[in] = append(u.inputs[in], use{n, i})
		}
		for _, sub := range n.Subgraphs() {
			for _, inner := range sub.Nodes {
				for _, in := range inner.Inputs {
					u.taken[in] = true
				}
			}
		}
	}
	for _, out := range g.Outputs {
		u.taken[out.Name] = true
	}
	return u
}

// role returns what a value is for; if there are several roles, the one that
// needs the most precision.
func (u uses) role(name string) role {
	if u.taken[name] || len(u.inputs[name]) == 0 {
		return otherRole
	}
	result := addedRole
	for _, at := range u.inputs[name] {
		result = max(result, u.roleAt(at))
	}
	return result
}

func (u uses) roleAt(at use) role {
	n := at.node
	if n.Domain != "" || len(n.Subgraphs()) > 0 {
		return otherRole
	}
	switch n.Op {
	case "Add":
		return addedRole
	case "Sub", "Mul", "PRelu":
		return scaledRole
	case "Gemm", "Conv", "ConvTranspose":
		if at.index == 2 {
			return scaledRole
		}
	case "LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization", "BatchNormalization":
		if at.index == 1 || at.index == 2 { // not the variance of a batch
			return scaledRole
		}
	case "Slice", "Gather", "Unsqueeze", "Identity":
		if at.index == 0 && !slices.Contains(n.Outputs, "") {
			return u.role(n.Outputs[0])
		}
	}
	return otherRole
}
