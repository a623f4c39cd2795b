package discover

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// finder collects the layers of one model.
type finder struct {
	session   *runtime.Session
	graph     *onnx.Graph
	producers map[string]*onnx.Node
	stored    map[string]*onnx.Tensor // initializers by name
	byPrint   map[string]*Layer
	names     map[string]bool
	// called gives the inputs of calls of functions that take weights.
	called map[*onnx.Node][]int
	result *Result
}

// nodeName returns the name of a node, or of its first output.
func nodeName(n *onnx.Node) string {
	if n.Name != "" || len(n.Outputs) == 0 {
		return n.Name
	}
	return n.Outputs[0]
}

// unique returns a name that no layer has yet. ONNX does not ask for the names
// of nodes to differ.
func (f *finder) unique(name string) string {
	free := name
	for i := 2; f.names[free]; i++ {
		free = fmt.Sprintf("%s#%d", name, i)
	}
	f.names[free] = true
	return free
}

func (f *finder) node(n *onnx.Node) {
	if n.Domain != "" {
		if compact.IsChain(n) {
			f.skipped(n, 1, "already a chain")
			return
		}
		for _, i := range f.called[n] {
			f.skipped(n, i, "used inside of a model-local function: kept, rounded")
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
	case right.Rank() == 1:
		f.skipped(n, 1, "a vector")
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
	if n.Int("transA", 0) != 0 {
		f.skipped(n, 1, "Gemm with a transposed input")
		return
	}
	f.dense(n, n.Inputs[0], n.Inputs[1], w, n.Int("transB", 0) != 0, n.Float("alpha", 1))
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
		Name: f.unique(nodeName(n)), Op: n.Op, Uses: []Use{use}, In: in, Out: out, Weight: values,
		Fingerprint: print, Stored: f.storedOf(weight), Parameters: in * out,
	}
	l.Bytes = f.bytes(l.Stored)
	if bad := onnx.FromSlice(values, len(values)).NonFinite(); bad > 0 {
		l.Skip = fmt.Sprintf("%d elements of its weight %q are NaN or infinite", bad, weight)
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
	name := nodeName(n)
	if i != 1 && n.Op != "MatMul" {
		name += fmt.Sprintf("#%d", i)
	}
	l := &Layer{Name: f.unique(name), Op: n.Op, Uses: []Use{{Node: n}}, Parameters: w.Len(), Stored: f.storedOf(n.Inputs[i]), Skip: why}
	l.Bytes = f.bytes(l.Stored)
	f.result.Layers = append(f.result.Layers, l)
}

func (f *finder) gather(n *onnx.Node) {
	w := f.constant(n, 0)
	if w == nil || w.Rank() != 2 || !w.Type.IsFloat() {
		return
	}
	e := &Embedding{Name: f.unique(nodeName(n)), Stored: f.storedOf(n.Inputs[0]), Parameters: w.Len()}
	e.Bytes = f.bytes(e.Stored)
	f.result.Embeddings = append(f.result.Embeddings, e)
}

// inner records the weights of a subgraph or function, and those of the graph
// of the model that only its subgraphs use.
func (f *finder) inner(b *Body) {
	listed := map[string]bool{}
	if b.Path == "" {
		for _, l := range f.result.Layers {
			for _, name := range l.Stored {
				listed[name] = true
			}
		}
		for _, e := range f.result.Embeddings {
			for _, name := range e.Stored {
				listed[name] = true
			}
		}
	}
	for _, w := range b.Weights {
		if listed[w.Name] {
			continue
		}
		f.result.Layers = append(f.result.Layers, &Layer{
			Name: f.unique(b.Path + nodeName(w.Node)), Op: w.Node.Op, Uses: []Use{{Node: w.Node}},
			Parameters: w.Tensor.Len(), Bytes: w.Tensor.Bytes(), Stored: []string{w.Name},
			Skip: fmt.Sprintf("inside of %s: kept, rounded", b.what()),
		})
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
		if !slices.Contains(a, name) {
			a = append(a, name)
		}
	}
	return a
}
