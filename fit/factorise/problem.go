package factorise

import (
	"math"
	"math/bits"
	"sync"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/kernels/gemm"
)

// leastColumns is the least number of columns of the mixed root.
const leastColumns = 32

// Problem is a layer prepared for fitting. It may be used by several
// goroutines at once. With n the power of two from In on, it holds
// 4*n*(In+Out) bytes besides the layer. Preparing it takes up to 8*In*In bytes
// more for a while, and every running Fit 4*n*(In+Out) for its samples and some
// 16*In*Out for its start. With the garbage of Go's collector, preparing and
// fitting a layer of 4096 x 4096 with its moment peaks at about 1.5 GB.
type Problem struct {
	layer Layer
	// The mixed root R [In, columns] and the target W R / weightScale
	// [Out, columns], both feature-major.
	columns       int
	input, target []float32
	// weightScale is ||W R||_F / sqrt(Out): W is divided by it in the target,
	// so that learning rates need not know the size of the weights.
	weightScale float64
	weightNorm  float64   // ||W||_F
	inputScale  []float64 // root mean square of each input

	singular   sync.Mutex
	directions map[int]directions // cache of LowRank by their number
}

// NewProblem prepares a layer. It reports sizes that do not fit, weights or
// moments that are not finite, and a moment that is not positive semidefinite.
func NewProblem(l Layer) (*Problem, error) {
	if err := l.validate(); err != nil {
		return nil, err
	}
	root, err := momentRoot(l.Moment, l.In)
	if err != nil {
		return nil, err
	}
	p := &Problem{layer: l, inputScale: rowNorms(root, l.In), weightNorm: norm(l.Weight)}
	p.columns = max(leastColumns, 1<<bits.Len(uint(l.In-1)))
	p.input = mixColumns(root, l.In, p.columns)
	p.target = make([]float32, l.Out*p.columns)
	gemm.Multiply(p.target, l.Weight, p.input, l.Out, p.columns, l.In, gemm.Options{})
	p.weightScale = norm(p.target) / math.Sqrt(float64(l.Out))
	if p.weightScale != 0 {
		scale(p.target, 1/p.weightScale)
	}
	return p, nil
}

// Error is the relative weighted error ||(W - K) R||_F / ||W R||_F of a chain
// for this layer, 0 for a layer without weights. A chain of other sizes or
// with invalid factors has the error +Inf.
func (p *Problem) Error(c *butterfly.Chain) float64 {
	if !p.fits(c) {
		return math.Inf(1)
	}
	if p.weightScale == 0 {
		return 0
	}
	scaled := c.Clone()
	scaleChain(scaled, 1/p.weightScale)
	error2, err := squaredError(scaled, p.input, p.target, p.columns)
	if err != nil {
		return math.Inf(1)
	}
	return math.Sqrt(error2 / float64(p.layer.Out))
}

// BlindError is the relative Frobenius error ||W - K||_F / ||W||_F, which
// does not know the inputs. It is 0 and +Inf in the cases of Error.
func (p *Problem) BlindError(c *butterfly.Chain) float64 {
	if !p.fits(c) {
		return math.Inf(1)
	}
	if p.weightNorm == 0 {
		return 0
	}
	in := p.layer.In
	unit := make([]float32, in*in)
	for i := range in {
		unit[i*in+i] = 1
	}
	error2, err := squaredError(c, unit, p.layer.Weight, in)
	if err != nil {
		return math.Inf(1)
	}
	return math.Sqrt(error2) / p.weightNorm
}

// squaredError is ||K input - target||_F^2.
func squaredError(c *butterfly.Chain, input, target []float32, columns int) (float64, error) {
	d := c.Design()
	w, err := butterfly.NewWorkspace(d)
	if err != nil {
		return 0, err
	}
	s, err := butterfly.NewSamples(d, input, target, columns)
	if err != nil {
		return 0, err
	}
	return w.SquaredError(c, nil, s, 0, s.Tiles()), nil
}

func (p *Problem) fits(c *butterfly.Chain) bool {
	return c != nil && c.In == p.layer.In && c.Out == p.layer.Out && c.Validate() == nil
}
