package fit

import (
	"context"
	"errors"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/fit/choose"
	"github.com/kcompress/kcompress/fit/factorise"
	"github.com/kcompress/kcompress/fit/measure"
	"github.com/kcompress/kcompress/fit/report"
)

// maxCompared bounds the samples that selections are compared on.
const maxCompared = 256

// frontierPoints is how many selections of the frontier are measured.
const frontierPoints = 6

// compare measures, before distillation and on data that was held back, what
// was chosen beside what else could have been: other sizes (the frontier), and
// other methods of the same size (the peers).
func (p *pipeline) compare(ctx context.Context) error {
	if p.heldData == nil || !p.hasChains() {
		return nil
	}
	data := p.heldData.Limit(maxCompared)
	teacher, err := measure.Run(ctx, p.teacher, data)
	if err != nil {
		return err
	}
	c := comparer{ctx, data, teacher}
	p.report.Peers, err = p.peers(c)
	if err == nil {
		p.report.Frontier, err = p.frontier(c)
	}
	if errors.Is(err, measure.ErrNothingToCompare) {
		return nil // verify says so
	}
	return err
}

// comparer holds what selections are compared with.
type comparer struct {
	ctx     context.Context
	data    *calibrate.Data
	teacher measure.Outputs
}

// point measures a selection.
func (c comparer) point(p *pipeline, method string, selection []int) (report.Point, error) {
	size, err := p.sizeOf(selection)
	if err != nil {
		return report.Point{}, err
	}
	d, err := p.distance(c.ctx, selection, c.data, c.teacher)
	return report.Point{Method: method, Bytes: size, DenseParams: choose.Total(p.ladders, selection, choose.ByParameters), Distance: d}, err
}

// peers returns the selection, and for the layers that chains replace: the
// optimal low rank for the calibration data and plain truncated SVD, both in at
// most as many bytes, and everything kept dense.
func (p *pipeline) peers(c comparer) ([]report.Point, error) {
	lowRank, err := p.lowRankPeer(true)
	if err != nil {
		return nil, err
	}
	svd, err := p.lowRankPeer(false)
	if err != nil {
		return nil, err
	}
	var points []report.Point
	for _, peer := range []struct {
		name      string
		pipeline  *pipeline
		selection []int
	}{
		{"chosen", p, p.selection},
		{"low rank, weighted by the data", lowRank, lowRank.selection},
		{"truncated SVD", svd, svd.selection},
		{"dense " + string(p.options.Weights), p, make([]int, len(p.ladders))},
	} {
		point, err := c.point(peer.pipeline, peer.name, peer.selection)
		if err != nil {
			return nil, err
		}
		points = append(points, point)
	}
	return points, nil
}

// lowRankPeer returns a copy of the pipeline whose selection is low rank where
// the chosen one has chains, in at most as many bytes: weighted by the data, or
// not.
func (p *pipeline) lowRankPeer(weighted bool) (*pipeline, error) {
	q := *p
	q.ladders = make([]choose.Ladder, len(p.ladders))
	q.selection = make([]int, len(p.ladders))
	for i, ladder := range p.ladders {
		chosen := ladder.Candidates[p.selection[i]]
		q.ladders[i] = ladder
		if chosen.Chain == nil {
			q.ladders[i].Candidates = []choose.Candidate{chosen}
			continue
		}
		l := p.layers[i]
		rank := max(1, min(chosen.Parameters/(l.In+l.Out), l.In, l.Out))
		layer := factorise.Layer{In: l.In, Out: l.Out, Weight: l.Weight}
		if m := p.moments[l.Name]; m != nil && weighted {
			layer.Moment = m.Values
		}
		fits, err := newLayerFits(layer, p.options.Checkpoint)
		if err != nil {
			return nil, err
		}
		r, err := fits.lowRank(rank)
		if err != nil {
			return nil, err
		}
		q.ladders[i].Candidates = []choose.Candidate{p.candidate(choose.LowRank, r)}
	}
	return &q, nil
}

// frontier returns selections from large to small, the least predicted loss for
// their bytes, the chosen one among them.
func (p *pipeline) frontier(c comparer) ([]report.Point, error) {
	if p.options.Method == Kaleidoscope {
		return nil, nil // one candidate a layer: there is nothing to choose
	}
	path := choose.Path(p.ladders, choose.ByBytes)
	chosen := choose.Total(p.ladders, p.selection, choose.ByBytes)
	first, last := choose.Total(p.ladders, path[0], choose.ByBytes), choose.Total(p.ladders, path[len(path)-1], choose.ByBytes)
	var points []report.Point
	previous, passed := -1, false
	add := func(selection []int) error {
		point, err := c.point(p, "", selection)
		points = append(points, point)
		return err
	}
	for i, selection := range path {
		bytes := choose.Total(p.ladders, selection, choose.ByBytes)
		part := frontierPoints * (first - bytes) / max(first-last, 1)
		if part == previous && i < len(path)-1 {
			continue
		}
		previous = part
		if !passed && bytes < chosen {
			passed = true
			if err := add(p.selection); err != nil {
				return nil, err
			}
		}
		if bytes == chosen {
			continue
		}
		if err := add(selection); err != nil {
			return nil, err
		}
	}
	if !passed {
		err := add(p.selection)
		return points, err
	}
	return points, nil
}
