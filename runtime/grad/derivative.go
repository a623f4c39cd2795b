package grad

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
	"github.com/kcompress/kcompress/runtime/ops"
	"github.com/kcompress/kcompress/runtime/pool"
)

// derivative is the vector-Jacobian product of one operator.
type derivative struct {
	// inputs and outputs are those whose values backward reads, beside their
	// shapes; every stands for all.
	inputs, outputs []int
	// backward sets the gradients of the inputs that need one.
	backward func(c *call) error
	// accepts reports whether the derivative covers the node; nil is always.
	accepts func(n *ops.Node) bool
}

// every in a list of inputs or outputs stands for all of them.
const every = -1

// flat is the derivative of operators whose outputs do not change with small
// changes of their inputs: comparisons, rounding, shapes.
var flat = &derivative{}

// lookup returns the derivative of a node, nil if there is none.
func lookup(n *ops.Node) *derivative {
	if compact.IsChain(n.Node) {
		return chainDerivative
	}
	d := derivatives[[2]string{n.Domain, n.Op}]
	if n.Op == "Cast" && n.Domain == "" {
		d = castDerivative(n)
	}
	if d != nil && d.accepts != nil && !d.accepts(n) {
		return nil
	}
	return d
}

func (s *step) readsInput(i int) bool {
	return slices.Contains(s.derivative.inputs, i) || slices.Contains(s.derivative.inputs, every)
}

func (s *step) readsOutput(i int) bool {
	return slices.Contains(s.derivative.outputs, i) || slices.Contains(s.derivative.outputs, every)
}

// cache holds what a derivative computed from the shapes of a run, for the
// next run with the same ones.
type cache map[string]any

// call is one application of a derivative.
type call struct {
	node *ops.Node
	pool *pool.Pool
	// in and out hold the values that the derivative reads, nil for all others.
	in, out []*onnx.Tensor
	// inShapes and outShapes hold the shapes of all that are present.
	inShapes, outShapes [][]int
	// grads holds the gradient of each output, nil if it is zero. The call owns
	// them.
	grads [][]float32
	needs []bool
	// results receives the gradient of each input.
	results [][]float32
	memory  memory
	cache   cache
}

// gradient returns memory for the gradient of input i, of unknown content.
func (c *call) gradient(i int) []float32 {
	c.results[i] = c.memory.take(sizeOf(c.inShapes[i]))
	return c.results[i]
}

// zeroGradient is gradient with every element 0.
func (c *call) zeroGradient(i int) []float32 {
	g := c.gradient(i)
	clear(g)
	return g
}

// pass makes the gradient of output 0 that of input i, which has as many
// elements.
func (c *call) pass(i int) {
	if c.grads[0] != nil && !slices.ContainsFunc(c.results, func(r []float32) bool { return same(r, c.grads[0]) }) {
		c.results[i] = c.grads[0]
		return
	}
	copy(c.gradient(i), c.grads[0])
}

// same reports whether two slices are the same memory.
func same(a, b []float32) bool { return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] }

// floats returns the elements of input i, which must be float32.
func (c *call) floats(i int) ([]float32, error) { return floatsOf(c.in[i], "input", i) }

// outFloats returns the elements of output i, which must be float32.
func (c *call) outFloats(i int) ([]float32, error) { return floatsOf(c.out[i], "output", i) }

func floatsOf(t *onnx.Tensor, what string, i int) ([]float32, error) {
	switch {
	case t == nil:
		return nil, fmt.Errorf("%s %d has no value", what, i)
	case t.Type != onnx.Float32:
		return nil, fmt.Errorf("%s %d is %v: derivatives are of float32 alone", what, i, t)
	}
	return t.Float32s(), nil
}

// has reports whether input i is present.
func (c *call) has(i int) bool { return i < len(c.inShapes) && c.inShapes[i] != nil }

// needed reports whether the gradient of input i is wanted.
func (c *call) needed(i int) bool { return i < len(c.needs) && c.needs[i] }

func sizeOf(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}
