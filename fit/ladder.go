package fit

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/kcompress/kcompress/fit/choose"
	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/fit/factorise"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/runtime/compact"
)

// minParameters is the number of weights from which a layer is worth a chain.
const minParameters = 4096

// maxWorkShare is the most predicted work, as a share of the dense layer's,
// that a chain may have: beyond it there is no time to win.
const maxWorkShare = 0.8

// probeSteps is the number of Adam steps after which designs of one size are
// compared.
const probeSteps = 150

// factorise fits the candidates of every layer. Layers are worked on side by
// side; each is a pure function of its weight, moment, designs and the seed.
func (p *pipeline) factorise(ctx context.Context) error {
	p.ladders = make([]choose.Ladder, len(p.layers))
	order := make([]int, len(p.layers)) // large layers first, so that none is left over alone
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return p.layers[order[a]].Parameters > p.layers[order[b]].Parameters })
	var (
		mutex   sync.Mutex
		failure error
		done    int
		start   = time.Now()
	)
	p.pool.For(len(order), 1, func(at, _ int) {
		l := p.layers[order[at]]
		mutex.Lock()
		failed := failure != nil
		mutex.Unlock()
		if failed || ctx.Err() != nil {
			return
		}
		ladder, err := p.ladder(ctx, l)
		mutex.Lock()
		defer mutex.Unlock()
		if err != nil && failure == nil {
			failure = fmt.Errorf("layer %s: %w", l.Name, err)
		}
		p.ladders[order[at]] = ladder
		done++
		left := time.Since(start) * time.Duration(len(order)-done) / time.Duration(done)
		p.tell(Event{Stage: "factorise", Layer: l.Name, Done: done, Total: len(order), Error: best(ladder), Left: left})
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	return failure
}

// best returns the error of the candidate with the least, staying dense aside.
func best(l choose.Ladder) float64 {
	e := 0.0
	for i, c := range l.Candidates[min(1, len(l.Candidates)):] {
		if i == 0 || c.Error < e {
			e = c.Error
		}
	}
	return e
}

// ladder returns the candidates of one layer.
func (p *pipeline) ladder(ctx context.Context, l *discover.Layer) (choose.Ladder, error) {
	ladder := choose.Ladder{Name: l.Name, Sensitivity: 1, Candidates: []choose.Candidate{p.denseCandidate(l)}}
	forced := p.forcedFor(l)
	if forced != nil && forced.Keep || forced == nil && (l.Parameters < minParameters || l.In > factorise.MaxInputs) {
		return ladder, nil
	}
	layer := factorise.Layer{In: l.In, Out: l.Out, Weight: l.Weight}
	if m := p.moments[l.Name]; m != nil {
		layer.Moment = m.Values
	}
	fits, err := newLayerFits(layer, p.options.Checkpoint)
	if err != nil {
		return ladder, err
	}
	add := func(method choose.Method, r factorise.Result) {
		ladder.Candidates = append(ladder.Candidates, p.candidate(method, r))
	}
	options := factorise.Options{Steps: p.options.Steps, Seed: p.options.Seed}
	switch {
	case forced != nil && forced.Rank > 0:
		r, err := fits.lowRank(min(forced.Rank, l.In, l.Out))
		if err != nil {
			return ladder, err
		}
		add(choose.LowRank, r)
	case forced != nil:
		d := forced.Design
		if d.In != l.In || d.Out != l.Out {
			return ladder, fmt.Errorf("design %s is for %d -> %d features, the layer has %d -> %d", forced.Text, d.In, d.Out, l.In, l.Out)
		}
		if !l.Takes(d) {
			return ladder, &DesignError{Layer: l.Name, Design: forced.Text, Reason: fmt.Sprintf("%s takes only %s", l.Op, l.Designs())}
		}
		r, err := fits.fit(ctx, d, options)
		if err != nil {
			return ladder, err
		}
		add(choose.Chain, r)
	case p.options.Method == Kaleidoscope:
		d, err := butterfly.Kaleidoscope(l.In, l.Out, p.options.Width, p.options.Expansion, p.options.Radix)
		if err != nil || !l.Takes(d) {
			return ladder, err
		}
		r, err := fits.fit(ctx, d, options)
		if err != nil {
			return ladder, err
		}
		add(choose.Kaleidoscope, r)
	case p.options.Data == nil && !p.options.hasGoal():
		return p.blindLadder(fits, l, ladder)
	default:
		err = p.autoLadder(ctx, fits, l, &ladder)
	}
	return ladder, err
}

// ratios returns how many times smaller than the layer its candidates are.
func (p *pipeline) ratios() []float64 {
	if r := p.options.Ratio; r > 0 {
		return []float64{r / 2, r / 1.4, r, 1.4 * r, 2 * r}
	}
	return []float64{2.5, 4, 6.5, 10, 16, 28}
}

// autoLadder adds, for each size, the product of low rank and the best chain.
func (p *pipeline) autoLadder(ctx context.Context, fits *layerFits, l *discover.Layer, ladder *choose.Ladder) error {
	for _, ratio := range p.ratios() {
		size := float64(l.Parameters) / ratio
		if rank := int(size) / (l.In + l.Out); rank >= 1 {
			r, err := fits.lowRank(rank)
			if err != nil {
				return err
			}
			if c := p.candidate(choose.LowRank, r); c.Work <= maxWork(l) {
				ladder.Candidates = append(ladder.Candidates, c)
			}
		}
		if p.options.Method == LowRank {
			continue
		}
		d, probe, err := p.bestDesign(ctx, fits, candidateDesigns(l, size))
		if err != nil {
			return err
		}
		if probe.Chain == nil {
			continue
		}
		r, err := fits.fit(ctx, d, factorise.Options{Steps: p.options.Steps, Seed: p.options.Seed})
		if err != nil {
			return err
		}
		ladder.Candidates = append(ladder.Candidates, p.candidate(choose.Chain, r))
	}
	return nil
}

func maxWork(l *discover.Layer) int { return int(maxWorkShare * float64(l.Parameters)) }

// candidateDesigns returns the designs of about that size that are worth a
// try: of the family that did best on trained layers, and of the ladder of
// butterflies of all radices.
func candidateDesigns(l *discover.Layer, size float64) []butterfly.Design {
	const each = 2
	near := func(designs []butterfly.Design) []butterfly.Design {
		return slices.DeleteFunc(designs, func(d butterfly.Design) bool {
			return distance(d, size) >= 1.3 || choose.Work(d) > maxWork(l) || !factorise.Takes(l.In, l.Out, d) || !l.Takes(d)
		})
	}
	blast := near(factorise.Designs(l.In, l.Out, int(size)))
	ladder := near(butterfly.Ladder(l.In, l.Out))
	sort.SliceStable(ladder, func(i, j int) bool { return distance(ladder[i], size) < distance(ladder[j], size) })
	return append(blast[:min(each, len(blast))], ladder[:min(each, len(ladder))]...)
}

// distance is how many times larger or smaller than a size a design is.
func distance(d butterfly.Design, size float64) float64 {
	v := float64(d.Values()) / size
	return max(v, 1/v)
}

// bestDesign fits each design for a few steps and returns the one with the
// least squared error times size.
func (p *pipeline) bestDesign(ctx context.Context, fits *layerFits, designs []butterfly.Design) (butterfly.Design, factorise.Result, error) {
	var bestDesign butterfly.Design
	var bestResult factorise.Result
	bestScore := 0.0
	for _, d := range designs {
		r, err := fits.fit(ctx, d, factorise.Options{Steps: probeSteps, Seed: p.options.Seed})
		if err != nil {
			return bestDesign, bestResult, err
		}
		score := r.Error * r.Error * float64(d.Values())
		if bestResult.Chain == nil || score < bestScore {
			bestDesign, bestResult, bestScore = d, r, score
		}
	}
	return bestDesign, bestResult, nil
}

// blindLadder holds only what gives the weight back within BlindBound: without
// data nobody can tell which errors matter.
func (p *pipeline) blindLadder(fits *layerFits, l *discover.Layer, ladder choose.Ladder) (choose.Ladder, error) {
	most := maxWork(l) / (l.In + l.Out)
	low, high := 1, most
	for low <= high { // the smallest rank within the bound
		rank := (low + high) / 2
		r, err := fits.lowRank(rank)
		if err != nil {
			return ladder, err
		}
		if r.Error <= BlindBound {
			high = rank - 1
		} else {
			low = rank + 1
		}
	}
	if low <= most {
		r, err := fits.lowRank(low)
		if err != nil {
			return ladder, err
		}
		ladder.Candidates = append(ladder.Candidates, p.candidate(choose.LowRank, r))
	}
	return ladder, nil
}

func (p *pipeline) denseCandidate(l *discover.Layer) choose.Candidate {
	return choose.Candidate{Method: choose.Dense, Parameters: l.Parameters, Bytes: p.denseBytes(l), Work: l.Parameters}
}

// denseBytes is what a layer takes in the file if it stays dense.
func (p *pipeline) denseBytes(l *discover.Layer) int {
	switch p.options.Weights {
	case compact.INT8:
		return l.Parameters + 4*l.Out
	case compact.FP16:
		return 2 * l.Parameters
	}
	return l.Bytes
}

func (p *pipeline) candidate(method choose.Method, r factorise.Result) choose.Candidate {
	d := r.Chain.Design()
	return choose.Candidate{
		Method: method, Chain: r.Chain, Error: r.Error, BlindError: r.BlindError,
		Parameters: d.Values(), Bytes: compact.StoredBytes(d, p.options.Weights), Work: choose.Work(d),
	}
}

func (p *pipeline) forcedFor(l *discover.Layer) *Forced {
	for i := range p.options.Forced {
		if p.options.Forced[i].Layer.MatchString(l.Name) {
			return &p.options.Forced[i]
		}
	}
	return nil
}
