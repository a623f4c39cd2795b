package recognise

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// kronecker finds products A x B: W[(a,b),(c,d)] = A[a,c] B[b,d], also scaled by
// diagonals on both sides where no element is zero.
func kronecker(m *matrix) *Structure {
	var best *Structure
	for rows := 1; rows <= m.out; rows++ {
		if m.out%rows != 0 {
			continue
		}
		for columns := 1; columns <= m.in; columns++ {
			if m.in%columns != 0 || rows*columns == 1 || rows*columns == m.out*m.in {
				continue
			}
			k := &split{m, rows, columns, m.out / rows, m.in / columns}
			if 2*(m.out*columns+m.in*k.innerRows) > m.out*m.in {
				continue
			}
			s := k.plain()
			if s == nil {
				s = k.scaled()
			}
			best = cheaper(best, m.checked(s))
		}
	}
	return best
}

// split is one way to see rows and columns as pairs.
type split struct {
	m                                                 *matrix
	rows, columns /* of A */, innerRows, innerColumns int
}

func (k *split) at(a, b, c, d int) float64 {
	return k.m.at(a*k.innerRows+b, c*k.innerColumns+d)
}

// pivot returns the place of the largest of the elements looked at.
func (k *split) pivot() (a, b, c, d int) {
	best, at := 0.0, 0
	for i := 0; i < len(k.m.w); i += 1 + len(k.m.w)/4096 {
		if v := math.Abs(float64(k.m.w[i])); v > best {
			best, at = v, i
		}
	}
	row, column := at/k.m.in, at%k.m.in
	return row / k.innerRows, row % k.innerRows, column / k.innerColumns, column % k.innerColumns
}

// plain takes A and B from the row and column of the pivot, after some elements
// were tried.
func (k *split) plain() *Structure {
	a0, b0, c0, d0 := k.pivot()
	pivot := k.at(a0, b0, c0, d0)
	if pivot == 0 {
		return nil
	}
	slack := max(1e-3, 10*k.m.noise()) * pivot * pivot
	for try := range 64 {
		a, b := (a0+1+try*7)%k.rows, (b0+1+try*5)%k.innerRows
		c, d := (c0+1+try*3)%k.columns, (d0+1+try*11)%k.innerColumns
		if math.Abs(k.at(a, b, c, d)*pivot-k.at(a, b0, c, d0)*k.at(a0, b, c0, d)) > slack {
			return nil
		}
	}
	outer, inner := make([]float64, k.rows*k.columns), make([]float64, k.innerRows*k.innerColumns)
	for i := range outer {
		outer[i] = k.at(i/k.columns, b0, i%k.columns, d0) / pivot
	}
	for i := range inner {
		inner[i] = k.at(a0, i/k.innerColumns, c0, i%k.innerColumns)
	}
	if k.m.grid.kind != noGrid {
		k.polish(outer, inner)
	}
	return k.structure(outer, inner, nil, nil)
}

// polish makes A and B the least-squares ones, by turns: the best rank one of the
// rearranged matrix (Van Loan and Pitsianis, 1993).
func (k *split) polish(outer, inner []float64) {
	for range 3 {
		k.project(inner, outer, true)
		k.project(outer, inner, false)
	}
}

// project sets one of A and B to the best for the other one.
func (k *split) project(to, from []float64, toInner bool) {
	norm := 0.0
	for _, v := range from {
		norm += v * v
	}
	clear(to)
	for row := range k.m.out {
		for column, v := range k.m.row(row) {
			o := row/k.innerRows*k.columns + column/k.innerColumns
			i := row%k.innerRows*k.innerColumns + column%k.innerColumns
			if toInner {
				to[i] += float64(v) * from[o] / norm
			} else {
				to[o] += float64(v) * from[i] / norm
			}
		}
	}
}

// scaled looks at log|W|: it is a sum of tables over (a,b), (c,d), (a,c) and
// (b,d), which means over the other two indexes tell apart.
func (k *split) scaled() *Structure {
	if k.rows == 1 || k.columns == 1 || k.innerRows == 1 || k.innerColumns == 1 || !k.crossRatios() {
		return nil
	}
	logs := k.means()
	outer, inner := make([]float64, len(logs.ac)), make([]float64, len(logs.bd))
	for i := range outer {
		outer[i] = math.Exp(logs.ac[i])
	}
	for i := range inner {
		inner[i] = math.Exp(logs.bd[i])
	}
	rowScale, columnScale := make([]float64, k.m.out), make([]float64, k.m.in)
	for i := range rowScale {
		rowScale[i] = math.Exp(logs.ab[i])
	}
	for j := range columnScale {
		columnScale[j] = math.Exp(logs.cd[j])
	}
	// The signs: those of A and B beside their first row and column, the rest
	// from the first row and column of W.
	s := func(a, b, c, d int) float64 { return math.Copysign(1, k.at(a, b, c, d)) }
	for i := range outer {
		a, c := i/k.columns, i%k.columns
		outer[i] *= s(a, 0, c, 0) * s(0, 0, c, 0) * s(a, 0, 0, 0) * s(0, 0, 0, 0)
	}
	for i := range inner {
		b, d := i/k.innerColumns, i%k.innerColumns
		inner[i] *= s(0, b, 0, d) * s(0, 0, 0, d) * s(0, b, 0, 0) * s(0, 0, 0, 0)
	}
	for i := range rowScale {
		rowScale[i] *= s(i/k.innerRows, i%k.innerRows, 0, 0) * s(0, 0, 0, 0)
	}
	for j := range columnScale {
		columnScale[j] *= s(0, 0, j/k.innerColumns, j%k.innerColumns)
	}
	return k.structure(outer, inner, rowScale, columnScale)
}

// crossRatios tries some elements: what is left of A x B without the scales.
func (k *split) crossRatios() bool {
	if k.m.hasZero {
		return false
	}
	ratio := func(a, b, c, d int) float64 {
		// The double ratio over rows (a,b), (0,b) and columns (c,d), (0,d) is A's.
		return k.at(a, b, c, d) * k.at(0, b, 0, d) / k.at(a, b, 0, d) / k.at(0, b, c, d)
	}
	for try := range 16 {
		a, c := 1+try*7%(k.rows-1), 1+try*3%(k.columns-1)
		b, d := 1+try*5%(k.innerRows-1), 1+try*11%(k.innerColumns-1)
		inA := ratio(a, b, c, d) * ratio(a, 0, c, 0) / (ratio(a, b, c, 0) * ratio(a, 0, c, d))
		if math.Abs(inA-1) > max(1e-2, 30*k.m.noise()) {
			return false
		}
	}
	return true
}

// tables are the parts of log|W|.
type tables struct{ ab, cd, ac, bd []float64 }

// means splits log|W| by means over pairs of indexes. Each table takes its own
// interaction and half of what the tables share.
func (k *split) means() tables {
	t := tables{make([]float64, k.m.out), make([]float64, k.m.in), make([]float64, k.rows*k.columns), make([]float64, k.innerRows*k.innerColumns)}
	a, b := make([]float64, k.rows), make([]float64, k.innerRows)
	c, d := make([]float64, k.columns), make([]float64, k.innerColumns)
	total := 0.0
	for row := range k.m.out {
		ia, ib := row/k.innerRows, row%k.innerRows
		for column, w := range k.m.row(row) {
			ic, id := column/k.innerColumns, column%k.innerColumns
			v := math.Log(math.Abs(float64(w)))
			t.ab[row] += v
			t.cd[column] += v
			t.ac[ia*k.columns+ic] += v
			t.bd[ib*k.innerColumns+id] += v
			a[ia], b[ib], c[ic], d[id], total = a[ia]+v, b[ib]+v, c[ic]+v, d[id]+v, total+v
		}
	}
	n := float64(k.m.out) * float64(k.m.in)
	mean := total / n
	divide := func(x []float64) {
		for i := range x {
			x[i] *= float64(len(x)) / n
		}
	}
	for _, x := range [][]float64{t.ab, t.cd, t.ac, t.bd, a, b, c, d} {
		divide(x)
	}
	for i := range t.ac { // main effects stay with the scales
		t.ac[i] -= a[i/k.columns] + c[i%k.columns] - mean
	}
	for i := range t.bd {
		t.bd[i] -= b[i/k.innerColumns] + d[i%k.innerColumns] - mean
	}
	for j := range t.cd {
		t.cd[j] -= mean
	}
	return t
}

// structure is (A x I)(I x B) with the scales in the outermost factors.
func (k *split) structure(outer, inner, rowScale, columnScale []float64) *Structure {
	c := &butterfly.Chain{In: k.m.in, Out: k.m.out}
	// B for each block of inputs, then A across the blocks.
	first := butterfly.Pattern{A: k.columns, B: k.innerRows, C: k.innerColumns, D: 1}
	second := butterfly.Pattern{A: 1, B: k.rows, C: k.columns, D: k.innerRows}
	c.Factors = []butterfly.Factor{repeated(first, inner), repeated(second, outer)}
	kind := fmt.Sprintf("Kronecker product of %dx%d and %dx%d", k.rows, k.columns, k.innerRows, k.innerColumns)
	if rowScale != nil {
		kind += ", scaled"
	}
	c, err := scaled(c, rowScale, columnScale, nil)
	return named(kind, c, err)
}

// repeated returns a factor with the same block everywhere.
func repeated(p butterfly.Pattern, block []float64) butterfly.Factor {
	f := butterfly.Factor{Pattern: p, Values: make([]float32, p.Values())}
	for i := range f.Values {
		f.Values[i] = float32(block[i%len(block)])
	}
	return f
}
