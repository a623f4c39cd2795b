package factorise

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// randomWeight is a weight [out, in] of normal random numbers.
func randomWeight(r *rand.Rand, in, out int) []float32 {
	w := make([]float32, in*out)
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	return w
}

// decayingMoment is a second moment whose eigenvalues fall like 1/k^2, in
// random directions: the usual shape of trained layers' inputs.
func decayingMoment(r *rand.Rand, n int) []float64 {
	moment := make([]float64, n*n)
	for k := range n {
		direction := make([]float64, n)
		for i := range direction {
			direction[i] = r.NormFloat64() / float64(k+1)
		}
		for i, a := range direction {
			for j, b := range direction {
				moment[i*n+j] += a * b
			}
		}
	}
	return moment
}

func randomLayer(r *rand.Rand, in, out int) Layer {
	return Layer{In: in, Out: out, Weight: randomWeight(r, in, out), Moment: decayingMoment(r, in)}
}

// randomChain is a chain of a design with random values.
func randomChain(r *rand.Rand, d butterfly.Design) *butterfly.Chain {
	c := butterfly.NewChain(d)
	for _, f := range c.Factors {
		for i := range f.Values {
			f.Values[i] = float32(r.NormFloat64() / math.Sqrt(float64(f.C)))
		}
	}
	return c
}

func newProblem(t *testing.T, l Layer) *Problem {
	t.Helper()
	p, err := NewProblem(l)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fit(t *testing.T, p *Problem, d butterfly.Design, o Options) Result {
	t.Helper()
	r, err := p.Fit(context.Background(), d, o)
	if err != nil {
		t.Fatalf("%v: %v", d, err)
	}
	if err := r.Chain.Validate(); err != nil {
		t.Fatalf("%v: %v", d, err)
	}
	return r
}

// design returns a design or stops the test.
func design(t *testing.T) func(butterfly.Design, error) butterfly.Design {
	return func(d butterfly.Design, err error) butterfly.Design {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

// denseError is the relative weighted error from its definition, in float64:
// the square root of trace((W-K) S (W-K)') / trace(W S W'), S with its ridge.
func denseError(l Layer, c *butterfly.Chain) float64 {
	moment := ridgedMoment(l)
	k := c.Dense()
	left, all := 0.0, 0.0
	for i := range l.Out {
		w, difference := make([]float64, l.In), make([]float64, l.In)
		for j := range w {
			w[j] = float64(l.Weight[i*l.In+j])
			difference[j] = w[j] - float64(k[i*l.In+j])
		}
		left += quadratic(moment, difference)
		all += quadratic(moment, w)
	}
	return math.Sqrt(left / all)
}

func ridgedMoment(l Layer) []float64 {
	moment := make([]float64, l.In*l.In)
	trace := 0.0
	if l.Moment != nil {
		copy(moment, l.Moment)
		for i := range l.In {
			trace += moment[i*l.In+i]
		}
	}
	for i := range l.In {
		if trace == 0 {
			moment[i*l.In+i] = 1
		} else {
			moment[i*l.In+i] += 1e-4 * trace / float64(l.In)
		}
	}
	return moment
}

func quadratic(m, x []float64) float64 {
	sum := 0.0
	for i, a := range x {
		for j, b := range x {
			sum += a * m[i*len(x)+j] * b
		}
	}
	return sum
}
