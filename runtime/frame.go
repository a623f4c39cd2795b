package runtime

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// frame is the state of one run of a program: the values and their memory.
// Frames are reused, so that a run in steady state allocates only its results.
type frame struct {
	session *Session
	program *program
	outer   *frame

	values  []onnx.Value  // by slot, nil while not computed
	tensors []onnx.Tensor // by slot, the headers of tensors in arena memory
	buffers []*buffer     // by slot, nil unless the value lies in arena memory
	arena   arena
	scratch []*buffer // in use by the current call
	calls   []ops.Call
	current *step
}

// buffer is a piece of arena memory with the number of values that lie in it.
type buffer struct {
	raw   []byte
	class int
	uses  int
}

// arena keeps free buffers by size class, for reuse while they are warm in
// cache.
type arena struct{ free [maxClass][]*buffer }

// Classes step by a quarter of a power of two, so that at most a fifth of a
// buffer is wasted.
const maxClass = 64 * 4

func classOf(bytes int) (class, size int) {
	if bytes <= 64 {
		return 0, 64
	}
	top := bits.Len(uint(bytes-1)) - 1 // 2^top <= bytes-1
	quarter := 1 << max(top-2, 0)
	steps := (bytes - 1<<top + quarter - 1) / quarter
	return (top-6)*4 + steps, 1<<top + steps*quarter
}

func (a *arena) take(bytes int) *buffer {
	class, size := classOf(bytes)
	if free := a.free[class]; len(free) > 0 {
		b := free[len(free)-1]
		a.free[class] = free[:len(free)-1]
		return b
	}
	return &buffer{raw: onnx.AlignedBytes(size), class: class}
}

func (a *arena) give(b *buffer) { a.free[b.class] = append(a.free[b.class], b) }

func newFrame(s *Session, p *program) *frame {
	f := &frame{session: s, program: p}
	f.values = make([]onnx.Value, p.slots)
	f.tensors = make([]onnx.Tensor, p.slots)
	f.buffers = make([]*buffer, p.slots)
	f.calls = make([]ops.Call, len(p.steps))
	for i := range p.steps {
		st := &p.steps[i]
		f.calls[i] = ops.Call{Pool: s.pool, In: make([]onnx.Value, len(st.in)), Out: make([]onnx.Value, len(st.out)), Wanted: st.wanted, Frame: f}
	}
	return f
}

// clear forgets all values of a run.
func (f *frame) clear() {
	for slot := range f.values {
		f.drop(slot)
	}
	for i := range f.calls {
		clear(f.calls[i].In)
		clear(f.calls[i].Out)
		f.calls[i].Context = nil
	}
	f.freeScratch()
	f.outer, f.current = nil, nil
}

func (f *frame) setValue(slot int, v onnx.Value) { f.values[slot] = v }

// value returns what is in a slot: a constant of the program or a value of
// this run.
func (f *frame) value(slot int) onnx.Value {
	if slot < 0 {
		return nil
	}
	if v := f.program.constants[slot]; v != nil {
		return v
	}
	return f.values[slot]
}

// drop releases the value in a slot and its memory if nothing else lies there.
func (f *frame) drop(slot int) {
	f.values[slot] = nil
	if b := f.buffers[slot]; b != nil {
		f.buffers[slot] = nil
		if b.uses--; b.uses == 0 {
			f.arena.give(b)
		}
	}
}

// run executes all steps.
func (f *frame) run(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = f.stepError(f.current, fmt.Errorf("internal error: %v", r))
		}
	}()
	for i := range f.program.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &f.program.steps[i]
		f.current = st
		if err := f.execute(ctx, st, &f.calls[i]); err != nil {
			return f.stepError(st, err)
		}
	}
	return nil
}

func (f *frame) stepError(st *step, err error) error {
	if _, isNodeError := err.(*NodeError); isNodeError || st == nil {
		return err
	}
	return &NodeError{File: f.session.model.Path, Node: nodeName(st.node), Op: opName(st.node), Opset: st.opset, Err: err}
}

func (f *frame) execute(ctx context.Context, st *step, c *ops.Call) error {
	c.Context = ctx
	for i, slot := range st.in {
		v := f.value(slot)
		if err := checkValue(st, i, v); err != nil {
			return err
		}
		if st.op.Values {
			v = f.detach(slot, v)
		}
		c.In[i] = v
	}
	clear(c.Out)
	var start time.Time
	if f.session.options.trace != nil {
		start = time.Now()
	}
	if err := st.kernel(c); err != nil {
		return err
	}
	if f.session.options.trace != nil && f.outer == nil {
		f.session.options.trace(st.node, time.Since(start).Nanoseconds())
	}
	f.freeScratch()
	for i, slot := range st.out {
		if slot < 0 {
			continue
		}
		if c.Out[i] == nil {
			return fmt.Errorf("output %d was not computed", i)
		}
		f.keep(slot, c, i)
	}
	for _, slot := range st.last {
		f.drop(slot)
	}
	return nil
}

// checkValue makes sure that a kernel finds what its operator declares.
func checkValue(st *step, i int, v onnx.Value) error {
	if v == nil {
		if i < st.op.MinInputs {
			return fmt.Errorf("input %d (%q) has no value", i, st.node.Inputs[i])
		}
		return nil
	}
	if _, isTensor := v.(*onnx.Tensor); !isTensor && !st.op.Values {
		return fmt.Errorf("input %d (%q) must be a tensor, got %T", i, st.node.Inputs[i], v)
	}
	return nil
}

// detach takes a value out of the memory of the frame, for operators that keep
// references to their inputs, such as those that build sequences.
func (f *frame) detach(slot int, v onnx.Value) onnx.Value {
	t, isTensor := v.(*onnx.Tensor)
	if !isTensor || f.buffers[slot] == nil {
		return v
	}
	c := t.Clone()
	f.drop(slot)
	f.values[slot] = c
	return c
}

// keep stores output i of a call in its slot. A kernel that hands on an input
// unchanged makes the slot a view of it.
func (f *frame) keep(slot int, c *ops.Call, i int) {
	v := c.Out[i]
	if t, isTensor := v.(*onnx.Tensor); isTensor && t != &f.tensors[slot] {
		for in, other := range c.In {
			if other == v {
				f.values[slot] = f.Alias(c, i, in, t.Shape)
				return
			}
		}
	}
	f.values[slot] = v
}

// result returns the value of an output of the program as memory of its own.
func (f *frame) result(slot int) onnx.Value {
	v := f.value(slot)
	t, isTensor := v.(*onnx.Tensor)
	if !isTensor || f.program.fresh[slot] && f.buffers[slot] == nil && t != &f.tensors[slot] {
		return v
	}
	return t.Clone()
}

// Output implements ops.Frame.
func (f *frame) Output(c *ops.Call, i int, t onnx.DType, shape []int) (*onnx.Tensor, error) {
	slot := f.current.out[i]
	if slot < 0 || t == onnx.String || f.program.isOutput[slot] {
		return onnx.NewTensor(t, shape...), nil
	}
	n, err := onnx.Elements(shape)
	if err != nil {
		return nil, err
	}
	f.drop(slot)
	bytes := onnx.RawSize(t, n)
	b := f.arena.take(bytes)
	b.uses = 1
	f.buffers[slot] = b
	x := &f.tensors[slot]
	x.Reset(t, shape, b.raw[:bytes], nil)
	return x, nil
}

// Reuse implements ops.Frame.
func (f *frame) Reuse(c *ops.Call, i, in int) *onnx.Tensor {
	from, slot := f.current.in[in], f.current.out[i]
	if from < 0 || slot < 0 || f.program.isOutput[slot] || !f.current.dies[in] {
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
func (f *frame) Alias(c *ops.Call, i, in int, shape []int) *onnx.Tensor {
	from, slot := f.current.in[in], f.current.out[i]
	source := c.Tensor(in)
	if slot < 0 || source.Type == onnx.String {
		return source.Reshaped(shape...)
	}
	b := f.buffers[from]
	if b != nil {
		b.uses++
	}
	f.drop(slot)
	f.buffers[slot] = b
	x := &f.tensors[slot]
	x.Reset(source.Type, shape, source.Raw(), nil)
	return x
}

// Scratch implements ops.Frame.
func (f *frame) Scratch(c *ops.Call, bytes int) ([]byte, error) {
	if bytes < 0 || bytes > f.Limit() {
		return nil, fmt.Errorf("scratch memory of %d bytes exceeds the limit of %d", bytes, f.Limit())
	}
	b := f.arena.take(bytes)
	f.scratch = append(f.scratch, b)
	return b.raw[:bytes], nil
}

func (f *frame) freeScratch() {
	for _, b := range f.scratch {
		f.arena.give(b)
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
