package distil

import (
	"context"

	"github.com/kcompress/kcompress/onnx"
)

// How the rate is found. A student that is far from its teacher needs rates
// that ruin one that is near: on three models the best were from 0.0002 to
// 0.002. Losses after few steps favour small rates, so that the long run takes
// longRun times the best.
const (
	firstProbe            = 6e-4
	probeFactor           = 3
	leastProbe            = 2e-5
	mostProbe             = 6e-3
	longRun               = 2
	probeShare            = 15 // a probe takes this part of the steps
	leastSteps, mostSteps = 8, 40
)

// findRate tries rates, each in a short run from the start, as long as a smaller
// or larger one does better. The values that did best are what training goes on
// from. It leaves the rate in t.rate.
func (t *trainer) findRate(ctx context.Context, l *progress) error {
	start := l.best
	chosen, values := firstProbe, start
	least, err := t.probe(ctx, firstProbe, start, l)
	if err != nil {
		return err
	}
	if !t.diverged {
		values = t.snapshot()
	}
	for _, factor := range []float64{1.0 / probeFactor, probeFactor} {
		moved := false
		for rate := chosen * factor; rate >= leastProbe && rate <= mostProbe && t.done < t.steps; rate *= factor {
			loss, err := t.probe(ctx, rate, start, l)
			if err != nil {
				return err
			}
			if t.diverged || loss >= least {
				break
			}
			least, chosen, values, moved = loss, rate, t.snapshot(), true
		}
		if moved {
			break
		}
	}
	t.diverged, t.rate, t.probed = false, longRun*chosen, t.done
	if least > l.before { // nothing was gained: begin where the student was
		values = start
	}
	t.restore(values)
	return nil
}

// probe trains for a short run at a rate, from given values, and returns the
// loss on the data held back.
func (t *trainer) probe(ctx context.Context, rate float64, start map[string]*onnx.Tensor, l *progress) (float64, error) {
	t.restore(start)
	t.rate, t.diverged = rate, false
	steps := max(leastSteps, min(mostSteps, t.steps/probeShare))
	for number := range steps {
		if t.done >= t.steps || t.diverged {
			break
		}
		if err := t.step(ctx, number, steps); err != nil {
			return 0, err
		}
	}
	if t.diverged {
		return l.before, nil
	}
	loss, err := t.measure(ctx)
	if err == nil {
		l.update(loss, t)
	}
	return loss, err
}

// restore sets all parameters to values, with Adam as it was at the start.
func (t *trainer) restore(values map[string]*onnx.Tensor) {
	for _, p := range t.parameters {
		copy(p.value.Float32s(), values[p.name].Float32s())
		clear(p.first)
		clear(p.second)
		p.firstWeight, p.secondWeight = 0, 0
	}
}
