package butterfly

import "fmt"

// Kronecker returns the chain of the Kronecker product a x b: the features of a
// are the first digit of an index, those of b the second. It has n_b values of
// a for n_b outputs of b, and n_a values of b for n_a inputs of a.
func Kronecker(a, b *Chain) (*Chain, error) {
	if err := checkOperands("Kronecker product", []*Chain{a, b}); err != nil {
		return nil, err
	}
	if _, ok := product(MaxSide, a.In, b.In); !ok {
		return nil, fmt.Errorf("Kronecker product: more than %d inputs", MaxSide)
	}
	if _, ok := product(MaxSide, a.Out, b.Out); !ok {
		return nil, fmt.Errorf("Kronecker product: more than %d outputs", MaxSide)
	}
	result := &Chain{In: a.In * b.In, Out: a.Out * b.Out}
	if err := result.appendKronecker(1, b, a.In); err != nil {
		return nil, err
	}
	if err := result.appendKronecker(b.Out, a, 1); err != nil {
		return nil, err
	}
	return result.simplified()
}

// appendKronecker appends the factors of I_outer x other x I_inner.
func (c *Chain) appendKronecker(inner int, other *Chain, outer int) error {
	features := other.In
	for _, f := range exact(other) {
		p := f.Pattern
		if f.IsGather() {
			c.Factors = append(c.Factors, f.kroneckerGather(features, inner, outer))
		} else {
			p.A, p.D = p.A*outer, p.D*inner
			if err := p.Validate(); err != nil {
				return fmt.Errorf("Kronecker product: %w", err)
			}
			c.Factors = append(c.Factors, f.repeated(inner, outer))
		}
		features = f.Rows()
	}
	return nil
}

// exact returns a copy of the factors that neither pads nor cuts.
func exact(c *Chain) []Factor { return cut(padded(c.Clone().Factors, c.In), c.Out) }

// kroneckerGather is I_outer x f x I_inner for a gather of some features.
func (f Factor) kroneckerGather(features, inner, outer int) Factor {
	order := f.order(features)
	result := make([]int, 0, len(order)*inner*outer)
	for i := range outer {
		for row := range f.B {
			for l := range inner {
				for _, from := range order[row*f.D:][:f.D] {
					if from >= 0 {
						from = (i*features+from)*inner + l
					}
					result = append(result, from)
				}
			}
		}
	}
	return gatherFactor(result, features*inner*outer, f.D)
}

// repeated is I_outer x f x I_inner.
func (f Factor) repeated(inner, outer int) Factor {
	r := newFactor(Pattern{f.A * outer, f.B, f.C, f.D * inner})
	size := f.B * f.C
	for block := range r.Blocks() {
		i, l := block/r.D%f.A, block%r.D/inner
		copy(r.Values[block*size:], f.Values[(i*f.D+l)*size:][:size])
	}
	return r
}

// DirectSum returns the chain of the block-diagonal matrix of these chains.
func DirectSum(chains ...*Chain) (*Chain, error) {
	if err := checkOperands("direct sum", chains); err != nil {
		return nil, err
	}
	sum := chains[0].Clone()
	for _, c := range chains[1:] {
		if sum.In+c.In > MaxSide || sum.Out+c.Out > MaxSide {
			return nil, fmt.Errorf("direct sum: more than %d features", MaxSide)
		}
		sum = directSum(sum, c)
	}
	return sum.simplified()
}

// Stack returns the chain that gives the outputs of all chains for one input,
// one chain after the other.
func Stack(chains ...*Chain) (*Chain, error) {
	sum, err := DirectSum(chains...)
	if err != nil {
		return nil, err
	}
	var order []int
	for i, c := range chains {
		if c.In != chains[0].In {
			return nil, fmt.Errorf("stack: chain %d has %d inputs, the first one %d", i, c.In, chains[0].In)
		}
		order = append(order, upTo(c.In)...)
	}
	return sum.SelectedColumns(order, chains[0].In)
}

// Sum returns the chain of the sum of the matrices.
func Sum(chains ...*Chain) (*Chain, error) {
	stack, err := Stack(chains...)
	if err != nil {
		return nil, err
	}
	out := chains[0].Out
	order := make([]int, 0, stack.Out)
	for row := range out {
		for i, c := range chains {
			if c.Out != out {
				return nil, fmt.Errorf("sum: chain %d has %d outputs, the first one %d", i, c.Out, out)
			}
			order = append(order, i*out+row)
		}
	}
	add := &Chain{In: stack.Out, Out: out, Factors: []Factor{gatherFactor(order, stack.Out, len(chains))}}
	return Product(stack, add)
}
