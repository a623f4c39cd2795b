package butterfly

import "slices"

// simplified returns the chain with fewer factors and the same matrix, or the
// error of an invalid result. It takes the factors of c.
func (c *Chain) simplified() (*Chain, error) {
	for i := 0; i < len(c.Factors); {
		if c.simplifyAt(i) {
			i = max(0, i-2)
		} else {
			i++
		}
	}
	return c, c.Validate()
}

// simplifyAt changes factor i and the next one if that makes the chain simpler.
func (c *Chain) simplifyAt(i int) bool {
	f := c.Factors[i]
	features := c.featuresBefore(i)
	if f.isIdentity(features) && len(c.Factors) > 1 && (i > 0 || f.C == c.In) {
		c.replace(i, 1)
		return true
	}
	if i+1 == len(c.Factors) {
		return false
	}
	next := c.Factors[i+1]
	switch {
	case f.isIdentityFor(next, features):
		c.replace(i, 2, next)
	case f.IsGather() && next.IsGather():
		c.replace(i, 2, composedGathers(f, next, features))
	case next.isDiagonal() && !f.IsGather():
		f.scaleRows(next.Values)
		c.replace(i, 2, f)
	case f.isDiagonal() && !next.IsGather():
		next.scaleColumns(f.Values)
		c.replace(i, 2, next)
	case f.isDiagonal() && next.D == 1 && i+2 < len(c.Factors):
		c.replace(i, 2, next, f.diagonalAfter(next))
	case next.isDiagonal() && f.IsGather() && i > 0 && f.D == 1:
		before, ok := next.diagonalBefore(f)
		if !ok {
			return false
		}
		c.replace(i, 2, before, f)
	case f.A == next.A && f.D == next.D && next.C == f.B && next.B*f.C <= f.B*(next.B+f.C):
		c.replace(i, 2, multipliedBlocks(f, next))
	default:
		return false
	}
	return true
}

// replace puts other factors in the place of `count` factors from i on.
func (c *Chain) replace(i, count int, factors ...Factor) {
	c.Factors = slices.Replace(c.Factors, i, i+count, factors...)
}

// featuresBefore is how many features factor i really has as its inputs.
func (c *Chain) featuresBefore(i int) int {
	if i == 0 {
		return c.Factors[0].Columns()
	}
	return c.Factors[i-1].Rows()
}

// isIdentity recognises a gather of all features in order.
func (f Factor) isIdentity(features int) bool {
	if !f.IsGather() || f.D != 1 || f.B != features {
		return false
	}
	for i, from := range f.Indexes {
		if int(from) != i {
			return false
		}
	}
	return true
}

// isIdentityFor recognises a gather of all features in order but for zeros that
// the next factor multiplies by zero.
func (f Factor) isIdentityFor(next Factor, features int) bool {
	if !f.IsGather() || f.D != 1 || f.B != features || next.IsGather() {
		return false
	}
	var used []bool
	for i, from := range f.Indexes {
		switch {
		case int(from) == i:
			continue
		case int(from) < features:
			return false
		case used == nil:
			used = next.usedColumns()
		}
		if used[i] {
			return false
		}
	}
	return true
}

func (f Factor) usedColumns() []bool {
	used := make([]bool, f.Columns())
	eachValue(f.Pattern, func(index, _, column int) {
		if f.Values[index] != 0 {
			used[column] = true
		}
	})
	return used
}

func (f Factor) isDiagonal() bool { return !f.IsGather() && f.B == 1 && f.C == 1 }

// composedGathers is the gather of first and then second.
func composedGathers(first, second Factor, features int) Factor {
	inner := first.order(features)
	var order []int
	for _, from := range second.order(first.B) {
		for term := range first.D {
			if from < 0 {
				order = append(order, -1)
			} else {
				order = append(order, inner[from*first.D+term])
			}
		}
	}
	return gatherFactor(order, features, first.D*second.D)
}

// diagonalAfter is the diagonal that does after a gather what f does before it.
func (f Factor) diagonalAfter(gather Factor) Factor {
	d := newFactor(Pattern{gather.B, 1, 1, 1})
	for i, from := range gather.Indexes {
		if int(from) < len(f.Values) {
			d.Values[i] = f.Values[from]
		}
	}
	return d
}

// diagonalBefore is the diagonal that does before a gather what f does after
// it, if the gather does not need different scales for one feature.
func (f Factor) diagonalBefore(gather Factor) (Factor, bool) {
	features := gather.C
	d := newFactor(Pattern{features, 1, 1, 1})
	set := make([]bool, features)
	for i, from := range gather.Indexes {
		if set[from] && d.Values[from] != f.Values[i] {
			return d, false
		}
		set[from], d.Values[from] = true, f.Values[i]
	}
	return d, true
}

func (f Factor) scaleRows(scale []float32) {
	eachValue(f.Pattern, func(index, row, _ int) { f.Values[index] *= scale[row] })
}

func (f Factor) scaleColumns(scale []float32) {
	eachValue(f.Pattern, func(index, _, column int) { f.Values[index] *= scale[column] })
}

// multipliedBlocks is the product of two factors that differ in B and C alone.
func multipliedBlocks(first, second Factor) Factor {
	f := newFactor(Pattern{first.A, second.B, first.C, first.D})
	inner := first.B
	for block := range f.Blocks() {
		left, right := second.Values[block*second.B*inner:], first.Values[block*inner*first.C:]
		to := f.Values[block*f.B*f.C:]
		for p := range f.B {
			for q := range f.C {
				sum := 0.0
				for k := range inner {
					sum += float64(left[p*inner+k]) * float64(right[k*f.C+q])
				}
				to[p*f.C+q] = float32(sum)
			}
		}
	}
	return f
}
