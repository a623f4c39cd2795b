package factorise

import "math"

// singularSweeps bounds the orthogonal iterations of leadingProduct, which end
// when one gains less than singularGain of the captured energy or nothing is
// left to gain. A block of exactly that rank needs none; others serve as a start
// for Adam, where a few percent of a block's error do not matter.
const (
	singularSweeps = 12
	singularGain   = 1e-3
	singularLeft   = 1e-12
)

// leadingProduct returns u [rows, rank] and v [rank, columns] whose product is
// close to the best approximation of m [rows, columns] of that rank: equal to m
// if the rank of m is not higher. The weight is shared evenly, |u_j| = |v_j|.
// It is the orthogonal iteration (Golub and Van Loan, 8.2.4) on m m'.
func leadingProduct(m []float64, rows, columns, rank int) (u, v []float64) {
	u, v = make([]float64, rows*rank), make([]float64, rank*columns)
	// The basis is kept by rows: basis [rank, rows].
	basis := make([]float64, rank*rows)
	found := startBasis(basis, m, rows, columns, rank)
	captured, all := 0.0, dot(m, m)
	for range singularSweeps {
		projectRows(v, basis, m, rows, columns, found)
		sum := 0.0
		for _, x := range v[:found*columns] {
			sum += x * x
		}
		if sum <= captured*(1+singularGain) || sum >= all*(1-singularLeft) {
			break
		}
		captured = sum
		multiplyRows(basis, v, m, rows, columns, found)
		found = orthonormalise(basis, rows, found)
	}
	projectRows(v, basis, m, rows, columns, found)
	clear(v[found*columns:])
	for j := range found {
		row := v[j*columns:][:columns]
		length := math.Sqrt(dot(row, row))
		if length == 0 {
			continue
		}
		share := math.Sqrt(length)
		for q := range row {
			row[q] /= share
		}
		for p := range rows {
			u[p*rank+j] = basis[j*rows+p] * share
		}
	}
	return u, v
}

// startBasis fills basis with orthonormal combinations of the columns of m
// that are left the largest one after the other (Gram-Schmidt with column
// pivoting), and returns how many there are.
func startBasis(basis, m []float64, rows, columns, rank int) int {
	left := make([]float64, columns) // squared norms of what is left
	for p := range rows {
		for q, x := range m[p*columns:][:columns] {
			left[q] += x * x
		}
	}
	total := 0.0
	for _, x := range left {
		total += x
	}
	found := 0
	for found < min(rank, rows, columns) {
		best := 0
		for q, x := range left {
			if x > left[best] {
				best = q
			}
		}
		if left[best] <= 1e-26*total {
			break
		}
		row := basis[found*rows:][:rows]
		for p := range row {
			row[p] = m[p*columns+best]
		}
		if !orthonormaliseLast(basis, rows, found) {
			left[best] = 0
			continue
		}
		for q := range left {
			d := 0.0
			for p, x := range row {
				d += x * m[p*columns+q]
			}
			left[q] = max(0, left[q]-d*d)
		}
		left[best] = 0
		found++
	}
	return found
}

// projectRows is v = basis m, for the first `found` rows of basis.
func projectRows(v, basis, m []float64, rows, columns, found int) {
	clear(v[:found*columns])
	for j := range found {
		y := v[j*columns:][:columns]
		for p, b := range basis[j*rows:][:rows] {
			if b == 0 {
				continue
			}
			for q, x := range m[p*columns:][:columns] {
				y[q] += b * x
			}
		}
	}
}

// multiplyRows is basis = v m', for the first `found` rows of v.
func multiplyRows(basis, v, m []float64, rows, columns, found int) {
	for j := range found {
		for p := range rows {
			basis[j*rows+p] = dot(v[j*columns:][:columns], m[p*columns:][:columns])
		}
	}
}

// orthonormalise makes the first `found` rows of basis orthonormal and
// returns how many are left after dropping dependent ones.
func orthonormalise(basis []float64, rows, found int) int {
	kept := 0
	for j := range found {
		copy(basis[kept*rows:][:rows], basis[j*rows:][:rows])
		if orthonormaliseLast(basis, rows, kept) {
			kept++
		}
	}
	return kept
}

// orthonormaliseLast subtracts from row `last` of basis its part in the rows
// before it, twice for accuracy, and scales it to length 1. It returns false if
// nothing is left.
func orthonormaliseLast(basis []float64, rows, last int) bool {
	row := basis[last*rows:][:rows]
	before := math.Sqrt(dot(row, row))
	for range 2 {
		for j := range last {
			other := basis[j*rows:][:rows]
			d := dot(row, other)
			for p, x := range other {
				row[p] -= d * x
			}
		}
	}
	length := math.Sqrt(dot(row, row))
	if length <= 1e-12*before || length == 0 {
		return false
	}
	for p := range row {
		row[p] /= length
	}
	return true
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}
