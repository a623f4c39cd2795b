package butterfly

import "math"

// foldedSinusoids is Sinusoids by sums and differences of inputs at the same
// distance from a centre: cosines around it see the sums alone, sines the
// differences. This halves a dense matrix of sinusoids, with two products of
// vectors and few indexes, which is the fastest way for prime sizes of a few
// hundred.
//
// The centre is 0 in a period, for even Twice, or (in-1)/2.
func foldedSinusoids(in, period int, rows []Sinusoid, window []float64, periodic bool) (*Chain, error) {
	f := &folding{in: in, period: period, centre: in - 1}
	if periodic {
		f.centre = 0
	}
	f.pair(periodic)
	var waves [2][]int // half turns of the cosines and of the sines
	at := [2]map[int]int{{}, {}}
	terms := make([][2]Entry, len(rows)) // of each row: the place of its cosine and its sine
	for i, r := range rows {
		twice, values := f.centred(r)
		for part, v := range values {
			terms[i][part] = Entry{Row: -1}
			if math.Abs(v) <= negligible*(math.Abs(r.Cos)+math.Abs(r.Sin)) {
				continue
			}
			place, ok := at[part][twice]
			if !ok {
				place = len(waves[part])
				at[part][twice] = place
				waves[part] = append(waves[part], twice)
			}
			terms[i][part] = Entry{Row: place, Value: v}
		}
	}
	c, err := Product(f.fold(), f.waves(waves), f.rows(waves, terms))
	if err != nil || window == nil {
		return c, err
	}
	return c.ScaledColumns(window)
}

// folding holds pairs of inputs that are mirrored at a centre; centre is twice
// that.
type folding struct {
	in, period, centre int
	pairs              [][2]int // the second is -1 if there is none
}

func (f *folding) pair(periodic bool) {
	for j := range f.in {
		other := f.centre - j
		if periodic {
			other = modulo(other, f.period)
		}
		switch {
		case other == j || other < 0 || other >= f.in:
			f.pairs = append(f.pairs, [2]int{j, -1})
		case other > j:
			f.pairs = append(f.pairs, [2]int{j, other})
		}
	}
}

// centred returns the row as values[0] cos(a u) + values[1] sin(a u) at the
// distance u from the centre, with an angle a of 0 to pi per input.
func (f *folding) centred(r Sinusoid) (twice int, values [2]float64) {
	cos, sin := turn(modulo(r.Twice*f.centre, 4*f.period), 2*f.period)
	values = [2]float64{r.Cos*cos + r.Sin*sin, r.Sin*cos - r.Cos*sin}
	twice = modulo(r.Twice, 2*f.period)
	if f.centre%2 != 0 && (r.Twice-twice)/(2*f.period)%2 != 0 { // a whole turn per input at half an input
		values[0], values[1] = -values[0], -values[1]
	}
	if twice > f.period {
		if twice -= 2 * f.period; f.centre%2 != 0 {
			values[0], values[1] = -values[0], -values[1]
		}
		twice, values[1] = -twice, -values[1]
	}
	return twice, values
}

// fold gives the sums, and after them the differences.
func (f *folding) fold() *Chain {
	n := len(f.pairs)
	order := make([]int, 2*n)
	factor := newFactor(Pattern{1, 2, 2, n})
	for i, p := range f.pairs {
		order[i], order[n+i] = p[0], p[1]
		copy(factor.Values[4*i:], []float32{1, 1, 1, -1})
	}
	return &Chain{In: f.in, Out: 2 * n, Factors: []Factor{gatherFactor(order, f.in, 1), factor}}
}

// waves gives the cosines of the sums, and then the sines of the differences.
func (f *folding) waves(waves [2][]int) *Chain {
	n := len(f.pairs)
	most := max(1, len(waves[0]), len(waves[1]))
	factor := newFactor(Pattern{2, most, n, 1})
	for part, list := range waves {
		for row, twice := range list {
			values := factor.Values[(part*most+row)*n:][:n]
			for i, p := range f.pairs {
				cos, sin := turn(modulo(twice*(2*p[0]-f.centre), 4*f.period), 2*f.period)
				values[i] = float32([2]float64{cos, sin}[part])
			}
		}
	}
	return single(factor)
}

// rows adds the cosine and the sine of each row.
func (f *folding) rows(waves [2][]int, terms [][2]Entry) *Chain {
	most := max(1, len(waves[0]), len(waves[1]))
	n := len(terms)
	order := make([]int, 2*n)
	factor := newFactor(Pattern{1, 1, 2, n})
	for i, t := range terms {
		for part, e := range t {
			order[part*n+i] = -1
			if e.Row >= 0 {
				order[part*n+i] = part*most + e.Row
				factor.Values[2*i+part] = float32(e.Value)
			}
		}
	}
	return &Chain{In: 2 * most, Out: n, Factors: []Factor{gatherFactor(order, 2*most, 1), factor}}
}
