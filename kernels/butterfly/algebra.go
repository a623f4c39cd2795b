package butterfly

import (
	"errors"
	"fmt"
)

// The algebra of chains: products here, sums and Kronecker products in
// algebra_sum.go, inverses in inverse.go, transposed chains in chain.go.
// Results share nothing with their operands and are simplified (simplify.go).

// Product returns the chain that applies these chains one after the other, the
// first one first. It reports an invalid chain, none, and chains whose sizes do
// not fit each other.
func Product(chains ...*Chain) (*Chain, error) {
	if err := checkOperands("product", chains); err != nil {
		return nil, err
	}
	result := &Chain{In: chains[0].In, Out: chains[len(chains)-1].Out}
	for i, c := range chains {
		factors := c.Clone().Factors
		if i > 0 {
			if before := chains[i-1].Out; before != c.In {
				return nil, fmt.Errorf("product: chain %d has %d inputs, the one before %d outputs", i, c.In, before)
			}
			factors = padded(factors, c.In)
		}
		if i < len(chains)-1 {
			factors = cut(factors, c.Out)
		}
		result.Factors = append(result.Factors, factors...)
	}
	return result.simplified()
}

func checkOperands(what string, chains []*Chain) error {
	if len(chains) == 0 {
		return errors.New(what + ": no chains")
	}
	for i, c := range chains {
		if c == nil {
			return fmt.Errorf("%s: chain %d is nil", what, i)
		}
		if err := c.Validate(); err != nil {
			return fmt.Errorf("%s: chain %d: %w", what, i, err)
		}
	}
	return nil
}

// padded returns factors that take exactly `in` features.
func padded(factors []Factor, in int) []Factor {
	if columns := factors[0].Columns(); columns == in || factors[0].IsGather() {
		if columns > in {
			factors[0] = gatherFactor(factors[0].order(in), in, factors[0].D)
		}
		return factors
	}
	order := upTo(in)
	for len(order) < factors[0].Columns() {
		order = append(order, -1)
	}
	return append([]Factor{gatherFactor(order, in, 1)}, factors...)
}

// cut returns factors that give exactly `out` features.
func cut(factors []Factor, out int) []Factor {
	last := &factors[len(factors)-1]
	switch {
	case last.Rows() == out:
	case last.IsGather():
		last.B, last.Indexes = out, last.Indexes[:out*last.D]
	default:
		return append(factors, gatherFactor(upTo(out), last.Rows(), 1))
	}
	return factors
}

// upTo returns 0, 1, ..., n-1.
func upTo(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// ScaledRows returns diag(scale) times the matrix of the chain.
func (c *Chain) ScaledRows(scale []float64) (*Chain, error) {
	d, err := Diagonal(scale)
	if err != nil {
		return nil, err
	}
	return Product(c, d)
}

// ScaledColumns returns the matrix of the chain times diag(scale).
func (c *Chain) ScaledColumns(scale []float64) (*Chain, error) {
	d, err := Diagonal(scale)
	if err != nil {
		return nil, err
	}
	return Product(d, c)
}

// SelectedRows returns the chain whose row i is row order[i] of c, and zero
// where order[i] is -1.
func (c *Chain) SelectedRows(order []int) (*Chain, error) {
	g, err := Gather(order, c.Out)
	if err != nil {
		return nil, err
	}
	return Product(c, g)
}

// SelectedColumns returns the chain whose input order[i] is the input i of c;
// inputs of c with order[i] = -1 are zero. There are `in` inputs, of which
// those that order leaves out have no effect.
func (c *Chain) SelectedColumns(order []int, in int) (*Chain, error) {
	g, err := Gather(order, in)
	if err != nil {
		return nil, err
	}
	return Product(g, c)
}
