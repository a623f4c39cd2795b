package recognise

import (
	"math"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// sinusoidal finds matrices whose rows are sinusoids times a common window:
// W[i,j] = window[j] (a_i cos t_i j + b_i sin t_i j), with the frequencies t_i of
// a discrete Fourier, cosine or sine transform. The window, the scales, phases
// and order of the rows may be anything.
//
// Sinusoids of one sampling step satisfy y[j+1] + y[j-1] = 2 cos(t) y[j]. With
// y[j] = u[j] W[i,j] and u = 1/window, four neighbouring columns give the ratios
// of u without any frequency (localWindow). From there the columns are followed
// outwards, the frequencies snap to those of a transform, and all columns give
// the window and the phases by least squares.
func sinusoidal(m *matrix) *Structure {
	if m.out < 4 || m.in < 8 {
		return nil
	}
	known := localWindow(m)
	if known == nil {
		return nil
	}
	known.extend(m)
	turns, ok := known.period(m)
	if !ok {
		return nil
	}
	fit := newSinusoidFit(m, turns)
	if !fit.start(known) {
		return nil
	}
	for range 3 {
		fit.fitRows()
		fit.fitWindow()
	}
	fit.fitRows()
	return fit.structure()
}

// stretch is what is known of the columns from first on: the inverse u of the
// window, and c[i] = 2 cos(t_i) of each row; NaN for rows that are too small.
type stretch struct {
	first int
	u     []float64
	c     []float64
}

// scaled is y = u W in column first+k of row i.
func (s *stretch) scaled(m *matrix, i, k int) float64 { return s.u[k] * m.at(i, s.first+k) }

// localWindow solves for u in four neighbouring columns. Without c,
// (y[2]+y[0]) y[2'] = (y[3]+y[1]) y[1] is linear in four products of ratios. Where
// the rows are even around the four columns there is more than one solution, so
// several places are tried.
func localWindow(m *matrix) *stretch {
	var best *stretch
	clearest := 0.0
	for _, p := range strongColumns(m) {
		s, clear := p.solve(m)
		if s != nil && clear > clearest {
			best, clearest = s, clear
		}
	}
	if best != nil {
		best.frequencies(m)
	}
	return best
}

// place is four neighbouring columns, with the scales that make them of about one
// size.
type place struct {
	first int
	scale [4]float64
}

// solve returns the stretch of the four columns, nil if the equation has no
// solution, and how clear the solution is.
func (p place) solve(m *matrix) (s *stretch, clear float64) {
	var gram [4][4]float64
	for i := range m.out {
		e, ok := p.terms(m, i)
		if !ok {
			continue
		}
		for a := range 4 {
			for b := range 4 {
				gram[a][b] += e[a] * e[b]
			}
		}
	}
	trace := gram[0][0] + gram[1][1] + gram[2][2] + gram[3][3]
	value, next, v := smallestEigen(gram)
	if limit := max(1e-4, 20*m.noise()); trace == 0 || value > limit*limit*trace {
		return nil, 0
	}
	// v = l (u2/u1, u0/u1, u3/u2, u1/u2)
	product := v[0] * v[3]
	if product <= 0 {
		return nil, 0
	}
	l := math.Copysign(math.Sqrt(product), v[0])
	u2 := v[0] / l
	s = &stretch{first: p.first, u: []float64{v[1] / l, 1, u2, u2 * v[2] / l}}
	for k := range s.u {
		s.u[k] *= p.scale[k]
	}
	if !finite(s.u) {
		return nil, 0
	}
	return s, next / trace
}

// strongColumns returns some places far from columns that are zero.
func strongColumns(m *matrix) []place {
	sums := make([]float64, m.in)
	for i := range m.out {
		if m.rowNorms[i] <= m.smallRow() {
			continue
		}
		r := 1 / (m.rowNorms[i] * m.rowNorms[i])
		for j, v := range m.row(i) {
			sums[j] += float64(v) * float64(v) * r
		}
	}
	least := func(j int) float64 { return min(sums[j], sums[j+1], sums[j+2], sums[j+3]) }
	best := 0.0
	for j := 0; j+4 <= m.in; j++ {
		best = max(best, least(j))
	}
	var places []place
	const some, share = 11, 0.2
	for k := range some {
		j := k * (m.in - 4) / (some - 1)
		for ; j+4 <= m.in && least(j) < share*best; j++ {
		}
		if j+4 > m.in || best == 0 {
			break
		}
		p := place{first: j}
		for q := range 4 {
			p.scale[q] = 1 / math.Sqrt(sums[j+q])
		}
		places = append(places, p)
	}
	return places
}

// terms are the coefficients of one row in the equation of localWindow.
func (p place) terms(m *matrix, i int) (e [4]float64, ok bool) {
	var y [4]float64
	norm := 0.0
	for k := range 4 {
		y[k] = m.at(i, p.first+k) * p.scale[k]
		norm += y[k] * y[k]
	}
	if m.rowNorms[i] <= m.smallRow() || norm == 0 {
		return e, false
	}
	return [4]float64{y[2] * y[2] / norm, y[0] * y[2] / norm, -y[3] * y[1] / norm, -y[1] * y[1] / norm}, true
}

// frequencies sets c from all columns of the stretch, by least squares.
func (s *stretch) frequencies(m *matrix) {
	s.c = make([]float64, m.out)
	for i := range s.c {
		over, under := 0.0, 0.0
		for k := 1; k+1 < len(s.u); k++ {
			y := s.scaled(m, i, k)
			over += (s.scaled(m, i, k+1) + s.scaled(m, i, k-1)) * y
			under += y * y
		}
		s.c[i] = over / under
		if m.rowNorms[i] <= m.smallRow() || under == 0 {
			s.c[i] = math.NaN()
		}
	}
}

// longStretch is the number of columns from which frequencies are told apart.
const longStretch = 48

// extend follows the recurrence outwards, column by column: all rows together
// give the next u. It ends at columns that are zero.
func (s *stretch) extend(m *matrix) {
	for len(s.u) < longStretch {
		before := len(s.u)
		if u := s.next(m, s.first+len(s.u), len(s.u)-1, len(s.u)-2); u != 0 {
			s.u = append(s.u, u)
		}
		if u := s.next(m, s.first-1, 0, 1); u != 0 {
			s.first--
			s.u = append([]float64{u}, s.u...)
		}
		s.frequencies(m)
		if len(s.u) == before {
			return
		}
	}
}

// next returns u of a column beside the known ones, 0 if it can not be told.
func (s *stretch) next(m *matrix, column, last, beforeLast int) float64 {
	if column < 0 || column >= m.in {
		return 0
	}
	over, under, size := 0.0, 0.0, 0.0
	for i, c := range s.c {
		if math.IsNaN(c) {
			continue
		}
		last, beforeLast := s.scaled(m, i, last), s.scaled(m, i, beforeLast)
		weight := 1 / (last*last + beforeLast*beforeLast + 1e-300)
		v := m.at(i, column)
		over += v * (c*last - beforeLast) * weight
		under += v * v * weight
		size += math.Abs(v)
	}
	if u := over / under; under > 0 && size > 1e-6*m.largest && !math.IsInf(u, 0) && !math.IsNaN(u) {
		return u
	}
	return 0
}

// turns are the frequencies of a transform: (2k + odd)/(2 period) for whole k.
type turns struct{ period, odd int }

// candidateTurns are those that n inputs may have: DFT, DCT and DST of types II
// to IV, type I, and transforms of inputs that are padded to a power of two.
func candidateTurns(n int) []turns {
	padded := 1
	for padded < n {
		padded *= 2
	}
	list := []turns{{n, 0}, {padded, 0}, {n, 1}, {2 * n, 0}, {2 * n, 1}, {2 * (n - 1), 0}, {2 * (n + 1), 0}, {2*n + 1, 0}, {2*n - 1, 0}, {2*n + 1, 1}, {2*n - 1, 1}}
	return append(list, turns{padded, 1}, turns{2 * padded, 0}, turns{2 * padded, 1}, turns{4 * n, 0})
}

// period returns the first candidate whose frequencies those of the rows are, as
// far as they are well known: away from 0 and half a turn.
func (s *stretch) period(m *matrix) (turns, bool) {
	var angles []float64
	for _, c := range s.c {
		if math.Abs(c) < 1.9 {
			angles = append(angles, math.Acos(c/2))
		}
	}
	if len(angles) < 3 {
		return turns{}, false
	}
	for _, t := range candidateTurns(m.in) {
		off := 0
		for _, angle := range angles {
			twice := angle * float64(t.period) / math.Pi
			if math.Abs(twice-float64(t.nearest(twice))) > 0.2 {
				off++
			}
		}
		if off*20 <= len(angles) {
			return t, true
		}
	}
	return turns{}, false
}

// nearest returns the frequency of the transform that is nearest to a number of
// half turns.
func (t turns) nearest(twice float64) int {
	return 2*int(math.Round((twice-float64(t.odd))/2)) + t.odd
}

// sinusoidFit holds the estimate while it is made better.
type sinusoidFit struct {
	m      *matrix
	turns  turns
	window []float64
	rows   []butterfly.Sinusoid
	low    []int // the range of Twice that each row may have
	high   []int
	failed bool
}

func newSinusoidFit(m *matrix, t turns) *sinusoidFit {
	return &sinusoidFit{m: m, turns: t, window: make([]float64, m.in), rows: make([]butterfly.Sinusoid, m.out), low: make([]int, m.out), high: make([]int, m.out)}
}

// start takes the rows whose frequency is certain, with the phases that the known
// columns give, for a first estimate of the whole window.
func (f *sinusoidFit) start(s *stretch) bool {
	for k, u := range s.u {
		f.window[s.first+k] = 1 / u
	}
	if !finite(f.window) {
		return false
	}
	certain := 0
	unit := math.Pi / float64(f.turns.period)
	for i, c := range s.c {
		if math.IsNaN(c) {
			f.low[i], f.high[i] = 1, 0 // a zero row
			continue
		}
		angle := math.Acos(min(max(c/2, -1), 1))
		dc := max(10*f.m.noise(), 1e-5)
		spread := min(math.Sqrt(dc), dc/max(2*math.Sin(angle), 1e-9))
		reach := 1.5 + 2*spread/unit
		f.low[i] = max(f.turns.nearest(angle/unit-reach), f.turns.odd)
		f.high[i] = min(f.turns.nearest(angle/unit+reach), f.turns.period)
		if math.Abs(c) < 1.9 {
			f.low[i] = f.turns.nearest(angle / unit)
			f.high[i] = f.low[i]
			f.fitRow(i, s.first, s.first+len(s.u))
			certain++
		}
	}
	f.fitWindow()
	return certain >= 3
}

// fitRows finds frequency and phase of every row, given the window.
func (f *sinusoidFit) fitRows() {
	for i := range f.rows {
		if f.low[i] > f.high[i] || f.failed {
			continue
		}
		best, chosen := math.Inf(1), butterfly.Sinusoid{}
		for twice := f.low[i]; twice <= f.high[i]; twice += 2 {
			f.rows[i].Twice = twice
			if rest := f.fitRow(i, 0, f.m.in); rest < best {
				best, chosen = rest, f.rows[i]
			}
		}
		f.rows[i] = chosen
		f.low[i], f.high[i] = chosen.Twice, chosen.Twice
		if limit := max(1e-3, 30*f.m.noise()) * f.m.rowNorms[i]; best > limit*limit {
			f.failed = true
		}
	}
}

// fitRow sets the phase of a row by least squares over columns from:to, at its
// frequency, and returns the squared rest.
func (f *sinusoidFit) fitRow(i, from, to int) float64 {
	twice := f.rows[i].Twice
	if f.low[i] == f.high[i] {
		twice = f.low[i]
	}
	var cc, cs, ss, cw, sw, ww float64
	row := f.m.row(i)
	f.walk(twice, from, to, func(j int, cos, sin float64) {
		cos, sin = cos*f.window[j], sin*f.window[j]
		w := float64(row[j])
		cc, cs, ss = cc+cos*cos, cs+cos*sin, ss+sin*sin
		cw, sw, ww = cw+cos*w, sw+sin*w, ww+w*w
	})
	r := butterfly.Sinusoid{Twice: twice}
	if determinant := cc*ss - cs*cs; determinant > 1e-10*(cc+ss)*(cc+ss) {
		r.Cos, r.Sin = (cw*ss-sw*cs)/determinant, (sw*cc-cw*cs)/determinant
	} else if cc >= ss && cc > 0 {
		r.Cos = cw / cc
	}
	f.rows[i] = r
	return ww - r.Cos*cw - r.Sin*sw
}

// fitWindow sets the window by least squares, given the rows.
func (f *sinusoidFit) fitWindow() {
	over, under := make([]float64, f.m.in), make([]float64, f.m.in)
	for i, r := range f.rows {
		if r.Cos == 0 && r.Sin == 0 {
			continue
		}
		row := f.m.row(i)
		weight := 1 / (r.Cos*r.Cos + r.Sin*r.Sin)
		f.walk(r.Twice, 0, f.m.in, func(j int, cos, sin float64) {
			g := r.Cos*cos + r.Sin*sin
			over[j] += g * float64(row[j]) * weight
			under[j] += g * g * weight
		})
	}
	largest := 0.0
	for j := range f.window {
		f.window[j] = 0
		if under[j] > 1e-9 {
			f.window[j] = over[j] / under[j]
		}
		largest = max(largest, math.Abs(f.window[j]))
	}
	for j := range f.window { // the rows have the scale
		f.window[j] /= largest
	}
	f.failed = f.failed || largest == 0 || !finite(f.window)
}

// walk calls visit with cos and sin of a frequency in every column. They turn by
// a rotation each, set right from time to time.
func (f *sinusoidFit) walk(twice, from, to int, visit func(j int, cos, sin float64)) {
	period := 2 * f.turns.period
	stepSin, stepCos := math.Sincos(2 * math.Pi * float64(twice%period) / float64(period))
	var sin, cos float64
	const exact = 32
	for j := from; j < to; j++ {
		if (j-from)%exact == 0 {
			sin, cos = math.Sincos(2 * math.Pi * float64(twice*j%period) / float64(period))
		}
		visit(j, cos, sin)
		sin, cos = sin*stepCos+cos*stepSin, cos*stepCos-sin*stepSin
	}
}
