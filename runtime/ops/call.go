package ops

import (
	"context"
	"fmt"
	"slices"
	"unsafe"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/pool"
)

// Call is one execution of a node.
type Call struct {
	Context context.Context
	// Pool runs loops; nil is the caller's thread alone.
	Pool *pool.Pool
	// In holds the inputs, nil where an optional one is absent. There may be
	// fewer than the operator allows.
	In []onnx.Value
	// Out receives the outputs, one for each output of the node.
	Out []onnx.Value
	// Wanted says which outputs are used; nil means all.
	Wanted []bool

	// Frame is set by the session: it owns the memory of outputs.
	Frame Frame
	// Work receives what the kernel says of itself by Used; nil unless a
	// profile is taken.
	Work *Work

	// shape keeps the shape of an output while the frame reads it, so that the
	// arguments of Output need no memory from the heap.
	shape []int
}

// Frame gives a call its memory. The session implements it; without one, memory
// comes from the heap.
type Frame interface {
	// Output returns the tensor for output i with memory of unknown content.
	Output(c *Call, i int, t onnx.DType, shape []int) (*onnx.Tensor, error)
	// Reuse returns the tensor for output i over the memory of input in, if
	// nobody needs that input any more, else nil.
	Reuse(c *Call, i, in int) *onnx.Tensor
	// Alias makes output i a view of input in, from an element on, with
	// another shape.
	Alias(c *Call, i, in, from int, shape []int) *onnx.Tensor
	// Scratch returns memory for this call alone, of unknown content.
	Scratch(c *Call, bytes int) ([]byte, error)
	// Captured returns the value of an outer graph, for subgraphs.
	Captured(name string) (onnx.Value, bool)
	// Limit returns the largest number of bytes that one tensor may have.
	Limit() int
}

// Tensor returns input i, nil if it is absent or not a tensor.
func (c *Call) Tensor(i int) *onnx.Tensor {
	if i >= len(c.In) || c.In[i] == nil {
		return nil
	}
	t, _ := c.In[i].(*onnx.Tensor)
	return t
}

// Wants reports whether output i is used.
func (c *Call) Wants(i int) bool {
	return i < len(c.Out) && (c.Wanted == nil || c.Wanted[i])
}

// Output makes output i a tensor of the given type and shape and returns it.
// Its content is unknown: the kernel writes every element (strings start
// empty). It fails on impossible shapes and over the memory limit.
func (c *Call) Output(i int, t onnx.DType, shape ...int) (*onnx.Tensor, error) {
	c.shape = append(c.shape[:0], shape...)
	return c.output(i, t)
}

// output makes output i a tensor of the shape c.shape.
func (c *Call) output(i int, t onnx.DType) (*onnx.Tensor, error) {
	if !t.Valid() {
		return nil, fmt.Errorf("output of element type %v", t)
	}
	n, err := onnx.Elements(c.shape)
	if err != nil {
		return nil, err
	}
	if limit := c.limit(); n > 0 && limit > 0 && n > limit/max(1, t.Bits()/8) {
		return nil, fmt.Errorf("output of %v%v exceeds the limit of %d bytes for one tensor", t, c.shape, limit)
	}
	if !c.Wants(i) || c.Frame == nil {
		x := onnx.NewTensor(t, c.shape...)
		c.Set(i, x)
		return x, nil
	}
	x, err := c.Frame.Output(c, i, t, c.shape)
	if err != nil {
		return nil, err
	}
	c.Out[i] = x
	return x, nil
}

// Zeroed is Output with every element 0.
func (c *Call) Zeroed(i int, t onnx.DType, shape ...int) (*onnx.Tensor, error) {
	x, err := c.Output(i, t, shape...)
	if err == nil {
		clear(x.Raw())
	}
	return x, err
}

// OutputOver is Output for a result of the type and shape of input in, over
// the memory of that input where nobody needs it any more: the kernel must
// read each element before it writes the same element.
func (c *Call) OutputOver(i, in int) (*onnx.Tensor, error) {
	x := c.Tensor(in)
	if c.Frame != nil && c.Wants(i) && x.Type != onnx.String {
		if y := c.Frame.Reuse(c, i, in); y != nil {
			c.Out[i] = y
			return y, nil
		}
	}
	return c.Output(i, x.Type, x.Shape...)
}

// Alias makes output i a view of the elements of input in under another shape
// with the same number of elements.
func (c *Call) Alias(i, in int, shape ...int) error {
	x := c.Tensor(in)
	c.shape = append(c.shape[:0], shape...)
	n, err := onnx.Elements(c.shape)
	if err != nil {
		return err
	}
	if n != x.Len() {
		return fmt.Errorf("shape %v of %d elements can not become %v", x.Shape, x.Len(), c.shape)
	}
	c.alias(i, in, 0)
	return nil
}

// AliasPart makes output i a view of the elements of input in from an element
// on, of which there are as many as shape says. The element type has whole
// bytes.
func (c *Call) AliasPart(i, in, from int, shape ...int) error {
	c.shape = append(c.shape[:0], shape...)
	c.alias(i, in, from)
	return nil
}

func (c *Call) alias(i, in, from int) {
	x := c.Tensor(in)
	switch {
	case !c.Wants(i):
	case c.Frame != nil && x.Type != onnx.String:
		c.Out[i] = c.Frame.Alias(c, i, in, from, c.shape)
	default:
		c.Out[i] = PartOf(x, from, c.shape)
	}
}

// PartOf returns a view of the elements of x from one on, under a shape.
func PartOf(x *onnx.Tensor, from int, shape []int) *onnx.Tensor {
	y := &onnx.Tensor{}
	n := product(shape)
	if x.Type == onnx.String {
		y.Reset(x.Type, shape, nil, x.Strings[from:][:n])
		return y
	}
	y.Reset(x.Type, shape, PartOfRaw(x, from, n), nil)
	return y
}

// PartOfRaw returns the memory of n elements of x from one on.
func PartOfRaw(x *onnx.Tensor, from, n int) []byte {
	start := onnx.RawSize(x.Type, from)
	return x.Raw()[start : start+onnx.RawSize(x.Type, n)]
}

// Set makes output i the value v, which the kernel has made itself.
func (c *Call) Set(i int, v onnx.Value) {
	if i < len(c.Out) {
		c.Out[i] = v
	}
}

// Scratch returns n floats of unknown content that are valid during this call.
func (c *Call) Scratch(n int) ([]float32, error) {
	if c.Frame == nil {
		return make([]float32, n), nil
	}
	raw, err := c.Frame.Scratch(c, 4*n)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(raw))), n), nil
}

// Parallel runs body over ranges of 0 to n-1 of at most grain each, on the
// threads of the session. Choose grain so that a range takes at least some
// tens of microseconds.
func (c *Call) Parallel(n, grain int, body func(from, to int)) { c.Pool.For(n, grain, body) }

// parallelOn is Parallel for a body that takes all it needs from w. Unlike a
// closure, that takes no memory from the heap where one thread does the work.
func parallelOn[W any](c *Call, w W, n, grain int, body func(w W, from, to int)) {
	if grain = max(grain, 1); n > grain && c.Pool.Threads() > 1 {
		parallelClosure(c, w, n, grain, body)
		return
	}
	for from := 0; from < n; from += grain {
		body(w, from, min(from+grain, n))
	}
}

// parallelClosure is apart so that its closure is made only where it is called.
//
//go:noinline
func parallelClosure[W any](c *Call, w W, n, grain int, body func(w W, from, to int)) {
	c.Pool.For(n, grain, func(from, to int) { body(w, from, to) })
}

func (c *Call) limit() int {
	if c.Frame == nil {
		return 0
	}
	return c.Frame.Limit()
}

// TypeError is the error for an input whose element type the operator does not
// take.
func (c *Call) TypeError(i int) error {
	return fmt.Errorf("input %d has element type %v, which this operator does not take", i, c.Tensor(i).Type)
}

// ShapeError is the error for an input whose shape does not fit.
func (c *Call) ShapeError(i int, want string) error {
	return fmt.Errorf("input %d has shape %v, expected %s", i, c.Tensor(i).Shape, want)
}

// Axis returns axis counted from the front for a tensor of that rank; negative
// ones count from the end.
func Axis(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("axis %d is outside of a tensor of rank %d", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// Axes returns axes counted from the front, sorted; it fails on repeated ones.
func Axes(axes []int, rank int) ([]int, error) {
	sorted := make([]int, len(axes))
	for i, axis := range axes {
		a, err := Axis(axis, rank)
		if err != nil {
			return nil, err
		}
		sorted[i] = a
	}
	slices.Sort(sorted)
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return nil, fmt.Errorf("axis %d is given twice", sorted[i])
		}
	}
	return sorted, nil
}

// IntsOf returns the elements of a tensor of int64 or int32 as ints.
func IntsOf(t *onnx.Tensor) ([]int, error) {
	ints := make([]int, t.Len())
	switch t.Type {
	case onnx.Int64:
		for i, v := range t.Int64s() {
			ints[i] = int(v)
		}
	case onnx.Int32:
		for i, v := range onnx.View[int32](t) {
			ints[i] = int(v)
		}
	default:
		return nil, fmt.Errorf("expected integers, got %v", t)
	}
	return ints, nil
}
