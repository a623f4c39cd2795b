// Package runtime runs ONNX models in pure Go.
//
// Open reads a model and prepares it: functions are expanded, what does not
// depend on the inputs is computed once, weights are packed for the kernels of
// this CPU. Run then computes the outputs; any number of goroutines may run one
// session at once.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
	"github.com/kcompress/kcompress/runtime/pool"
)

// Session is a model that is ready to run.
type Session struct {
	model   *onnx.Model
	program *program
	pool    *pool.Pool
	options options
	closed  atomic.Bool

	// defaults are the inputs with an initializer, which Run may leave out.
	defaults map[string]bool

	mutex     sync.Mutex                   // guards what follows and the idle frames of all programs
	variants  map[string]*program          // by the names of the defaults given to Run
	constants map[constantKey]*onnx.Tensor // those that runs do not need, for Constant
}

type options struct {
	threads        int
	maxTensorBytes int
	maxRunBytes    int
	trace          func(NodeTime)
	operators      []ops.Operator
	observed       map[*onnx.Node]bool
	observe        func(n *onnx.Node, inputs []onnx.Value)
}

// Option changes how a session is made.
type Option func(*options)

// WithThreads sets the number of threads that one run uses; 0, the default, is
// one per CPU that Go may use.
func WithThreads(n int) Option { return func(o *options) { o.threads = n } }

// WithMaxTensorBytes bounds the memory that any one tensor may take during a
// run, so that a small model can not exhaust the machine. The default is 64
// times the size of the model's weights, and at least 512 MiB.
func WithMaxTensorBytes(n int) Option { return func(o *options) { o.maxTensorBytes = n } }

// WithMaxRunBytes bounds the memory that the values of one run may take
// together at any moment. The default is four times the limit for one tensor.
func WithMaxRunBytes(n int) Option { return func(o *options) { o.maxRunBytes = n } }

// WithObserver calls f with the inputs of the given nodes of the model's graph
// and its subgraphs, each time before one of them runs. The values must not be
// changed, nor used after f returns.
func WithObserver(nodes map[*onnx.Node]bool, f func(n *onnx.Node, inputs []onnx.Value)) Option {
	return func(o *options) { o.observed, o.observe = nodes, f }
}

// Open reads the model in the file and prepares it.
func Open(path string, opts ...Option) (*Session, error) {
	m, err := onnx.Load(path)
	if err != nil {
		return nil, err
	}
	return New(m, opts...)
}

// New prepares a model that is already in memory. The session shares the
// tensors of the model, which must not be changed any more.
func New(m *onnx.Model, opts ...Option) (*Session, error) {
	if m == nil || m.Graph == nil {
		return nil, errors.New("the model has no graph")
	}
	s := &Session{model: m, defaults: defaultInputs(m.Graph), variants: map[string]*program{}, constants: map[constantKey]*onnx.Tensor{}}
	for _, opt := range opts {
		opt(&s.options)
	}
	if err := checkOperators(s.options.operators); err != nil {
		return nil, err
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	if s.options.maxTensorBytes <= 0 {
		s.options.maxTensorBytes = max(512<<20, 64*storedBytes(m))
	}
	if s.options.maxRunBytes <= 0 {
		s.options.maxRunBytes = 4 * s.options.maxTensorBytes
	}
	s.pool = pool.New(s.options.threads)
	goruntime.AddCleanup(s, func(p *pool.Pool) { p.Close() }, s.pool)
	p, err := compileModel(m, s, nil)
	if err != nil {
		s.pool.Close()
		return nil, err
	}
	s.program = p
	return s, nil
}

func defaultInputs(g *onnx.Graph) map[string]bool {
	inputs := map[string]bool{}
	for _, info := range g.Inputs {
		inputs[info.Name] = true
	}
	defaults := map[string]bool{}
	for _, t := range g.Initializers {
		if inputs[t.Name] {
			defaults[t.Name] = true
		}
	}
	return defaults
}

// Close releases the threads of the session, which no Run may be using. Run
// gives ErrClosed from then on. It is optional: a session that nobody refers to
// any more is cleaned up.
func (s *Session) Close() {
	s.closed.Store(true)
	s.pool.Close()
}

// Model returns the model that the session was made from.
func (s *Session) Model() *onnx.Model { return s.model }

// Threads returns the number of threads that a run uses.
func (s *Session) Threads() int { return s.pool.Threads() }

// Inputs returns the inputs that Run takes, without those that have a default:
// an initializer of the same name, which Run takes another value for if it is
// given one.
func (s *Session) Inputs() []onnx.ValueInfo { return slices.Clone(s.program.inputInfos) }

// Outputs returns the outputs that Run gives.
func (s *Session) Outputs() []onnx.ValueInfo { return slices.Clone(s.program.outputInfos) }

// Run computes all outputs for the inputs given by name. The result's tensors
// belong to the caller. It stops between nodes, and between the iterations of
// loops, when ctx is done. Errors wrap ErrInput if the inputs do not fit the
// model, and are of type *NodeError if a node fails.
func (s *Session) Run(ctx context.Context, inputs map[string]*onnx.Tensor) (map[string]*onnx.Tensor, error) {
	f, err := s.runFrame(ctx, tensorInputs(inputs), nil)
	if err != nil {
		return nil, err
	}
	defer s.giveFrame(f)
	p := f.program
	tensors := make(map[string]*onnx.Tensor, len(p.outputs))
	for i, slot := range p.outputs {
		name := p.outputInfos[i].Name
		t, ok := f.result(slot).(*onnx.Tensor)
		if !ok {
			return nil, fmt.Errorf("output %q is not a tensor: use RunValues", name)
		}
		tensors[name] = t
	}
	return tensors, nil
}

// RunInto is Run with memory of the caller's for the results, so that a run in
// steady state allocates nothing. outputs holds tensors by the names of outputs,
// such as those that Run gave before: each is given the type, shape and elements
// of the result, in its own memory if that is large enough. Outputs that are not
// among them are not handed out. The tensors must share no memory with each
// other or with inputs. After an error their content is unknown.
func (s *Session) RunInto(ctx context.Context, inputs, outputs map[string]*onnx.Tensor) error {
	for name, t := range outputs {
		if t == nil {
			return fmt.Errorf("output %q is nil: give an empty tensor", name)
		}
		if s.model.Graph.Output(name) == nil {
			return fmt.Errorf("there is no output %q", name)
		}
	}
	f, err := s.runFrame(ctx, tensorInputs(inputs), outputs)
	if err != nil {
		return err
	}
	defer s.giveFrame(f)
	for i, slot := range f.program.outputs {
		if t := outputs[f.program.outputInfos[i].Name]; t != nil {
			if err := f.store(t, slot); err != nil {
				return fmt.Errorf("output %q: %w", f.program.outputInfos[i].Name, err)
			}
		}
	}
	return nil
}

// RunValues is Run for models with sequences, optionals or maps among their
// inputs or outputs.
func (s *Session) RunValues(ctx context.Context, inputs map[string]onnx.Value) (map[string]onnx.Value, error) {
	f, err := s.runFrame(ctx, valueInputs(inputs), nil)
	if err != nil {
		return nil, err
	}
	defer s.giveFrame(f)
	p := f.program
	results := make(map[string]onnx.Value, len(p.outputs))
	for i, slot := range p.outputs {
		results[p.outputInfos[i].Name] = owned(f.result(slot))
	}
	return results, nil
}

// runFrame runs the model and returns the frame that holds the results. into may
// hold tensors to compute outputs in.
func (s *Session) runFrame(ctx context.Context, inputs inputSet, into map[string]*onnx.Tensor) (*frame, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	p, err := s.programFor(inputs)
	if err != nil {
		return nil, err
	}
	f := s.takeFrame(p, nil)
	if err := p.checkInputs(inputs, f.symbols); err != nil {
		s.giveFrame(f)
		return nil, s.inputError(err)
	}
	for i, slot := range p.inputs {
		v, _ := inputs.value(p.inputInfos[i].Name)
		f.setValue(slot, v)
	}
	for i, slot := range p.outputs {
		if t := into[p.outputInfos[i].Name]; t != nil && isAligned(t.Raw()) {
			f.into[slot] = t.Raw()
		}
	}
	if err := f.run(ctx); err != nil {
		s.giveFrame(f)
		return nil, err
	}
	return f, nil
}

// programFor returns the program for runs with these inputs: the usual one, or
// one in which the initializers that the caller gives anew are inputs.
func (s *Session) programFor(inputs inputSet) (*program, error) {
	var overridden map[string]bool
	for name := range s.defaults {
		if _, given := inputs.value(name); given {
			if overridden == nil {
				overridden = map[string]bool{}
			}
			overridden[name] = true
		}
	}
	if overridden == nil {
		return s.program, nil
	}
	names := slices.Sorted(maps.Keys(overridden))
	key := strings.Join(names, "\x00")
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if p := s.variants[key]; p != nil {
		return p, nil
	}
	p, err := compileModel(s.model, s, overridden)
	if err != nil {
		return nil, err
	}
	if len(s.variants) >= maxVariants {
		clear(s.variants)
	}
	s.variants[key] = p
	return p, nil
}

// maxVariants bounds the programs kept for runs with some initializers given
// anew: there are as many as there are sets of them.
const maxVariants = 16

func (s *Session) inputError(err error) error {
	if s.model.Path != "" {
		return fmt.Errorf("%s: %w", s.model.Path, err)
	}
	return err
}

// takeFrame returns a frame for one run of p, reusing an idle one.
func (s *Session) takeFrame(p *program, outer *frame) *frame {
	s.mutex.Lock()
	var f *frame
	if n := len(p.idle); n > 0 {
		f = p.idle[n-1]
		p.idle = p.idle[:n-1]
	}
	s.mutex.Unlock()
	if f == nil {
		f = newFrame(s, p)
	}
	f.outer = outer
	if outer != nil {
		f.memory = outer.memory
	} else {
		f.total = memory{s.options.maxRunBytes, s.options.maxRunBytes}
		f.memory = &f.total
	}
	return f
}

// giveFrame puts a frame back for the next run.
func (s *Session) giveFrame(f *frame) {
	f.clear()
	f.arena.endRun()
	s.mutex.Lock()
	if p := f.program; len(p.idle) < 2*goruntime.GOMAXPROCS(0) {
		p.idle = append(p.idle, f)
	}
	s.mutex.Unlock()
}
