package runtime

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// outputBytes returns the memory that n elements take, empty strings included.
func outputBytes(t onnx.DType, n int) int {
	if t == onnx.String {
		return n * stringHeader
	}
	return onnx.RawSize(t, n)
}

// Output implements ops.Frame.
func (f *frame) Output(c *ops.Call, i int, t onnx.DType, shape []int) (*onnx.Tensor, error) {
	n, err := onnx.Elements(shape)
	if err != nil {
		return nil, err
	}
	bytes := outputBytes(t, n)
	slot := f.current.out[i]
	if slot >= 0 && t != onnx.String && cap(f.into[slot]) >= bytes && f.into[slot] != nil {
		f.drop(slot)
		x := &f.tensors[slot]
		x.Reset(t, shape, f.into[slot][:bytes], nil)
		return x, nil
	}
	if slot < 0 || t == onnx.String || f.program.handedOut(slot) {
		if err := f.memory.take(bytes); err != nil {
			return nil, err
		}
		f.memory.give(bytes) // keep counts it once it is there
		return onnx.NewTensor(t, shape...), nil
	}
	f.drop(slot)
	b, err := f.takeBuffer(bytes)
	if err != nil {
		return nil, err
	}
	b.uses = 1
	f.buffers[slot] = b
	x := &f.tensors[slot]
	x.Reset(t, shape, b.raw[:bytes], nil)
	return x, nil
}

// Reuse implements ops.Frame.
func (f *frame) Reuse(c *ops.Call, i, in int) *onnx.Tensor {
	from, slot := f.current.in[in], f.current.out[i]
	if from < 0 || slot < 0 || f.program.handedOut(slot) || !f.current.dies[in] {
		return nil
	}
	b := f.buffers[from]
	if b == nil || b.uses != 1 {
		return nil
	}
	source := c.Tensor(in)
	f.drop(slot)
	b.uses++
	f.buffers[slot] = b
	x := &f.tensors[slot]
	x.Reset(source.Type, source.Shape, source.Raw(), nil)
	return x
}

// Alias implements ops.Frame.
func (f *frame) Alias(c *ops.Call, i, in, first int, shape []int) *onnx.Tensor {
	from, slot := f.current.in[in], f.current.out[i]
	source := c.Tensor(in)
	if slot < 0 || source.Type == onnx.String {
		return ops.PartOf(source, first, shape)
	}
	elements := 1
	for _, n := range shape {
		elements *= n
	}
	b, borrowed := f.buffers[from], f.borrowed[from]
	if b != nil {
		b.uses++
	}
	f.drop(slot)
	f.buffers[slot], f.borrowed[slot] = b, borrowed
	x := &f.tensors[slot]
	x.Reset(source.Type, shape, ops.PartOfRaw(source, first, elements), nil)
	return x
}

// Scratch implements ops.Frame.
func (f *frame) Scratch(c *ops.Call, bytes int) ([]byte, error) {
	if bytes < 0 || bytes > f.Limit() {
		return nil, fmt.Errorf("scratch memory of %d bytes exceeds the limit of %d", bytes, f.Limit())
	}
	b, err := f.takeBuffer(bytes)
	if err != nil {
		return nil, err
	}
	f.scratch = append(f.scratch, b)
	return b.raw[:bytes], nil
}

func (f *frame) freeScratch() {
	for _, b := range f.scratch {
		f.giveBuffer(b)
	}
	f.scratch = f.scratch[:0]
}

// Captured implements ops.Frame.
func (f *frame) Captured(name string) (onnx.Value, bool) {
	slot, ok := f.program.names[name]
	if !ok {
		return nil, false
	}
	v := f.value(slot)
	return v, v != nil
}

// Limit implements ops.Frame.
func (f *frame) Limit() int { return f.session.options.maxTensorBytes }
