package butterfly

import (
	"fmt"
	"math"
)

// Factor is a pattern with its values. Values are laid out [A][D][B][C], row
// by row: block (i,l) is the dense matrix Values[((i*D+l)*B+p)*C+q] from the
// inputs q to the outputs p of that block. A gather has Indexes [B][D] instead:
// the inputs of each output.
type Factor struct {
	Pattern
	Values  []float32
	Indexes []int32
}

// Chain is a product of factors, the K-matrix. Factors are in the order in
// which they are applied; In and Out are as in Design.
type Chain struct {
	In, Out int
	Factors []Factor
}

// NewChain returns a chain of this design with all values and indexes zero. The design
// must be valid.
func NewChain(d Design) *Chain {
	c := &Chain{In: d.In, Out: d.Out, Factors: make([]Factor, len(d.Patterns))}
	for i, p := range d.Patterns {
		c.Factors[i] = newFactor(p)
	}
	return c
}

func newFactor(p Pattern) Factor {
	if p.IsGather() {
		return Factor{Pattern: p, Indexes: make([]int32, p.Indexes())}
	}
	return Factor{Pattern: p, Values: make([]float32, p.Values())}
}

// Design returns the patterns of the chain.
func (c *Chain) Design() Design {
	d := Design{In: c.In, Out: c.Out, Patterns: make([]Pattern, len(c.Factors))}
	for i, f := range c.Factors {
		d.Patterns[i] = f.Pattern
	}
	return d
}

// Validate reports an invalid design, a factor whose values or indexes do not
// fit its pattern, and values that are not finite.
func (c *Chain) Validate() error {
	if err := c.checkShape(); err != nil {
		return err
	}
	for i, f := range c.Factors {
		for j, v := range f.Values {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("chain, factor %d (%v): value %d is %v", i, f.Pattern, j, v)
			}
		}
	}
	return nil
}

// checkShape is Validate without looking at the values.
func (c *Chain) checkShape() error {
	if err := c.Design().Validate(); err != nil {
		return err
	}
	for i, f := range c.Factors {
		if len(f.Values) != f.Pattern.Values() {
			return fmt.Errorf("chain, factor %d (%v): %d values, want %d", i, f.Pattern, len(f.Values), f.Pattern.Values())
		}
		if err := f.checkIndexes(); err != nil {
			return fmt.Errorf("chain, factor %d (%v): %w", i, f.Pattern, err)
		}
	}
	return nil
}

// Clone returns a chain that shares nothing with c.
func (c *Chain) Clone() *Chain {
	clone := NewChain(c.Design())
	for i, f := range c.Factors {
		copy(clone.Factors[i].Values, f.Values)
		copy(clone.Factors[i].Indexes, f.Indexes)
	}
	return clone
}

// Transposed returns the chain of the transposed matrix: the transposed
// factors in the opposite order. It shares nothing with c.
func (c *Chain) Transposed() *Chain {
	t := &Chain{In: c.Out, Out: c.In}
	for i := len(c.Factors) - 1; i >= 0; i-- {
		if f := c.Factors[i]; f.IsGather() {
			features := c.In
			if i > 0 {
				features = c.Factors[i-1].Rows()
			}
			t.Factors = append(t.Factors, f.gatherTransposed(features))
		} else {
			t.Factors = append(t.Factors, f.transposed())
		}
	}
	return t
}

func (f Factor) transposed() Factor {
	t := newFactor(f.Pattern.Transposed())
	size := f.B * f.C
	for block := range f.Blocks() {
		from, to := f.Values[block*size:][:size], t.Values[block*size:][:size]
		for p := range f.B {
			for q := range f.C {
				to[q*f.B+p] = from[p*f.C+q]
			}
		}
	}
	return t
}

// Dense returns the matrix of the chain, [Out, In] row by row, multiplied out
// in float64. It takes Out*In values and is meant for small chains and as an
// independent check of the kernels.
func (c *Chain) Dense() []float32 {
	dense := make([]float32, c.Out*c.In)
	for column := range c.In {
		x := make([]float64, c.Factors[0].Columns())
		x[column] = 1
		for _, f := range c.Factors {
			x = f.applyFloat64(x)
		}
		for row := range c.Out {
			dense[row*c.In+column] = float32(x[row])
		}
	}
	return dense
}

// applyFloat64 multiplies one vector by the factor, as Pattern defines it.
func (f Factor) applyFloat64(x []float64) []float64 {
	y := make([]float64, f.Rows())
	for i, from := range f.Indexes {
		if int(from) < len(x) {
			y[i/f.D] += x[from]
		}
	}
	for i := range f.A {
		for l := range f.D {
			block := f.Values[(i*f.D+l)*f.B*f.C:]
			for p := range f.B {
				sum := 0.0
				for q := range f.C {
					sum += float64(block[p*f.C+q]) * x[(i*f.C+q)*f.D+l]
				}
				y[(i*f.B+p)*f.D+l] = sum
			}
		}
	}
	return y
}
