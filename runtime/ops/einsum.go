package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// einsums is the operator Einsum (opset version 12): sums of products by
// Einstein's convention. Inputs are combined from left to right, two at a time
// as batched matrix products, and labels that nothing needs any more are summed
// over as early as possible. An axis of size 1 is repeated as in numpy.
var einsums = []Operator{
	{Name: "Einsum", Since: 12, MinInputs: 1, MaxInputs: -1, Build: buildEinsum, Infer: inferEinsum},
}

var einsumTypes = map[onnx.DType]func(c *Call, inputs [][]rune, output []rune, sizes map[rune]int) error{
	onnx.Float32: einsumOver[float32], onnx.Float64: einsumOver[float64],
	onnx.Int8: einsumOver[int8], onnx.Int16: einsumOver[int16], onnx.Int32: einsumOver[int32], onnx.Int64: einsumOver[int64],
	onnx.Uint8: einsumOver[uint8], onnx.Uint16: einsumOver[uint16], onnx.Uint32: einsumOver[uint32], onnx.Uint64: einsumOver[uint64],
}

func buildEinsum(n *Node) (Kernel, error) {
	e, err := parseEquation(n.Text("equation", ""))
	if err != nil {
		return nil, err
	}
	return throughFloat32(func(c *Call) error {
		f := einsumTypes[c.Tensor(0).Type]
		if f == nil {
			return c.TypeError(0)
		}
		inputs, output, sizes, err := einsumLabels(c, e)
		if err != nil {
			return err
		}
		return f(c, inputs, output, sizes)
	}), n.Err()
}

// einsumLabels checks the inputs and returns their labels, those of the result
// and the size that each label stands for.
func einsumLabels(c *Call, e equation) (inputs [][]rune, output []rune, sizes map[rune]int, err error) {
	ranks := make([]int, len(c.In))
	for i := range c.In {
		t := c.Tensor(i)
		if t == nil {
			return nil, nil, nil, fmt.Errorf("input %d is missing", i)
		}
		if t.Type != c.Tensor(0).Type {
			return nil, nil, nil, fmt.Errorf("inputs have different element types, %v and %v", c.Tensor(0).Type, t.Type)
		}
		ranks[i] = t.Rank()
	}
	if inputs, output, err = e.resolve(ranks); err != nil {
		return nil, nil, nil, err
	}
	sizes = map[rune]int{}
	for i, labels := range inputs {
		for axis, l := range labels {
			size, seen := sizes[l]
			switch n := c.Tensor(i).Shape[axis]; {
			case !seen || size == 1:
				sizes[l] = n
			case n != size && n != 1:
				return nil, nil, nil, fmt.Errorf("axis %d of input %d has size %d, other axes with its label %d", axis, i, n, size)
			}
		}
	}
	return inputs, output, sizes, nil
}

// labelled is a tensor each axis of which has a label of its own. Elements
// lie steps apart; a dense one has its axes in row-major order without gaps.
type labelled[T number] struct {
	data   []T
	labels []rune
	steps  []int
}

// einsumOver computes the equation for one element type.
func einsumOver[T number](c *Call, inputs [][]rune, output []rune, sizes map[rune]int) error {
	result := viewInput(onnx.View[T](c.Tensor(0)), c.Tensor(0).Shape, inputs[0], sizes)
	for i := 1; i < len(inputs); i++ {
		needed := slices.Concat(append(inputs[i+1:len(inputs):len(inputs)], output)...)
		next := viewInput(onnx.View[T](c.Tensor(i)), c.Tensor(i).Shape, inputs[i], sizes)
		var err error
		if result, err = contract(c, result, next, needed, sizes); err != nil {
			return err
		}
	}
	y, err := c.Output(0, onnx.TypeOf[T](), sizesOf(output, sizes)...)
	if err != nil {
		return err
	}
	result.sumTo(c, onnx.View[T](y), output, sizes)
	return nil
}

// viewInput labels the axes of an input: several axes of one label become
// its diagonal, an axis of size 1 that is to be repeated disappears.
func viewInput[T number](data []T, shape []int, labels []rune, sizes map[rune]int) labelled[T] {
	v := labelled[T]{data: data}
	step := 1
	for axis := len(shape) - 1; axis >= 0; axis-- {
		l := labels[axis]
		if shape[axis] == sizes[l] {
			if i := slices.Index(v.labels, l); i >= 0 {
				v.steps[i] += step
			} else {
				v.labels, v.steps = append(v.labels, l), append(v.steps, step)
			}
		}
		step *= shape[axis]
	}
	slices.Reverse(v.labels)
	slices.Reverse(v.steps)
	return v
}

// sizesOf returns the shape of a tensor with these labels.
func sizesOf(labels []rune, sizes map[rune]int) []int {
	shape := make([]int, len(labels))
	for i, l := range labels {
		shape[i] = sizes[l]
	}
	return shape
}

// sumTo writes to dst the tensor with its axes in the order of labels, summed
// over all others.
func (v labelled[T]) sumTo(c *Call, dst []T, labels []rune, sizes map[rune]int) {
	kept, reduced := make([]int, len(labels)), []int(nil)
	var rest []rune
	for i, l := range v.labels {
		if at := slices.Index(labels, l); at >= 0 {
			kept[at] = v.steps[i]
		} else {
			rest, reduced = append(rest, l), append(reduced, v.steps[i])
		}
	}
	outer := newStridedNest(sizesOf(labels, sizes), [][]int{kept})
	inner := newStridedNest(sizesOf(rest, sizes), [][]int{reduced})
	c.Parallel(len(dst), max(1, elementGrain/max(1, inner.total)), func(from, to int) {
		outer.rows(from, to, func(out, count int, at []int) {
			for i := range count {
				dst[out+i] = sumOf(&inner, v.data, at[0]+i*outer.step(0))
			}
		})
	})
}

// sumOf adds up the elements of x that a nest of one operand visits.
func sumOf[T number](n *nest, x []T, base int) T {
	if n.total == 1 {
		return x[base]
	}
	var sum T
	step := n.step(0)
	n.rows(0, n.total, func(_, count int, at []int) {
		for k := range count {
			sum += x[base+at[0]+k*step]
		}
	})
	return sum
}

// dense returns the tensor with exactly the given labels as its axes, in
// row-major order, summed over all others.
func (v labelled[T]) dense(c *Call, labels []rune, sizes map[rune]int) (labelled[T], error) {
	shape := sizesOf(labels, sizes)
	steps := broadcastSteps(shape, shape)
	if slices.Equal(v.labels, labels) && slices.Equal(v.steps, steps) {
		return v, nil
	}
	t, err := temporary[T](c, shape)
	if err != nil {
		return v, err
	}
	v.sumTo(c, t, labels, sizes)
	return labelled[T]{data: t, labels: labels, steps: steps}, nil
}

// temporary returns memory for an intermediate result, within the limits of
// an output.
func temporary[T number](c *Call, shape []int) ([]T, error) {
	side := &Call{Frame: c.Frame, Out: nil}
	t, err := side.Output(0, onnx.TypeOf[T](), shape...)
	if err != nil {
		return nil, fmt.Errorf("intermediate result: %w", err)
	}
	return onnx.View[T](t), nil
}

// contract multiplies two tensors and sums over the labels that are not
// needed: a batched matrix product [batch, left, shared] by [batch, shared,
// right].
func contract[T number](c *Call, a, b labelled[T], needed []rune, sizes map[rune]int) (labelled[T], error) {
	var batch, shared, left, right []rune
	for _, l := range a.labels {
		switch inB, used := slices.Contains(b.labels, l), slices.Contains(needed, l); {
		case inB && used:
			batch = append(batch, l)
		case inB:
			shared = append(shared, l)
		case used:
			left = append(left, l)
		}
	}
	for _, l := range b.labels {
		if !slices.Contains(a.labels, l) && slices.Contains(needed, l) {
			right = append(right, l)
		}
	}
	a, err := a.dense(c, slices.Concat(batch, left, shared), sizes)
	if err != nil {
		return a, err
	}
	if b, err = b.dense(c, slices.Concat(batch, shared, right), sizes); err != nil {
		return a, err
	}
	labels := slices.Concat(batch, left, right)
	shape := sizesOf(labels, sizes)
	dst, err := temporary[T](c, shape)
	if err != nil {
		return a, err
	}
	batches := sizesOf(batch, sizes)
	multiplyBatches[T](c, matMulShape{
		a: batches, b: batches, batch: batches, batches: product(batches),
		m: product(sizesOf(left, sizes)), n: product(sizesOf(right, sizes)), k: product(sizesOf(shared, sizes)),
	}, onnx.FromSlice(dst, len(dst)), onnx.FromSlice(a.data, len(a.data)), onnx.FromSlice(b.data, len(b.data)))
	return labelled[T]{data: dst, labels: labels, steps: broadcastSteps(shape, shape)}, nil
}
