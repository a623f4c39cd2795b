package factorise

import (
	"context"

	"fmt"
	"math"
	"time"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/runtime/pool"
)

// DefaultSteps is the number of steps of Adam if Options does not say.
const DefaultSteps = 1400

// exactError is the relative error from which a start counts as exact.
const exactError = 2e-6

// Options of Fit. The zero value is sensible.
type Options struct {
	Steps int    // of Adam; 0 means DefaultSteps, below 0 the start alone
	Seed  uint64 // of the noise on the start
	// Start is a chain of the same design to go on from, such as that of an
	// earlier Result. Nil means a hierarchical factorisation of the weight.
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
	if rank, ok := lowRank(d); ok && o.Start == nil {
		return p.LowRank(rank)
	}
	run, err := p.newDescent(d, o)
	if err != nil {
		return Result{}, err
	}
	result := Result{}
	result.Chain, result.Error = p.bestStart(run, d, o)
	if result.Error > exactError && o.Steps >= 0 {
		run.begin(result.Chain)
		if err := run.descend(ctx); err != nil {
			return Result{}, err
		}
		if e := run.relativeError(run.chain); e < result.Error {
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
	if o.Steps > math.MaxInt32 {
		return fmt.Errorf("fit: %d steps are too many", o.Steps)
	}
	if limit := maxSide(p.layer); d.LargestState() > limit {
		return fmt.Errorf("fit: design %v has a state of %d features, at most %d can be fitted", d, d.LargestState(), limit)
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

// maxSide bounds the states of a design by the layer, so that memory is.
func maxSide(l Layer) int { return 64 * (l.In + l.Out + 64) }

// bestStart returns the start with the least error, divided by weightScale,
// and that error.
func (p *Problem) bestStart(run *descent, d butterfly.Design, o Options) (*butterfly.Chain, float64) {
	if o.Start != nil {
		chain := o.Start.Clone()
		scaleChain(chain, 1/p.weightScale)
		return chain, run.relativeError(chain)
	}
	var best *butterfly.Chain
	least := math.Inf(1)
	for _, c := range p.starts(d, o.Pool) {
		balance(c)
		if e := run.relativeError(c); best == nil || e < least {
			best, least = c, e
		}
	}
	return best, least
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
