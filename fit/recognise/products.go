package recognise

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/kcompress/kcompress/fit/factorise"
	"github.com/kcompress/kcompress/kernels/butterfly"
)

// kaleidoscope finds K-matrices of the paper's class BB*.
func kaleidoscope(m *matrix) *Structure {
	if m.out != m.in || m.in < 16 {
		return nil
	}
	chain := factorise.Kaleidoscope(m.w, m.in)
	if chain == nil {
		return nil
	}
	chain, err := butterfly.Product(chain) // merges the two factors in the middle
	return named(fmt.Sprintf("K-matrix %d", m.in), chain, err)
}

// fastfood finds diag(s) H diag(g) P H diag(b) with a Hadamard matrix H and a
// permutation P (see butterfly.Fastfood).
//
// Without s and b all rows of the matrix have the same norm, and all columns:
// scaling rows and columns in turn until that is so (Sinkhorn and Knopp) gives the
// magnitudes of s and b, which are unique. The product of the rows i and k is then
// s_i s_k times a function of i xor k, which gives the signs of s up to those of a
// row of H, which P and g can take up. With s and b removed and H multiplied on
// both sides, diag(g) P is left.
func fastfood(m *matrix) *Structure {
	n := m.in
	if m.out != n || n < 16 || bits.OnesCount(uint(n)) != 1 || m.hasZero && m.nonZeros(n*n/2) < n*n/2 {
		return nil
	}
	s, b, ok := m.equalised()
	if !ok {
		return nil
	}
	t := m.transposed()
	if !m.signs(s, b) || !t.signs(b, s) {
		return nil
	}
	middle := make([]float64, n*n) // H diag(1/s) W diag(1/b) H / n^2
	for i := range n {
		for j := range n {
			middle[i*n+j] = m.at(i, j) / (s[i] * b[j] * float64(n) * float64(n))
		}
		walshHadamard(middle[i*n:][:n], 1)
	}
	for j := range n {
		walshHadamard(middle[j:], n)
	}
	g, order := make([]float64, n), make([]int, n)
	for i := range n {
		for j, v := range middle[i*n:][:n] {
			if math.Abs(v) > math.Abs(g[i]) {
				g[i], order[i] = v, j
			}
		}
	}
	chain, err := butterfly.Fastfood(s, g, order, b)
	return named(fmt.Sprintf("Fastfood %d", n), chain, err)
}

// Sinkhorn's rounds end when all norms are equal; matrices that take more than a
// few have no such structure.
const (
	sinkhornRounds = 60
	sinkhornClose  = 1e-8
)

// equalised returns positive scales of rows and columns by which the matrix must
// be divided so that all rows have the same norm, and all columns.
func (m *matrix) equalised() (s, b []float64, ok bool) {
	s, b = constant(1, m.out), constant(1, m.in)
	squares := make([]float64, len(m.w))
	for i, v := range m.w {
		squares[i] = float64(v) * float64(v)
	}
	weights := constant(1, m.in) // 1/b^2
	for range sinkhornRounds {
		columns := make([]float64, m.in)
		worst := 0.0
		for i := range m.out {
			row, sum := squares[i*m.in:][:m.in], 0.0
			for j, v := range row {
				sum += v * weights[j]
			}
			norm := math.Sqrt(sum / float64(m.in))
			if norm == 0 {
				return nil, nil, false
			}
			worst = max(worst, math.Abs(norm/s[i]-1))
			s[i] = norm
			for j, v := range row {
				columns[j] += v / (norm * norm)
			}
		}
		for j, v := range columns {
			if v == 0 {
				return nil, nil, false
			}
			weights[j] = float64(m.out) / v
			b[j] = 1 / math.Sqrt(weights[j])
		}
		if worst < sinkhornClose {
			return s, b, true
		}
	}
	return nil, nil, false
}

// signs gives the scales of the rows their signs, or reports that the products
// of rows are no function of i xor k.
func (m *matrix) signs(s, b []float64) bool {
	n := m.in
	product := func(i, k int) float64 {
		sum := 0.0
		for j := range n {
			sum += m.at(i, j) * m.at(k, j) / (b[j] * b[j])
		}
		return sum / (s[i] * s[k])
	}
	with0 := make([]float64, n)
	for i := range with0 {
		with0[i] = product(0, i)
	}
	sign := constant(1, n)
	for i := range n {
		high := 1 << max(0, bits.Len(uint(i))-1)
		if i == 0 || i == high {
			continue
		}
		// product(high, rest) is sign[high] sign[rest] c(i), product(0, i) is sign[i] c(i).
		rest := i ^ high
		seen := product(high, rest)
		if math.Abs(math.Abs(seen)-math.Abs(with0[i])) > 1e-3*float64(n) {
			return false
		}
		sign[i] = sign[rest] * math.Copysign(1, seen*with0[i])
	}
	for i := range s {
		s[i] *= sign[i]
	}
	return true
}

// walshHadamard multiplies n = len(x)/stride numbers, `stride` apart, by H.
func walshHadamard(x []float64, stride int) {
	n := (len(x) + stride - 1) / stride
	for h := 1; h < n; h *= 2 {
		for i := range n {
			if i&h == 0 {
				a, b := x[i*stride], x[(i|h)*stride]
				x[i*stride], x[(i|h)*stride] = a+b, a-b
			}
		}
	}
}

// halves finds sinusoids in the left and in the right half of the columns, as
// those of a complex transform of real and imaginary parts, whose products are
// added.
func halves(m *matrix) *Structure {
	if m.in%2 != 0 || m.in < 16 {
		return nil
	}
	var parts [2]*Structure
	for side := range parts {
		w := make([]float32, 0, len(m.w)/2)
		for i := range m.out {
			w = append(w, m.row(i)[side*m.in/2:][:m.in/2]...)
		}
		half := newMatrix(w, m.out, m.in/2)
		if half == nil {
			return nil
		}
		half.grid = m.grid
		if parts[side] = sinusoidal(half); parts[side] == nil {
			return nil
		}
	}
	both, err := butterfly.DirectSum(parts[0].Chain, parts[1].Chain)
	if err != nil {
		return nil
	}
	add := butterfly.Factor{Pattern: butterfly.GatherPattern(m.out, 2*m.out, 2), Indexes: make([]int32, 2*m.out)}
	for i := range m.out {
		add.Indexes[2*i], add.Indexes[2*i+1] = int32(i), int32(m.out+i)
	}
	chain, err := butterfly.Product(both, &butterfly.Chain{In: 2 * m.out, Out: m.out, Factors: []butterfly.Factor{add}})
	return named("complex "+parts[0].Kind, chain, err)
}
