package factorise

import (
	"slices"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/runtime/pool"
	"gonum.org/v1/gonum/mat"
)

// A start is made in closed form, in a few ways of which the best is taken.
// Three-factor chains that hold all matrices of a certain rank may start from
// the best of them (start_lowrank.go). Of any design, the longest chainable
// part is factorised hierarchically; the factors before and after it begin as
// identities, or as the principal directions of their blocks where they are
// narrower than their input. Of BB* that part is B or, seen from the transposed
// matrix, B*.

// Peak rates and noise, in units of the root mean square of a factor's values.
// Hierarchical starts hold zeros, where features would stay zero without noise.
// restartRate is for a chain that was fitted before.
const (
	hierarchicalRate, hierarchicalNoise = 0.3, 0.3
	lowRankRate, lowRankNoise           = 0.4, 0.05
	restartRate                         = 0.1
)

// start is a chain to begin with, divided by weightScale, and how Adam treats
// it.
type start struct {
	chain       *butterfly.Chain
	rate, noise float64
}

// soften lowers the rate and the noise for a start with a small error: large
// steps would only lead away from it.
func (s *start) soften(e float64) {
	s.rate = min(s.rate, max(0.15, e), 5*e)
	s.noise = min(s.noise, e)
}

// starts returns up to four starts for a design.
func (p *Problem) starts(d butterfly.Design, threads *pool.Pool) ([]start, error) {
	var starts []start
	if holdsLowRank(d) {
		c, err := p.lowRankStart(d)
		if err != nil {
			return nil, err
		}
		starts = append(starts, start{c, lowRankRate, lowRankNoise})
	}
	target, patterns := p.weightedTarget(d), d.Patterns
	if isKaleidoscope(d) {
		if c := Kaleidoscope(target.values, d.In); c != nil {
			starts = append(starts, start{p.unweighted(d, sparseFactors(c)), lowRankRate, lowRankNoise})
		}
	}
	transposed := startsTransposed(patterns)
	if transposed {
		target, patterns = target.transposed(), transposedPatterns(patterns)
	}
	for _, w := range widenings(patterns) {
		factors := startFactors(target, patterns, w, threads)
		if transposed {
			factors = transposedFactors(factors)
		}
		starts = append(starts, start{p.unweighted(d, factors), hierarchicalRate, hierarchicalNoise})
	}
	return starts, nil
}

// startsTransposed says whether to factorise the transposed matrix: if that
// leaves fewer factors after the chainable part. On trained layers it is better
// to have the identities at the input, where they keep all that is known of it.
func startsTransposed(patterns []butterfly.Pattern) bool {
	from, to := longestChainable(patterns)
	fromTransposed, toTransposed := longestChainable(transposedPatterns(patterns))
	size, sizeTransposed := to-from, toTransposed-fromTransposed
	if size != sizeTransposed {
		return sizeTransposed > size
	}
	return fromTransposed < len(patterns)-to
}

// weightedTarget is the scaled weight with every column multiplied by the
// size of its input, padded with zeros to the sides of the design. This takes
// the diagonal of the moment into account, which keeps the sub-blocks
// independent.
func (p *Problem) weightedTarget(d butterfly.Design) matrix {
	m := newMatrix(d.Patterns[len(d.Patterns)-1].Rows(), d.Patterns[0].Columns())
	for i := range p.layer.Out {
		for j, w := range p.layer.Weight[i*p.layer.In:][:p.layer.In] {
			m.values[i*m.columns+j] = float32(float64(w) / p.weightScale * p.inputScale[j])
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

func transposedFactors(factors []sparse) []sparse {
	var t []sparse
	for _, f := range slices.Backward(factors) {
		t = append(t, f.transposed())
	}
	return t
}

func transposedPatterns(patterns []butterfly.Pattern) []butterfly.Pattern {
	var t []butterfly.Pattern
	for _, p := range slices.Backward(patterns) {
		t = append(t, p.Transposed())
	}
	return t
}

// widening says what a factor that begins as an identity does with the rows
// that it has more than columns.
type widening int

const (
	zeroRows   widening = iota // they are zero: room for what Adam finds
	copiedRows                 // they repeat the inputs, for independent stacks
)

// widenings are those to be tried: one if no factor has such rows.
func widenings(patterns []butterfly.Pattern) []widening {
	from, to := longestChainable(patterns)
	for i, p := range patterns {
		if i < from && p.B > p.C || i >= to && p.B < p.C {
			return []widening{zeroRows, copiedRows}
		}
	}
	return []widening{zeroRows}
}

// startFactors returns factors of these patterns, first applied first, whose
// product is close to the target.
func startFactors(target matrix, patterns []butterfly.Pattern, w widening, threads *pool.Pool) []sparse {
	from, to := longestChainable(patterns)
	var before, after []sparse
	for _, p := range patterns[:from] {
		f := passThrough(target, p, w)
		target = target.timesTransposed(f)
		before = append(before, f)
	}
	if to < len(patterns) {
		target = target.transposed()
		for _, p := range slices.Backward(patterns[to:]) {
			f := passThrough(target, p.Transposed(), w)
			target = target.timesTransposed(f)
			after = append(after, f.transposed())
		}
		target = target.transposed()
	}
	slices.Reverse(after)
	group := hierarchical(target.restricted(chainProduct(patterns[from:to])), patterns[from:to], threads)
	return append(append(before, group...), after...)
}

// longestChainable returns the longest part of a chain all of whose
// neighbours are chainable, the last one of several of the same length.
func longestChainable(patterns []butterfly.Pattern) (from, to int) {
	begin := 0
	for i := range patterns {
		if i > 0 {
			if _, _, ok := productPattern(patterns[i], patterns[i-1]); !ok {
				begin = i
			}
		}
		if i+1-begin >= to-from {
			from, to = begin, i+1
		}
	}
	return from, to
}

// passThrough returns the factor of a pattern that keeps the most of the
// target when the target is multiplied by its transpose: the identity where
// blocks are square or wider, and the principal directions of the columns of
// each block where they have fewer rows than columns.
func passThrough(target matrix, p butterfly.Pattern, w widening) sparse {
	f := sparse{p, make([]float64, p.Values())}
	for index := range p.Blocks() {
		block := f.values[index*p.B*p.C:][:p.B*p.C]
		if p.B >= p.C {
			for row := range p.B {
				if row < p.C || w == copiedRows {
					block[row*p.C+row%p.C] = 1
				}
			}
			continue
		}
		principalDirections(block, target.blockColumns(p, index), p.B, p.C)
	}
	return f
}

// principalDirections fills directions [count, n] with the eigenvectors of
// m m', m [n, any], that have the largest eigenvalues.
func principalDirections(directions, m []float64, count, n int) {
	gram := mat.NewSymDense(n, nil)
	gram.SymOuterK(1, mat.NewDense(n, len(m)/n, m))
	var e mat.EigenSym
	if !e.Factorize(gram, true) {
		for i := range count { // as good as any other choice
			directions[i*n+i] = 1
		}
		return
	}
	var vectors mat.Dense
	e.VectorsTo(&vectors)
	for i := range count {
		for j := range n {
			directions[i*n+j] = vectors.At(j, n-1-i)
		}
	}
}
