package factorise

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/runtime/pool"
)

// sameChain compares values bit for bit.
func sameChain(t *testing.T, got, want *butterfly.Chain) {
	t.Helper()
	if got.Design().String() != want.Design().String() {
		t.Fatalf("design %v, want %v", got.Design(), want.Design())
	}
	for i, f := range want.Factors {
		for j, v := range f.Values {
			if math.Float32bits(got.Factors[i].Values[j]) != math.Float32bits(v) {
				t.Fatalf("factor %d value %d is %v, want %v", i, j, got.Factors[i].Values[j], v)
			}
		}
	}
}

// someDesigns are designs of every family for a layer.
func someDesigns(in, out int) []butterfly.Design {
	designs := append(butterfly.Ladder(in, out), Designs(in, out, in*out/2)...)
	for _, radix := range []int{2, 4} {
		for _, expansion := range []int{1, 2} {
			if d, err := butterfly.Kaleidoscope(in, out, 1, expansion, radix); err == nil {
				designs = append(designs, d)
			}
		}
	}
	return designs
}

func TestStepsLowerTheError(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 0))
	for _, size := range [][2]int{{64, 64}, {48, 96}, {100, 40}} {
		l := randomLayer(r, size[0], size[1])
		p := newProblem(t, l)
		for _, d := range someDesigns(l.In, l.Out) {
			start := fit(t, p, d, Options{Steps: -1})
			few := fit(t, p, d, Options{Steps: 100})
			if few.Error >= start.Error || few.Steps != 100 || start.Steps != 0 {
				t.Errorf("%v: error %v after %d steps, %v at the start", d, few.Error, few.Steps, start.Error)
			}
			if want := denseError(l, few.Chain); math.Abs(few.Error-want) > 1e-4*want {
				t.Errorf("%v: reported error %v, it is %v", d, few.Error, want)
			}
			more := fit(t, p, d, Options{Steps: 100, Start: few.Chain})
			if more.Error > few.Error {
				t.Errorf("%v: going on raised the error from %v to %v", d, few.Error, more.Error)
			}
		}
	}
}

func TestTinyAndPrimeSizes(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 0))
	for _, size := range [][2]int{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1, 17}, {17, 1}, {3, 5}, {13, 11}, {31, 37}} {
		l := randomLayer(r, size[0], size[1])
		p := newProblem(t, l)
		for _, d := range someDesigns(l.In, l.Out) {
			if got := fit(t, p, d, Options{Steps: 30}); got.Error > 1.001 {
				t.Errorf("%v: error %v is more than that of zeros", d, got.Error)
			}
		}
	}
}

func TestRankAboveTheSidesIsExact(t *testing.T) {
	d := design(t)(butterfly.LowRank(7, 5, 9))
	got := fit(t, newProblem(t, randomLayer(rand.New(rand.NewPCG(21, 0)), 7, 5)), d, Options{})
	if got.Error > 1e-5 || got.Chain.Design().String() != d.String() {
		t.Errorf("error %v with the design %v", got.Error, got.Chain.Design())
	}
}

func TestDenseDesignIsExact(t *testing.T) {
	l := randomLayer(rand.New(rand.NewPCG(13, 0)), 9, 14)
	d := butterfly.Design{In: 9, Out: 14, Patterns: []butterfly.Pattern{{A: 1, B: 14, C: 9, D: 1}}}
	if got := fit(t, newProblem(t, l), d, Options{}); got.Error > 1e-5 || got.Steps != 0 {
		t.Errorf("error %v after %d steps", got.Error, got.Steps)
	}
}

func TestZeroWeightAndZeroMoment(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 0))
	d := design(t)(Blast(20, 24, 2, 3))
	zero := newProblem(t, Layer{In: 20, Out: 24, Weight: make([]float32, 480), Moment: decayingMoment(r, 20)})
	got := fit(t, zero, d, Options{})
	low, err := zero.LowRank(2)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []Result{got, low} {
		if x.Error != 0 || x.BlindError != 0 || zero.Error(x.Chain) != 0 {
			t.Errorf("zero weight: errors %v, %v", x.Error, x.BlindError)
		}
		for _, v := range x.Chain.Dense() {
			if v != 0 {
				t.Fatalf("zero weight: the chain holds %v", v)
			}
		}
	}
	weight := randomWeight(r, 20, 24)
	blind := fit(t, newProblem(t, Layer{In: 20, Out: 24, Weight: weight}), d, Options{Steps: 20})
	dead := fit(t, newProblem(t, Layer{In: 20, Out: 24, Weight: weight, Moment: make([]float64, 400)}), d, Options{Steps: 20})
	sameChain(t, dead.Chain, blind.Chain)
}

func TestDeadInputsCostNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 0))
	l := randomLayer(r, 40, 32)
	for i := range 40 {
		for j := range 40 {
			if i >= 8 || j >= 8 { // only eight inputs are ever alive
				l.Moment[i*40+j] = 0
			}
		}
	}
	got, err := newProblem(t, l).LowRank(8)
	if err != nil || got.Error > 0.03 {
		t.Errorf("error %v, %v", got.Error, err)
	}
}

func TestSameBitsOnAnyNumberOfThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(16, 0))
	l := Layer{In: 300, Out: 200, Weight: randomWeight(r, 300, 200)}
	for _, d := range []butterfly.Design{
		design(t)(Blast(300, 200, 4, 20)),
		design(t)(butterfly.Kaleidoscope(300, 200, 1, 1, 4)),
	} {
		want := fit(t, newProblem(t, l), d, Options{Steps: 40, Seed: 5})
		for _, threads := range []int{1, 2, 3} {
			workers := pool.New(threads)
			defer workers.Close()
			p := newProblem(t, l)
			results := make([]Result, 2)
			var group sync.WaitGroup
			for i := range results { // at the same time
				group.Go(func() {
					results[i], _ = p.Fit(context.Background(), d, Options{Steps: 40, Seed: 5, Pool: workers})
				})
			}
			group.Wait()
			for _, got := range results {
				sameChain(t, got.Chain, want.Chain)
				if got.Error != want.Error || got.BlindError != want.BlindError {
					t.Errorf("%d threads: errors %v, %v, want %v, %v", threads, got.Error, got.BlindError, want.Error, want.BlindError)
				}
			}
		}
		if want.Steps == 0 || want.Error == fit(t, newProblem(t, l), d, Options{Steps: -1}).Error {
			t.Fatalf("%v: no step was of use", d)
		}
		other := fit(t, newProblem(t, l), d, Options{Steps: 40, Seed: 6})
		if other.Error == want.Error {
			t.Errorf("%v: another seed gives the same error", d)
		}
	}
}

func TestCancelReturnsWithinAStep(t *testing.T) {
	l := randomLayer(rand.New(rand.NewPCG(17, 0)), 64, 64)
	p := newProblem(t, l)
	d := design(t)(Blast(64, 64, 4, 8))
	cause := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	calls := 0
	_, err := p.Fit(ctx, d, Options{Steps: math.MaxInt32, Progress: func(step, steps int, e float64) {
		if steps != math.MaxInt32 || !isFinite(e) || e <= 0 {
			t.Errorf("progress %d of %d, error %v", step, steps, e)
		}
		if calls++; calls == 2 {
			cancel(cause)
		}
	}})
	if err != cause || calls != 2 {
		t.Errorf("error %v after %d calls of Progress", err, calls)
	}
	if _, err := p.Fit(ctx, d, Options{}); err != cause {
		t.Errorf("error %v with a context that has ended", err)
	}
}

func TestFitReportsBadArguments(t *testing.T) {
	r := rand.New(rand.NewPCG(18, 0))
	p := newProblem(t, randomLayer(r, 8, 8))
	good := design(t)(Blast(8, 8, 2, 2))
	other := design(t)(Blast(8, 8, 2, 3))
	broken := randomChain(r, good)
	broken.Factors[1].Values[0] = float32(math.NaN())
	for name, c := range map[string]struct {
		design butterfly.Design
		o      Options
		want   string
	}{
		"no patterns":         {butterfly.Design{In: 8, Out: 8}, Options{}, "no patterns"},
		"other layer":         {design(t)(butterfly.LowRank(9, 8, 1)), Options{}, "the layer has"},
		"start of other form": {good, Options{Start: randomChain(r, other)}, "start of design"},
		"start with NaN":      {good, Options{Start: broken}, "NaN"},
		"too wide":            {design(t)(butterfly.LowRank(8, 8, 1<<23)), Options{}, "a state of"},
	} {
		if _, err := p.Fit(context.Background(), c.design, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
	}
}

func TestDesignsKeepTheirSize(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 0))
	for range 300 {
		in, out := 1+r.IntN(3000), 1+r.IntN(3000)
		values := r.IntN(in*out) + 1
		for _, d := range Designs(in, out, values) {
			if err := d.Validate(); err != nil || d.In != in || d.Out != out || d.Values() > values {
				t.Errorf("%d -> %d, at most %d values: %v has %d, %v", in, out, values, d, d.Values(), err)
			}
			if !holdsLowRank(d) {
				t.Errorf("%v does not hold low rank", d)
			}
		}
	}
	if len(Designs(1024, 1024, 100000)) != 3 || len(Designs(1, 1, 1)) != 0 || Designs(0, 5, 9) != nil {
		t.Error("unexpected number of designs")
	}
}

// A chain of ones in the middle must equal the product of low rank.
func TestLowRankStartEqualsLowRank(t *testing.T) {
	r := rand.New(rand.NewPCG(20, 0))
	l := randomLayer(r, 50, 42)
	p := newProblem(t, l)
	for _, d := range []butterfly.Design{
		design(t)(Blast(50, 42, 4, 6)),
		design(t)(butterfly.Visits(50, 42, []int{5, 10}, []int{6, 10}, []int{6, 7}, []int{0, 1, 0})),
	} {
		chain, err := p.lowRankStart(d)
		if err != nil {
			t.Fatal(err)
		}
		scaleChain(chain, p.weightScale)
		want, err := p.LowRank(6)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Error(chain); math.Abs(got-want.Error) > 1e-4*want.Error {
			t.Errorf("%v: error %v, that of rank 6 is %v", d, got, want.Error)
		}
	}
}
