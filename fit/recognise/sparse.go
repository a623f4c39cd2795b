package recognise

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// selection finds diagonal matrices, permutations and everything else that takes
// one scaled input for each output.
func selection(m *matrix) *Structure {
	from, scale := make([]int, m.out), make([]float64, m.out)
	inOrder, ones := m.out == m.in, true
	for i := range m.out {
		for j, v := range m.row(i) {
			if v == 0 {
				continue
			}
			if scale[i] != 0 {
				return nil
			}
			from[i], scale[i] = j, float64(v)
		}
		inOrder = inOrder && (from[i] == i || scale[i] == 0)
		ones = ones && scale[i] == 1
	}
	s := &Structure{Kind: fmt.Sprintf("selection of %d of %d inputs", m.out, m.in)}
	switch {
	case inOrder:
		s.Kind = fmt.Sprintf("diagonal %d", m.in)
		s.Chain = diagonal(scale)
		return s
	case inverse(from, m.in) != nil:
		s.Kind = fmt.Sprintf("permutation of %d", m.in)
	}
	s.Before = from
	if !ones {
		s.Kind += ", scaled"
		s.Chain = diagonal(scale)
	}
	return s
}

// maxDensity is the share of elements up to which a matrix is looked at as a
// sparse one.
const maxDensity = 0.25

// sparse finds matrices of few elements in every row, banded ones included: mel
// filter banks, differences, pooling. The inputs of each row are gathered, as
// many for each, and multiplied by blocks of one row (the form ELLPACK).
func sparse(m *matrix) *Structure {
	most := int(maxDensity * float64(m.out*m.in))
	if m.nonZeros(most) > most {
		return nil
	}
	widest := 1
	for i := range m.out {
		n := 0
		for _, v := range m.row(i) {
			if v != 0 {
				n++
			}
		}
		widest = max(widest, n)
	}
	if widest*m.out > 2*most {
		return nil
	}
	chain := butterfly.NewChain(butterfly.Design{In: m.out * widest, Out: m.out, Patterns: []butterfly.Pattern{{A: m.out, B: 1, C: widest, D: 1}}})
	before := make([]int, m.out*widest)
	banded, total := true, 0
	for i := range m.out {
		n, last := 0, -1
		for j, v := range m.row(i) {
			if v == 0 {
				continue
			}
			banded = banded && (last < 0 || j == last+1)
			before[i*widest+n], chain.Factors[0].Values[i*widest+n] = j, v
			n, last = n+1, j
		}
		total += n
	}
	kind := "sparse"
	if banded {
		kind = "banded"
	}
	return &Structure{Kind: fmt.Sprintf("%s, %.1f%% of %dx%d", kind, 100*float64(total)/float64(m.out*m.in), m.out, m.in), Before: before, Chain: chain}
}

// blockDiagonal finds matrices that are dense blocks along the diagonal, of
// neighbouring features or of every n-th.
func blockDiagonal(m *matrix) *Structure {
	for blocks := min(m.out, m.in); blocks > 1; blocks-- {
		if m.out%blocks != 0 || m.in%blocks != 0 {
			continue
		}
		rows, columns := m.out/blocks, m.in/blocks
		if rows == 1 && columns == 1 {
			continue // a diagonal
		}
		near := butterfly.Pattern{A: blocks, B: rows, C: columns, D: 1}
		far := butterfly.Pattern{A: 1, B: rows, C: columns, D: blocks}
		for _, p := range []butterfly.Pattern{near, far} {
			if chain := m.within(p); chain != nil {
				return &Structure{Kind: fmt.Sprintf("%d blocks of %dx%d", blocks, rows, columns), Chain: chain}
			}
		}
	}
	return nil
}

// within returns the matrix as a factor with this pattern, nil if it has elements
// outside of it.
func (m *matrix) within(p butterfly.Pattern) *butterfly.Chain {
	block := func(feature, size int) int { return feature/(size*p.D)*p.D + feature%p.D }
	for i := range m.out {
		own := block(i, p.B)
		for j, v := range m.row(i) {
			if v != 0 && block(j, p.C) != own {
				return nil
			}
		}
	}
	c := butterfly.NewChain(butterfly.Design{In: m.in, Out: m.out, Patterns: []butterfly.Pattern{p}})
	f := c.Factors[0]
	for b := range f.Blocks() {
		i, l := b/f.D, b%f.D
		for row := range f.B {
			for q := range f.C {
				f.Values[(b*f.B+row)*f.C+q] = m.w[((i*f.B+row)*f.D+l)*m.in+(i*f.C+q)*f.D+l]
			}
		}
	}
	return c
}
