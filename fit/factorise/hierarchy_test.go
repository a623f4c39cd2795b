package factorise

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// onesDense is the support of a chain as a dense matrix.
func onesDense(patterns ...butterfly.Pattern) []float32 {
	d := butterfly.Design{In: patterns[0].Columns(), Out: patterns[len(patterns)-1].Rows(), Patterns: patterns}
	c := butterfly.NewChain(d)
	for _, f := range c.Factors {
		for i := range f.Values {
			f.Values[i] = 1
		}
	}
	return c.Dense()
}

func TestProductPatternIsTheSupportOfTheProduct(t *testing.T) {
	pairs := 0
	small := func(visit func(butterfly.Pattern)) {
		for _, a := range []int{1, 2, 3} {
			for _, b := range []int{1, 2, 4} {
				for _, c := range []int{1, 2, 4} {
					for _, d := range []int{1, 2, 3} {
						visit(butterfly.Pattern{A: a, B: b, C: c, D: d})
					}
				}
			}
		}
	}
	small(func(left butterfly.Pattern) {
		small(func(right butterfly.Pattern) {
			product, rank, ok := productPattern(left, right)
			if !ok {
				return
			}
			pairs++
			if left.Columns() != right.Rows() {
				t.Fatalf("%v after %v is called chainable", left, right)
			}
			got, want := onesDense(right, left), onesDense(product)
			for i := range want {
				if got[i] != want[i]*float32(rank) {
					t.Fatalf("%v after %v: product pattern %v of rank %d is wrong", left, right, product, rank)
				}
			}
		})
	})
	if pairs < 50 {
		t.Fatalf("only %d chainable pairs", pairs)
	}
}

func TestLeadingProductIsExactForItsRank(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 0))
	for rows := 1; rows <= 9; rows++ {
		for columns := 1; columns <= 9; columns++ {
			for rank := range 5 {
				m := make([]float64, rows*columns)
				for range rank {
					a, b := r.NormFloat64(), 0.0
					u := make([]float64, rows)
					for i := range u {
						u[i] = a * r.NormFloat64()
					}
					for q := range columns {
						b = r.NormFloat64()
						for p := range rows {
							m[p*columns+q] += u[p] * b
						}
					}
				}
				u, v := leadingProduct(m, rows, columns, max(1, rank))
				if e := productError(m, u, v, rows, columns, max(1, rank)); e > 1e-10 {
					t.Fatalf("%dx%d of rank %d: error %g", rows, columns, rank, e)
				}
			}
		}
	}
}

func productError(m, u, v []float64, rows, columns, rank int) float64 {
	worst := 0.0
	for p := range rows {
		for q := range columns {
			sum := m[p*columns+q]
			for j := range rank {
				sum -= u[p*rank+j] * v[j*columns+q]
			}
			worst = math.Max(worst, math.Abs(sum))
		}
	}
	return worst
}

// recoverable are designs whose chains must be found exactly: chainable as
// they are, or seen from the transposed matrix.
func recoverable(t *testing.T) []butterfly.Design {
	must := design(t)
	digits := func(sizes ...int) []int { return sizes }
	return []butterfly.Design{
		must(butterfly.Visits(64, 64, digits(2, 2, 2, 2, 2, 2), digits(2, 2, 2, 2, 2, 2), digits(2, 2, 2, 2, 2, 2), butterfly.OneSided(6))),
		must(butterfly.Visits(64, 64, digits(4, 4, 4), digits(4, 4, 4), digits(4, 4, 4), []int{0, 1, 2})),
		must(butterfly.Visits(60, 105, digits(3, 4, 5), digits(3, 4, 5), digits(7, 3, 5), butterfly.OneSided(3))),
		must(butterfly.Visits(58, 101, digits(3, 4, 5), digits(3, 4, 5), digits(7, 3, 5), butterfly.OneSided(3))),
		must(butterfly.Visits(23, 29, digits(23), digits(23), digits(29), digits(0))),
		must(butterfly.Monarch(48, 64, 4, 1)),
		must(butterfly.Monarch(64, 48, 4, 3)),
		must(butterfly.Monarch(50, 31, 5, 2)),
		must(butterfly.LowRank(37, 41, 5)),
		must(butterfly.LowRank(2, 1, 1)),
	}
}

func TestExactStructureIsRecovered(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	for _, d := range recoverable(t) {
		for _, moment := range [][]float64{nil, decayingMoment(r, d.In)} {
			l := Layer{In: d.In, Out: d.Out, Weight: randomChain(r, d).Dense(), Moment: moment}
			got := fit(t, newProblem(t, l), d, Options{Steps: -1})
			if got.Error > 1e-5 || got.BlindError > 1e-4 {
				t.Errorf("%v, moment %t: error %g, blind %g", d, moment != nil, got.Error, got.BlindError)
			}
		}
	}
}

func TestHadamardIsRecoveredByEveryKaleidoscope(t *testing.T) {
	for _, n := range []int{2, 4, 16, 64, 256} {
		row := make([]float64, n)
		weight := make([]float32, n*n)
		for i := range n {
			clear(row)
			row[i] = 1
			walshHadamard(row)
			for j, v := range row {
				weight[i*n+j] = float32(v)
			}
		}
		p := newProblem(t, Layer{In: n, Out: n, Weight: weight})
		designs := []butterfly.Design{
			design(t)(butterfly.Kaleidoscope(n, n, 1, 1, 2)),
			design(t)(butterfly.Kaleidoscope(n, n, 2, 1, 2)),
			design(t)(butterfly.Kaleidoscope(n, n, 1, 1, 4)),
		}
		if n == 256 { // holds low rank as well, which Hadamard is not
			designs = append(designs, design(t)(Blast(n, n, 16, 16)))
		}
		for _, d := range designs {
			if got := fit(t, p, d, Options{Steps: -1}); got.Error > 1e-5 {
				t.Errorf("n %d, %v: error %g", n, d, got.Error)
			}
		}
	}
}
