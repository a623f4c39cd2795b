package discover

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// finder collects the layers of one model.
type finder struct {
	session *runtime.Session
	byPrint map[string]*Layer
	names   map[string]bool
	result  *Result
	// elements is the size of each constant that a layer is stored in.
	elements map[string]int

	// The graph whose nodes are looked at, and those around it inside of the
	// model's graph. producers and stored hold the values of all of them.
	body      *Body
	inner     []*onnx.Graph
	producers map[string]*onnx.Node
	stored    map[string]*onnx.Tensor // initializers by name
}

// enter makes a graph the one that is looked at. It reports false for functions
// and what is in them.
func (f *finder) enter(b *Body) bool {
	f.body, f.inner = b, nil
	f.producers, f.stored = map[string]*onnx.Node{}, map[string]*onnx.Tensor{}
	for ; b != nil; b = b.outer {
		if b.Graph == nil {
			return false
		}
		if b.outer != nil {
			f.inner = append([]*onnx.Graph{b.Graph}, f.inner...)
		}
		maps.Copy(f.producers, b.Graph.Producers())
		for _, t := range b.Graph.Initializers {
			f.stored[t.Name] = t
		}
	}
	return true
}

// value returns a value if it does not depend on the inputs of the model.
func (f *finder) value(name string) *onnx.Tensor {
	if len(f.inner) == 0 {
		return f.session.Constant(name)
	}
	return f.session.ConstantIn(f.inner, name)
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
	f.integers(n)
	if n.Domain != "" {
		if compact.IsChain(n) {
			f.skipped(n, 1, "already a chain")
			return
		}
		for _, i := range f.body.called[n] {
			f.skipped(n, i, "used inside of a model-local function that is written against other operator sets than the model: kept, rounded")
		}
		if n.Domain == microsoft && len(f.body.called[n]) == 0 {
			f.microsoftNode(n)
		}
		return
	}
	switch n.Op {
	case "MatMul":
		f.matMul(n)
	case "Gemm":
		f.gemm(n)
	case "Conv":
		f.conv(n)
	case "ConvTranspose":
		f.convTranspose(n)
	case "LSTM", "GRU", "RNN":
		f.recurrent(n)
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
	return f.value(n.Inputs[i])
}

// operand is a weight and where it is used.
type operand struct {
	node          *onnx.Node
	input, weight int // operands of the node
	value         *onnx.Tensor
	form          Form
	kernel        []int
	rank          int
	part          *Part
	// out is the number of output features. The value is [out, in], whatever
	// its axes are, or [in, out] if transposed.
	out        int
	transposed bool
	scale      float32 // 0 is 1
}

// dense records a weight that can become a chain.
func (f *finder) dense(o operand) {
	n, w, weight := o.node, o.value, o.node.Inputs[o.weight]
	if !w.Type.IsFloat() || w.Type.Bits() < 16 || o.part != nil && w.Type != onnx.Float32 {
		f.skipped(n, o.weight, fmt.Sprintf("its weight is %v, and chains compute in float32", w.Type))
		return
	}
	if w.Len() == 0 {
		return
	}
	single, err := w.ConvertTo(onnx.Float32)
	if err != nil {
		f.skipped(n, o.weight, err.Error())
		return
	}
	out, in := o.out, w.Len()/o.out
	values := single.Float32s()
	if o.transposed {
		values = transpose(values, in, out)
	}
	if o.scale != 0 && o.scale != 1 {
		values = scaled(values, o.scale)
	}
	use := Use{Node: n, Input: n.Inputs[o.input], Form: o.form, Rank: o.rank, Part: o.part, Elem: w.Type, weight: o.weight, Nested: len(f.inner) > 0, kernel: o.kernel}
	print := compact.Fingerprint(values, out, in)
	if l := f.byPrint[print]; l != nil {
		l.Uses = append(l.Uses, use)
		l.Stored = union(l.Stored, f.storedOf(weight))
		l.Bytes = f.bytes(l.Stored)
		return
	}
	l := &Layer{
		Name: f.unique(f.body.Path + nodeName(n)), Op: n.Op, Uses: []Use{use}, In: in, Out: out, Weight: values,
		Fingerprint: print, Stored: f.storedOf(weight), Parameters: in * out,
	}
	if l.Bytes = f.bytes(l.Stored); o.part != nil {
		l.Bytes /= o.part.Count
	}
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
	name := f.body.Path + nodeName(n)
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
	e := &Embedding{Name: f.unique(f.body.Path + nodeName(n)), Stored: f.storedOf(n.Inputs[0]), Parameters: w.Len()}
	e.Bytes = f.bytes(e.Stored)
	f.result.Embeddings = append(f.result.Embeddings, e)
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
