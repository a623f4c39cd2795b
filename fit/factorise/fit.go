package factorise

import (
	"context"

	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/runtime/pool"
)

// DefaultSteps is the number of steps of Adam if Options does not say.
const DefaultSteps = 700

// exactError is the relative error from which a start counts as exact.
const exactError = 2e-6

// Options of Fit. The zero value is sensible.
type Options struct {
	Steps int    // of Adam; 0 means DefaultSteps, below 0 the start alone
	Seed  uint64 // of the noise on the start
	// Start is a chain of the same design to go on from, such as that of an
	// earlier Result, or an exact structure near the weight: its gathers stay as
	// they are. Nil means a hierarchical factorisation of the weight.
	Start *butterfly.Chain
	// Pool runs the work on several threads; nil means the caller's alone. It
	// does not change the result.
	Pool *pool.Pool
	// Progress, if not nil, is called now and then with the number of steps
	// done and an estimate of the relative error.
	Progress func(step, steps int, err float64)
}

// Result is a fitted chain.
type Result struct {
	Chain      *butterfly.Chain
	Error      float64 // ||(W - K) R||_F / ||W R||_F, see Problem.Error
	BlindError float64 // ||W - K||_F / ||W||_F
	Steps      int     // steps of Adam that were done
	Duration   time.Duration
}

// Fit returns a chain of the design with a small weighted error. It never
// returns a chain worse than its start. It reports a design that is invalid or
// of other sizes than the layer, a start that does not fit the design, and the
// cause when ctx ends; then it returns within a step.
func (p *Problem) Fit(ctx context.Context, d butterfly.Design, o Options) (Result, error) {
	begin := time.Now()
	if err := p.check(d, o); err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, context.Cause(ctx)
	}
	if p.weightScale == 0 {
		return Result{Chain: butterfly.NewChain(d), Duration: time.Since(begin)}, nil
	}
	if rank, ok := lowRank(d); ok && o.Start == nil && rank <= min(d.In, d.Out) {
		return p.LowRank(rank)
	}
	run, err := p.newDescent(d, o)
	if err != nil {
		return Result{}, err
	}
	first, startError, err := p.bestStart(run, o)
	if err != nil {
		return Result{}, err
	}
	result := Result{Chain: first.chain, Error: startError}
	if startError > exactError && o.Steps >= 0 {
		run.begin(first)
		if err := run.descend(ctx); err != nil {
			return Result{}, err
		}
		if e := run.relativeError(run.chain); e < startError {
			result.Chain, result.Error = run.chain, e
		}
		result.Steps = run.steps
	}
	scaleChain(result.Chain, p.weightScale)
	result.BlindError = p.BlindError(result.Chain)
	result.Duration = time.Since(begin)
	return result, nil
}

func (p *Problem) check(d butterfly.Design, o Options) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if d.In != p.layer.In || d.Out != p.layer.Out {
		return fmt.Errorf("fit: design %v for %d inputs and %d outputs, the layer has %d and %d",
			d, d.In, d.Out, p.layer.In, p.layer.Out)
	}
	if hasGather(d) && o.Start == nil {
		return fmt.Errorf("fit: design %v has a gather, whose indexes only a start can give", d)
	}
	if o.Steps > math.MaxInt32 {
		return fmt.Errorf("fit: %d steps are too many", o.Steps)
	}
	if limit := largestState(p.layer.In, p.layer.Out); d.LargestState() > limit {
		return fmt.Errorf("fit: design %v has a state of %d features, at most %d can be fitted for this layer", d, d.LargestState(), limit)
	}
	if o.Start == nil {
		return nil
	}
	if o.Start.Design().String() != d.String() {
		return fmt.Errorf("fit: start of design %v for the design %v", o.Start.Design(), d)
	}
	if err := o.Start.Validate(); err != nil {
		return fmt.Errorf("fit: start: %w", err)
	}
	return nil
}

// largestState bounds the states of a design, since a start needs a matrix of
// the largest state times a side of the layer.
func largestState(in, out int) int {
	const numbers = 1 << 24
	return max(numbers, 4*in*out) / max(in, out)
}

// bestStart returns the start with the least error, and that error.
func (p *Problem) bestStart(run *descent, o Options) (start, float64, error) {
	if o.Start != nil {
		s := start{chain: o.Start.Clone(), rate: restartRate}
		scaleChain(s.chain, 1/p.weightScale)
		return s, run.relativeError(s.chain), nil
	}
	starts, err := p.starts(run.design, o.Pool)
	if err != nil {
		return start{}, 0, err
	}
	best, least := starts[0], math.Inf(1)
	for _, s := range starts {
		balance(s.chain)
		if e := run.relativeError(s.chain); e < least {
			best, least = s, e
		}
	}
	best.soften(least)
	return best, least, nil
}

// lowRank says whether a design is a product of two dense matrices.
func lowRank(d butterfly.Design) (rank int, ok bool) {
	if len(d.Patterns) != 2 {
		return 0, false
	}
	right, left := d.Patterns[0], d.Patterns[1]
	want := []butterfly.Pattern{{A: 1, B: right.B, C: d.In, D: 1}, {A: 1, B: d.Out, C: right.B, D: 1}}
	return right.B, right == want[0] && left == want[1]
}

func hasGather(d butterfly.Design) bool {
	return slices.ContainsFunc(d.Patterns, butterfly.Pattern.IsGather)
}

// Takes reports whether Fit takes chains of the design for a layer of these
// sizes: they must have no state much wider than it and no gather.
func Takes(in, out int, d butterfly.Design) bool {
	return d.In == in && d.Out == out && d.LargestState() <= largestState(in, out) && !hasGather(d)
}
