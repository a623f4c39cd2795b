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

func (f *finder) matMul(n *onnx.Node) {
	left, right := f.constant(n, 0), f.constant(n, 1)
	switch {
	case right == nil && left == nil || right != nil && left != nil:
		return
	case right == nil:
		f.leftMatMul(n, left)
		return
	case right.Rank() == 1:
		f.skipped(n, 1, "a vector")
		return
	}
	w := operand{node: n, input: 0, weight: 1, value: right, out: right.Shape[right.Rank()-1], transposed: true}
	if right.Rank() > 2 {
		if batch := right.Len() / max(1, w.out*right.Shape[right.Rank()-2]); batch != 1 {
			f.batched(n, right, batch)
			return
		}
		if x := f.session.Type(n.Inputs[0]); len(x.Shape) < right.Rank() { // the product has more axes than x
			f.skipped(n, 1, fmt.Sprintf("its weight has shape %v, with more axes than its input is known to have", right.Shape))
			return
		}
	}
	f.dense(w)
}

// maxParts bounds the weights of a batched MatMul that are fitted one by one.
const maxParts = 64

// batched records the weights of a MatMul that has one for each index of the last
// axis but two.
func (f *finder) batched(n *onnx.Node, w *onnx.Tensor, parts int) {
	axis := w.Rank() - 3
	x := f.session.Type(n.Inputs[0])
	at := len(x.Shape) - 3
	if w.Shape[axis] != parts || parts > maxParts || at < axis || !x.Shape[at].Known() || x.Shape[at].Size != parts && x.Shape[at].Size != 1 {
		f.skipped(n, 1, fmt.Sprintf("%d weights for a batch, of shape %v, whose inputs are not known to have as many parts in the same place (at most %d)", parts, w.Shape, maxParts))
		return
	}
	size := w.Len() / parts
	for part := range parts {
		value := onnx.NewTensor(w.Type, w.Shape[axis+1], w.Shape[axis+2])
		copy(value.Raw(), w.Raw()[part*size*w.Type.Bits()/8:])
		f.dense(operand{node: n, input: 0, weight: 1, value: value, out: value.Shape[1], form: Batched, transposed: true, rank: len(x.Shape), part: &Part{Weights: w, Index: part, Count: parts, Split: x.Shape[at].Size != 1}})
	}
}

// leftMatMul records a MatMul whose weight is the left operand: y = W x for
// each column of the right one.
func (f *finder) leftMatMul(n *onnx.Node, w *onnx.Tensor) {
	x := f.session.Type(n.Inputs[1])
	switch {
	case w.Rank() < 2 || w.Len() == 0:
		f.skipped(n, 0, "a vector")
	case w.Rank() != 2:
		f.skipped(n, 0, fmt.Sprintf("weights of shape %v on the left", w.Shape))
	case !x.HasShape || len(x.Shape) < 2:
		f.skipped(n, 0, "its weight is on the left, and the number of axes of its input is not known before a run")
	default:
		f.dense(operand{node: n, input: 1, weight: 0, value: w, out: w.Shape[0], form: Columns, rank: len(x.Shape)})
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
	o := operand{node: n, input: 0, weight: 1, value: w, out: w.Shape[1], transposed: true, scale: n.Float("alpha", 1)}
	if n.Int("transB", 0) != 0 {
		o.out, o.transposed = w.Shape[0], false
	}
	f.dense(o)
}

// conv records the kernel [filters, channels, ...] of a Conv: a matrix whose
// inputs are what it covers at one position.
func (f *finder) conv(n *onnx.Node) {
	w := f.constant(n, 1)
	if w == nil || w.Rank() < 3 {
		return
	}
	if group := n.Int("group", 1); group != 1 {
		f.skipped(n, 1, fmt.Sprintf("a convolution in %d groups: already block-diagonal, so it is kept, rounded", group))
		return
	}
	use := Use{Node: n, kernel: w.Shape[2:]}
	o := operand{node: n, input: 0, weight: 1, value: w, out: w.Shape[0], form: Patches, kernel: w.Shape[2:], rank: w.Rank()}
	if use.window().isPointwise() {
		o.form = Channels
	}
	f.dense(o)
}

// convTranspose records the kernel [channels, filters, ...] of a ConvTranspose:
// a matrix whose outputs are what one position adds to.
func (f *finder) convTranspose(n *onnx.Node) {
	w := f.constant(n, 1)
	if w == nil || w.Rank() < 3 {
		return
	}
	if group := n.Int("group", 1); group != 1 {
		f.skipped(n, 1, fmt.Sprintf("a convolution in %d groups: already block-diagonal, so it is kept, rounded", group))
		return
	}
	f.dense(operand{node: n, input: 0, weight: 1, value: w, out: w.Len() / max(1, w.Shape[0]), form: Spread, transposed: true, kernel: w.Shape[2:], rank: w.Rank()})
}

// recurrent records the weights W [directions, gates, features], which multiply
// the input of each step, and R, which multiply the state.
func (f *finder) recurrent(n *onnx.Node) {
	if w := f.constant(n, 1); w != nil && w.Rank() == 3 && f.constant(n, 0) == nil {
		f.dense(operand{node: n, input: 0, weight: 1, value: w, out: w.Shape[0] * w.Shape[1], form: Recurrent, rank: 3})
	} else {
		f.skipped(n, 1, "recurrent, with a constant input or weights that are no tensor [directions, gates, features]")
	}
	f.skipped(n, 2, "the state's weight: the operator multiplies by it inside of its loop and takes it dense, so it is kept, rounded")
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

// rest records the weights of a body that no layer takes: those inside of
// functions, and of operators that chains do not replace.
func (f *finder) rest(b *Body) {
	listed := map[string]bool{}
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
	inFunction := false
	for outer := b; outer != nil; outer = outer.outer {
		inFunction = inFunction || outer.Function != nil
	}
	for _, w := range b.Weights {
		if listed[w.Name] && !inFunction {
			continue
		}
		why := "inside of " + b.what() + ": kept, rounded"
		if !inFunction {
			why = "not used as a dense layer where its inputs are known: kept, rounded"
		}
		f.result.Layers = append(f.result.Layers, &Layer{
			Name: f.unique(b.Path + nodeName(w.Node)), Op: w.Node.Op, Uses: []Use{{Node: w.Node}},
			Parameters: w.Tensor.Len(), Bytes: w.Tensor.Bytes(), Stored: []string{w.Name}, Skip: why,
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
