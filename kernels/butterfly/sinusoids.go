package butterfly

import (
	"errors"
	"fmt"
	"math"
)

// Sinusoid is one row of a trigonometric transform:
// Cos cos(pi Twice j / Period) + Sin sin(pi Twice j / Period) for input j, that
// is Twice/2 turns in Period inputs. Half turns are those of DCT-IV and the
// like.
type Sinusoid struct {
	Twice    int
	Cos, Sin float64
}

// Sinusoids returns the chain of a fast Fourier transform of mixed radix that is
// pruned to real inputs and to the wanted rows:
//
//	y[i] = sum over j < in of window[j] rows[i](j) x[j]
//
// with the frequencies of the given period, which is at least in. A nil window
// is all ones. Rows have any phase and scale, may be zero, and come in any order
// and number, but their Twice are all even or all odd: DFT and inverse, real DFT
// in any layout, windowed or not, DCT and DST of all kinds are such rows.
//
// A residue class of frequencies modulo s needs one complex number for each of
// the period/s inputs that are left, of which real signals need only one class
// of each pair of conjugates (Sorensen et al., Real-valued fast Fourier
// transform algorithms, 1987). Classes are kept in groups of two real numbers:
// the parts of a complex class, or two real classes. A factor of radix r sends a
// group to r groups, by dense blocks that hold the twiddles, so that no permutation
// is needed but a gather at the end. About 2r period numbers are stored for a
// factor.
func Sinusoids(in, period int, rows []Sinusoid, window []float64) (*Chain, error) {
	if err := checkSinusoids(in, period, rows, window); err != nil {
		return nil, err
	}
	c, err := sinusoids(in, period, rows, window, bestRadices(period, len(rows)))
	if err != nil {
		return nil, err
	}
	p := largestPrime(period)
	if p <= largestRadix {
		return c, nil
	}
	others := []func() (*Chain, error){func() (*Chain, error) { return foldedSinusoids(in, period, rows, window, false) }}
	if rows[0].Twice&1 == 0 {
		others = append(others, func() (*Chain, error) { return foldedSinusoids(in, period, rows, window, true) })
		if period/p%p != 0 {
			others = append(others, func() (*Chain, error) { return primeSinusoids(in, period, p, rows, window) })
		}
	}
	for _, build := range others {
		if other, err := build(); err == nil && timeCost(other) < timeCost(c) {
			c = other
		}
	}
	return c, nil
}

// timeCost predicts the time of a product with one vector, in multiply-adds of
// a large dense matrix: those of small blocks take longer, and an index of a
// gather much longer.
func timeCost(c *Chain) float64 {
	cost := 0.0
	for _, f := range c.Factors {
		perValue := 1.0
		if f.B < 32 || f.C < 32 {
			perValue = 1.5
		}
		cost += perValue*float64(len(f.Values)) + 20*float64(len(f.Indexes))
	}
	return cost
}

// sinusoids is Sinusoids with given radices and without checks.
func sinusoids(in, period int, rows []Sinusoid, window []float64, radices []int) (*Chain, error) {
	b := &sinusoidBuilder{in: in, period: period, rows: rows, window: window}
	b.groups = []sinusoidGroup{{classes: [2]int{rows[0].Twice & 1, none}}}
	b.chain = &Chain{In: in}
	b.left, b.classes = period, 1
	for i, radix := range radices {
		if i == len(radices)-1 {
			b.lastFactor(radix)
		} else {
			b.factor(radix)
		}
	}
	last := b.chain.Factors[len(b.chain.Factors)-1]
	b.chain.Factors = append(b.chain.Factors, gatherFactor(b.order, last.Rows(), 1))
	b.chain.Out = len(rows)
	return b.chain.simplified()
}

func checkSinusoids(in, period int, rows []Sinusoid, window []float64) error {
	switch {
	case in < 1 || period < in || period > MaxSide/4:
		return fmt.Errorf("sinusoids: %d inputs and a period of %d", in, period)
	case len(rows) == 0 || len(rows) > MaxSide/4:
		return fmt.Errorf("sinusoids: %d rows", len(rows))
	case window != nil && len(window) != in:
		return fmt.Errorf("sinusoids: a window of %d numbers for %d inputs", len(window), in)
	}
	for _, r := range rows {
		if (r.Twice^rows[0].Twice)&1 != 0 {
			return errors.New("sinusoids: whole and half turns together")
		}
	}
	return nil
}

// none is a class that is not there: its numbers are zero.
const none = -1

// sinusoidGroup is two real numbers for each input that is left: the real and
// imaginary part of a complex class, or two real classes. Classes are in half
// turns, modulo twice the number of classes.
type sinusoidGroup struct {
	complex bool
	classes [2]int // of a complex group the first only
}

type sinusoidBuilder struct {
	in, period int
	rows       []Sinusoid
	window     []float64

	chain   *Chain
	order   []int
	groups  []sinusoidGroup
	classes int // into which frequencies are sorted so far
	left    int // inputs that are left for each class: period / classes
}

// slots is the number of real numbers of a group: the input is a single one.
func (b *sinusoidBuilder) slots() int {
	if b.classes == 1 {
		return 1
	}
	return 2
}

// newFactor returns a factor of one block for each group and each input that is
// left after it. Of the input, only as much is read as is not padding.
func (b *sinusoidBuilder) newFactor(outputs, radix int) Factor {
	rest := b.left / radix
	digits := radix
	if b.classes == 1 {
		digits = (b.in + rest - 1) / rest
	}
	p := Pattern{len(b.groups), outputs, b.slots() * digits, rest}
	return newFactor(p)
}

// set writes one output of a group: digit d of a slot is multiplied by
// weight(slot, d), and by the window if it is an input.
func (b *sinusoidBuilder) set(f Factor, group, output int, weight func(slot, d int) float64) {
	digits := f.C / b.slots()
	for l := range f.D {
		row := f.Values[((group*f.D+l)*f.B+output)*f.C:][:f.C]
		for slot := range b.slots() {
			for d := range digits {
				v := weight(slot, d)
				if at := d*f.D + l; b.classes == 1 && at >= b.in {
					v = 0
				} else if b.classes == 1 && b.window != nil {
					v *= b.window[at]
				}
				row[slot*digits+d] = float32(v)
			}
		}
	}
}

// factor appends a factor that sorts frequencies into radix times as many
// classes.
func (b *sinusoidBuilder) factor(radix int) {
	wanted := b.wanted(b.classes * radix)
	next := make([][]sinusoidGroup, len(b.groups))
	from := make([][][2]int, len(b.groups)) // the slots that real classes come from
	most := 1
	for i, g := range b.groups {
		next[i], from[i] = b.split(g, radix, wanted)
		most = max(most, len(next[i]))
	}
	f := b.newFactor(2*most, radix)
	modulus := 2 * b.classes * radix
	var groups []sinusoidGroup
	for i, g := range b.groups {
		for k := range most {
			if k >= len(next[i]) {
				groups = append(groups, sinusoidGroup{classes: [2]int{none, none}})
				continue
			}
			groups = append(groups, next[i][k])
			for part := range 2 {
				b.setClass(f, i, 2*k+part, g, next[i][k], from[i][k], part, modulus)
			}
		}
	}
	b.chain.Factors = append(b.chain.Factors, f)
	b.groups, b.classes, b.left = groups, b.classes*radix, b.left/radix
}

// setClass writes one real number of a new group.
func (b *sinusoidBuilder) setClass(f Factor, group, output int, old, next sinusoidGroup, from [2]int, part, modulus int) {
	if next.complex {
		// (x + i y) e^(-i angle): x cos + y sin, and y cos - x sin.
		row := Sinusoid{Twice: next.classes[0], Cos: 1}
		if part == 1 {
			row.Cos, row.Sin = 0, -1
		}
		b.set(f, group, output, b.weights(old, from[0], row, modulus))
		return
	}
	if next.classes[part] != none {
		b.set(f, group, output, b.weights(old, from[part], Sinusoid{Twice: next.classes[part], Cos: 1}, modulus))
	}
}

// weights returns the weights of a sum over digits of cos and sin of a class, of
// the complex class of the group or of the real one in a slot. With
// X = sum z e^(-i angle) the sum is Cos Re X - Sin Im X.
func (b *sinusoidBuilder) weights(g sinusoidGroup, realSlot int, row Sinusoid, modulus int) func(slot, d int) float64 {
	return func(slot, d int) float64 {
		sin, cos := math.Sincos(2 * math.Pi * float64(row.Twice*d%modulus) / float64(modulus))
		switch {
		case g.complex && slot == 1:
			return row.Cos*sin - row.Sin*cos
		case g.complex || slot == realSlot:
			return row.Cos*cos + row.Sin*sin
		}
		return 0
	}
}

// split returns the groups that a group becomes, those of them that are wanted,
// and for each the slots of its classes.
func (b *sinusoidBuilder) split(g sinusoidGroup, radix int, wanted map[int]bool) (groups []sinusoidGroup, from [][2]int) {
	step := 2 * b.classes
	modulus := step * radix
	if g.complex {
		for t := range radix {
			if class := g.classes[0] + step*t; wanted[class] {
				groups, from = append(groups, sinusoidGroup{true, [2]int{class, none}}), append(from, [2]int{})
			}
		}
		return groups, from
	}
	var reals, slots []int
	for slot, old := range g.classes {
		if old == none {
			continue
		}
		for t := range radix {
			class := old + step*t
			conjugate := (modulus - class) % modulus
			switch {
			case !wanted[class] || conjugate < class:
			case conjugate == class:
				reals, slots = append(reals, class), append(slots, slot)
			default:
				groups, from = append(groups, sinusoidGroup{true, [2]int{class, none}}), append(from, [2]int{slot, slot})
			}
		}
	}
	for i := 0; i < len(reals); i += 2 {
		pair, origin := [2]int{reals[i], none}, [2]int{slots[i], 0}
		if i+1 < len(reals) {
			pair[1], origin[1] = reals[i+1], slots[i+1]
		}
		groups, from = append(groups, sinusoidGroup{false, pair}), append(from, origin)
	}
	return groups, from
}

// wanted are the classes that hold the frequency of a row or its conjugate.
func (b *sinusoidBuilder) wanted(classes int) map[int]bool {
	wanted := map[int]bool{}
	for _, r := range b.rows {
		class := modulo(r.Twice, 2*classes)
		wanted[class], wanted[modulo(-class, 2*classes)] = true, true
	}
	return wanted
}

func modulo(a, n int) int { return (a%n + n) % n }

// lastFactor appends the factor that gives the rows themselves.
func (b *sinusoidBuilder) lastFactor(radix int) {
	modulus := 2 * b.classes
	type place struct{ group, slot int }
	places := map[int]place{}
	for i, g := range b.groups {
		for slot, class := range g.classes {
			if class != none {
				places[class] = place{i, slot}
			}
		}
	}
	slots := make([][]int, len(b.groups)) // the rows of each group
	b.order = make([]int, len(b.rows))
	turned := make([]Sinusoid, len(b.rows))
	most := 1
	for i, r := range b.rows {
		if modulo(r.Twice, b.period) == 0 {
			r.Sin = 0 // the sine of whole half turns
		}
		if r.Cos == 0 && r.Sin == 0 {
			b.order[i] = -1
			continue
		}
		at, ok := places[modulo(r.Twice, modulus)]
		if !ok { // its conjugate: cos is even, sin is odd
			r.Twice, r.Sin = -r.Twice, -r.Sin
			at = places[modulo(r.Twice, modulus)]
		}
		r.Twice = modulo(r.Twice, 2*b.period)
		turned[i] = r
		slots[at.group] = append(slots[at.group], i)
		most = max(most, len(slots[at.group]))
	}
	f := b.newFactor(most, radix)
	for g, rows := range slots {
		for slot, i := range rows {
			at := places[modulo(turned[i].Twice, modulus)]
			b.set(f, g, slot, b.weights(b.groups[g], at.slot, turned[i], 2*b.period))
			b.order[i] = g*most + slot
		}
	}
	b.chain.Factors = append(b.chain.Factors, f)
}

// bestRadices returns the ordered factors of the period with the least
// predicted work. They depend on nothing else, so that a chain fits the
// transposed chain of another one with the same frequencies.
func bestRadices(period, rows int) []int {
	return bestRadicesBy(period, func(radices []int) float64 { return radixCost(radices, period, rows) })
}

// bestRadicesBy is bestRadices for any cost.
func bestRadicesBy(period int, costOf func(radices []int) float64) []int {
	best, bestCost := []int{period}, math.Inf(1)
	var candidates []int
	for r := 2; r <= period; r++ {
		if period%r == 0 && (r <= largestRadix || isPrime(r)) {
			candidates = append(candidates, r)
		}
	}
	var visit func(radices []int, left int)
	visit = func(radices []int, left int) {
		if left == 1 {
			if cost := costOf(radices); cost < bestCost {
				best, bestCost = append([]int(nil), radices...), cost
			}
			return
		}
		if len(radices) == mostRadices {
			return
		}
		for _, r := range candidates {
			if left%r == 0 {
				visit(append(radices, r), left/r)
			}
		}
	}
	if period > 1 {
		visit(nil, period)
	}
	return best
}

// Bounds of the search for radices: a prime factor may be larger.
const (
	mostRadices  = 6
	largestRadix = 32
	// factorCost is what a pass over the features costs beside its
	// multiply-adds, for each feature.
	factorCost = 4
)

func radixCost(radices []int, period, rows int) float64 {
	cost := 0.0
	for i, r := range radices {
		perFeature := 2 * float64(r)
		features := float64(period)
		if i == 0 {
			perFeature = float64(r)
		}
		if i == len(radices)-1 {
			features = float64(rows)
		}
		cost += features*perFeature + factorCost*(features+float64(period))
	}
	return cost
}

func isPrime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return n > 1
}
