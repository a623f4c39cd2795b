package factorise

import "github.com/kcompress/kcompress/kernels/butterfly"

// matrix is a dense matrix, row by row, in float32 as the weights are.
type matrix struct {
	rows, columns int
	values        []float32
}

func newMatrix(rows, columns int) matrix {
	return matrix{rows, columns, make([]float32, rows*columns)}
}

func (m matrix) transposed() matrix {
	t := newMatrix(m.columns, m.rows)
	const tile = 32
	for i0 := 0; i0 < m.rows; i0 += tile {
		for j0 := 0; j0 < m.columns; j0 += tile {
			for i := i0; i < min(i0+tile, m.rows); i++ {
				for j := j0; j < min(j0+tile, m.columns); j++ {
					t.values[j*t.columns+i] = m.values[i*m.columns+j]
				}
			}
		}
	}
	return t
}

// timesTransposed is m f', [m.rows, f.Rows()].
func (m matrix) timesTransposed(f sparse) matrix {
	t := newMatrix(m.rows, f.Rows())
	for row := range m.rows {
		f.apply(t.values[row*t.columns:][:t.columns], m.values[row*m.columns:][:m.columns])
	}
	return t
}

// apply is y = f x.
func (s sparse) apply(y, x []float32) {
	for i := range s.A {
		for l := range s.D {
			block := s.values[(i*s.D+l)*s.B*s.C:]
			for p := range s.B {
				sum := 0.0
				for q, v := range block[p*s.C:][:s.C] {
					sum += v * float64(x[(i*s.C+q)*s.D+l])
				}
				y[(i*s.B+p)*s.D+l] = float32(sum)
			}
		}
	}
}

// blockColumns returns the columns of m that a block of the pattern reads, as
// rows: [p.C, m.rows].
func (m matrix) blockColumns(p butterfly.Pattern, index int) []float64 {
	i, l := index/p.D, index%p.D
	block := make([]float64, p.C*m.rows)
	for q := range p.C {
		column := (i*p.C+q)*p.D + l
		for row := range m.rows {
			block[q*m.rows+row] = float64(m.values[row*m.columns+column])
		}
	}
	return block
}

// restricted is the part of m on the support of a pattern of its sides.
func (m matrix) restricted(p butterfly.Pattern) sparse {
	s := sparse{p, make([]float64, p.Values())}
	for i := range p.A {
		for l := range p.D {
			block := s.values[(i*p.D+l)*p.B*p.C:]
			for row := range p.B {
				from := m.values[((i*p.B+row)*p.D+l)*m.columns:][:m.columns]
				for q := range p.C {
					block[row*p.C+q] = float64(from[(i*p.C+q)*p.D+l])
				}
			}
		}
	}
	return s
}
