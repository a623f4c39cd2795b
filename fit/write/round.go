package write

import (
	"slices"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// roundKept stores the weights that stay dense, and embeddings, as float16 or
// int8. A constant W becomes W = Cast(stored), for int8 followed by Mul with
// scales: nodes of every opset, which ONNX Runtime and our runtime both fold
// when they load the model.
func (w *writer) roundKept(found *discover.Result, replaced map[string]bool) {
	round := map[string]bool{}
	exact := map[string]bool{}
	for _, l := range found.Layers {
		for _, name := range l.Stored {
			if w.options.Exact[l.Name] {
				exact[name] = true
			}
			round[name] = true
		}
	}
	for _, e := range found.Embeddings {
		for _, name := range e.Stored {
			if w.options.Exact[e.Name] {
				exact[name] = true
			}
			round[name] = true
		}
	}
	g := w.model.Graph
	var tensors []*onnx.Tensor
	var prologue []*onnx.Node
	for _, t := range g.Initializers {
		if !round[t.Name] || exact[t.Name] || !w.canRound(t) {
			tensors = append(tensors, t)
			continue
		}
		w.dropInput(t.Name)
		stored, nodes := w.rounded(t, t.Name)
		tensors = append(tensors, stored...)
		prologue = append(prologue, nodes...)
	}
	for i := 0; i < len(g.Nodes); i++ {
		n := g.Nodes[i]
		if n.Op != "Constant" || n.Domain != "" || !round[n.Outputs[0]] || exact[n.Outputs[0]] {
			continue
		}
		a := n.Attr("value")
		if a == nil || a.Tensor == nil || !w.canRound(a.Tensor) {
			continue
		}
		stored, nodes := w.rounded(a.Tensor, n.Outputs[0])
		tensors = append(tensors, stored...)
		g.Nodes = slices.Replace(g.Nodes, i, i+1, nodes...)
		i += len(nodes) - 1
	}
	g.Initializers = tensors
	g.Nodes = append(prologue, g.Nodes...)
}

func (w *writer) canRound(t *onnx.Tensor) bool {
	if t.Type != onnx.Float32 || t.Len() < MinRounded || t.NonFinite() > 0 {
		return false
	}
	return w.options.Weights != compact.FP16 || largest(t.Float32s()) < 65504
}

func largest(values []float32) float32 {
	var m float32
	for _, v := range values {
		m = max(m, v, -v)
	}
	return m
}

// dropInput removes the input that has a weight as its default: a weight that
// is stored in another form can not be given anew.
func (w *writer) dropInput(name string) {
	g := w.model.Graph
	g.Inputs = slices.DeleteFunc(g.Inputs, func(info onnx.ValueInfo) bool { return info.Name == name })
}

// rounded returns what is stored for a constant and the nodes that compute the
// value of that name from it.
func (w *writer) rounded(t *onnx.Tensor, name string) ([]*onnx.Tensor, []*onnx.Node) {
	if w.options.Weights == compact.FP16 {
		half, err := t.ConvertTo(onnx.Float16)
		if err != nil {
			panic(err) // float32 always converts
		}
		half.Name = w.names.fresh(name + ".fp16")
		return []*onnx.Tensor{half}, []*onnx.Node{w.cast(half.Name, name)}
	}
	axis := w.scaleAxis(name, t)
	groups := make([]int, t.Rank())
	for i := range groups {
		groups[i] = 1
	}
	if axis >= 0 {
		groups[axis] = t.Shape[axis]
	}
	values, scales := compact.Round8(t.Float32s(), t.Shape, groups)
	q := onnx.FromSlice(values, t.Shape...)
	q.Name = w.names.fresh(name + ".int8")
	s := onnx.FromSlice(scales, groups...)
	s.Name = w.names.fresh(name + ".scale")
	wide := w.names.fresh(name + ".rounded")
	mul := &onnx.Node{Name: w.names.fresh(name + ".dequantize"), Op: "Mul", Inputs: []string{wide, s.Name}, Outputs: []string{name}}
	return []*onnx.Tensor{q, s}, []*onnx.Node{w.cast(q.Name, wide), mul}
}

func (w *writer) cast(from, to string) *onnx.Node {
	return &onnx.Node{Name: w.names.fresh(to + ".cast"), Op: "Cast", Inputs: []string{from}, Outputs: []string{to}, Attrs: []onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float32))}}
}

// scaleAxis returns the axis of a weight along which each slice has a scale of
// its own, -1 for one scale: the axis of output features where the weight is
// used, rows for tables.
func (w *writer) scaleAxis(name string, t *onnx.Tensor) int {
	if t.Rank() < 2 {
		return -1
	}
	for _, n := range w.model.Graph.Nodes {
		i := slices.Index(n.Inputs, name)
		if i < 0 || n.Domain != "" {
			continue
		}
		switch {
		case n.Op == "MatMul" && i == 1:
			return t.Rank() - 1
		case n.Op == "MatMul" && i == 0:
			return t.Rank() - 2
		case n.Op == "Gemm" && i == 1:
			if a := n.Attr("transB"); a != nil && a.Int != 0 {
				return 0
			}
			return 1
		case n.Op == "LSTM" || n.Op == "GRU" || n.Op == "RNN":
			return 1
		case n.Op == "ConvTranspose":
			return 1
		case n.Op == "Conv", n.Op == "Gather":
			return 0
		}
	}
	return 0
}
