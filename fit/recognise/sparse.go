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
	taken := make([]bool, m.in)
	distinct := m.out == m.in
	for i := range m.out {
		from[i] = -1
		for j, v := range m.row(i) {
			if v == 0 {
				continue
			}
			if scale[i] != 0 {
				return nil
			}
			from[i], scale[i] = j, float64(v)
			distinct = distinct && !taken[j]
			taken[j] = true
		}
		inOrder = inOrder && (from[i] == i || from[i] < 0)
		ones = ones && (scale[i] == 1 || from[i] < 0)
	}
	if inOrder && !ones {
		chain, err := butterfly.Diagonal(scale)
		return named(fmt.Sprintf("diagonal %d", m.in), chain, err)
	}
	kind := fmt.Sprintf("selection of %d of %d inputs", m.out, m.in)
	if distinct {
		kind = fmt.Sprintf("permutation of %d", m.in)
	}
	chain, err := butterfly.Gather(from, m.in)
	if !ones && err == nil {
		kind += ", scaled"
		chain, err = chain.ScaledRows(scale)
	}
	return named(kind, chain, err)
}

// maxDensity is the share of elements up to which a matrix is looked at as a
// sparse one.
const maxDensity = 0.125

// sparse finds matrices of few elements, banded ones included: mel filter banks,
// differences, pooling.
func sparse(m *matrix) *Structure {
	most := int(maxDensity * float64(m.out*m.in))
	if m.nonZeros(most) > most {
		return nil
	}
	var entries []butterfly.Entry
	banded := true
	for i := range m.out {
		last := -1
		for j, v := range m.row(i) {
			if v == 0 {
				continue
			}
			banded = banded && (last < 0 || j == last+1)
			entries, last = append(entries, butterfly.Entry{Row: i, Column: j, Value: float64(v)}), j
		}
	}
	kind := "sparse"
	if banded {
		kind = "banded"
	}
	chain, err := butterfly.Sparse(m.out, m.in, entries)
	return named(fmt.Sprintf("%s, %.1f%% of %dx%d", kind, 100*float64(len(entries))/float64(m.out*m.in), m.out, m.in), chain, err)
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
