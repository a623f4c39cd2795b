package recognise

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// toeplitz finds W[i,j] = t[i-j], also scaled by diagonals on both sides where no
// element is zero.
func toeplitz(m *matrix) *Structure {
	t := make([]float64, m.out+m.in-1)
	if m.constantDiagonals() {
		counts := make([]float64, len(t))
		for i := range m.out {
			for j, v := range m.row(i) {
				t[i-j+m.in-1] += float64(v)
				counts[i-j+m.in-1]++
			}
		}
		for k := range t {
			t[k] /= counts[k]
		}
		return toeplitzStructure(m.out, m.in, t, nil, nil)
	}
	rowScale, columnScale, ok := m.diagonalScales()
	if !ok {
		return nil
	}
	counts := make([]float64, len(t))
	for i := range m.out {
		for j, v := range m.row(i) {
			t[i-j+m.in-1] += float64(v) / (rowScale[i] * columnScale[j])
			counts[i-j+m.in-1]++
		}
	}
	for k := range t {
		t[k] /= counts[k]
	}
	return toeplitzStructure(m.out, m.in, t, rowScale, columnScale)
}

// constantDiagonals reports whether elements equal their neighbours down right,
// up to rounding.
func (m *matrix) constantDiagonals() bool {
	slack := max(1e-5, 4*m.noise()) * m.largest
	for i := 1; i < m.out; i++ {
		above, row := m.row(i-1), m.row(i)
		for j := 1; j < m.in; j++ {
			if math.Abs(float64(row[j])-float64(above[j-1])) > slack {
				return false
			}
		}
	}
	return true
}

// diagonalScales splits log|W[i,j]| into r[i] + c[j] + t[i-j]. The mixed second
// differences are those of t alone, up to a linear part that r and c can take.
func (m *matrix) diagonalScales() (rows, columns []float64, ok bool) {
	if m.hasZero || m.out < 4 || m.in < 4 { // any two rows are a scaled Toeplitz matrix
		return nil, nil, false
	}
	size := m.out + m.in - 1
	middle := m.in - 1
	bend := make([]float64, size) // the second difference of t at k-1, k, k+1
	signs := make([]float64, size)
	counts := make([]float64, size)
	slack := max(1e-3, 20*m.noise())
	for i := 0; i+1 < m.out; i++ {
		for j := 0; j+1 < m.in; j++ {
			a, b, c, d := m.at(i, j), m.at(i, j+1), m.at(i+1, j), m.at(i+1, j+1)
			v := a / b * d / c
			k := i - j + middle
			log := math.Log(math.Abs(v))
			if counts[k] > 0 && (math.Abs(log+bend[k]/counts[k]) > slack || math.Signbit(v) != math.Signbit(signs[k])) {
				return nil, nil, false
			}
			bend[k], signs[k] = bend[k]-log, v
			counts[k]++
		}
	}
	t, sign := make([]float64, size), constant(1, size)
	for k := 1; k+1 < size; k++ {
		// t[k+1] - 2 t[k] + t[k-1] is the bend; its sign is that of t[k+1] t[k-1].
		if counts[k] > 0 {
			t[k+1] = 2*t[k] - t[k-1] + bend[k]/counts[k]
			sign[k+1] = sign[k-1] * math.Copysign(1, signs[k])
		}
	}
	return m.scalesAround(t, sign)
}

// scalesAround returns the scales of rows and columns, given t up to a linear
// part, which they take.
func (m *matrix) scalesAround(t, sign []float64) (rows, columns []float64, ok bool) {
	slope := (t[len(t)-1] - t[0]) / float64(len(t)-1)
	value := func(i, j int) float64 {
		k := i - j + m.in - 1
		return sign[k] * math.Exp(t[k]-slope*float64(k)-t[0])
	}
	rows, columns = make([]float64, m.out), make([]float64, m.in)
	for i := range rows {
		rows[i] = m.at(i, 0) / value(i, 0)
	}
	for j := range columns {
		columns[j] = m.at(0, j) / value(0, j) / rows[0]
	}
	return rows, columns, finite(rows) && finite(columns)
}

// toeplitzStructure embeds the matrix in a circulant one.
func toeplitzStructure(out, in int, t, rowScale, columnScale []float64) *Structure {
	period := smooth(out + in - 1)
	column := make([]float64, period)
	for k, v := range t { // the element at i-j = k-(in-1)
		column[((k-(in-1))%period+period)%period] = v
	}
	chain, err := convolutionChain(out, in, column)
	if err != nil {
		return nil
	}
	kind := fmt.Sprintf("Toeplitz %dx%d", out, in)
	if rowScale != nil {
		kind += ", scaled"
	}
	chain, err = scaled(chain, rowScale, columnScale, nil)
	return named(kind, chain, err)
}

// smooth returns the least even number from n on without prime factors over 7.
func smooth(n int) int {
	for n += n % 2; ; n += 2 {
		rest := n
		for _, p := range []int{2, 3, 5, 7} {
			for rest%p == 0 {
				rest /= p
			}
		}
		if rest == 1 {
			return n
		}
	}
}

// circulant finds W[i,j] = c[i-j mod n], also scaled by diagonals on both sides
// where no element is zero: rows, columns and diagonals then form a Latin square,
// whose means tell them apart.
func circulant(m *matrix) *Structure {
	n := m.in
	if m.out != n || n < 4 {
		return nil
	}
	if m.wraps() {
		column := make([]float64, n)
		for i := range n {
			for j, v := range m.row(i) {
				column[(i-j+n)%n] += float64(v) / float64(n)
			}
		}
		return circulantStructure(column, nil, nil, nil)
	}
	if m.hasZero || !m.wrapsScaled() {
		return nil
	}
	rows, columns, diagonals := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		for j, v := range m.row(i) {
			log := math.Log(math.Abs(float64(v))) / float64(n)
			rows[i], columns[j], diagonals[(i-j+n)%n] = rows[i]+log, columns[j]+log, diagonals[(i-j+n)%n]+log
		}
	}
	mean := 0.0
	for _, v := range rows {
		mean += v / float64(n)
	}
	for i := range n {
		rows[i], columns[i], diagonals[i] = math.Exp(rows[i]-mean), math.Exp(columns[i]-mean), math.Exp(diagonals[i])
	}
	if !m.wrappedSigns(rows, columns, diagonals) {
		return nil
	}
	return circulantStructure(diagonals, rows, columns, nil)
}

// wraps reports whether each row is the one before, moved by one.
func (m *matrix) wraps() bool {
	slack := max(1e-5, 4*m.noise()) * m.largest
	for i := 1; i < m.out; i++ {
		if math.Abs(m.at(i, 0)-m.at(i-1, m.in-1)) > slack {
			return false
		}
	}
	return m.constantDiagonals()
}

// wrapsScaled tries whether mixed ratios depend on i-j alone.
func (m *matrix) wrapsScaled() bool {
	n := m.in
	ratio := func(i, k int) float64 {
		j := ((i-k)%n + n) % n
		i1, j1 := (i+1)%n, (j+1)%n
		return m.at(i, j) / m.at(i, j1) * m.at(i1, j1) / m.at(i1, j)
	}
	for k := range n {
		want := ratio(0, k)
		for _, i := range []int{1, n / 3, n / 2, n - 1} {
			if math.Abs(ratio(i, k)/want-1) > max(1e-2, 30*m.noise()) {
				return false
			}
		}
	}
	return true
}

// wrappedSigns gives rows, columns and diagonals their signs.
func (m *matrix) wrappedSigns(rows, columns, diagonals []float64) bool {
	n := m.in
	s := func(i, j int) float64 { return math.Copysign(1, m.at(i, j)) }
	for _, second := range []float64{1, -1} {
		sign := make([]float64, n)
		sign[0], sign[1] = 1, second
		for k := 1; k+1 < n; k++ {
			i, j := k, 0
			sign[k+1] = sign[k-1] * s(i, j) * s(i, j+1) * s(i+1, j) * s(i+1, j+1)
		}
		rowSign, columnSign := make([]float64, n), make([]float64, n)
		for j := range n {
			columnSign[j] = s(0, j) * sign[(n-j)%n]
		}
		good := true
		for i := range n {
			rowSign[i] = s(i, 0) * sign[i] * columnSign[0]
			for j := range n {
				good = good && s(i, j) == rowSign[i]*columnSign[j]*sign[(i-j+n)%n]
			}
		}
		if !good {
			continue
		}
		for i := range n {
			rows[i], columns[i], diagonals[i] = rows[i]*rowSign[i], columns[i]*columnSign[i], diagonals[i]*sign[i]
		}
		return true
	}
	return false
}

// shiftedRows finds rows of a circulant matrix in any order, each with a scale:
// every row is the first one, moved around.
func shiftedRows(m *matrix) *Structure {
	n := m.in
	if n < 4 {
		return nil
	}
	base := m.row(0)
	top := largestAt(base)
	after, scale := make([]int, m.out), make([]float64, n)
	slack := max(1e-5, 4*m.noise()) * m.rowNorms[0]
	inOrder := true
	for i := range m.out {
		row := m.row(i)
		shift := (largestAt(row) - top + n) % n
		factor := float64(row[(top+shift)%n]) / float64(base[top])
		for j, v := range base {
			if math.Abs(float64(v)*factor-float64(row[(j+shift)%n])) > slack*math.Abs(factor) {
				return nil
			}
		}
		if factor == 0 || scale[shift] != 0 {
			return nil
		}
		after[i], scale[shift] = shift, factor
		inOrder = inOrder && shift == i
	}
	// Row `shift` of the chain is base moved right by shift: c[i-j] = base[j-i].
	column := make([]float64, n)
	for i := range m.out {
		for j, v := range m.row(i) {
			column[((after[i]-j)%n+n)%n] += float64(v) / scale[after[i]] / float64(m.out)
		}
	}
	if inOrder {
		after = nil
	}
	return circulantStructure(column, scale, nil, after)
}

func largestAt(row []float32) int {
	at := 0
	for j, v := range row {
		if math.Abs(float64(v)) > math.Abs(float64(row[at])) {
			at = j
		}
	}
	return at
}

func circulantStructure(column, rowScale, columnScale []float64, order []int) *Structure {
	n := len(column)
	chain, err := convolutionChain(n, n, column)
	if err != nil {
		return nil
	}
	kind := fmt.Sprintf("circulant %d", n)
	if rowScale != nil {
		kind += ", scaled"
	}
	chain, err = scaled(chain, rowScale, columnScale, order)
	return named(kind, chain, err)
}

// convolutionChain returns the first `out` rows and `in` columns of the circulant
// matrix of a column: a real Fourier transform times that of the column, and the
// transform back.
func convolutionChain(out, in int, column []float64) (*butterfly.Chain, error) {
	n := len(column)
	var there, back []butterfly.Sinusoid
	for k := range n/2 + 1 {
		re, im := 0.0, 0.0
		for j, v := range column {
			sin, cos := math.Sincos(2 * math.Pi * float64(k*j%n) / float64(n))
			re, im = re+v*cos, im-v*sin
		}
		weight := 2 / float64(n)
		alone := 2*k%n == 0 // real: no conjugate, no imaginary part
		if alone {
			weight = 1 / float64(n)
		}
		// (re + i im)(C - i S) = re C + im S + i (im C - re S)
		there = append(there, butterfly.Sinusoid{Twice: 2 * k, Cos: re, Sin: im})
		back = append(back, butterfly.Sinusoid{Twice: 2 * k, Cos: weight})
		if !alone {
			there = append(there, butterfly.Sinusoid{Twice: 2 * k, Cos: im, Sin: -re})
			back = append(back, butterfly.Sinusoid{Twice: 2 * k, Sin: -weight})
		}
	}
	never := 1e-300 // keeps rows that are zero in their places
	for i := range there {
		if there[i].Cos == 0 && there[i].Sin == 0 {
			there[i].Cos = never
		}
	}
	first, err := butterfly.Sinusoids(in, n, there, nil)
	if err != nil {
		return nil, err
	}
	second, err := butterfly.Sinusoids(out, n, back, nil)
	if err != nil {
		return nil, err
	}
	return butterfly.Product(first, second.Transposed())
}
