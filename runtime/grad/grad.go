// Package grad computes derivatives of models by reverse-mode differentiation:
// it runs a model forward with the values that derivatives need kept, and then
// goes back through its nodes, calling for each the vector-Jacobian product of
// its operator.
//
// Everything is float32. Results do not depend on the number of threads.
package grad

import (
	"context"
	"fmt"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/ops"
	"github.com/kcompress/kcompress/runtime/pool"
)

// Graph is a model that is ready to be differentiated with respect to some of
// its initializers, the parameters. It may be used by one goroutine at a time.
type Graph struct {
	session  *runtime.Session
	recorder *runtime.Recorder
	pool     *pool.Pool
	memory   memory
	// steps are the nodes between parameters and outputs, in order.
	steps      []step
	parameters []string
	blocked    []Blocked
}

// step is a node on the way from parameters to outputs.
type step struct {
	node       *ops.Node
	derivative *derivative
	needs      []bool // by input: whether its gradient is wanted
	// caches holds what the derivative keeps between runs.
	cache cache
}

// Blocked is a node without a derivative between parameters and outputs.
type Blocked struct {
	Node, Op string
	Opset    int
}

func (b Blocked) String() string { return fmt.Sprintf("%s (%s, opset %d)", b.Node, b.Op, b.Opset) }

// New prepares the model for derivatives with respect to the named float32
// initializers. Parameters whose way to an output leads through a node without
// a derivative are left out: Parameters says which remain, Blocked why. Of the
// options, WithMaxRunBytes bounds the values that a pass keeps.
func New(m *onnx.Model, parameters []string, opts ...runtime.Option) (*Graph, error) {
	free, err := withInputs(m, parameters)
	if err != nil {
		return nil, err
	}
	s, err := runtime.New(free, opts...)
	if err != nil {
		return nil, err
	}
	g := &Graph{session: s, memory: memory{}}
	plan := newPlan(s.Steps(), m.Graph.Outputs)
	g.parameters, g.blocked = plan.differentiable(parameters)
	if len(g.parameters) < len(parameters) { // the others are constants after all
		s.Close()
		rest, err := New(m, g.parameters, opts...)
		if err == nil {
			rest.blocked = g.blocked
		}
		return rest, err
	}
	g.steps = plan.steps(g.parameters)
	if g.recorder, err = s.Recorder(keptValues(g.steps)); err != nil {
		s.Close()
		return nil, err
	}
	g.pool = pool.New(s.Threads())
	return g, nil
}

// withInputs returns a copy of m in which the named initializers are inputs.
func withInputs(m *onnx.Model, parameters []string) (*onnx.Model, error) {
	c := m.Clone()
	chosen := map[string]bool{}
	for _, name := range parameters {
		chosen[name] = true
	}
	var rest []*onnx.Tensor
	for _, t := range c.Graph.Initializers {
		if !chosen[t.Name] {
			rest = append(rest, t)
			continue
		}
		if t.Type != onnx.Float32 {
			return nil, fmt.Errorf("parameter %q is %v, expected float32", t.Name, t)
		}
		delete(chosen, t.Name)
		if c.Graph.Input(t.Name) == nil {
			c.Graph.Inputs = append(c.Graph.Inputs, inputLike(t))
		}
	}
	for name := range chosen {
		return nil, fmt.Errorf("the model has no initializer %q", name)
	}
	c.Graph.Initializers = rest
	return c, nil
}

func inputLike(t *onnx.Tensor) onnx.ValueInfo {
	shape := make([]onnx.Dim, len(t.Shape))
	for i, n := range t.Shape {
		shape[i] = onnx.Dim{Size: n}
	}
	return onnx.ValueInfo{Name: t.Name, Type: onnx.Type{Kind: onnx.TensorType, Elem: t.Type, Shape: shape, HasShape: true}}
}

// Parameters returns the names with respect to which Backward gives gradients.
func (g *Graph) Parameters() []string { return g.parameters }

// Blocked returns the nodes that keep parameters from having a gradient.
func (g *Graph) Blocked() []Blocked { return g.blocked }

// Close releases the threads of the graph.
func (g *Graph) Close() {
	g.session.Close()
	g.pool.Close()
}

// Forward runs the model. The inputs hold those of the model and the values of
// Parameters. The caller closes the pass.
func (g *Graph) Forward(ctx context.Context, inputs map[string]*onnx.Tensor) (*Pass, error) {
	r, err := g.recorder.Run(ctx, inputs)
	if err != nil {
		return nil, err
	}
	return &Pass{graph: g, values: r}, nil
}

// Pass is one forward run.
type Pass struct {
	graph  *Graph
	values *runtime.Recording
}

// Output returns an output of the model. It is valid until Close.
func (p *Pass) Output(name string) *onnx.Tensor { return p.values.Value(name) }

// Close gives the memory of the pass back.
func (p *Pass) Close() { p.values.Close() }
