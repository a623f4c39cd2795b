package factorise

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// leastErrors are the least relative weighted errors for each rank, from a
// float64 singular value decomposition of W R by gonum.
func leastErrors(t *testing.T, l Layer) []float64 {
	t.Helper()
	var c mat.Cholesky
	if !c.Factorize(mat.NewSymDense(l.In, ridgedMoment(l))) {
		t.Fatal("the moment has no Cholesky factor")
	}
	var root mat.TriDense
	c.LTo(&root)
	w := mat.NewDense(l.Out, l.In, nil)
	for i, v := range l.Weight {
		w.RawMatrix().Data[i] = float64(v)
	}
	var target mat.Dense
	target.Mul(w, &root)
	var svd mat.SVD
	if !svd.Factorize(&target, mat.SVDNone) {
		t.Fatal("no singular value decomposition")
	}
	values := svd.Values(nil)
	errors := make([]float64, len(values)+1)
	sum := 0.0
	for k := len(values) - 1; k >= 0; k-- {
		sum += values[k] * values[k]
		errors[k] = sum
	}
	for k := range errors {
		errors[k] = math.Sqrt(errors[k] / sum)
	}
	return errors
}

func TestLowRankIsTheWeightedSingularValueDecomposition(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 0))
	for _, size := range [][2]int{{1, 1}, {2, 3}, {3, 2}, {17, 17}, {31, 64}, {64, 31}, {100, 90}} {
		l := randomLayer(r, size[0], size[1])
		p := newProblem(t, l)
		want := leastErrors(t, l)
		for rank := 1; rank <= min(size[0], size[1]); rank++ {
			got, err := p.LowRank(rank)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got.Error-want[rank]) > 1e-3*want[rank]+1e-5 {
				t.Errorf("%v rank %d: error %v, the least is %v", size, rank, got.Error, want[rank])
			}
			if d := got.Chain.Design(); d.Values() != rank*(l.In+l.Out) {
				t.Errorf("%v rank %d: design %v", size, rank, d)
			}
		}
	}
}

// The singular vectors of large layers come from a random subspace.
func TestLowRankOfLargeLayersIsNearlyOptimal(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	for _, size := range [][2]int{{300, 330}, {330, 300}} {
		l := randomLayer(r, size[0], size[1])
		p := newProblem(t, l)
		want := leastErrors(t, l)
		for _, rank := range []int{1, 10, 40, 150, 299, 300, 1000} {
			got, err := p.LowRank(rank)
			if err != nil {
				t.Fatal(err)
			}
			if w := want[min(rank, 300)]; got.Error > 1.005*w+3e-4 || got.Error < 0.999*w-1e-5 {
				t.Errorf("%v rank %d: error %v, the least is %v", size, rank, got.Error, w)
			}
		}
	}
}

func TestLowRankFindsExactRanks(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 0))
	for _, size := range [][2]int{{40, 50}, {280, 300}} {
		in, out, rank := size[0], size[1], 7
		left, right := randomWeight(r, rank, out), randomWeight(r, in, rank)
		weight := make([]float32, in*out)
		for i := range out {
			for j := range in {
				for k := range rank {
					weight[i*in+j] += left[i*rank+k] * right[k*in+j]
				}
			}
		}
		p := newProblem(t, Layer{In: in, Out: out, Weight: weight, Moment: decayingMoment(r, in)})
		for _, k := range []int{rank, rank + 1, 30} {
			if got, err := p.LowRank(k); err != nil || got.Error > 1e-5 {
				t.Errorf("%v rank %d: error %v, %v", size, k, got.Error, err)
			}
		}
	}
}

func TestLowRankDoesNotDependOnEarlierCalls(t *testing.T) {
	l := randomLayer(rand.New(rand.NewPCG(9, 0)), 280, 270)
	direct, err := newProblem(t, l).LowRank(20)
	if err != nil {
		t.Fatal(err)
	}
	p := newProblem(t, l)
	for _, rank := range []int{100, 20} {
		r, err := p.LowRank(rank)
		if err != nil {
			t.Fatal(err)
		}
		if rank == 20 {
			sameChain(t, r.Chain, direct.Chain)
		}
	}
}

func TestLowRankReportsARankBelowOne(t *testing.T) {
	p := newProblem(t, randomLayer(rand.New(rand.NewPCG(10, 0)), 4, 4))
	for _, rank := range []int{0, -1, math.MinInt} {
		if _, err := p.LowRank(rank); err == nil {
			t.Errorf("rank %d is accepted", rank)
		}
	}
}
