package distil

import (
	"context"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// aware is the share of the steps that run on rounded factors.
const aware = 1.0 / 3

// step trains on one batch: the step of that number of a run of so many.
func (t *trainer) step(ctx context.Context, number, of int) error {
	inputs := t.batches.next()
	t.drawn++
	targets, err := t.teacher.Run(ctx, inputs)
	if err != nil {
		return err
	}
	rounded := t.options.Int8Aware && float64(number) >= (1-aware)*float64(of)
	loss, gradients, err := t.loss(ctx, example{inputs, targets}, rounded, true)
	if err != nil {
		return err
	}
	t.done++
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		t.diverged = true
		return nil
	}
	rate, momentum := oneCycle(number, of)
	rate *= t.rate
	t.pool.For(len(t.parameters), 1, func(i, _ int) {
		p := t.parameters[i]
		if p.chain != nil {
			p.update(gradients[p.name], rate, momentum)
		} else {
			p.update(gradients[p.name], rate*otherRate, momentum)
		}
	})
	t.limitSteps()
	if t.options.Progress != nil {
		t.options.Progress(t.done, t.steps, loss)
	}
	return nil
}

// otherRate is the rate of biases and normalisations over that of factors.
const otherRate = 0.5

// whole runs the student on an example at once.
func (t *trainer) whole(ctx context.Context, e example, rounded, wantGradients bool) (float64, map[string][]float32, error) {
	feeds := make(map[string]*onnx.Tensor, len(e.inputs)+len(t.parameters))
	for name, x := range e.inputs {
		feeds[name] = x
	}
	for _, p := range t.parameters {
		feeds[p.name] = p.tensor(rounded)
	}
	pass, err := t.graph.Forward(ctx, feeds)
	if err != nil {
		return 0, nil, err
	}
	defer pass.Close()
	total := 0.0
	outputs := map[string][]float32{}
	for _, l := range t.losses {
		loss, gradient, err := l.compute(t.pool, e, pass.Output(l.name), wantGradients)
		if err != nil {
			return 0, nil, err
		}
		total += loss
		if gradient != nil {
			outputs[l.name] = gradient
		}
	}
	if !wantGradients {
		return total, nil, nil
	}
	gradients, err := pass.Backward(ctx, outputs)
	return total, gradients, err
}

// measure returns the mean loss over the data held back, every batch weighted
// by its samples.
func (t *trainer) measure(ctx context.Context) (float64, error) {
	total, samples := 0.0, 0
	for _, e := range t.held {
		loss, _, err := t.loss(ctx, e, t.options.Int8Aware, false)
		if err != nil {
			return 0, err
		}
		n := batchSize(e.inputs)
		total += loss * float64(n)
		samples += n
	}
	return total / float64(samples), nil
}

// snapshot copies the values of all parameters.
func (t *trainer) snapshot() map[string]*onnx.Tensor {
	values := make(map[string]*onnx.Tensor, len(t.parameters))
	for _, p := range t.parameters {
		c := p.value.Clone()
		c.Name = p.name
		values[p.name] = c
	}
	return values
}

// withValues returns a copy of the model with other values of initializers.
func withValues(m *onnx.Model, values map[string]*onnx.Tensor) *onnx.Model {
	c := m.Clone()
	for i, t := range c.Graph.Initializers {
		if v := values[t.Name]; v != nil {
			c.Graph.Initializers[i] = v
		}
	}
	return c
}
