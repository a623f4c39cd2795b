package factorise

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kcompress/kcompress/kernels/butterfly"
)

// Kaleidoscope factorises a matrix [n, n] in closed form as a K-matrix of the
// paper's class BB* (arXiv 2012.14966, Definition 2.4), with the design
// Kaleidoscope(n, n, 1, 1, 2). A matrix that is a product of such factors, none
// of them singular, is recovered up to rounding; for others the result is no
// more than a start. It returns nil if n is no power of two of at
// least 2, and for matrices that are nowhere near the class.
//
// The outermost factors of BB* mix the rows i and i+h and the columns j and j+h,
// h = n/2. With their blocks A_i and B_j, and two matrices u and v of half the size
// between them, the 2x2 matrix of these rows and columns is
//
//	M_ij = A_i diag(u_ij, v_ij) B_j.
//
// So M_ij inverse(M_0j) = A_i (a diagonal) inverse(A_0) for all j: products of
// these have the columns of A_0 as their eigenvectors, and what they make of
// those are the columns of A_i. The same is done for the rows of B_j, and u and v
// are factorised in the same way. (Simultaneous diagonalisation, as Dao et al.,
// arXiv 2204.00595, Theorem 2, do for products of two Monarch matrices.)
func Kaleidoscope(w []float32, n int) *butterfly.Chain {
	d, err := butterfly.Kaleidoscope(n, n, 1, 1, 2)
	if err != nil || d.Patterns[0].Columns() != n || len(w) != n*n {
		return nil
	}
	c := butterfly.NewChain(d)
	m := make([]float64, len(w))
	for i, v := range w {
		m[i] = float64(v)
	}
	if n > 4 && !newPeeling(m, n).plausible() {
		return nil
	}
	peelKaleidoscope(c, m, n, 0, 0)
	c.Normalise()
	return c
}

// peelKaleidoscope sets the blocks of the factors of one depth for the features
// from `first` on, and those within for the two halves that remain.
func peelKaleidoscope(c *butterfly.Chain, m []float64, n, first, depth int) {
	in, out := c.Factors[depth], c.Factors[len(c.Factors)-1-depth]
	block := first / n
	if n == 2 {
		setBlock(in, block, 0, square{1, 0, 0, 1})
		setBlock(out, block, 0, square{m[0], m[1], m[2], m[3]})
		return
	}
	h := n / 2
	p := newPeeling(m, n)
	p.solve()
	var inner [2][]float64
	inner[0], inner[1] = make([]float64, h*h), make([]float64, h*h)
	for i := range h {
		setBlock(out, block, i, p.a[i])
		setBlock(in, block, i, p.bt[i].transposed())
		left := p.a[i].inverse()
		for j := range h {
			middle := left.times(p.m[i*h+j]).times(p.bt[j].transposed().inverse())
			inner[0][i*h+j], inner[1][i*h+j] = middle[0], middle[3]
		}
	}
	peelKaleidoscope(c, inner[0], h, first, depth+1)
	peelKaleidoscope(c, inner[1], h, first+h, depth+1)
}

// square is a 2x2 matrix, row by row.
type square [4]float64

func (s square) times(t square) square {
	return square{s[0]*t[0] + s[1]*t[2], s[0]*t[1] + s[1]*t[3], s[2]*t[0] + s[3]*t[2], s[2]*t[1] + s[3]*t[3]}
}

// adjugate is the inverse times the determinant.
func (s square) adjugate() square { return square{s[3], -s[1], -s[2], s[0]} }

func (s square) transposed() square { return square{s[0], s[2], s[1], s[3]} }

func (s square) size() float64 { return math.Hypot(math.Hypot(s[0], s[1]), math.Hypot(s[2], s[3])) }

func (s square) determinant() float64 { return s[0]*s[3] - s[1]*s[2] }

// leastDeterminant keeps the inverse of a singular block finite.
const leastDeterminant = 1e-9

// inverse is that of a block whose columns have the length 1.
func (s square) inverse() square {
	determinant := s.determinant()
	if math.Abs(determinant) < leastDeterminant {
		determinant = math.Copysign(leastDeterminant, determinant)
	}
	a := s.adjugate()
	for i := range a {
		a[i] /= determinant
	}
	return a
}

func setBlock(f butterfly.Factor, i, l int, s square) {
	for k, v := range s {
		f.Values[(i*f.D+l)*4+k] = float32(v)
	}
}

// peeling is one step: m [h, h] holds the matrices M_ij, a the blocks A_i, and bt
// the transposed blocks B_j.
type peeling struct {
	h        int
	m, a, bt []square
}

func newPeeling(m []float64, n int) *peeling {
	h := n / 2
	p := &peeling{h: h, m: make([]square, h*h), a: make([]square, h), bt: make([]square, h)}
	for i := range h {
		for j := range h {
			p.m[i*h+j] = square{m[i*n+j], m[i*n+j+h], m[(i+h)*n+j], m[(i+h)*n+j+h]}
		}
	}
	return p
}

// plausibleTrials products are looked at, of which a half must have about the
// eigenvectors of the best one.
const (
	plausibleTrials = 60
	plausibleError  = 0.05
)

// plausible is a fast test of whether there is a solution at all.
func (p *peeling) plausible() bool {
	reference := p.references()[0]
	start, ok := p.eigenvectors(reference)
	if !ok {
		return false
	}
	r := rand.New(rand.NewPCG(1, uint64(p.h)))
	alike := 0
	for range plausibleTrials {
		s, _, ok := p.product(r, reference)
		if !ok {
			alike++ // nothing speaks against it
			continue
		}
		turned := start.inverse().times(s).times(start)
		if math.Abs(turned[1])+math.Abs(turned[2]) <= plausibleError*turned.size() {
			alike++
		}
	}
	return 2*alike >= plausibleTrials
}

// product returns a matrix with the columns of the reference block A as its
// eigenvectors, and the size of its factors; ok is false if it has none.
func (p *peeling) product(r *rand.Rand, reference int) (s square, scale float64, ok bool) {
	i, j, k := r.IntN(p.h), r.IntN(p.h), r.IntN(p.h)
	base := p.m[reference*p.h:][:p.h]
	first := p.m[i*p.h+j].times(base[j].adjugate())
	second := p.m[i*p.h+k].times(base[k].adjugate())
	s = second.adjugate().times(first)
	return s, second.size() * first.size(), i != reference && j != k && s.size() > 0
}

// The solution is the best from several reference rows; eigenvectors are taken
// from the best of some products, and refined in rounds in which all blocks follow
// from all others.
const (
	references  = 6
	eigenTrials = 500
	refinements = 8
)

func (p *peeling) solve() {
	least := math.Inf(1)
	var a, bt []square
	for _, reference := range p.references() {
		start, ok := p.eigenvectors(reference)
		if !ok {
			continue
		}
		// The columns of A_i span what M_ij adj(M_0j) makes of those of A_0.
		for i := range p.h {
			var spans [2]span
			for j := range p.h {
				product := p.m[i*p.h+j].times(p.m[reference*p.h+j].adjugate()).times(start)
				spans[0].add(product[0], product[2])
				spans[1].add(product[1], product[3])
			}
			p.a[i] = columnsOf(spans)
		}
		for range refinements {
			refine(p.bt, p.a, func(j, i int) square { return p.m[i*p.h+j].transposed() })
			refine(p.a, p.bt, func(i, j int) square { return p.m[i*p.h+j] })
		}
		refine(p.bt, p.a, func(j, i int) square { return p.m[i*p.h+j].transposed() })
		if e := p.squaredError(); e < least {
			least, a, bt = e, slices.Clone(p.a), slices.Clone(p.bt)
		}
	}
	if a == nil { // nothing but noise is left, or no such structure
		for i := range p.h {
			p.a[i], p.bt[i] = square{1, 0, 0, 1}, square{1, 0, 0, 1}
		}
		return
	}
	p.a, p.bt = a, bt
}

// references are the rows whose matrices have the largest determinants.
func (p *peeling) references() []int {
	rows, sums := make([]int, p.h), make([]float64, p.h)
	for i := range rows {
		rows[i] = i
		for _, m := range p.m[i*p.h:][:p.h] {
			sums[i] += math.Abs(m.determinant())
		}
	}
	slices.SortStableFunc(rows, func(i, j int) int { return cmp.Compare(sums[j], sums[i]) })
	return rows[:min(references, p.h)]
}

// eigenvectors returns the block A of a reference row, up to the lengths of its
// columns. With products that are all multiples of the identity any would do.
func (p *peeling) eigenvectors(reference int) (square, bool) {
	best, bestGap := square{1, 0, 0, 1}, 0.0
	multiples := true
	r := rand.New(rand.NewPCG(uint64(reference), uint64(p.h)))
	for range eigenTrials {
		// What is lost by cancellation is measured against the factors.
		s, scale, ok := p.product(r, reference)
		if !ok {
			continue
		}
		size := s.size()
		// Eigenvalues of s: mean +- root.
		half := (s[0] - s[3]) / 2
		discriminant := half*half + s[1]*s[2]
		if math.Abs(half)+math.Abs(s[1])+math.Abs(s[2]) > 1e-4*size {
			multiples = false
		}
		if gap := discriminant / (scale * size); gap > bestGap {
			root := math.Sqrt(discriminant)
			best, bestGap = square{}, gap
			for column, value := range [2]float64{root, -root} {
				x, y := s[1], value-half // from the first row of s - value
				if math.Hypot(half+value, s[2]) > math.Hypot(x, y) {
					x, y = value+half, s[2]
				}
				length := math.Hypot(x, y)
				best[column], best[2+column] = x/length, y/length
			}
		}
	}
	return best, bestGap > 0 || multiples
}

// squaredError is how far the matrices are from A_i diag B_j.
func (p *peeling) squaredError() float64 {
	sum := 0.0
	for i, a := range p.a {
		left := a.inverse()
		for j, bt := range p.bt {
			b := bt.transposed()
			m := p.m[i*p.h+j]
			middle := left.times(m).times(b.inverse())
			middle[1], middle[2] = 0, 0
			near := a.times(middle).times(b)
			for k, v := range near {
				sum += (v - m[k]) * (v - m[k])
			}
		}
	}
	if math.IsNaN(sum) {
		return math.Inf(1)
	}
	return sum
}

// refine sets to[i] so that its columns span what is seen of them through the
// other blocks: M = to[i] diag other[j]' for all j. Blocks that are nearly
// singular count little.
func refine(to, other []square, m func(i, j int) square) {
	adjugates := make([]square, len(other))
	for j, o := range other {
		adjugates[j] = o.transposed().adjugate()
	}
	for i := range to {
		var spans [2]span
		for j, adjugate := range adjugates {
			product := m(i, j).times(adjugate)
			spans[0].add(product[0], product[2])
			spans[1].add(product[1], product[3])
		}
		to[i] = columnsOf(spans)
	}
}

// span collects vectors of two numbers; direction is the one that they have most
// in common.
type span struct{ xx, xy, yy float64 }

func (s *span) add(x, y float64) {
	s.xx += x * x
	s.xy += x * y
	s.yy += y * y
}

func (s *span) direction() (x, y float64) {
	angle := math.Atan2(2*s.xy, s.xx-s.yy) / 2
	return math.Cos(angle), math.Sin(angle)
}

func columnsOf(spans [2]span) square {
	x0, y0 := spans[0].direction()
	x1, y1 := spans[1].direction()
	return square{x0, x1, y0, y1}
}

// isKaleidoscope reports whether a design is one that Kaleidoscope gives.
func isKaleidoscope(d butterfly.Design) bool {
	k, err := butterfly.Kaleidoscope(d.In, d.In, 1, 1, 2)
	return err == nil && d.In == d.Out && k.Patterns[0].Columns() == d.In && slices.Equal(k.Patterns, d.Patterns)
}

func sparseFactors(c *butterfly.Chain) []sparse {
	var factors []sparse
	for _, f := range c.Factors {
		s := sparse{f.Pattern, make([]float64, len(f.Values))}
		for i, v := range f.Values {
			s.values[i] = float64(v)
		}
		factors = append(factors, s)
	}
	return factors
}
