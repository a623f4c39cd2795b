package fit

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/choose"
	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/fit/factorise"
	"github.com/kcompress/kcompress/fit/measure"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

const (
	// reconstructedGroups is in how many groups, by their depth, the chains of a
	// model are fitted again.
	reconstructedGroups = 6
	// reconstructedSteps is the number of Adam steps for a chain that is.
	reconstructedSteps = 150
)

// reconstruct fits the selected chains again, from the first layers to the last,
// to the original's outputs on the inputs that they have in the compressed model:
// errors of the layers before are made up for, not piled up. It needs no
// derivatives of the model, so it serves layers, too, that distillation does not
// reach. A group is kept as it was if that does better on the data that is chosen
// on.
func (p *pipeline) reconstruct(ctx context.Context) error {
	if !p.options.Reconstruct || p.chooseData == nil || !p.hasChains() {
		return nil
	}
	data := p.chooseData.Limit(maxProbed)
	teacher, err := measure.Run(ctx, p.teacher, data)
	if err != nil {
		return err
	}
	best, err := p.distance(ctx, p.selection, data, teacher)
	if errors.Is(err, measure.ErrNothingToCompare) {
		return nil
	}
	if err != nil {
		return err
	}
	groups := p.groupsByDepth()
	for i, group := range groups {
		before, err := p.refit(ctx, group)
		if err != nil {
			return err
		}
		d, err := p.distance(ctx, p.selection, data, teacher)
		if err != nil {
			return err
		}
		if d.Loss() < best.Loss() {
			best = d
		} else {
			p.setChains(group, before)
		}
		p.tell(Event{Stage: "reconstruct", Done: i + 1, Total: len(groups), Error: best.Loss()})
	}
	return nil
}

// groupsByDepth returns the numbers of the layers that chains replace, in groups,
// in the order of a run.
func (p *pipeline) groupsByDepth() [][]int {
	depth := map[*onnx.Node]int{}
	for i, n := range p.model.Graph.Nodes {
		depth[n] = i
	}
	var order []int
	for i, l := range p.layers {
		if p.candidateOf(i).Chain != nil && !l.Uses[0].Nested {
			order = append(order, i)
		}
	}
	sort.SliceStable(order, func(a, b int) bool {
		return depth[p.layers[order[a]].Uses[0].Node] < depth[p.layers[order[b]].Uses[0].Node]
	})
	var groups [][]int
	for g := range reconstructedGroups {
		from, to := g*len(order)/reconstructedGroups, (g+1)*len(order)/reconstructedGroups
		if from < to {
			groups = append(groups, order[from:to])
		}
	}
	return groups
}

// candidateOf is the candidate that was selected for a layer.
func (p *pipeline) candidateOf(i int) *choose.Candidate {
	return &p.ladders[i].Candidates[p.selection[i]]
}

// refit fits the chains of a group of layers again and returns the candidates
// that they were.
func (p *pipeline) refit(ctx context.Context, group []int) ([]choose.Candidate, error) {
	student, err := p.assemble(p.selection, compact.FP32)
	if err != nil {
		return nil, err
	}
	var layers []*discover.Layer
	before := make([]choose.Candidate, len(group))
	for at, i := range group {
		layers = append(layers, p.layers[i])
		before[at] = *p.candidateOf(i)
	}
	pairs, err := calibrate.Pairs(ctx, p.model, student, layers, p.fitData, p.options.Threads)
	if err != nil {
		return nil, err
	}
	failures := make([]error, len(group))
	p.pool.For(len(group), 1, func(from, to int) {
		for at := from; at < to; at++ {
			i := group[at]
			if pair := pairs[p.layers[i].Name]; pair != nil {
				failures[at] = p.refitLayer(ctx, i, pair)
			}
		}
	})
	return before, errors.Join(failures...)
}

func (p *pipeline) refitLayer(ctx context.Context, i int, pair *calibrate.Pair) error {
	l, candidate := p.layers[i], p.candidateOf(i)
	adapted, err := factorise.Adapt(factorise.Layer{In: l.In, Out: l.Out, Weight: l.Weight}, pair.Student, pair.Cross)
	if err != nil {
		return fmt.Errorf("layer %s: %w", l.Name, err)
	}
	problem, err := factorise.NewProblem(adapted)
	if err != nil {
		return fmt.Errorf("layer %s: %w", l.Name, err)
	}
	r, err := problem.Fit(ctx, candidate.Chain.Design(), factorise.Options{Steps: reconstructedSteps, Seed: p.options.Seed, Start: candidate.Chain})
	if err != nil {
		return fmt.Errorf("layer %s: %w", l.Name, err)
	}
	candidate.Chain, candidate.Error = r.Chain, r.Error
	return nil
}

func (p *pipeline) setChains(group []int, candidates []choose.Candidate) {
	for at, i := range group {
		*p.candidateOf(i) = candidates[at]
	}
}
