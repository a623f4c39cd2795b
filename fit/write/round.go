package write

import (
	"slices"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// roundKept stores the weights that stay dense, and embeddings, as float16 or
// int8: those of the graph, of subgraphs and of functions. A constant W becomes
// W = Cast(stored), for int8 with a Mul by scales: nodes which ONNX Runtime and
// our runtime compute when they load the model.
func (w *writer) roundKept(exact map[string]bool) {
	for _, b := range discover.Bodies(w.model) {
		if b.Opset < compact.MinOpset || b.Function != nil && b.Function.Domain == compact.Domain {
			continue
		}
		axes := map[string]int{} // of the weights that are rounded
		for _, weight := range b.Weights {
			if !exact[weight.Name] && w.canRound(weight.Tensor) && (b.Graph == nil || b.Graph.Output(weight.Name) == nil) {
				axes[weight.Name] = weight.Axis
			}
		}
		if b.Function != nil {
			w.roundFunction(b.Function, axes)
		} else {
			w.roundGraph(b.Graph, axes)
		}
	}
}

// roundGraph rounds initializers and Constant nodes of a graph.
func (w *writer) roundGraph(g *onnx.Graph, axes map[string]int) {
	var tensors []*onnx.Tensor
	var prologue, nodes []*onnx.Node
	for _, t := range g.Initializers {
		axis, round := axes[t.Name]
		if !round || g != w.model.Graph && g.Input(t.Name) != nil {
			tensors = append(tensors, t)
			continue
		}
		// A weight that is stored in another form can not be given anew.
		g.Inputs = slices.DeleteFunc(g.Inputs, func(info onnx.ValueInfo) bool { return info.Name == t.Name })
		stored, made := w.rounded(t, t.Name, axis)
		tensors = append(tensors, stored...)
		prologue = append(prologue, made...)
	}
	for _, n := range g.Nodes {
		t, axis, round := roundedConstant(n, axes)
		if !round {
			nodes = append(nodes, n)
			continue
		}
		stored, made := w.rounded(t, n.Outputs[0], axis)
		tensors = append(tensors, stored...)
		nodes = append(nodes, made...)
	}
	g.Initializers = tensors
	g.Nodes = append(prologue, nodes...)
}

// roundFunction rounds the Constant nodes of a function, which has no
// initializers.
func (w *writer) roundFunction(f *onnx.Function, axes map[string]int) {
	var nodes []*onnx.Node
	for _, n := range f.Nodes {
		t, axis, round := roundedConstant(n, axes)
		if !round {
			nodes = append(nodes, n)
			continue
		}
		stored, made := w.rounded(t, n.Outputs[0], axis)
		for _, s := range stored {
			nodes = append(nodes, &onnx.Node{Name: w.names.fresh(s.Name + ".constant"), Op: "Constant", Outputs: []string{s.Name}, Attrs: []onnx.Attribute{onnx.TensorAttr("value", s)}})
		}
		nodes = append(nodes, made...)
	}
	f.Nodes = nodes
}

// roundedConstant returns the tensor of a Constant node whose output is among
// the weights that are rounded.
func roundedConstant(n *onnx.Node, axes map[string]int) (t *onnx.Tensor, axis int, round bool) {
	if n.Op != "Constant" || n.Domain != "" || len(n.Outputs) != 1 {
		return nil, 0, false
	}
	axis, round = axes[n.Outputs[0]]
	if a := n.Attr("value"); round && a != nil {
		return a.Tensor, axis, true
	}
	return nil, 0, false
}

// canRound reports whether a tensor is large enough, of a type that gets
// smaller, and of numbers that can be rounded.
func (w *writer) canRound(t *onnx.Tensor) bool {
	if t.Len() < MinRounded || t.NonFinite() > 0 {
		return false
	}
	wide := t.Type == onnx.Float32 || t.Type == onnx.Float64
	if w.options.Weights == compact.FP16 {
		half, err := t.ConvertTo(onnx.Float16)
		return wide && err == nil && half.NonFinite() == 0
	}
	single, err := t.ConvertTo(onnx.Float32)
	return (wide || t.Type == onnx.Float16) && err == nil && single.NonFinite() == 0
}

// rounded returns what is stored for a constant and the nodes that compute the
// value of that name, of the constant's type, from it. Scales are float32: a
// float16 would be a rough scale.
func (w *writer) rounded(t *onnx.Tensor, name string, axis int) ([]*onnx.Tensor, []*onnx.Node) {
	if w.options.Weights == compact.FP16 {
		half := converted(t, onnx.Float16)
		half.Name = w.names.fresh(name + ".fp16")
		return []*onnx.Tensor{half}, []*onnx.Node{w.cast(half.Name, name, t.Type)}
	}
	groups := make([]int, t.Rank())
	for i := range groups {
		groups[i] = 1
	}
	groups[axis] = t.Shape[axis]
	values, scales := compact.Round8(converted(t, onnx.Float32).Float32s(), t.Shape, groups)
	q := onnx.FromSlice(values, t.Shape...)
	q.Name = w.names.fresh(name + ".int8")
	s := onnx.FromSlice(scales, groups...)
	s.Name = w.names.fresh(name + ".scale")
	wide := w.names.fresh(name + ".rounded")
	product := name
	if t.Type != onnx.Float32 {
		product = w.names.fresh(name + ".float32")
	}
	nodes := []*onnx.Node{
		w.cast(q.Name, wide, onnx.Float32),
		{Name: w.names.fresh(name + ".dequantize"), Op: "Mul", Inputs: []string{wide, s.Name}, Outputs: []string{product}},
	}
	if product != name {
		nodes = append(nodes, w.cast(product, name, t.Type))
	}
	return []*onnx.Tensor{q, s}, nodes
}

// converted returns t as another type of floats; canRound has made sure that it
// can be.
func converted(t *onnx.Tensor, to onnx.DType) *onnx.Tensor {
	c, err := t.ConvertTo(to)
	if err != nil {
		panic(err)
	}
	if c == t {
		return t.Reshaped(t.Shape...) // a name of its own
	}
	return c
}

func (w *writer) cast(from, to string, elem onnx.DType) *onnx.Node {
	return &onnx.Node{Name: w.names.fresh(to + ".cast"), Op: "Cast", Inputs: []string{from}, Outputs: []string{to}, Attrs: []onnx.Attribute{onnx.IntAttr("to", int64(elem))}}
}
