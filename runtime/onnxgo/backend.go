package onnxgo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend"
	"gonum.org/v1/gonum/graph/simple"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

var _ backend.ComputationBackend = (*Backend)(nil)

// Backend is a computation graph of one model, filled by onnx-go and computed
// by the runtime of kcompress. It is for one model and one goroutine.
type Backend struct {
	opset          int // 0 means: found from the operators
	sessionOptions []runtime.Option

	graph      *simple.WeightedDirectedGraph
	nodes      []*Node // in the order of NewNode
	values     map[string]*value
	edges      []edge // of the operations to come
	decoding   bool   // no edge has been set yet
	operations []*operation
	failure    error // the first mistake in building the graph

	known   *roles                  // nil after a change of the graph
	session *session                // likewise
	inputs  map[string]*onnx.Tensor // of the last Run, nil before one
}

// Option changes how a Backend computes.
type Option func(*Backend)

// WithOpset sets the opset version of ai.onnx that the model is for, at least 1.
//
// onnx-go does not tell it. Unless it is set here, the version is 9, the newest
// that onnx-go v0.5.0 was written for, or the nearest one, newer ones first, at
// which all operators exist and take as many inputs as they have in the model.
// This is right for models of opset 7 to 12 in all but rare cases. It can not
// see changes of meaning: Softmax, LogSoftmax and Hardmax of opset 13 and later
// need WithOpset where they have more than two axes and leave axis to its
// default, or name another one than the last.
func WithOpset(version int) Option {
	return func(b *Backend) { b.opset = version }
}

// WithRuntime sets options of the runtime's sessions, such as
// runtime.WithThreads.
func WithRuntime(options ...runtime.Option) Option {
	return func(b *Backend) { b.sessionOptions = append(b.sessionOptions, options...) }
}

// New returns an empty backend for onnx.NewModel.
func New(options ...Option) *Backend {
	b := &Backend{
		graph:    simple.NewWeightedDirectedGraph(0, 0),
		values:   map[string]*value{},
		decoding: true,
	}
	for _, o := range options {
		o(b)
	}
	return b
}

// session is a prepared model and its inputs.
type session struct {
	run    *runtime.Session
	inputs []*value
	types  []onnx.DType // of the inputs
}

// Run computes the outputs of the model from its inputs and puts them into
// their nodes. The runtime is prepared on the first call, and again after a
// call that changed the graph or an initializer.
//
// All inputs must have been set. Operators that the runtime does not have give
// an *onnx.ErrNotImplemented that names all of them.
func (b *Backend) Run() error {
	b.clearResults()
	if err := b.prepare(); err != nil {
		return err
	}
	inputs, err := b.session.convertInputs()
	if err != nil {
		return err
	}
	b.inputs = inputs
	return b.compute()
}

// compute runs the session with the inputs of the last Run and stores the
// results that are not there yet.
func (b *Backend) compute() error {
	outputs, err := b.session.run.Run(context.Background(), b.inputs)
	if err != nil {
		return err
	}
	for name, t := range outputs {
		v := b.values[name]
		if v == nil || v.result != nil {
			continue
		}
		if v.result, err = fromONNX(t); err != nil {
			return fmt.Errorf("output %q: %w", name, err)
		}
	}
	return nil
}

// prepare makes a session for the graph as it is, unless there is one.
func (b *Backend) prepare() error {
	if b.session != nil {
		return nil
	}
	model, inputs, err := b.model()
	if err != nil {
		return err
	}
	run, err := runtime.New(model, b.sessionOptions...)
	if unsupported := (*runtime.UnsupportedError)(nil); errors.As(err, &unsupported) {
		return notImplemented(unsupported)
	}
	if err != nil {
		return err
	}
	s := &session{run: run, inputs: inputs}
	for _, info := range model.Graph.Inputs {
		s.types = append(s.types, info.Type.Elem)
	}
	b.session = s
	return nil
}

// changed drops what was made from the graph as it was before.
func (b *Backend) changed() {
	b.known = nil
	if b.session != nil {
		b.session.run.Close()
		b.session = nil
	}
}

func (b *Backend) clearResults() {
	b.inputs = nil
	for _, v := range b.values {
		v.result = nil
	}
}

// convertInputs returns the present tensors of the inputs by name. They share
// the memory of the caller's where that is in row-major order.
func (s *session) convertInputs() (map[string]*onnx.Tensor, error) {
	inputs := map[string]*onnx.Tensor{}
	for i, v := range s.inputs {
		t, err := toONNX(v.tensor)
		if err == nil {
			t, err = exactly(t, s.types[i])
		}
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", v.name, err)
		}
		inputs[v.name] = t
	}
	return inputs, nil
}

// notImplemented is the error that programs on onnx-go look for.
func notImplemented(err *runtime.UnsupportedError) error {
	var names []string
	for _, n := range err.Nodes {
		names = append(names, n.Op)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return &onnxgo.ErrNotImplemented{Operator: fmt.Sprint(names), Message: err.Error()}
}
