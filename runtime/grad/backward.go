package grad

import (
	"context"
	"fmt"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// heldFloats bounds the numbers that are kept between runs for gradients of
// values: 1 GiB.
const heldFloats = 1 << 28

// Backward returns the gradient of a loss with respect to each parameter, in
// the shape of the parameter, given its gradient with respect to outputs of the
// model in their shapes. Parameters that the loss does not depend on get zeros.
func (p *Pass) Backward(ctx context.Context, outputs map[string][]float32) (gradients map[string][]float32, err error) {
	b := &backward{graph: p.graph, pass: p, gradients: map[string][]float32{}}
	var at *step
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v", r)
		}
		if err != nil && at != nil {
			err = fmt.Errorf("derivative of node %s (%s, opset %d): %w", describe(at.node.Node), at.node.Op, at.node.Opset, err)
		}
	}()
	if err := b.start(outputs); err != nil {
		return nil, err
	}
	steps := p.graph.steps
	for i := len(steps) - 1; i >= 0; i-- {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at = &steps[i]
		if err := b.through(at); err != nil {
			return nil, err
		}
	}
	at = nil
	return b.finish()
}

// backward is one way back.
type backward struct {
	graph     *Graph
	pass      *Pass
	gradients map[string][]float32 // of values, as far as they are known
}

func (b *backward) start(outputs map[string][]float32) error {
	for name, given := range outputs {
		t := b.pass.Output(name)
		if t == nil || t.Type != onnx.Float32 || t.Len() != len(given) {
			return fmt.Errorf("gradient of %d numbers for output %q, which is %v", len(given), name, t)
		}
		g := b.graph.memory.take(len(given))
		copy(g, given)
		b.gradients[name] = g
	}
	return nil
}

// through goes back through one node: it takes the gradients of its outputs
// and adds to those of its inputs.
func (b *backward) through(s *step) error {
	c, reached, err := b.call(s)
	if err != nil || !reached {
		return err
	}
	if err := s.derivative.backward(c); err != nil {
		return err
	}
	handedOn := make([]bool, len(c.grads))
	for i, r := range c.results {
		if r == nil {
			continue
		}
		for j, g := range c.grads {
			handedOn[j] = handedOn[j] || same(g, r)
		}
		b.add(s.node.Inputs[i], r)
	}
	for j, g := range c.grads {
		if g != nil && !handedOn[j] {
			b.graph.memory.give(g)
		}
	}
	return nil
}

// call collects what the derivative of a node needs; reached is false if the loss
// does not depend on the node.
func (b *backward) call(s *step) (c *call, reached bool, err error) {
	n := s.node
	c = &call{
		node: &ops.Node{Node: n.Node, Opset: n.Opset}, pool: b.graph.pool, memory: b.graph.memory, cache: s.cache, needs: s.needs,
		in: make([]*onnx.Tensor, len(n.Inputs)), inShapes: make([][]int, len(n.Inputs)), results: make([][]float32, len(n.Inputs)),
		out: make([]*onnx.Tensor, len(n.Outputs)), outShapes: make([][]int, len(n.Outputs)), grads: make([][]float32, len(n.Outputs)),
	}
	for i, name := range n.Outputs {
		if name == "" {
			continue
		}
		if c.grads[i] = b.gradients[name]; c.grads[i] != nil {
			reached = reached || len(c.grads[i]) > 0
			delete(b.gradients, name)
		}
	}
	if !reached {
		return c, false, nil
	}
	values := b.pass.values
	for i, name := range n.Inputs {
		if name == "" {
			continue
		}
		if c.inShapes[i], err = values.Shape(name); err != nil {
			return c, true, err
		}
		if s.readsInput(i) {
			c.in[i] = values.Value(name)
		}
	}
	for i, name := range n.Outputs {
		if name == "" {
			continue
		}
		if c.outShapes[i], err = values.Shape(name); err != nil {
			return c, true, err
		}
		if s.readsOutput(i) {
			c.out[i] = values.Value(name)
		}
	}
	return c, true, nil
}

// add makes g, or its sum with what is there, the gradient of a value.
func (b *backward) add(name string, g []float32) {
	sum := b.gradients[name]
	if sum == nil {
		b.gradients[name] = g
		return
	}
	b.graph.pool.For(len(sum), elementsPerRange, func(from, to int) {
		vec.Add(sum[from:to], sum[from:to], g[from:to])
	})
	b.graph.memory.give(g)
}

// finish hands the gradients of the parameters out.
func (b *backward) finish() (map[string][]float32, error) {
	m := b.graph.memory
	result := make(map[string][]float32, len(b.graph.parameters))
	for _, name := range b.graph.parameters {
		if g := b.gradients[name]; g != nil {
			result[name] = g
			delete(b.gradients, name)
			continue
		}
		shape, err := b.pass.values.Shape(name)
		if err != nil {
			return nil, err
		}
		result[name] = make([]float32, sizeOf(shape))
	}
	for _, g := range b.gradients {
		m.give(g)
	}
	m.trim(heldFloats)
	return result, nil
}
