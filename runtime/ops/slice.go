package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// sliceOps holds Slice, whose bounds are attributes before opset 10 and inputs
// since, with steps.
var sliceOps = []Operator{
	{Name: "Slice", Until: 9, MinInputs: 1, MaxInputs: 1, Build: buildSlice, Infer: inferSlice},
	{Name: "Slice", Since: 10, MinInputs: 3, MaxInputs: 5, Build: buildSlice, Infer: inferSlice},
}

// sliceBounds are the parameters of Slice; axes and steps may be nil.
type sliceBounds struct {
	starts, ends, axes, steps []int
}

// span is the part of an axis that a slice takes: size elements from start on.
type span struct{ start, step, size int }

// sliceSpan returns what start, end and step mean on an axis of the given size.
func sliceSpan(start, end, step, size int) (span, error) {
	if step == 0 {
		return span{}, fmt.Errorf("step is 0")
	}
	if start < 0 {
		start += size
	}
	if end < 0 {
		end += size
	}
	if step > 0 {
		start, end = min(max(start, 0), size), min(max(end, 0), size)
	} else {
		start, end = min(max(start, 0), size-1), min(max(end, -1), size-1)
	}
	n := 0
	switch {
	case step > 0 && end > start:
		n = (end-start-1)/step + 1
	case step < 0 && start > end:
		// -(step+1) is safe for the smallest int; the quotient counts whole steps.
		n = stepsBelow(start-end-1, step) + 1
	}
	return span{start, step, n}, nil
}

// stepsBelow returns distance / -step for a negative step.
func stepsBelow(distance, step int) int {
	if step == -1 {
		return distance
	}
	if -(step + 1) >= distance {
		return 0
	}
	return distance / -step
}

// spans appends the part that is taken of each axis to a list.
func (b *sliceBounds) spans(shape []int, spans []span) ([]span, error) {
	if len(b.starts) != len(b.ends) {
		return nil, fmt.Errorf("%d starts, but %d ends", len(b.starts), len(b.ends))
	}
	if b.axes != nil && len(b.axes) != len(b.starts) || b.axes == nil && len(b.starts) > len(shape) {
		return nil, fmt.Errorf("%d starts, but %d axes", len(b.starts), min(len(b.axes), len(shape)))
	}
	if b.steps != nil && len(b.steps) != len(b.starts) {
		return nil, fmt.Errorf("%d starts, but %d steps", len(b.starts), len(b.steps))
	}
	for _, size := range shape {
		spans = append(spans, span{0, 1, size})
	}
	if b.axes != nil {
		l := takeInts()
		defer l.give()
		if _, err := sortedAxes(l.list(len(b.axes)), b.axes, len(shape)); err != nil {
			return nil, err
		}
	}
	for i := range b.starts {
		axis, step := i, 1
		if b.axes != nil {
			axis, _ = Axis(b.axes[i], len(shape))
		}
		if b.steps != nil {
			step = b.steps[i]
		}
		s, err := sliceSpan(b.starts[i], b.ends[i], step, shape[axis])
		if err != nil {
			return nil, err
		}
		spans[axis] = s
	}
	return spans, nil
}

func buildSlice(n *Node) (Kernel, error) {
	fixed := sliceBounds{starts: n.Ints("starts"), ends: n.Ints("ends"), axes: n.Ints("axes")}
	fromInputs := n.Opset >= 10
	return wholeBytes(func(c *Call) error {
		l := takeInts()
		defer l.give()
		b := fixed
		if fromInputs {
			var err error
			if b, err = boundsInputs(c, l); err != nil {
				return err
			}
		}
		return slice(c, c.Tensor(0), &b, l)
	}), n.Err()
}

// boundsInputs reads the inputs of Slice of opset 10 and later.
func boundsInputs(c *Call, l *ints) (b sliceBounds, err error) {
	for i := 1; i < len(c.In); i++ {
		if c.Tensor(i) == nil {
			continue
		}
		v, err := l.input(c, i)
		if err != nil {
			return b, err
		}
		switch i {
		case 1:
			b.starts = v
		case 2:
			b.ends = v
		case 3:
			b.axes = v
		case 4:
			b.steps = v
		}
	}
	return b, nil
}

func slice(c *Call, x *onnx.Tensor, b *sliceBounds, l *ints) error {
	var memory [odometerAxes]span
	spans, err := b.spans(x.Shape, memory[:0])
	if err != nil {
		return err
	}
	shape, whole := l.list(len(spans)), true
	for i, s := range spans {
		shape = append(shape, s.size)
		whole = whole && s.size == x.Shape[i] && (s.step == 1 || s.size <= 1)
	}
	if whole {
		return c.Alias(0, 0, shape...)
	}
	y, err := c.Output(0, x.Type, shape...)
	if err != nil {
		return err
	}
	w := newWalk()
	from, to := l.steps(x.Shape), l.steps(shape)
	for i, s := range spans {
		if s.size > 0 {
			w.srcAt += s.start * from[i]
		}
		step := 0
		if s.size > 1 { // otherwise step may be huge
			step = s.step * from[i]
		}
		w.axis(s.size, to[i], step)
	}
	copyWalk(c, y, x, w)
	return nil
}

func inferSlice(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	shape, ok := shapeOf(x)
	if !ok {
		return one(UnknownShape(x.Type.Elem))
	}
	b := sliceBounds{starts: n.Ints("starts"), ends: n.Ints("ends"), axes: n.Ints("axes")}
	known := true
	if n.Opset >= 10 {
		for i, to := range []*[]int{&b.starts, &b.ends, &b.axes, &b.steps} {
			if n.Has(1 + i) {
				var have bool
				*to, have = knownInts(input(in, 1+i))
				known = known && have
			}
		}
	}
	if !known {
		return one(inferSliceAxes(n, in, x, shape))
	}
	// Axes of unknown size stand as 0 here and are put right below.
	stand := make([]int, len(shape))
	for i, d := range shape {
		stand[i] = max(d.Size, 0)
	}
	spans, err := b.spans(stand, nil)
	if err != nil {
		return nil, err
	}
	out := make([]onnx.Dim, len(shape))
	for i, d := range shape {
		out[i] = onnx.Dim{Size: spans[i].size}
		if !d.Known() {
			out[i] = b.symbolic(i, len(shape), d)
		}
	}
	info := TensorInfo(x.Type.Elem, out)
	if dims := dimsOf(x); len(shape) == 1 && dims != nil && shape[0].Known() && len(dims) == shape[0].Size {
		part := make([]onnx.Dim, spans[0].size)
		for i := range part {
			part[i] = dims[spans[0].start+i*spans[0].step]
		}
		info = withDims(info, part)
	}
	return one(info)
}

// symbolic returns the size of a slice of an axis of unknown size d: d itself
// where all of it is taken.
func (b *sliceBounds) symbolic(axis, rank int, d onnx.Dim) onnx.Dim {
	const far = 1<<31 - 1 // what exporters write for "to the end"
	for i := range b.starts {
		at := i
		if b.axes != nil {
			at, _ = Axis(b.axes[i], rank)
		}
		if at != axis {
			continue
		}
		if b.starts[i] != 0 || b.ends[i] < far || b.steps != nil && b.steps[i] != 1 {
			return unknownDim
		}
	}
	return d
}

// inferSliceAxes keeps the sizes of the axes that a slice of unknown bounds
// does not touch.
func inferSliceAxes(n *Node, in []Info, x Info, shape []onnx.Dim) Info {
	axes, ok := knownInts(input(in, 3))
	out := append([]onnx.Dim(nil), shape...)
	if !ok || !n.Has(3) {
		return TensorInfo(x.Type.Elem, unknownDims(len(out)))
	}
	for _, axis := range axes {
		if at, err := Axis(axis, len(out)); err == nil {
			out[at] = unknownDim
		}
	}
	return TensorInfo(x.Type.Elem, out)
}
