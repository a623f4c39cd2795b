package butterfly

import (
	"errors"
	"fmt"
	"math"
)

// checkFinite reports a number of values other than wanted, and NaN or
// infinite ones.
func checkFinite(what string, values []float64, wanted int) error {
	if len(values) != wanted {
		return fmt.Errorf("%s: %d values, want %d", what, len(values), wanted)
	}
	for i, v := range values {
		if !finite(v) {
			return fmt.Errorf("%s: value %d is %v", what, i, v)
		}
	}
	return nil
}

func checkSides(what string, out, in int) error {
	if in < 1 || out < 1 || in > MaxSide/2 || out > MaxSide/2 || in > MaxValues/out {
		return fmt.Errorf("%s: %d outputs and %d inputs must be between 1 and %d, and their product at most %d", what, out, in, MaxSide/2, MaxValues)
	}
	return nil
}

// single returns the chain of one factor.
func single(f Factor) *Chain { return &Chain{In: f.Columns(), Out: f.Rows(), Factors: []Factor{f}} }

// fill sets the values of a factor of one block for each feature.
func (f Factor) fill(values []float64) Factor {
	for i, v := range values {
		f.Values[i] = float32(v)
	}
	return f
}

// Dense returns the matrix [out, in] as a chain of one factor.
func Dense(matrix []float64, out, in int) (*Chain, error) {
	if err := checkSides("dense matrix", out, in); err != nil {
		return nil, err
	}
	if err := checkFinite("dense matrix", matrix, out*in); err != nil {
		return nil, err
	}
	return single(newFactor(Pattern{1, out, in, 1}).fill(matrix)), nil
}

// Diagonal returns the diagonal matrix of n values, as one factor of n blocks.
func Diagonal(values []float64) (*Chain, error) {
	if err := checkSides("diagonal matrix", len(values), 1); err != nil {
		return nil, err
	}
	if err := checkFinite("diagonal matrix", values, len(values)); err != nil {
		return nil, err
	}
	return single(newFactor(Pattern{len(values), 1, 1, 1}).fill(values)), nil
}

// LowRankProduct returns the product of left [out, rank] and right [rank, in]
// with rank*(in+out) values, or the dense matrix where that is smaller.
func LowRankProduct(left, right []float64, out, in, rank int) (*Chain, error) {
	if rank < 1 {
		return nil, errors.New("low rank: the rank must be positive")
	}
	if err := checkSides("low rank", out, rank); err != nil {
		return nil, err
	}
	if err := checkSides("low rank", rank, in); err != nil {
		return nil, err
	}
	r, err := Dense(right, rank, in)
	if err != nil {
		return nil, err
	}
	l, err := Dense(left, out, rank)
	if err != nil {
		return nil, err
	}
	return Product(r, l)
}

// finite reports whether all values are.
func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
