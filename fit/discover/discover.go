// Package discover finds the dense layers of a model: the constant weights
// that are multiplied with activations.
package discover

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// Layer is one weight with everything that uses it.
type Layer struct {
	// Name is the name of the first node that uses the weight, or of its first
	// output where the node has none.
	Name string
	// Op is the operator of that node.
	Op string
	// Uses are the nodes that multiply with the weight; more than one if the
	// weight is tied.
	Uses []Use
	// In and Out are the numbers of features. Weight is [Out, In], row by row:
	// y = Weight x. Both sizes are 0 where the weight is no matrix.
	In, Out int
	Weight  []float32
	// Fingerprint identifies the weight (compact.Fingerprint).
	Fingerprint string
	// Stored are the constants of the file from which the weight is computed.
	Stored []string
	// Tied are nodes that need the stored constants for something else, such as
	// the Gather of an embedding.
	Tied []*onnx.Node
	// Parameters is the number of elements of the weight, Bytes their size in
	// the file.
	Parameters, Bytes int
	// Skip says why the weight can not become a chain; empty if it can.
	Skip string
}

// Use is a node that multiplies activations with a weight.
type Use struct {
	Node *onnx.Node
	// Input is the value that is multiplied, [..., In].
	Input string
}

// Embedding is a constant table from which rows are gathered.
type Embedding struct {
	Name       string
	Stored     []string
	Parameters int
	Bytes      int
}

// Result is what a model holds.
type Result struct {
	Layers     []*Layer
	Embeddings []*Embedding
}

// DenseParameters is the number of weights in layers that can become chains.
func (r *Result) DenseParameters() int {
	n := 0
	for _, l := range r.Layers {
		if l.Skip == "" {
			n += l.Parameters
		}
	}
	return n
}

// Find lists the dense layers of the model that the session was made from. The
// session has folded everything that leads to a weight: Identity, Transpose,
// Cast, Constant, DequantizeLinear and whatever else exporters write.
func Find(s *runtime.Session) *Result {
	f := &finder{session: s, graph: s.Model().Graph, byPrint: map[string]*Layer{}, result: &Result{}}
	f.producers = map[string]*onnx.Node{}
	for _, n := range f.graph.Nodes {
		for _, out := range n.Outputs {
			f.producers[out] = n
		}
	}
	f.stored = map[string]*onnx.Tensor{}
	for _, t := range f.graph.Initializers {
		f.stored[t.Name] = t
	}
	for _, n := range f.graph.Nodes {
		f.node(n)
	}
	for _, l := range f.result.Layers {
		f.findTies(l)
	}
	return f.result
}

type finder struct {
	session   *runtime.Session
	graph     *onnx.Graph
	producers map[string]*onnx.Node
	stored    map[string]*onnx.Tensor
	byPrint   map[string]*Layer
	result    *Result
}

// nodeName returns the name of a node, or of its first output.
func nodeName(n *onnx.Node) string {
	if n.Name != "" || len(n.Outputs) == 0 {
		return n.Name
	}
	return n.Outputs[0]
}

func (f *finder) node(n *onnx.Node) {
	if n.Domain != "" {
		if compact.IsChain(n) {
			f.skipped(n, 1, "already a chain")
		}
		return
	}
	switch n.Op {
	case "MatMul":
		f.matMul(n)
	case "Gemm":
		f.gemm(n)
	case "Conv", "ConvTranspose":
		f.skipped(n, 1, "a convolution: its kernel is kept, rounded")
	case "LSTM", "GRU", "RNN":
		f.skipped(n, 1, "recurrent: the operator takes its weights dense, so they are kept, rounded")
		f.skipped(n, 2, "recurrent: the operator takes its weights dense, so they are kept, rounded")
	case "Gather":
		f.gather(n)
	}
}

// constant returns the value of an input if it does not depend on the inputs
// of the model.
func (f *finder) constant(n *onnx.Node, i int) *onnx.Tensor {
	if i >= len(n.Inputs) || n.Inputs[i] == "" {
		return nil
	}
	return f.session.Constant(n.Inputs[i])
}

func (f *finder) matMul(n *onnx.Node) {
	left, right := f.constant(n, 0), f.constant(n, 1)
	switch {
	case right == nil && left == nil || right != nil && left != nil:
		return
	case right == nil:
		f.skipped(n, 0, "the constant is the left operand, which chains do not replace")
	case right.Rank() != 2:
		f.skipped(n, 1, fmt.Sprintf("a batch of weights of shape %v", right.Shape))
	default:
		f.dense(n, n.Inputs[0], n.Inputs[1], right, false, 1)
	}
}

func (f *finder) gemm(n *onnx.Node) {
	w := f.constant(n, 1)
	if w == nil || w.Rank() != 2 || f.constant(n, 0) != nil {
		return
	}
	alpha, transA, transB := float32(1), false, false
	for _, a := range n.Attrs {
		switch a.Name {
		case "alpha":
			alpha = a.Float
		case "transA":
			transA = a.Int != 0
		case "transB":
			transB = a.Int != 0
		}
	}
	if transA {
		f.skipped(n, 1, "Gemm with a transposed input")
		return
	}
	f.dense(n, n.Inputs[0], n.Inputs[1], w, transB, alpha)
}

// dense records a weight that can become a chain. The tensor is [in, out], or
// [out, in] if transposed.
func (f *finder) dense(n *onnx.Node, input, weight string, w *onnx.Tensor, transposed bool, scale float32) {
	if w.Type != onnx.Float32 {
		f.skipped(n, 1, fmt.Sprintf("its weight is %v: only float32 layers become chains", w.Type))
		return
	}
	in, out := w.Shape[0], w.Shape[1]
	values := w.Float32s()
	if transposed {
		in, out = out, in
	} else {
		values = transpose(values, in, out)
	}
	if scale != 1 {
		values = scaled(values, scale)
	}
	if len(values) == 0 {
		return
	}
	use := Use{Node: n, Input: input}
	print := compact.Fingerprint(values, out, in)
	if l := f.byPrint[print]; l != nil {
		l.Uses = append(l.Uses, use)
		l.Stored = union(l.Stored, f.storedOf(weight))
		l.Bytes = f.bytes(l.Stored)
		return
	}
	l := &Layer{
		Name: nodeName(n), Op: n.Op, Uses: []Use{use}, In: in, Out: out, Weight: values,
		Fingerprint: print, Stored: f.storedOf(weight), Parameters: in * out,
	}
	l.Bytes = f.bytes(l.Stored)
	if bad := w.NonFinite(); bad > 0 {
		l.Skip = fmt.Sprintf("%d of its weights are NaN or infinite", bad)
	}
	f.byPrint[print] = l
	f.result.Layers = append(f.result.Layers, l)
}

// skipped records a constant operand that stays as it is.
func (f *finder) skipped(n *onnx.Node, i int, why string) {
	w := f.constant(n, i)
	if w == nil {
		return
	}
	l := &Layer{Name: nodeName(n), Op: n.Op, Uses: []Use{{Node: n}}, Parameters: w.Len(), Stored: f.storedOf(n.Inputs[i]), Skip: why}
	if i != 1 && n.Op != "MatMul" {
		l.Name += fmt.Sprintf("#%d", i)
	}
	l.Bytes = f.bytes(l.Stored)
	f.result.Layers = append(f.result.Layers, l)
}

func (f *finder) gather(n *onnx.Node) {
	w := f.constant(n, 0)
	if w == nil || w.Rank() != 2 || w.Type != onnx.Float32 {
		return
	}
	e := &Embedding{Name: nodeName(n), Stored: f.storedOf(n.Inputs[0]), Parameters: w.Len()}
	e.Bytes = f.bytes(e.Stored)
	f.result.Embeddings = append(f.result.Embeddings, e)
}

// storedOf returns the constants of the file that a value is computed from.
func (f *finder) storedOf(value string) []string {
	seen := map[string]bool{}
	var names []string
	var visit func(string)
	visit = func(name string) {
		if name == "" || seen[name] {
			return
		}
		seen[name] = true
		if f.stored[name] != nil {
			names = append(names, name)
			return
		}
		if n := f.producers[name]; n != nil {
			if n.Op == "Constant" && n.Domain == "" {
				names = append(names, name)
				return
			}
			for _, in := range n.Inputs {
				visit(in)
			}
		}
	}
	visit(value)
	return names
}

func (f *finder) bytes(stored []string) int {
	n := 0
	for _, name := range stored {
		if t := f.stored[name]; t != nil {
			n += t.Bytes()
		} else if t := f.session.Constant(name); t != nil {
			n += t.Bytes()
		}
	}
	return n
}

// findTies records the nodes that keep the stored constants of a layer alive
// when the layer itself is replaced.
func (f *finder) findTies(l *Layer) {
	uses := map[*onnx.Node]bool{}
	for _, u := range l.Uses {
		uses[u.Node] = true
	}
	reached := map[string]bool{}
	for _, name := range l.Stored {
		reached[name] = true
	}
	for _, n := range f.graph.Nodes {
		if uses[n] {
			continue
		}
		for _, in := range n.Inputs {
			if !reached[in] {
				continue
			}
			if f.session.Constant(n.Outputs[0]) == nil {
				l.Tied = append(l.Tied, n)
				break
			}
			for _, out := range n.Outputs {
				reached[out] = true
			}
		}
	}
	if len(l.Tied) > 0 && l.Skip == "" {
		l.Skip = fmt.Sprintf("its weight is also used by %s (%s), so it has to stay", nodeName(l.Tied[0]), l.Tied[0].Op)
	}
}

func transpose(w []float32, rows, columns int) []float32 {
	t := make([]float32, len(w))
	for i := range rows {
		for j := range columns {
			t[j*rows+i] = w[i*columns+j]
		}
	}
	return t
}

func scaled(w []float32, scale float32) []float32 {
	out := make([]float32, len(w))
	for i, v := range w {
		out[i] = v * scale
	}
	return out
}

func union(a, b []string) []string {
	for _, name := range b {
		found := false
		for _, other := range a {
			found = found || other == name
		}
		if !found {
			a = append(a, name)
		}
	}
	return a
}
