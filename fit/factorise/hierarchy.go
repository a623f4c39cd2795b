package factorise

import (
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/runtime/pool"
)

// sparse is a matrix with the support of a pattern and float64 values, laid
// out like butterfly.Factor: [A][D][B][C].
type sparse struct {
	butterfly.Pattern
	values []float64
}

// productPattern returns the pattern of the product left*right, and the rank
// of its blocks: if the pair is chainable (arXiv 2411.04506),
// the product is any matrix of that support whose sub-blocks of left.B rows and
// right.C columns have at most this rank.
func productPattern(left, right butterfly.Pattern) (p butterfly.Pattern, rank int, ok bool) {
	if right.A%left.A != 0 || left.D%right.D != 0 {
		return p, 0, false
	}
	alpha, delta := right.A/left.A, left.D/right.D
	if left.C%alpha != 0 || right.B%delta != 0 || left.C/alpha != right.B/delta {
		return p, 0, false
	}
	return butterfly.Pattern{A: left.A, B: left.B * delta, C: right.C * alpha, D: right.D}, left.C / alpha, true
}

// chainProduct is the pattern of the product of a chain, first applied first,
// whose neighbours are chainable. Then so are the products of all its parts,
// with the same ranks.
func chainProduct(patterns []butterfly.Pattern) butterfly.Pattern {
	product := patterns[0]
	for _, left := range patterns[1:] {
		product, _, _ = productPattern(left, product)
	}
	return product
}

// hierarchical factorises a target on the product pattern of a chainable list
// of patterns into factors, first applied first. It splits the chain in the
// middle, approximates every sub-block by a product of the pair's rank, and
// goes on with both halves (balanced tree: arXiv 2110.01230, Algorithm 2).
// A target that is such a product is recovered exactly, up to rounding.
func hierarchical(target sparse, patterns []butterfly.Pattern, threads *pool.Pool) []sparse {
	if len(patterns) == 1 {
		return []sparse{target}
	}
	middle := len(patterns) / 2
	left, right := splitProduct(target, chainProduct(patterns[middle:]), chainProduct(patterns[:middle]), threads)
	return append(hierarchical(right, patterns[:middle], threads), hierarchical(left, patterns[middle:], threads)...)
}

// splitProduct returns left and right, of a chainable pair of patterns, whose
// product is close to the target on the pattern of the product.
//
// With the pair's rank r, alpha = right.A/left.A and delta = left.D/right.D,
// block (i,l) of the target has rows (p, e) with p < left.B and e < delta, and
// columns (t, q) with t < alpha and q < right.C. Its sub-block of given e and t
// is a product by itself:
//
//	left block (i, e*right.D+l), columns t*r ...    [left.B, r]
//	right block (i*alpha+t, l),  rows e, e+delta ... [r, right.C]
func splitProduct(target sparse, leftPattern, rightPattern butterfly.Pattern, threads *pool.Pool) (left, right sparse) {
	left = sparse{leftPattern, make([]float64, leftPattern.Values())}
	right = sparse{rightPattern, make([]float64, rightPattern.Values())}
	alpha, delta := right.A/left.A, left.D/right.D
	rank := left.C / alpha
	threads.For(target.Blocks(), 1, func(from, to int) {
		block := make([]float64, left.B*right.C)
		for index := from; index < to; index++ {
			i, l := index/target.D, index%target.D
			for t := range alpha {
				for e := range delta {
					target.subBlock(block, index, e, delta, t, right.C)
					u, v := leadingProduct(block, left.B, right.C, rank)
					left.setColumns(i*left.D+e*right.D+l, t*rank, u, rank)
					right.setRows((i*alpha+t)*right.D+l, e, delta, v, rank)
				}
			}
		}
	})
	return left, right
}

// subBlock copies the rows e, e+delta, ... and the columns [t*width,
// (t+1)*width) of a block.
func (s sparse) subBlock(dst []float64, index, e, delta, t, width int) {
	block := s.values[index*s.B*s.C:][:s.B*s.C]
	for p := 0; e+p*delta < s.B; p++ {
		copy(dst[p*width:][:width], block[(e+p*delta)*s.C+t*width:])
	}
}

// setColumns stores u [B, width] in the columns of a block from `first` on.
func (s sparse) setColumns(index, first int, u []float64, width int) {
	block := s.values[index*s.B*s.C:][:s.B*s.C]
	for p := range s.B {
		copy(block[p*s.C+first:][:width], u[p*width:])
	}
}

// setRows stores v [count, C] in the rows first, first+step, ... of a block.
func (s sparse) setRows(index, first, step int, v []float64, count int) {
	block := s.values[index*s.B*s.C:][:s.B*s.C]
	for j := range count {
		copy(block[(first+j*step)*s.C:][:s.C], v[j*s.C:])
	}
}

// transposed is the transposed matrix.
func (s sparse) transposed() sparse {
	t := sparse{s.Pattern.Transposed(), make([]float64, len(s.values))}
	size := s.B * s.C
	for index := range s.Blocks() {
		from, to := s.values[index*size:][:size], t.values[index*size:][:size]
		for p := range s.B {
			for q := range s.C {
				to[q*s.B+p] = from[p*s.C+q]
			}
		}
	}
	return t
}
