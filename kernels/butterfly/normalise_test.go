package butterfly

import (
	"math"
	"testing"
)

// unbalance multiplies rows by random powers of ten and divides the columns
// behind them.
func unbalance(c *Chain, seed uint64) {
	r := newRand(seed)
	for k := range len(c.Factors) - 1 {
		first, second := c.Factors[k], c.Factors[k+1]
		scale := make([]float32, first.Rows())
		for j := range scale {
			scale[j] = float32(math.Pow(10, 4*r.Float64()-2))
		}
		eachValue(first.Pattern, func(index, row, _ int) { first.Values[index] *= scale[row] })
		eachValue(second.Pattern, func(index, _, column int) { second.Values[index] /= scale[column] })
	}
}

func TestNormaliseKeepsTheProductAndBalances(t *testing.T) {
	designs := append(mixedDesigns(), kaleidoscope(t, 64, 1), kaleidoscope(t, 32, 2))
	for i, d := range designs {
		c := randomChain(newRand(51), d)
		unbalance(c, uint64(i))
		dense := c.Dense()
		c.Normalise()
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		want := make([]float64, len(dense))
		for j, v := range dense {
			want[j] = float64(v)
		}
		checkClose(t, name(d), c.Dense(), want, 1e-6)
		least, most := math.Inf(1), 0.0
		for _, f := range c.Factors {
			norm := math.Sqrt(inner(f.Values, f.Values))
			least, most = min(least, norm), max(most, norm)
		}
		if most > 1.02*least {
			t.Errorf("%s: norms of the factors from %v to %v", name(d), least, most)
		}
		checkRowsEqualColumns(t, c)
	}
}

func checkRowsEqualColumns(t *testing.T, c *Chain) {
	t.Helper()
	for k := range len(c.Factors) - 1 {
		first, second := c.Factors[k], c.Factors[k+1]
		norms := make([]float64, first.Rows())
		columns := make([]float64, first.Rows())
		eachValue(first.Pattern, func(index, row, _ int) { norms[row] += math.Pow(float64(first.Values[index]), 2) })
		eachValue(second.Pattern, func(index, _, column int) { columns[column] += math.Pow(float64(second.Values[index]), 2) })
		for j := range norms {
			if math.Abs(norms[j]-columns[j]) > 0.05*norms[j] {
				t.Fatalf("%s: feature %d before factor %d has a row of %v and a column of %v", name(c.Design()), j, k+1, norms[j], columns[j])
			}
		}
	}
}

func TestNormaliseLeavesZerosAlone(t *testing.T) {
	c := NewChain(kaleidoscope(t, 8, 1))
	c.Factors[0].Values[0] = 3
	c.Normalise()
	for k, f := range c.Factors {
		for i, v := range f.Values {
			if want := map[bool]float32{true: 3}[k == 0 && i == 0]; v != want {
				t.Errorf("factor %d, value %d is %v", k, i, v)
			}
		}
	}
}
