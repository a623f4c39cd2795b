package factorise

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

func TestErrorEqualsItsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	for _, size := range [][2]int{{1, 1}, {1, 5}, {5, 1}, {2, 2}, {7, 13}, {32, 33}, {40, 17}, {64, 64}, {97, 61}} {
		l := randomLayer(r, size[0], size[1])
		for _, moment := range [][]float64{l.Moment, nil, make([]float64, len(l.Moment))} {
			l.Moment = moment
			p := newProblem(t, l)
			c := randomChain(r, design(t)(butterfly.LowRank(l.In, l.Out, 3)))
			if got, want := p.Error(c), denseError(l, c); math.Abs(got-want) > 2e-5*want {
				t.Errorf("%v, moment %t: error %v, want %v", size, moment != nil, got, want)
			}
			blind := l
			blind.Moment = nil
			if got, want := p.BlindError(c), denseError(blind, c); math.Abs(got-want) > 2e-5*want {
				t.Errorf("%v: blind error %v, want %v", size, got, want)
			}
		}
	}
}

func TestMixedRootKeepsTheMoment(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 0))
	for _, n := range []int{1, 2, 3, 31, 32, 33, 100} {
		l := randomLayer(r, n, 1)
		p := newProblem(t, l)
		want := ridgedMoment(l)
		trace := 0.0
		for i := range n {
			trace += l.Moment[i*n+i]
		}
		for i := range n {
			for j := range n {
				sum := 0.0
				for k := range p.columns {
					sum += float64(p.input[i*p.columns+k]) * float64(p.input[j*p.columns+k])
				}
				if math.Abs(sum*trace/float64(n)-want[i*n+j]) > 1e-5*trace/float64(n) {
					t.Fatalf("n %d: R R' [%d,%d] is %v, want %v", n, i, j, sum*trace/float64(n), want[i*n+j])
				}
			}
		}
	}
}

func TestNewProblemReportsBadLayers(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, c := range map[string]struct {
		layer Layer
		want  string
	}{
		"no inputs":         {Layer{In: 0, Out: 1}, "must be positive"},
		"negative":          {Layer{In: 1, Out: -1}, "must be positive"},
		"too many inputs":   {Layer{In: MaxInputs + 1, Out: 1}, "at most"},
		"overflow":          {Layer{In: MaxInputs, Out: math.MaxInt}, "more than"},
		"weights missing":   {Layer{In: 2, Out: 2, Weight: make([]float32, 3)}, "3 weights"},
		"weight NaN":        {Layer{In: 2, Out: 1, Weight: []float32{0, float32(nan)}}, "weight[0,1]"},
		"weight infinite":   {Layer{In: 2, Out: 1, Weight: []float32{float32(inf), 0}}, "weight[0,0]"},
		"moment too short":  {Layer{In: 2, Out: 1, Weight: make([]float32, 2), Moment: make([]float64, 3)}, "moment of 3"},
		"moment NaN":        {Layer{In: 1, Out: 1, Weight: make([]float32, 1), Moment: []float64{nan}}, "moment[0,0]"},
		"moment negative":   {Layer{In: 1, Out: 1, Weight: make([]float32, 1), Moment: []float64{-1}}, "negative"},
		"moment too large":  {Layer{In: 2, Out: 1, Weight: make([]float32, 2), Moment: []float64{1.5e308, 0, 0, 1.5e308}}, "too large"},
		"moment indefinite": {Layer{In: 2, Out: 1, Weight: make([]float32, 2), Moment: []float64{1, 2, 2, 1}}, "semidefinite"},
	} {
		if _, err := NewProblem(c.layer); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
	}
}

func TestHugeAndTinyScales(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	l := randomLayer(r, 24, 20)
	d := design(t)(Blast(24, 20, 2, 6))
	want := fit(t, newProblem(t, l), d, Options{Steps: 50}).Error
	for _, s := range []float64{1e-12, 1e12} {
		scaled := Layer{In: 24, Out: 20, Weight: append([]float32(nil), l.Weight...), Moment: append([]float64(nil), l.Moment...)}
		scale(scaled.Weight, s)
		for i := range scaled.Moment {
			scaled.Moment[i] *= s
		}
		if got := fit(t, newProblem(t, scaled), d, Options{Steps: 50}).Error; math.Abs(got-want) > 0.02*want {
			t.Errorf("scaled by %g: error %v, want %v", s, got, want)
		}
	}
}

func TestErrorOfAnotherLayersChainIsInfinite(t *testing.T) {
	p := newProblem(t, Layer{In: 3, Out: 2, Weight: make([]float32, 6)})
	c := butterfly.NewChain(butterfly.Design{In: 2, Out: 3, Patterns: []butterfly.Pattern{{A: 1, B: 3, C: 2, D: 1}}})
	if !math.IsInf(p.Error(c), 1) || !math.IsInf(p.BlindError(nil), 1) {
		t.Error("a chain that does not fit has a finite error")
	}
}
