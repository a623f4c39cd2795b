package recognise

import (
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// kind says how a node multiplies.
type kind int

const (
	rightWeight kind = iota // MatMul and Gemm: the features are the last axis
	leftWeight              // MatMul: the features are the last axis but one
	filters                 // Conv along one axis: channels x kernel at each position
	pointwise               // Conv with a kernel of one element: the features are axis 1
)

// form is all that sites on one input must have in common to be one.
type form struct {
	kind kind
	rank int // of the input, for leftWeight and pointwise
	// For filters: the axis of the kernel and the number of axes, channels, and how
	// the kernel moves.
	axis, axes, channels, kernel, stride int
	before, after                        int // padding
}

// collect lists the nodes of a body that multiply with a constant.
func (r *rewriter) collect(b *body) {
	for _, n := range b.graph.Nodes {
		if n.Domain != "" {
			continue
		}
		switch n.Op {
		case "MatMul":
			r.matMul(b, n)
		case "Gemm":
			r.gemm(b, n)
		case "Conv":
			r.conv(b, n)
		}
	}
}

// constant returns an input that is a float matrix or kernel worth a look.
func (r *rewriter) constant(b *body, n *onnx.Node, i int) (*onnx.Tensor, *origin) {
	if i >= len(n.Inputs) || n.Inputs[i] == "" {
		return nil, nil
	}
	o := b.origin(n.Inputs[i])
	if o == nil {
		return nil, nil
	}
	t := o.value(r.model, n.Inputs[i])
	if t == nil || t.Type != onnx.Float32 || t.Rank() < 2 || t.Len() < MinParameters || slices.Max(t.Shape) > MaxSide {
		return nil, nil
	}
	return t, o
}

func (r *rewriter) add(b *body, f form, input string, in int, m *member) {
	r.sites = append(r.sites, &site{body: b, form: f, input: input, members: []*member{m}, out: m.out, in: in})
}

func (r *rewriter) matMul(b *body, n *onnx.Node) {
	if w, o := r.constant(b, n, 1); w != nil && w.Rank() == 2 {
		r.add(b, form{kind: rightWeight}, n.Inputs[0], w.Shape[0], &member{node: n, out: w.Shape[1], weight: turned(w), origin: o})
		return
	}
	rank := r.rank(b, n.Inputs[1])
	if w, o := r.constant(b, n, 0); w != nil && w.Rank() == 2 && rank >= 2 {
		r.add(b, form{kind: leftWeight, rank: rank}, n.Inputs[1], w.Shape[1], &member{node: n, out: w.Shape[0], weight: w.Float32s(), origin: o})
	}
}

// rank is the number of axes of a value of the graph, 0 if it is not known.
func (r *rewriter) rank(b *body, name string) int {
	return len(r.shape(b, name))
}

// shape is what is known of the sizes of a value, nil if that is nothing.
func (r *rewriter) shape(b *body, name string) []onnx.Dim {
	if b.outer != nil || r.options.Type == nil {
		return nil
	}
	return r.options.Type(name).Shape
}

// isLine reports whether a value has one element along all spatial axes but one.
func (r *rewriter) isLine(b *body, name string, axis int) bool {
	shape := r.shape(b, name)
	for i, d := range shape {
		if i >= 2 && i != axis+2 && d.Size != 1 {
			return false
		}
	}
	return len(shape) > 2
}

func (r *rewriter) gemm(b *body, n *onnx.Node) {
	w, o := r.constant(b, n, 1)
	if w == nil || w.Rank() != 2 || n.Int("transA", 0) != 0 {
		return
	}
	m := &member{node: n, out: w.Shape[0], weight: w.Float32s(), origin: o, beta: n.Float("beta", 1)}
	in := w.Shape[1]
	if n.Int("transB", 0) == 0 {
		m.out, in, m.weight = w.Shape[1], w.Shape[0], turned(w)
	}
	if alpha := n.Float("alpha", 1); alpha != 1 {
		m.weight = slices.Clone(m.weight)
		for i := range m.weight {
			m.weight[i] *= alpha
		}
	}
	if len(n.Inputs) > 2 {
		m.bias = n.Inputs[2]
	}
	r.add(b, form{kind: rightWeight}, n.Inputs[0], in, m)
}

// conv takes kernels [out, channels, K] that reach along one axis.
func (r *rewriter) conv(b *body, n *onnx.Node) {
	w, o := r.constant(b, n, 1)
	if w == nil || w.Rank() < 3 || n.Int("group", 1) != 1 {
		return
	}
	axes := w.Rank() - 2
	f := form{kind: filters, axes: axes, channels: w.Shape[1], kernel: 1, stride: 1}
	for i, k := range w.Shape[2:] {
		if k > 1 && f.kernel > 1 {
			return // a kernel along two axes
		}
		if k > 1 {
			f.axis, f.kernel = i, k
		}
	}
	if !f.attributes(n) {
		return
	}
	switch {
	case f.kernel == 1 && f.stride == 1 && f.before+f.after == 0:
		f = form{kind: pointwise, rank: w.Rank(), channels: f.channels, kernel: 1}
	case axes > 1 && !r.isLine(b, n.Inputs[0], f.axis):
		return
	}
	m := &member{node: n, out: w.Shape[0], weight: w.Float32s(), origin: o, beta: 1}
	if len(n.Inputs) > 2 {
		m.bias = n.Inputs[2]
	}
	r.add(b, f, n.Inputs[0], f.channels*f.kernel, m)
}

// attributes reads strides and padding; it reports whether they are along the
// kernel's axis only, and known.
func (f *form) attributes(n *onnx.Node) bool {
	if auto := n.Str("auto_pad", "NOTSET"); auto != "NOTSET" && auto != "VALID" && f.kernel > 1 {
		return false
	}
	for i, s := range n.Ints("strides") {
		if i == f.axis && s >= 1 && s <= MaxSide {
			f.stride = int(s)
		} else if s != 1 {
			return false
		}
	}
	for i, d := range n.Ints("dilations") {
		if i == f.axis && d != 1 && f.kernel > 1 {
			return false
		}
	}
	pads := n.Ints("pads")
	for i, p := range pads {
		switch {
		case p < 0 || p > MaxSide || len(pads) != 2*f.axes:
			return false
		case i == f.axis:
			f.before = int(p)
		case i == f.axis+f.axes:
			f.after = int(p)
		case p != 0:
			return false
		}
	}
	return true
}

// turned returns the elements of a matrix, column by column.
func turned(t *onnx.Tensor) []float32 {
	rows, columns := t.Shape[0], t.Shape[1]
	from := t.Float32s()
	to := make([]float32, len(from))
	for i := range rows {
		for j := range columns {
			to[j*rows+i] = from[i*columns+j]
		}
	}
	return to
}
