package runtime

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// frame is the state of one run of a program: the values and their memory.
// Frames are reused, so that a run in steady state allocates only its results.
type frame struct {
	session *Session
	program *program
	outer   *frame
	memory  *memory // of the run: total of the outermost frame
	total   memory

	values  []onnx.Value  // by slot, nil while not computed
	tensors []onnx.Tensor // by slot, the headers of tensors in arena memory
	buffers []*buffer     // by slot, nil unless the value lies in arena memory
	// borrowed marks values, by slot, that lie in the arena of an outer frame,
	// which takes them back before the run ends.
	borrowed []bool
	shapes   [][]int // by slot, what a recorder met; nil for other runs
	// into is memory of the caller's for outputs, by slot.
	into    [][]byte
	symbols symbolSizes
	heap    []int // by slot, the bytes that a value outside of the arena takes
	arena   arena
	scratch []*buffer // in use by the current call
	calls   []ops.Call
	current *step
}

func newFrame(s *Session, p *program) *frame {
	f := &frame{session: s, program: p}
	f.values = make([]onnx.Value, p.slots)
	f.tensors = make([]onnx.Tensor, p.slots)
	f.buffers = make([]*buffer, p.slots)
	f.borrowed = make([]bool, p.slots)
	f.heap = make([]int, p.slots)
	f.into = make([][]byte, p.slots)
	f.symbols = make(symbolSizes, len(p.symbols))
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
		f.tensors[slot].Reset(onnx.Undefined, nil, nil, nil)
	}
	for i := range f.calls {
		clear(f.calls[i].In)
		clear(f.calls[i].Out)
		f.calls[i].Context = nil
	}
	f.freeScratch()
	for _, slot := range f.program.outputs {
		f.into[slot] = nil
	}
	f.outer, f.current, f.memory = nil, nil, nil
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

// lends reports whether the value in a slot is gone when the frame is done with
// it.
func (f *frame) lends(slot int) bool {
	return f.borrowed[slot] || f.buffers[slot] != nil || f.values[slot] == onnx.Value(&f.tensors[slot])
}

// drop releases the value in a slot and its memory if nothing else lies there.
func (f *frame) drop(slot int) {
	f.values[slot] = nil
	f.borrowed[slot] = false
	if n := f.heap[slot]; n > 0 {
		f.heap[slot] = 0
		f.memory.give(n)
	}
	if b := f.buffers[slot]; b != nil {
		f.buffers[slot] = nil
		if b.uses--; b.uses == 0 {
			f.giveBuffer(b)
		}
	}
}

func (f *frame) takeBuffer(bytes int) (*buffer, error) {
	_, size := classOf(bytes)
	if err := f.memory.take(size); err != nil {
		return nil, err
	}
	return f.arena.take(bytes), nil
}

func (f *frame) giveBuffer(b *buffer) {
	f.memory.give(len(b.raw))
	f.arena.give(b)
}

// run executes all steps.
func (f *frame) run(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = f.stepError(f.current, panicError(r))
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
		if st.op.Values && !st.op.Views {
			var err error
			if v, err = f.detach(slot, v); err != nil {
				return err
			}
		}
		c.In[i] = v
	}
	if o := &f.session.options; o.observed[st.node] {
		o.observe(st.node, c.In)
	}
	clear(c.Out)
	compute := st.kernel
	if f.session.options.trace != nil && f.outer == nil {
		compute = func(c *ops.Call) error { return f.traced(st, c) }
	}
	if err := compute(c); err != nil {
		return err
	}
	f.freeScratch()
	for i, slot := range st.out {
		if slot < 0 {
			continue
		}
		if c.Out[i] == nil {
			return fmt.Errorf("output %d was not computed", i)
		}
		if err := f.keep(slot, c, i); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
		f.noteShape(slot)
	}
	for _, slot := range st.last {
		f.drop(slot)
	}
	return nil
}

// noteShape writes the shape of a new value down for a recorder.
func (f *frame) noteShape(slot int) {
	if f.shapes == nil {
		return
	}
	if t, isTensor := f.values[slot].(*onnx.Tensor); isTensor {
		f.shapes[slot] = append(make([]int, 0, 8), t.Shape...)
	}
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

// detach takes a value out of the memory of frames, for operators that keep
// references to their inputs, such as those that build sequences.
func (f *frame) detach(slot int, v onnx.Value) (onnx.Value, error) {
	t, isTensor := v.(*onnx.Tensor)
	switch {
	case !isTensor:
		return v, nil
	case f.buffers[slot] != nil || f.borrowed[slot]:
		if err := f.memory.take(memoryOf(t)); err != nil {
			return nil, err
		}
		c := t.Clone()
		f.drop(slot)
		f.values[slot], f.heap[slot] = c, memoryOf(c)
	case t == &f.tensors[slot]: // a view of memory that stays, under a header that does not
		f.values[slot] = t.Reshaped(t.Shape...)
	}
	return f.value(slot), nil
}

// keep stores output i of a call in its slot. A kernel that hands on an input
// unchanged makes the slot a view of it.
func (f *frame) keep(slot int, c *ops.Call, i int) error {
	v := c.Out[i]
	t, isTensor := v.(*onnx.Tensor)
	if isTensor && t == &f.tensors[slot] {
		f.values[slot] = v
		return nil
	}
	if err := checkWhole(v); err != nil {
		return err
	}
	if isTensor {
		for in, other := range c.In {
			if other == v {
				f.values[slot] = f.Alias(c, i, in, 0, t.Shape)
				return nil
			}
		}
	}
	if isTensor && sharesMemory(t, c.In) { // strings, which are not copied
		f.values[slot] = v
		return nil
	}
	n := memoryOfValue(v)
	if err := f.memory.take(n); err != nil {
		return err
	}
	f.values[slot], f.heap[slot] = v, n
	return nil
}

// result returns the value of an output of the program as memory of its own.
func (f *frame) result(slot int) onnx.Value {
	v := f.value(slot)
	t, isTensor := v.(*onnx.Tensor)
	if !isTensor || f.program.fresh[slot] && f.heap[slot] > 0 {
		return v
	}
	return t.Clone()
}

// store gives t the type, shape and elements of an output of the program. The
// elements are in the memory of t already if they could be computed there.
func (f *frame) store(t *onnx.Tensor, slot int) error {
	x, isTensor := f.value(slot).(*onnx.Tensor)
	if !isTensor {
		return fmt.Errorf("not a tensor: use RunValues")
	}
	if x.Type == onnx.String {
		*t = *x.Clone()
		return nil
	}
	memory := t.Raw()
	if n := len(x.Raw()); cap(memory) < n || !isAligned(memory) {
		memory = onnx.AlignedBytes(n)
	} else {
		memory = memory[:n]
	}
	copy(memory, x.Raw()) // onto itself if it lies there
	t.Reset(x.Type, x.Shape, memory, nil)
	return nil
}

// isAligned reports whether memory may hold elements of any type.
func isAligned(memory []byte) bool {
	const widest = 16 // complex128, which is two float64
	return uintptr(unsafe.Pointer(unsafe.SliceData(memory)))%(widest/2) == 0
}
