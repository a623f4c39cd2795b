package butterfly

// sparsePass is several factors of few values, gathers among them, multiplied
// out: output i is the sum of values[k] times feature columns[k] for k from
// starts[i] to starts[i+1]-1. Zeros that pad the blocks of a sparse matrix are
// left out.
type sparsePass struct {
	features int // of the state before
	starts   []int32
	columns  []int32
	values   []float32
}

func (p *sparsePass) multiply(dst, src activations, count int, _ []float32) {
	outputs := len(p.starts) - 1
	row := func(r int) (y, x []float32) {
		return dst.data[r*dst.stride:][:outputs], src.data[r*src.stride:][:p.features]
	}
	r := 0
	for ; r+4 <= count; r += 4 { // four at a time: columns and values are read once
		y0, x0 := row(r)
		y1, x1 := row(r + 1)
		y2, x2 := row(r + 2)
		y3, x3 := row(r + 3)
		for i := range y0 {
			columns, values := p.row(i)
			var s0, s1, s2, s3 float32
			for k, c := range columns {
				v := values[k]
				s0 += v * x0[c]
				s1 += v * x1[c]
				s2 += v * x2[c]
				s3 += v * x3[c]
			}
			y0[i], y1[i], y2[i], y3[i] = s0, s1, s2, s3
		}
	}
	for ; r < count; r++ {
		y, x := row(r)
		for i := range y {
			columns, values := p.row(i)
			sum := float32(0)
			for k, c := range columns {
				sum += values[k] * x[c]
			}
			y[i] = sum
		}
	}
}

func (p *sparsePass) row(i int) ([]int32, []float32) {
	from, to := p.starts[i], p.starts[i+1]
	columns := p.columns[from:to]
	return columns, p.values[from:to][:len(columns)]
}

func (*sparsePass) scratch(int) int { return 0 }

func (*sparsePass) inPlace() bool { return false }

// sparseEntry is one element of a row.
type sparseEntry struct {
	column int32
	value  float32
}

// planSparse multiplies out the gathers and the factors of single rows or columns
// from the first on, as many as there are, and returns their number. It returns 0
// unless there are factors of both sorts, and the product has no more elements
// than they.
func planSparse(factors []Factor, features int) (pass, int) {
	n, size, gathers := 0, 0, 0
	for n < len(factors) && factors[n].isSparse() {
		size += len(factors[n].Values) + len(factors[n].Indexes)
		if factors[n].IsGather() {
			gathers++
		}
		n++
	}
	if gathers == 0 || gathers == n {
		return nil, 0
	}
	rows := make([][]sparseEntry, features)
	for i := range rows {
		rows[i] = []sparseEntry{{int32(i), 1}}
	}
	for _, f := range factors[:n] {
		if rows = f.timesSparse(rows, size); rows == nil {
			return nil, 0
		}
	}
	p := &sparsePass{features: features, starts: []int32{0}}
	for _, row := range rows {
		for _, e := range row {
			p.columns, p.values = append(p.columns, e.column), append(p.values, e.value)
		}
		p.starts = append(p.starts, int32(len(p.columns)))
	}
	return p, n
}

// isSparse reports whether a factor has one element in each row, or in each
// column, or is a gather.
func (f Factor) isSparse() bool { return f.IsGather() || f.B == 1 || f.C == 1 }

// timesSparse is the factor times a sparse matrix, nil if that has more than
// `most` elements. Rows that are not there are zero.
func (f Factor) timesSparse(rows [][]sparseEntry, most int) [][]sparseEntry {
	product := make([][]sparseEntry, f.Rows())
	size := 0
	add := func(row, column int, scale float32) {
		if column >= len(rows) || scale == 0 {
			return
		}
		for _, e := range rows[column] {
			if v := e.value * scale; v != 0 {
				product[row] = append(product[row], sparseEntry{e.column, v})
				size++
			}
		}
	}
	for i, from := range f.Indexes {
		if add(i/f.D, int(from), 1); size > most {
			return nil
		}
	}
	if !f.IsGather() {
		eachValue(f.Pattern, func(index, row, column int) {
			if size <= most {
				add(row, column, f.Values[index])
			}
		})
	}
	if size > most {
		return nil
	}
	return product
}
