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
	// output where the node has none. No two layers have the same.
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
	// Input is the value that is multiplied.
	Input string
	// Form says where the vectors that are multiplied are in it.
	Form Form
	// Rank is its number of axes, where the form needs it; else 0.
	Rank int

	// Part tells which weight it is in the form Batched, else it is nil.
	Part *Part
	// Nested is whether the node is in a subgraph.
	Nested bool

	// Elem is the type that the node computes in.
	Elem onnx.DType

	weight int   // which input of the node the weight is
	kernel []int // of a convolution
}

// Part is one of several weights of a MatMul.
type Part struct {
	// Weights are all of them, [..., parts, In, Out].
	Weights *onnx.Tensor
	// Index is that of this weight, Count the number of weights.
	Index, Count int
	// Split is whether the inputs are split likewise: all weights have the same
	// inputs otherwise.
	Split bool
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
	// Frozen says why the weights of this model are left as they are: neither
	// replaced nor rounded. It is empty for nearly all models.
	Frozen string
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

// Find lists the dense layers of the model that the session was made from: best
// by Open, which puts those of functions into the graph. The session has folded
// everything that leads to a weight: Identity, Transpose, Cast, Constant,
// DequantizeLinear and whatever else exporters write. Layers of subgraphs are
// found likewise; weights that are still inside of functions are listed and kept.
func Find(s *runtime.Session) *Result {
	m := s.Model()
	f := &finder{session: s, byPrint: map[string]*Layer{}, names: map[string]bool{}, elements: map[string]int{}, result: &Result{}}
	bodies := Bodies(m)
	for _, b := range bodies {
		if f.enter(b) {
			for _, n := range b.nodes() {
				f.node(n)
			}
		}
	}
	for _, l := range f.result.Layers {
		f.findTies(l, bodies)
	}
	for _, b := range bodies {
		f.rest(b)
	}
	if opset := m.Opset(""); opset < compact.MinOpset {
		f.freeze(fmt.Sprintf("the model is written against opset %d: operators broadcast by themselves since opset %d, and nothing is replaced or rounded before; convert the model to a newer opset", opset, compact.MinOpset))
	}
	return f.result
}

// freeze makes every layer one that stays as it is.
func (f *finder) freeze(why string) {
	f.result.Frozen = why
	for _, l := range f.result.Layers {
		l.Skip = why
	}
}
