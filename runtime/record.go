package runtime

import (
	"context"
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// Step is one node as a run computes it. Calls of functions are expanded, and
// what does not depend on the inputs of the model is not among the steps.
type Step struct {
	Node *onnx.Node
	// Opset is the version of the operator set of the node's domain.
	Opset int
}

// Steps returns what a run computes, in order: the nodes of the model, whether
// or not the session fuses some of them.
func (s *Session) Steps() []Step {
	return slices.Clone(s.program.unfused)
}

// Recorder runs a model and keeps values between its nodes, for computing
// derivatives.
type Recorder struct {
	session *Session
	program *program
}

// Recorder returns a recorder that keeps the named values, which are inputs or
// outputs of Steps.
func (s *Session) Recorder(names []string) (*Recorder, error) {
	m, g := *s.model, *s.model.Graph
	g.Outputs = slices.Clone(g.Outputs)
	for _, name := range names {
		if g.Output(name) == nil {
			g.Outputs = append(g.Outputs, onnx.ValueInfo{Name: name})
		}
	}
	m.Graph = &g
	p, err := compileUnfused(&m, s)
	if err != nil {
		return nil, err
	}
	p.recorded = true
	return &Recorder{session: s, program: p}, nil
}

// Run computes the model for the inputs and returns the values that it met.
// The caller closes the recording.
func (r *Recorder) Run(ctx context.Context, inputs map[string]*onnx.Tensor) (*Recording, error) {
	p := r.program
	f := r.session.takeFrame(p, nil)
	if err := p.checkInputs(tensorInputs(inputs), f.symbols); err != nil {
		r.session.giveFrame(f)
		return nil, r.session.inputError(err)
	}
	if f.shapes == nil {
		f.shapes = make([][]int, p.slots)
	}
	for i, slot := range p.inputs {
		f.setValue(slot, inputs[p.inputInfos[i].Name])
		f.noteShape(slot)
	}
	if err := f.run(ctx); err != nil {
		r.session.giveFrame(f)
		return nil, err
	}
	return &Recording{frame: f}, nil
}

// Recording holds the values of one run. They lie in memory of the session,
// which Close gives back for the next run.
type Recording struct{ frame *frame }

// Value returns a kept value, an input, an output or a constant; nil for all
// others and for what is no tensor. It must not be changed, nor used after
// Close.
func (r *Recording) Value(name string) *onnx.Tensor {
	slot, ok := r.frame.program.names[name]
	if !ok {
		return nil
	}
	t, _ := r.frame.value(slot).(*onnx.Tensor)
	return t
}

// Shape returns the shape of a value of the run, kept or not.
func (r *Recording) Shape(name string) ([]int, error) {
	if t := r.Value(name); t != nil {
		return t.Shape, nil
	}
	slot, ok := r.frame.program.names[name]
	if !ok || r.frame.shapes[slot] == nil {
		return nil, fmt.Errorf("the run met no tensor %q", name)
	}
	return r.frame.shapes[slot], nil
}

// Close gives the memory of the recording back.
func (r *Recording) Close() { r.frame.session.giveFrame(r.frame) }
