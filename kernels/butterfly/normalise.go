package butterfly

import (
	"math"
	"slices"
)

const (
	// normaliseSweeps bounds the passes over the chain; each halves at least
	// the imbalance between neighbours, which then travels along the chain.
	normaliseSweeps = 100
	// normaliseTolerance is the change of a scale, as a logarithm, that ends
	// the passes.
	normaliseTolerance = 1e-4
)

// Normalise balances the values of a chain without changing its product.
//
// Factors are determined only up to a diagonal matrix between two neighbours
// (Zheng et al., ICASSP 2022, Theorem 3): row j of a factor may be multiplied
// by any number by which column j of the next factor is divided. Normalise
// chooses these numbers so that row j and column j have the same Euclidean
// norm for every feature j; all factors then have nearly the same norm too. A
// factor stored in few bits loses least in this form (as Nagel et al.,
// arXiv 1906.04721, section 4.1, equalise layers). The product changes by
// rounding alone. Features whose row or column is zero stay as they are. All
// values must be finite.
func (c *Chain) Normalise() {
	values := make([][]float64, len(c.Factors))
	for k, f := range c.Factors {
		values[k] = make([]float64, len(f.Values))
		for i, v := range f.Values {
			values[k][i] = float64(v)
		}
	}
	for range normaliseSweeps {
		change := equaliseNorms(values)
		for k := range len(c.Factors) - 1 {
			change = max(change, balance(c.Factors[k].Pattern, c.Factors[k+1].Pattern, values[k], values[k+1]))
		}
		if change < normaliseTolerance {
			break
		}
	}
	for k, f := range c.Factors {
		for i, v := range values[k] {
			f.Values[i] = float32(v)
		}
	}
}

// equaliseNorms gives all factors the same Frobenius norm, unless one is
// zero, which would take many passes from neighbour to neighbour. It returns
// the largest logarithm of a scale.
func equaliseNorms(values [][]float64) float64 {
	logs, mean := make([]float64, len(values)), 0.0
	values = slices.DeleteFunc(slices.Clone(values), func(v []float64) bool { return len(v) == 0 }) // gathers
	for k, v := range values {
		sum := 0.0
		for _, x := range v {
			sum += x * x
		}
		if sum == 0 {
			return 0
		}
		logs[k] = math.Log(sum) / 2
		mean += logs[k] / float64(len(values))
	}
	largest := 0.0
	for k, v := range values {
		scale := math.Exp(mean - logs[k])
		for i := range v {
			v[i] *= scale
		}
		largest = max(largest, math.Abs(mean-logs[k]))
	}
	return largest
}

// balance equalises the rows of a factor with the columns of the next one and
// returns the largest logarithm of a scale.
func balance(first, second Pattern, rows, columns []float64) float64 {
	rowNorms, columnNorms := make([]float64, first.Rows()), make([]float64, second.Columns())
	eachValue(first, func(index, row, _ int) { rowNorms[row] += rows[index] * rows[index] })
	eachValue(second, func(index, _, column int) { columnNorms[column] += columns[index] * columns[index] })
	largest := 0.0
	scale := make([]float64, len(rowNorms))
	for j := range scale {
		scale[j] = 1
		if rowNorms[j] > 0 && columnNorms[j] > 0 {
			scale[j] = math.Sqrt(math.Sqrt(columnNorms[j] / rowNorms[j]))
			largest = max(largest, math.Abs(math.Log(scale[j])))
		}
	}
	eachValue(first, func(index, row, _ int) { rows[index] *= scale[row] })
	eachValue(second, func(index, _, column int) { columns[index] /= scale[column] })
	return largest
}

// eachValue visits the values of a pattern with their row and column.
func eachValue(p Pattern, do func(index, row, column int)) {
	index := 0
	for i := range p.A {
		for l := range p.D {
			for o := range p.B {
				for q := range p.C {
					do(index, (i*p.B+o)*p.D+l, (i*p.C+q)*p.D+l)
					index++
				}
			}
		}
	}
}
