package recognise

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// lowRank finds products of two thin matrices. The rank of some rows and columns,
// by elimination, tells whether to go on; the columns of its pivots span those of
// the whole.
func lowRank(m *matrix) *Structure {
	most := m.out * m.in / (4 * (m.out + m.in))
	if most < 1 {
		return nil
	}
	sample := most + sampleMargin
	r := rand.New(rand.NewPCG(uint64(m.out), uint64(m.in))) // the same for one matrix
	rows, columns := pick(r, m.out, sample), pick(r, m.in, sample)
	pivots := m.pivots(rows, columns, most+1)
	if len(pivots) == 0 || len(pivots) > most {
		return nil
	}
	basis := make([][]float64, len(pivots))
	for k, j := range pivots {
		basis[k] = make([]float64, m.out)
		for i := range m.out {
			basis[k][i] = m.at(i, j)
		}
	}
	basis = orthonormal(basis)
	right := m.onto(basis)
	if m.grid.kind != noGrid { // once more, from rows that average the rounding
		turned := m.transposed()
		basis = orthonormal(turned.onto(orthonormal(right)))
		right = m.onto(basis)
	}
	return lowRankStructure(m, basis, right)
}

// sampleMargin is how many more rows and columns are looked at than the rank.
const sampleMargin = 16

// pick returns some of n indexes, all if there are no more.
func pick(r *rand.Rand, n, some int) []int {
	return r.Perm(n)[:min(n, some)]
}

// pivots eliminates with complete pivoting on some rows and columns, and returns
// the columns of the pivots; at most `most` of them.
func (m *matrix) pivots(rows, columns []int, most int) []int {
	a := make([][]float64, len(rows))
	for i, row := range rows {
		a[i] = make([]float64, len(columns))
		for j, column := range columns {
			a[i][j] = m.at(row, column)
		}
	}
	var chosen []int
	first := 0.0
	for len(chosen) < min(most, len(rows), len(columns)) {
		pi, pj, largest := 0, 0, 0.0
		for i := range a {
			for j, v := range a[i] {
				if math.Abs(v) > largest {
					pi, pj, largest = i, j, math.Abs(v)
				}
			}
		}
		first = max(first, largest)
		if largest <= max(1e-6, 10*m.noise())*first {
			break
		}
		chosen = append(chosen, columns[pj])
		pivot := append([]float64(nil), a[pi]...)
		for i := range a {
			scale := a[i][pj] / pivot[pj]
			if scale == 0 {
				continue
			}
			for j, v := range pivot {
				a[i][j] -= scale * v
			}
		}
	}
	return chosen
}

// orthonormal makes vectors so in place, by Gram and Schmidt's method twice.
func orthonormal(vectors [][]float64) [][]float64 {
	kept := vectors[:0]
	for _, v := range vectors {
		before := norm(v)
		for range 2 {
			for _, u := range kept {
				project := dot(u, v)
				for i := range v {
					v[i] -= project * u[i]
				}
			}
		}
		size := norm(v)
		if size <= 1e-9*before || size == 0 {
			continue
		}
		for i := range v {
			v[i] /= size
		}
		kept = append(kept, v)
	}
	return kept
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func norm(a []float64) float64 { return math.Sqrt(dot(a, a)) }

// onto returns basis' W, one vector of columns for each of the basis.
func (m *matrix) onto(basis [][]float64) [][]float64 {
	result := make([][]float64, len(basis))
	for k, b := range basis {
		sums := make([]float64, m.in)
		for i, weight := range b {
			for j, v := range m.row(i) {
				sums[j] += weight * float64(v)
			}
		}
		result[k] = sums
	}
	return result
}

// lowRankStructure is left right', with left orthonormal.
func lowRankStructure(m *matrix, left, right [][]float64) *Structure {
	rank := min(len(left), len(right))
	if rank == 0 {
		return nil
	}
	d, err := butterfly.LowRank(m.in, m.out, rank)
	if err != nil {
		return nil
	}
	c := butterfly.NewChain(d)
	for k := range rank {
		for j, v := range right[k] {
			c.Factors[0].Values[k*m.in+j] = float32(v)
		}
		for i, v := range left[k] {
			c.Factors[1].Values[i*rank+k] = float32(v)
		}
	}
	return &Structure{Kind: fmt.Sprintf("rank %d of %dx%d", rank, m.out, m.in), Chain: c}
}
