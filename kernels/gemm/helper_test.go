package gemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// forLevels runs test once at every level that this processor has.
func forLevels(t *testing.T, test func(t *testing.T)) {
	for _, level := range cpu.Available() {
		t.Run(level.String(), func(t *testing.T) {
			defer cpu.SetForTest(level)()
			test(t)
		})
	}
}

const guard = -12345.678

// matrix is a row-major matrix with gaps between the rows and guard values in
// the gaps, before the first row and behind the last.
type matrix struct {
	rows, columns, stride int
	all, data             []float32
}

func newMatrix(r *rand.Rand, rows, columns, gap int) matrix {
	m := matrix{rows: rows, columns: columns, stride: columns + gap}
	const before = 5
	length := 0
	if rows > 0 {
		length = (rows-1)*m.stride + columns
	}
	m.all = make([]float32, before+length+40)
	for i := range m.all {
		m.all[i] = guard
	}
	m.data = m.all[before : before+length : before+length]
	for i := range rows {
		for j := range columns {
			m.data[i*m.stride+j] = float32(r.NormFloat64())
		}
	}
	return m
}

func (m matrix) at(i, j int) float32 { return m.data[i*m.stride+j] }

// clone returns a copy with guards of its own.
func (m matrix) clone() matrix {
	c := m
	c.all = append([]float32(nil), m.all...)
	c.data = c.all[5 : 5+len(m.data) : 5+len(m.data)]
	return c
}

// checkGuards reports a write outside of the elements.
func (m matrix) checkGuards(t *testing.T, name string) {
	t.Helper()
	for i, x := range m.all {
		k := i - 5
		inside := k >= 0 && k < len(m.data) && k%m.stride < m.columns
		if !inside && x != guard {
			t.Fatalf("%s: guard at %d of a %d x %d matrix, stride %d, was overwritten with %v", name, k, m.rows, m.columns, m.stride, x)
		}
	}
}

// closeTo tells if got is the sum of k products up to rounding: each of k
// steps may be off by 2^-23 of the sum of magnitudes.
func closeTo(got float32, want, magnitude float64, k int) bool {
	if math.IsNaN(want) {
		return got != got
	}
	if math.IsInf(want, 0) {
		return float64(got) == want
	}
	return math.Abs(float64(got)-want) <= float64(k+2)*0x1p-23*magnitude
}

// product64 returns the sum of the products of two vectors in float64, and the
// sum of their magnitudes.
func product64(x, y []float32) (sum, magnitude float64) {
	for i := range x {
		p := float64(x[i]) * float64(y[i])
		sum += p
		magnitude += math.Abs(p)
	}
	return sum, magnitude
}

// vectors returns n vectors of size k, vector i made of at(i, 0), at(i, 1)...
func vectors(n, k int, at func(i, p int) float32) [][]float32 {
	all := make([][]float32, n)
	for i := range all {
		all[i] = make([]float32, k)
		for p := range all[i] {
			all[i][p] = at(i, p)
		}
	}
	return all
}

// transposedAt is m.at with the arguments exchanged.
func (m matrix) transposedAt(j, i int) float32 { return m.at(i, j) }
