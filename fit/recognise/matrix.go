package recognise

import (
	"math"
	"slices"
)

// matrix is a weight [out, in] with what all detectors ask of it.
type matrix struct {
	out, in int
	w       []float32
	// rowNorms are Euclidean; largest is the largest of them.
	rowNorms []float64
	largest  float64
	grid     grid
	hasZero  bool
}

// newMatrix returns nil for what has no structure worth a look: sizes below 2,
// numbers that are not finite, all zeros.
func newMatrix(w []float32, out, in int) *matrix {
	if out < 2 || in < 2 || out > MaxSide || in > MaxSide || len(w) != out*in {
		return nil
	}
	m := &matrix{out: out, in: in, w: w, rowNorms: make([]float64, out)}
	for i := range out {
		sum := 0.0
		for _, v := range m.row(i) {
			sum += float64(v) * float64(v)
		}
		m.rowNorms[i] = math.Sqrt(sum)
		m.largest = max(m.largest, m.rowNorms[i])
		if math.IsNaN(sum) || math.IsInf(sum, 0) {
			return nil
		}
	}
	if m.largest == 0 || m.largest < 1e-30 || m.largest > 1e30 {
		return nil
	}
	m.grid = findGrid(m)
	m.hasZero = slices.Contains(m.w, 0)
	return m
}

func (m *matrix) row(i int) []float32 { return m.w[i*m.in:][:m.in] }

func (m *matrix) at(i, j int) float64 { return float64(m.w[i*m.in+j]) }

// transposed returns the matrix [in, out].
func (m *matrix) transposed() *matrix {
	t := &matrix{out: m.in, in: m.out, w: make([]float32, len(m.w)), rowNorms: make([]float64, m.in), grid: m.grid, hasZero: m.hasZero}
	const tile = 32 // so that both sides stay in the cache
	for i0 := 0; i0 < m.out; i0 += tile {
		for j0 := 0; j0 < m.in; j0 += tile {
			for i := i0; i < min(i0+tile, m.out); i++ {
				for j := j0; j < min(j0+tile, m.in); j++ {
					t.w[j*m.out+i] = m.w[i*m.in+j]
				}
			}
		}
	}
	for i := range t.out {
		sum := 0.0
		for _, v := range t.row(i) {
			sum += float64(v) * float64(v)
		}
		t.rowNorms[i] = math.Sqrt(sum)
		t.largest = max(t.largest, t.rowNorms[i])
	}
	return t
}

// noise is about the relative rounding error of a typical element.
func (m *matrix) noise() float64 {
	switch m.grid.kind {
	case float16Grid:
		return 3e-4
	case int8Grid:
		return 5e-3
	}
	return 1e-6
}

// smallRow is the norm up to which a row counts as zero.
func (m *matrix) smallRow() float64 { return Tolerance * leastRow * m.largest }

// nonZeros counts the elements that are not zero, up to a bound.
func (m *matrix) nonZeros(most int) int {
	n := 0
	for _, v := range m.w {
		if v != 0 {
			if n++; n > most {
				break
			}
		}
	}
	return n
}
