package fit

import (
	"context"
	"slices"

	"github.com/kcompress/kcompress/fit/choose"
	"github.com/kcompress/kcompress/fit/measure"
)

// relaxations are the bounds on the loss before distillation, as multiples of
// the one asked for, that are tried one after the other: distillation takes the
// loss of a model down by about as much as the first.
var relaxations = []float64{4, 2, 1}

// relaxed is the multiple that the bound has now.
func (p *pipeline) relaxed() float64 {
	if !p.relaxes() {
		return 1
	}
	return relaxations[min(p.tried, len(relaxations)-1)]
}

// relaxes tells whether the loss after distillation is what is bounded.
func (p *pipeline) relaxes() bool {
	return p.options.MaxLoss > 0 && p.options.Distil != 0 && p.trainData != nil && !p.decided
}

// chooseAndDistil chooses, and distils what was chosen. With a bound on the loss,
// smaller models than those within it are tried first, which distillation may
// bring within it.
func (p *pipeline) chooseAndDistil(ctx context.Context) error {
	fitted := make([]choose.Ladder, len(p.ladders))
	for i, l := range p.ladders {
		fitted[i] = l
		fitted[i].Candidates = slices.Clone(l.Candidates)
	}
	for {
		if err := p.choose(ctx); err != nil {
			return err
		}
		if err := p.compare(ctx); err != nil {
			return err
		}
		if err := p.reconstruct(ctx); err != nil {
			return err
		}
		if err := p.distil(ctx); err != nil {
			return err
		}
		p.tried++
		if !p.relaxes() || p.tried == len(relaxations) {
			break
		}
		within, err := p.isWithin(ctx)
		if err != nil {
			return err
		}
		if within {
			break
		}
		for i, l := range fitted { // distillation changed the chains
			p.ladders[i].Candidates = slices.Clone(l.Candidates)
		}
		p.trained, p.trainedFrom = nil, nil
	}
	p.decided = true
	return nil
}

// isWithin measures the distilled model, rounded, on the data that is chosen on.
func (p *pipeline) isWithin(ctx context.Context) (bool, error) {
	teacher, err := measure.Run(ctx, p.teacher, p.chooseData)
	if err != nil {
		return false, err
	}
	d, err := p.distanceAs(ctx, p.selection, p.options.Weights, p.chooseData, teacher)
	if err != nil {
		return false, err
	}
	p.decided = true
	within := p.acceptable(d)
	p.decided = false
	return within, nil
}
