package butterfly

import (
	"errors"
	"fmt"
	"math"
)

// singular is the least pivot, relative to the largest entry of a block, with
// which Inverse divides.
const singular = 1e-6

// Inverse returns the chain of the inverse matrix: the inverse factors in the
// opposite order, the same number of values. It reports a chain that is not
// square from factor to factor, gathers that are no permutations, and blocks
// that are singular or nearly so.
func (c *Chain) Inverse() (*Chain, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.In != c.Out || c.Factors[0].Columns() != c.In {
		return nil, errors.New("inverse: the chain is not square or pads its input")
	}
	inverse := &Chain{In: c.In, Out: c.In}
	for i := len(c.Factors) - 1; i >= 0; i-- {
		f, err := c.Factors[i].inverse(c.In)
		if err != nil {
			return nil, fmt.Errorf("inverse: factor %d (%v): %w", i, c.Factors[i].Pattern, err)
		}
		inverse.Factors = append(inverse.Factors, f)
	}
	return inverse, inverse.Validate()
}

func (f Factor) inverse(features int) (Factor, error) {
	if f.Rows() != features || f.Columns() != features {
		return f, fmt.Errorf("%d rows and %d columns, want %d", f.Rows(), f.Columns(), features)
	}
	result := newFactor(f.Pattern)
	if f.IsGather() {
		t := f.gatherTransposed(features)
		if f.D != 1 || t.D != 1 || t.C != features {
			return f, errors.New("the gather is no permutation")
		}
		return t, nil
	}
	if f.B != f.C {
		return f, errors.New("its blocks are not square")
	}
	size := f.B * f.B
	for block := range f.Blocks() {
		if err := invertBlock(result.Values[block*size:][:size], f.Values[block*size:][:size], f.B); err != nil {
			return f, fmt.Errorf("block %d: %w", block, err)
		}
	}
	return result, nil
}

// invertBlock sets dst to the inverse of an n x n matrix by Gauss-Jordan
// elimination with row pivots.
func invertBlock(dst, src []float32, n int) error {
	largest := 0.0
	m := make([][]float64, n) // the matrix with the identity beside it
	for i := range m {
		m[i] = make([]float64, 2*n)
		m[i][n+i] = 1
		for j := range n {
			m[i][j] = float64(src[i*n+j])
			largest = max(largest, math.Abs(m[i][j]))
		}
	}
	for k := range n {
		pivot := k
		for i := k + 1; i < n; i++ {
			if math.Abs(m[i][k]) > math.Abs(m[pivot][k]) {
				pivot = i
			}
		}
		m[k], m[pivot] = m[pivot], m[k]
		if !(math.Abs(m[k][k]) > singular*largest) {
			return errors.New("it is singular or nearly so")
		}
		scale := 1 / m[k][k]
		for j := range m[k] {
			m[k][j] *= scale
		}
		for i := range m {
			if factor := m[i][k]; i != k && factor != 0 {
				for j := range m[i] {
					m[i][j] -= factor * m[k][j]
				}
			}
		}
	}
	for i := range m {
		for j := range n {
			dst[i*n+j] = float32(m[i][n+j])
		}
	}
	return nil
}
