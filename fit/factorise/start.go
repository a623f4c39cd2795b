package factorise

import (
	"math"
	"slices"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/runtime/pool"
)

// A start is made in closed form. The longest part of the design that is
// chainable is factorised hierarchically; the factors before and after it
// begin as identities, or as the principal directions of their blocks where
// they are narrower than their input. Of BB*, that part is B or, seen from the
// transposed matrix, B*.

// starts returns one or two candidate starts for a design: chains close to
// the weight divided by weightScale.
func (p *Problem) starts(d butterfly.Design, threads *pool.Pool) []*butterfly.Chain {
	target := p.weightedTarget(d)
	candidates := []*butterfly.Chain{p.unweighted(d, startFactors(target, d.Patterns, threads))}
	if len(d.Patterns) == 1 {
		return candidates
	}
	factors := startFactors(target.transposed(), transposedPatterns(d.Patterns), threads)
	slices.Reverse(factors)
	for i := range factors {
		factors[i] = factors[i].transposed()
	}
	return append(candidates, p.unweighted(d, factors))
}

// weightedTarget is the scaled weight with every column multiplied by the
// size of its input, padded with zeros to the sides of the design. This takes
// the diagonal of the moment into account, which keeps the sub-blocks
// independent.
func (p *Problem) weightedTarget(d butterfly.Design) matrix {
	m := newMatrix(d.Patterns[len(d.Patterns)-1].Rows(), d.Patterns[0].Columns())
	for i := range p.layer.Out {
		for j, w := range p.layer.Weight[i*p.layer.In:][:p.layer.In] {
			m.values[i*m.columns+j] = float64(w) / p.weightScale * p.inputScale[j]
		}
	}
	return m
}

// unweighted turns factors of the weighted target into a chain for the
// weight.
func (p *Problem) unweighted(d butterfly.Design, factors []sparse) *butterfly.Chain {
	first := factors[0]
	for index := range first.Blocks() {
		i, l := index/first.D, index%first.D
		for q := range first.C {
			input := (i*first.C+q)*first.D + l
			if input >= d.In {
				continue
			}
			for row := range first.B {
				first.values[(index*first.B+row)*first.C+q] /= p.inputScale[input]
			}
		}
	}
	c := butterfly.NewChain(d)
	for i, f := range factors {
		for j, v := range f.values {
			c.Factors[i].Values[j] = float32(v)
		}
	}
	return c
}

func transposedPatterns(patterns []butterfly.Pattern) []butterfly.Pattern {
	var t []butterfly.Pattern
	for _, p := range slices.Backward(patterns) {
		t = append(t, p.Transposed())
	}
	return t
}

// startFactors returns factors of these patterns, first applied first, whose
// product is close to the target.
func startFactors(target matrix, patterns []butterfly.Pattern, threads *pool.Pool) []sparse {
	from, to := longestChainable(patterns)
	var before, after []sparse
	for _, p := range patterns[:from] {
		f := passThrough(target, p)
		target = target.timesTransposed(f)
		before = append(before, f)
	}
	target = target.transposed()
	for _, p := range slices.Backward(patterns[to:]) {
		f := passThrough(target, p.Transposed())
		target = target.timesTransposed(f)
		after = append(after, f.transposed())
	}
	slices.Reverse(after)
	target = target.transposed()
	group := factoriseGroup(target, patterns[from:to], threads)
	return append(append(before, group...), after...)
}

// longestChainable returns the longest part of a chain all of whose pairs are
// chainable, the last one of several.
func longestChainable(patterns []butterfly.Pattern) (from, to int) {
	for s := range patterns {
		product := patterns[s]
		e := s + 1
		for ; e < len(patterns); e++ {
			next, _, ok := productPattern(patterns[e], product)
			if !ok {
				break
			}
			product = next
		}
		if e-s >= to-from {
			from, to = s, e
		}
	}
	return from, to
}

// factoriseGroup factorises the target of a chainable group.
func factoriseGroup(target matrix, patterns []butterfly.Pattern, threads *pool.Pool) []sparse {
	product, _ := chainProduct(patterns)
	return hierarchical(target.restricted(product), patterns, threads)
}

// passThrough returns the factor of a pattern that keeps the most of the
// target when the target is multiplied by its transpose: the identity where
// blocks are square or wider, and the principal directions of the columns of
// each block where they have fewer rows than columns. Its rows are orthonormal
// or zero.
func passThrough(target matrix, p butterfly.Pattern) sparse {
	f := sparse{p, make([]float64, p.Values())}
	for index := range p.Blocks() {
		block := f.values[index*p.B*p.C:][:p.B*p.C]
		if p.B >= p.C {
			for q := range p.C {
				block[q*p.C+q] = 1
			}
			continue
		}
		columns := target.blockColumns(p, index)
		u, _ := leadingProduct(columns, p.C, target.rows, p.B)
		for row := range p.B {
			for q := range p.C {
				block[row*p.C+q] = u[q*p.B+row]
			}
			normaliseRow(block[row*p.C:][:p.C])
		}
	}
	return f
}

func normaliseRow(row []float64) {
	length := math.Sqrt(dot(row, row))
	if length == 0 {
		return
	}
	for i := range row {
		row[i] /= length
	}
}
