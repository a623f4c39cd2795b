// Package runtime runs ONNX models in pure Go.
//
// Open reads a model and prepares it: functions are expanded, what does not
// depend on the inputs is computed once, weights are packed for the kernels of
// this CPU. Run then computes the outputs; any number of goroutines may run one
// session at once.
package runtime

import (
	"context"
	"fmt"
	"maps"
	goruntime "runtime"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/pool"
)

// Session is a model that is ready to run.
type Session struct {
	model   *onnx.Model
	program *program
	pool    *pool.Pool
	options options

	// defaults are the inputs with an initializer, which Run may leave out.
	defaults map[string]bool

	mutex    sync.Mutex
	idle     map[*program][]*frame
	variants map[string]*program // by the names of the defaults given to Run
}

type options struct {
	threads        int
	maxTensorBytes int
	trace          func(*onnx.Node, int64)
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

// WithTrace calls f after every node with the time that it took in
// nanoseconds. Nodes of subgraphs count in the node that holds them.
func WithTrace(f func(node *onnx.Node, nanoseconds int64)) Option {
	return func(o *options) { o.trace = f }
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
	s := &Session{model: m, defaults: defaultInputs(m.Graph), idle: map[*program][]*frame{}, variants: map[string]*program{}}
	for _, opt := range opts {
		opt(&s.options)
	}
	if s.options.maxTensorBytes <= 0 {
		s.options.maxTensorBytes = max(512<<20, 64*weightBytes(m))
	}
	if err := m.Check(); err != nil {
		return nil, err
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

func weightBytes(m *onnx.Model) int {
	n := 0
	for _, t := range m.Graph.Initializers {
		n += t.Bytes()
	}
	return n
}

// Close releases the threads of the session. It is optional: a session that
// nobody refers to any more is cleaned up.
func (s *Session) Close() { s.pool.Close() }

// Model returns the model that the session was made from.
func (s *Session) Model() *onnx.Model { return s.model }

// Threads returns the number of threads that a run uses.
func (s *Session) Threads() int { return s.pool.Threads() }

// Inputs returns the inputs that Run takes, without those that have a default.
func (s *Session) Inputs() []onnx.ValueInfo { return s.program.inputInfos }

// Outputs returns the outputs that Run gives.
func (s *Session) Outputs() []onnx.ValueInfo { return s.program.outputInfos }

// Run computes all outputs for the inputs given by name. The result's tensors
// belong to the caller. It stops between nodes when ctx is done.
func (s *Session) Run(ctx context.Context, inputs map[string]*onnx.Tensor) (map[string]*onnx.Tensor, error) {
	values := make(map[string]onnx.Value, len(inputs))
	for name, t := range inputs {
		values[name] = t
	}
	results, err := s.RunValues(ctx, values)
	if err != nil {
		return nil, err
	}
	tensors := make(map[string]*onnx.Tensor, len(results))
	for name, v := range results {
		t, ok := v.(*onnx.Tensor)
		if !ok {
			return nil, fmt.Errorf("output %q is not a tensor: use RunValues", name)
		}
		tensors[name] = t
	}
	return tensors, nil
}

// RunValues is Run for models with sequences, optionals or maps among their
// inputs or outputs.
func (s *Session) RunValues(ctx context.Context, inputs map[string]onnx.Value) (map[string]onnx.Value, error) {
	p, err := s.programFor(inputs)
	if err != nil {
		return nil, err
	}
	if err := p.checkInputs(inputs); err != nil {
		return nil, s.inputError(err)
	}
	f := s.takeFrame(p, nil)
	defer s.giveFrame(f)
	for i, slot := range p.inputs {
		f.setValue(slot, inputs[p.inputInfos[i].Name])
	}
	if err := f.run(ctx); err != nil {
		return nil, err
	}
	results := make(map[string]onnx.Value, len(p.outputs))
	for i, slot := range p.outputs {
		results[p.outputInfos[i].Name] = f.result(slot)
	}
	return results, nil
}

// programFor returns the program for runs with these inputs: the usual one, or
// one in which the initializers that the caller gives anew are inputs.
func (s *Session) programFor(inputs map[string]onnx.Value) (*program, error) {
	overridden := map[string]bool{}
	for name := range inputs {
		if s.defaults[name] {
			overridden[name] = true
		}
	}
	if len(overridden) == 0 {
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
	if err == nil {
		s.variants[key] = p
	}
	return p, err
}

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
	if idle := s.idle[p]; len(idle) > 0 {
		f = idle[len(idle)-1]
		s.idle[p] = idle[:len(idle)-1]
	}
	s.mutex.Unlock()
	if f == nil {
		f = newFrame(s, p)
	}
	f.outer = outer
	return f
}

// giveFrame puts a frame back for the next run.
func (s *Session) giveFrame(f *frame) {
	f.clear()
	s.mutex.Lock()
	if len(s.idle[f.program]) < 2*goruntime.GOMAXPROCS(0) {
		s.idle[f.program] = append(s.idle[f.program], f)
	}
	s.mutex.Unlock()
}

// checkInputs compares given inputs with what the graph declares: names,
// element types, ranks, fixed sizes, and that one symbol is one size.
func (p *program) checkInputs(inputs map[string]onnx.Value) error {
	symbols := map[string]int{}
	for _, info := range p.inputInfos {
		v, ok := inputs[info.Name]
		if !ok {
			return fmt.Errorf("%w: input %q is missing (the model takes %s)", ErrInput, info.Name, describeInputs(p.inputInfos))
		}
		if info.Type.Kind != onnx.TensorType {
			continue
		}
		t, isTensor := v.(*onnx.Tensor)
		if !isTensor || t == nil {
			return fmt.Errorf("%w: input %q must be a tensor", ErrInput, info.Name)
		}
		if err := checkTensor(info, t, symbols); err != nil {
			return err
		}
	}
	for name := range inputs {
		if !p.hasInput(name) {
			return fmt.Errorf("%w: there is no input %q (the model takes %s)", ErrInput, name, describeInputs(p.inputInfos))
		}
	}
	return nil
}

func checkTensor(info onnx.ValueInfo, t *onnx.Tensor, symbols map[string]int) error {
	if info.Type.Elem != onnx.Undefined && t.Type != info.Type.Elem {
		return fmt.Errorf("%w: input %q must be %v, got %v", ErrInput, info.Name, info.Type.Elem, t.Type)
	}
	if !info.Type.HasShape {
		return nil
	}
	if len(t.Shape) != len(info.Type.Shape) {
		return fmt.Errorf("%w: input %q must have %d axes, got shape %v", ErrInput, info.Name, len(info.Type.Shape), t.Shape)
	}
	for axis, d := range info.Type.Shape {
		size := t.Shape[axis]
		if d.Known() && d.Size != size {
			return fmt.Errorf("%w: input %q must have size %d on axis %d, got shape %v", ErrInput, info.Name, d.Size, axis, t.Shape)
		}
		if d.Symbol == "" || d.Known() {
			continue
		}
		if before, seen := symbols[d.Symbol]; seen && before != size {
			return fmt.Errorf("%w: input %q has size %d on axis %d, but %q is %d elsewhere", ErrInput, info.Name, size, axis, d.Symbol, before)
		}
		symbols[d.Symbol] = size
	}
	return nil
}

func (p *program) hasInput(name string) bool {
	for _, info := range p.inputInfos {
		if info.Name == name {
			return true
		}
	}
	return false
}

func describeInputs(infos []onnx.ValueInfo) string {
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = fmt.Sprintf("%s %v", info.Name, info.Type.Elem)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}

// Constant returns the value with that name in the model's graph if it does
// not depend on the inputs, else nil. It must not be changed.
func (s *Session) Constant(name string) *onnx.Tensor {
	slot, ok := s.program.names[name]
	if !ok {
		return nil
	}
	t, _ := s.program.constants[slot].(*onnx.Tensor)
	return t
}
