package recognise

import (
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// pointwise is for Conv with a kernel of one element: axis 1 goes to the end and
// back.
func (b *nodeBuilder) pointwise() error {
	rank := b.site.form.rank
	there, back := []int64{0}, []int64{0, int64(rank - 1)}
	for i := 2; i < rank; i++ {
		there, back = append(there, int64(i)), append(back, int64(i-1))
	}
	y, err := b.chain(b.transpose(b.site.input, append(there, 1)...))
	if err != nil {
		return err
	}
	if bias := b.bias(); bias != "" {
		y = b.add("Add", nil, y, bias)
	}
	b.finish(b.transpose(y, back...), 1)
	return nil
}

// filters is for Conv along one axis: x [N, C, ..., L, ...] is cut into frames, which the chain is
// applied to, and the channels of the result are moved back to axis 1.
//
// A frame starts every `stride` samples and is `kernel` long. With g the greatest
// common divisor of both, the signal is cut into blocks of g samples, and a frame
// is kernel/g blocks that a Gather copies.
func (b *nodeBuilder) filters() error {
	f := b.site.form
	y, err := b.chain(b.cut(b.channelsAndTime())) // [N, T, out]
	if err != nil {
		return err
	}
	if bias := b.bias(); bias != "" {
		y = b.add("Add", nil, y, bias)
	}
	y = b.transpose(y, 0, 2, 1)
	if f.axes > 1 {
		y = b.add("Unsqueeze", b.axesAttr(), b.axesInputs(y)...)
	}
	b.finish(y, 1)
	return nil
}

// channelsAndTime returns the input as [N, C, L], padded. Other axes than the
// kernel's must have one element.
func (b *nodeBuilder) channelsAndTime() string {
	f, x := b.site.form, b.site.input
	if f.axes > 1 {
		x = b.add("Squeeze", b.axesAttr(), b.axesInputs(x)...)
	}
	if f.before > 0 || f.after > 0 {
		x = b.add("Pad", nil, x, b.integers(0, 0, int64(f.before), 0, 0, int64(f.after)))
	}
	return x
}

// axesAttr and axesInputs name the spatial axes that have no kernel: an input
// since opset 13.
func (b *nodeBuilder) axesAttr() []onnx.Attribute {
	if b.opset >= 13 {
		return nil
	}
	return []onnx.Attribute{onnx.IntsAttr("axes", b.otherAxes()...)}
}

func (b *nodeBuilder) axesInputs(x string) []string {
	if b.opset >= 13 {
		return []string{x, b.integers(b.otherAxes()...)}
	}
	return []string{x}
}

func (b *nodeBuilder) otherAxes() []int64 {
	var axes []int64
	for i := range b.site.form.axes {
		if i != b.site.form.axis {
			axes = append(axes, int64(i+2))
		}
	}
	return axes
}

// cut returns x [N, C, L] as frames [N, T, C*K].
func (b *nodeBuilder) cut(x string) string {
	f := b.site.form
	block := greatestCommonDivisor(f.kernel, f.stride)
	zero, last, size := b.integers(0), b.integers(2), b.integers(int64(block))
	length := b.add("Slice", nil, b.add("Shape", nil, x), last, b.integers(3))
	// T = (L - K)/stride + 1
	count := b.add("Div", nil, b.add("Sub", nil, length, b.integers(int64(f.kernel))), b.integers(int64(f.stride)))
	count = b.add("Add", nil, count, b.integers(1))
	scalar := func(v int64) string {
		return b.store(b.site.body, onnx.Scalar(v), nodeName(b.site.members[0].node)+".number")
	}
	starts := b.add("Range", nil, scalar(0), b.scalar(count), scalar(1))
	starts = b.add("Mul", nil, starts, b.integers(int64(f.stride/block)))
	starts = b.add("Reshape", nil, starts, b.integers(-1, 1))
	offsets := make([]int64, f.kernel/block)
	for i := range offsets {
		offsets[i] = int64(i)
	}
	indexes := b.add("Add", nil, starts, b.integers(offsets...)) // [T, K/g]
	if block > 1 {
		whole := b.add("Mul", nil, b.add("Div", nil, length, size), size)
		x = b.add("Slice", nil, x, zero, whole, last)
		x = b.add("Reshape", nil, x, b.integers(0, 0, -1, int64(block)))
	}
	x = b.add("Gather", []onnx.Attribute{onnx.IntAttr("axis", 2)}, x, indexes) // [N, C, T, K/g, g]
	if f.channels > 1 {
		perm := []int64{0, 2, 1, 3, 4}
		if block == 1 {
			perm = perm[:4]
		}
		x = b.transpose(x, perm...)
		return b.add("Reshape", nil, x, b.integers(0, 0, int64(f.channels*f.kernel)))
	}
	return b.add("Reshape", nil, x, b.integers(0, -1, int64(f.kernel)))
}

// scalar makes a number of a list of one.
func (b *nodeBuilder) scalar(x string) string {
	if b.opset >= 13 {
		return b.add("Squeeze", nil, x, b.integers(0))
	}
	return b.add("Squeeze", []onnx.Attribute{onnx.IntsAttr("axes", 0)}, x)
}

// bias returns the biases of all members, one after the other; empty if there are
// none.
func (b *nodeBuilder) bias() string {
	members := b.site.members
	if !slices.ContainsFunc(members, func(m *member) bool { return m.bias != "" }) {
		return ""
	}
	if len(members) == 1 {
		return members[0].bias
	}
	var parts []string
	for _, m := range members {
		bias := m.bias
		if bias == "" {
			bias = b.store(b.site.body, onnx.NewTensor(onnx.Float32, m.out), nodeName(m.node)+".bias")
		}
		parts = append(parts, bias)
	}
	return b.add("Concat", []onnx.Attribute{onnx.IntAttr("axis", 0)}, parts...)
}

func greatestCommonDivisor(a, b int) int {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}
