package factorise

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

const (
	// longChain is the number of factors from which the rate falls: the steps
	// of all factors add up in their product.
	longChain = 9.0
	// fewSteps is the number of steps below which the rate falls: there is no
	// time to settle after large ones.
	fewSteps = 150.0
	// A batch, the input of a step, is this share of all columns, within bounds.
	batchShare = 1.0 / 8
	leastBatch = 32
	mostBatch  = 256
	// parts bounds the number of tiles of a batch that run at the same time,
	// each with a gradient of its own.
	parts = 8
	// chunkSize is the number of values that are updated at a time.
	chunkSize = 1 << 13
	// progressEvery is the number of steps between two calls of Progress.
	progressEvery = 20
)

// descent is a run of Adam on one chain.
type descent struct {
	problem *Problem
	design  butterfly.Design
	options Options
	steps   int
	samples *butterfly.Samples

	batchTiles int                    // tiles of a batch
	partTiles  int                    // tiles of a part of a batch
	workspaces []*butterfly.Workspace // one for each part
	gradients  [][][]float32          // [part][factor][value]
	errors     []float64              // [part]

	chain  *butterfly.Chain
	adam   *adam
	chunks []chunk
}

// chunk is a range of the values of a factor.
type chunk struct{ factor, from, to int }

// newDescent prepares the samples, and splits them into batches and parts in
// a way that depends on the design and the layer alone.
func (p *Problem) newDescent(design butterfly.Design, o Options) (*descent, error) {
	d := &descent{problem: p, design: design, options: o, steps: o.Steps}
	if d.steps == 0 {
		d.steps = DefaultSteps
	}
	var err error
	if d.samples, err = butterfly.NewSamples(design, p.input, p.target, p.columns); err != nil {
		return nil, err
	}
	tiles := d.samples.Tiles()
	wanted := min(mostBatch, max(leastBatch, int(batchShare*float64(p.columns))))
	d.batchTiles = min(tiles, max(1, wanted*tiles/p.columns))
	d.partTiles = (d.batchTiles + parts - 1) / parts
	for from := 0; from < d.batchTiles; from += d.partTiles {
		w, err := butterfly.NewWorkspace(design)
		if err != nil {
			return nil, err
		}
		d.workspaces = append(d.workspaces, w)
		d.gradients = append(d.gradients, design.NewGradient())
	}
	d.errors = make([]float64, len(d.workspaces))
	return d, nil
}

// begin copies the start, adds noise and prepares Adam.
func (d *descent) begin(s start) {
	d.chain = s.chain.Clone()
	if s.noise > 0 {
		addNoise(d.chain, s.noise, d.options.Seed)
	}
	rate := s.rate * min(1, longChain/float64(len(d.chain.Factors))) * min(1, float64(d.steps)/fewSteps)
	rates := make([]float32, len(d.chain.Factors))
	for i, f := range d.chain.Factors {
		rates[i] = float32(rate * norm(f.Values) / math.Sqrt(float64(len(f.Values))))
		for from := 0; from < len(f.Values); from += chunkSize {
			d.chunks = append(d.chunks, chunk{i, from, min(from+chunkSize, len(f.Values))})
		}
	}
	d.adam = newAdam(d.design, rates)
}

// descend runs all steps, or until ctx ends.
func (d *descent) descend(ctx context.Context) error {
	batches := max(1, d.samples.Tiles()/d.batchTiles)
	recent := make([]float64, batches)
	for step := range d.steps {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		b := step % batches
		recent[b] = d.gradient(b)
		rate, momentum := oneCycle(step, d.steps)
		d.update(d.adam.begin(rate, momentum))
		if report := d.options.Progress; report != nil && (step%progressEvery == 0 || step == d.steps-1) {
			report(step+1, d.steps, d.estimate(recent[:min(step+1, batches)]))
		}
	}
	return nil
}

// gradient computes the gradient of the squared error of a batch, part by
// part, and returns that error.
func (d *descent) gradient(batch int) float64 {
	first := batch * d.batchTiles
	d.options.Pool.For(len(d.workspaces), 1, func(from, to int) {
		for i := from; i < to; i++ {
			tile := i * d.partTiles
			d.errors[i] = d.workspaces[i].SquaredError(d.chain, d.gradients[i], d.samples,
				first+tile, first+min(tile+d.partTiles, d.batchTiles))
		}
	})
	sum := 0.0
	for _, e := range d.errors {
		sum += e
	}
	return sum
}

// relativeError is the error of a chain that was divided by weightScale, over
// all samples.
func (d *descent) relativeError(c *butterfly.Chain) float64 {
	tiles := d.samples.Tiles()
	errors := make([]float64, tiles)
	d.options.Pool.For(len(d.workspaces), 1, func(from, to int) {
		for i := from; i < to; i++ {
			for t := i; t < tiles; t += len(d.workspaces) {
				errors[t] = d.workspaces[i].SquaredError(c, nil, d.samples, t, t+1)
			}
		}
	})
	sum := 0.0
	for _, e := range errors {
		sum += e
	}
	return math.Sqrt(sum / float64(d.problem.layer.Out))
}

// update changes the values of all factors.
func (d *descent) update(steps []adamStep) {
	d.options.Pool.For(len(d.chunks), 1, func(from, to int) {
		gradients := make([][]float32, len(d.gradients))
		for _, c := range d.chunks[from:to] {
			for i, g := range d.gradients {
				gradients[i] = g[c.factor][c.from:c.to]
			}
			steps[c.factor].update(d.chain.Factors[c.factor].Values[c.from:c.to],
				d.adam.first[c.factor][c.from:c.to], d.adam.second[c.factor][c.from:c.to], gradients)
		}
	})
}

// estimate is the relative error from the squared errors of some batches.
func (d *descent) estimate(recent []float64) float64 {
	sum := 0.0
	for _, e := range recent {
		sum += e
	}
	share := float64(len(recent)*d.batchTiles) / float64(d.samples.Tiles())
	return math.Sqrt(sum / share / float64(d.problem.layer.Out))
}

// balance multiplies the factors by numbers whose product is 1, so that none
// is larger than the others compared with an orthogonal factor of its pattern.
func balance(c *butterfly.Chain) {
	sizes := make([]float64, len(c.Factors))
	mean := 0.0
	for i, f := range c.Factors {
		sizes[i] = norm(f.Values) / math.Sqrt(float64(f.Blocks()*min(f.B, f.C)))
		if sizes[i] == 0 || !isFinite(sizes[i]) {
			return
		}
		mean += math.Log(sizes[i]) / float64(len(c.Factors))
	}
	for i, f := range c.Factors {
		scale(f.Values, math.Exp(mean)/sizes[i])
	}
}

// addNoise adds normal random numbers to the values of a start, in units of
// the root mean square of each factor. A factor of zeros becomes random, of the
// size of an orthogonal one.
func addNoise(c *butterfly.Chain, noise float64, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	for _, f := range c.Factors {
		size := noise * norm(f.Values) / math.Sqrt(float64(len(f.Values)))
		if size == 0 {
			size = 1 / math.Sqrt(float64(max(f.B, f.C)))
		}
		for i := range f.Values {
			f.Values[i] += float32(size * r.NormFloat64())
		}
	}
}
