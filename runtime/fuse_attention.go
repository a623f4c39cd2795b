package runtime

import (
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// fuseAttention turns scaled dot-product attention into one node:
//
//	MatMul(Q, K') [* scale] [+ mask] -> Softmax over keys -> MatMul with V
//
// with the Transpose nodes that split heads off Q, K and V and join them again,
// and constant factors on Q and K'. Keys and values may come from a cache.
func fuseAttention(f *fuser) {
	for i := range f.steps {
		if f.is(i, "Softmax") {
			f.fuseAttentionAt(i)
		}
	}
}

// attentionMatch is what has been found around a Softmax.
type attentionMatch struct {
	rank    int
	scale   float32
	q, k, v int // slots
	mask    int // slot, -1 for none
	qAxes   []int
	kAxes   []int
	vAxes   []int
	yAxes   []int
	last    int   // the step whose place the attention takes
	steps   []int // the other steps that it stands for
}

func (f *fuser) fuseAttentionAt(softmax int) {
	m := attentionMatch{scale: 1, mask: -1}
	st := &f.steps[softmax]
	m.rank = f.rank(st.in[0])
	if m.rank != 3 && m.rank != 4 || !f.isFloat32(st.in[0]) || !isLastAxis(st, m.rank) {
		return
	}
	m.last = f.onlyReader(softmax)
	if !f.is(m.last, "MatMul") || f.steps[m.last].in[0] != st.out[0] || f.rank(f.steps[m.last].in[1]) != m.rank {
		return
	}
	scores := f.beforeSoftmax(softmax, &m)
	if scores < 0 || !f.operands(scores, &m) {
		return
	}
	m.v, m.vAxes = f.steps[m.last].in[1], identityAxes(m.rank)
	if t := f.maker[m.v]; f.is(t, "Transpose") {
		if axes := permuted(identityAxes(m.rank), f.perm(t)); axes != nil && axes[m.rank-1] == m.rank-1 {
			m.v, m.vAxes = f.steps[t].in[0], axes
		}
	}
	m.yAxes = identityAxes(m.rank)
	m.steps = append(m.steps, softmax, scores)
	product := m.last
	if t := f.onlyReader(m.last); f.is(t, "Transpose") {
		if axes := inverse(f.perm(t)); len(axes) == m.rank && axes[m.rank-1] == m.rank-1 {
			m.steps, m.last, m.yAxes = append(m.steps, m.last), t, axes
		}
	}
	in := []int{m.q, m.k, m.v}
	if m.mask >= 0 {
		in = append(in, m.mask)
	}
	n := nodeLike(f.steps[product].node, "HeadAttention", len(in), 1, onnx.FloatAttr("scale", m.scale),
		axesAttr("q", m.qAxes), axesAttr("k", m.kAxes), axesAttr("v", m.vAxes), axesAttr("y", m.yAxes))
	slices.Sort(m.steps)
	f.replace(m.last, f.newStep(n, "Attention", ops.HeadAttention, 1, in, f.steps[m.last].out[:1]), slices.Compact(m.steps)...)
	f.dropUnread()
}

// beforeSoftmax goes up from a Softmax through a mask and constant factors to
// the product of queries and keys, and returns that step, -1 if there is none.
func (f *fuser) beforeSoftmax(softmax int, m *attentionMatch) int {
	at := softmax
	for {
		i := f.maker[f.steps[at].in[0]]
		k := 0
		if at != softmax {
			i, k = f.productSide(at)
		}
		if i < 0 || f.onlyReader(i) != at {
			return -1
		}
		if at != softmax {
			m.steps = append(m.steps, at)
			if !f.absorb(at, k, m) {
				return -1
			}
		}
		if f.is(i, "MatMul") {
			return i
		}
		if !f.is(i, "Add", "Mul", "Div") {
			return -1
		}
		at = i
	}
}

// productSide returns the step that makes the scores among the two inputs of an
// Add, Mul or Div, and which input it is: the one that only this step reads and
// that is a product of matrices or on the way to one.
func (f *fuser) productSide(at int) (step, side int) {
	for k := range 2 {
		i := f.makerOf(at, k)
		if i >= 0 && f.is(i, "MatMul", "Add", "Mul", "Div") && f.onlyReader(i) == at && f.rank(f.steps[i].out[0]) == f.rank(f.steps[at].out[0]) {
			return i, k
		}
	}
	return -1, 0
}

// absorb takes a factor or a mask into m. A mask comes after all factors, so
// that going up none may follow it.
func (f *fuser) absorb(at, side int, m *attentionMatch) bool {
	other := f.steps[at].in[1-side]
	if f.is(at, "Add") {
		if m.mask >= 0 || m.scale != 1 || !f.isFloat32(other) || f.rank(other) < 0 || f.rank(other) > m.rank {
			return false
		}
		m.mask = other
		return true
	}
	s, ok := f.scalar(other)
	if !ok || f.is(at, "Div") && (side != 0 || s == 0) {
		return false
	}
	if f.is(at, "Div") {
		s = 1 / s
	}
	m.scale *= s
	return true
}

// operands finds queries and keys of the product, through the Transpose nodes
// and constant factors before it.
func (f *fuser) operands(product int, m *attentionMatch) bool {
	st := &f.steps[product]
	last := m.rank - 1
	if f.rank(st.in[0]) != m.rank || f.rank(st.in[1]) != m.rank {
		return false
	}
	q, qAxes := f.throughTransposes(st.in[0], m)
	k, kAxes := f.throughTransposes(st.in[1], m)
	if qAxes[last] != last { // queries must lie row by row
		return false
	}
	kAxes[last], kAxes[last-1] = kAxes[last-1], kAxes[last] // K' is the transpose of the keys
	if kAxes[last] != last {
		return false
	}
	m.q, m.qAxes, m.k, m.kAxes = q, qAxes, k, kAxes
	return true
}

// throughTransposes goes up from a slot through Transpose nodes and constant
// factors. axes[j] is the axis of the slot reached that is axis j of the first.
func (f *fuser) throughTransposes(slot int, m *attentionMatch) (from int, axes []int) {
	axes = identityAxes(m.rank)
	for {
		i := f.maker[slot]
		switch {
		case f.is(i, "Transpose"):
			next := permuted(axes, f.perm(i))
			if next == nil {
				return slot, axes
			}
			slot, axes = f.steps[i].in[0], next
		case f.is(i, "Mul"):
			side := 0
			s, ok := f.scalar(f.steps[i].in[1])
			if !ok {
				side = 1
				s, ok = f.scalar(f.steps[i].in[0])
			}
			if !ok || f.rank(f.steps[i].in[side]) != m.rank {
				return slot, axes
			}
			m.scale *= s
			slot = f.steps[i].in[side]
		default:
			return slot, axes
		}
	}
}

// perm returns the order of axes of a Transpose, nil if it is not of the rank
// that its input has.
func (f *fuser) perm(i int) []int {
	rank := f.rank(f.steps[i].in[0])
	perm := f.steps[i].source.Ints("perm")
	if perm == nil && rank >= 0 {
		for axis := range rank {
			perm = append(perm, rank-1-axis)
		}
	}
	if len(perm) != rank {
		return nil
	}
	for axis := range rank {
		if !slices.Contains(perm, axis) {
			return nil
		}
	}
	return perm
}

func identityAxes(rank int) []int {
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = i
	}
	return axes
}

// permuted follows axes of the result of a Transpose to its input.
func permuted(axes, perm []int) []int {
	if len(perm) != len(axes) {
		return nil
	}
	out := make([]int, len(axes))
	for i, axis := range axes {
		out[i] = perm[axis]
	}
	return out
}

// inverse returns where each axis of the input of a Transpose goes.
func inverse(perm []int) []int {
	out := make([]int, len(perm))
	for i, axis := range perm {
		out[axis] = i
	}
	return out
}

// axesAttr writes axes as batch, head, row and column.
func axesAttr(name string, axes []int) onnx.Attribute {
	all := make([]int64, 0, 4)
	for i, axis := range axes {
		if i == 1 && len(axes) == 3 {
			all = append(all, -1)
		}
		all = append(all, int64(axis))
	}
	return onnx.IntsAttr(name, all...)
}

// isLastAxis reports whether a Softmax works on the last axis alone.
func isLastAxis(st *step, rank int) bool {
	axis := st.source.Int("axis", -1)
	if st.opset < 13 {
		axis = st.source.Int("axis", 1)
	}
	return axis == -1 || axis == rank-1
}
