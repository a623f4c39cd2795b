package butterfly

import "math"

// Fourier transforms of periods with a large prime factor p, which a factor of
// radix p would multiply as a dense matrix: Rader's algorithm does the prime
// transform as a cyclic convolution, and the Chinese remainder theorem splits a
// period m p into m of them (Rader, Discrete Fourier transforms when the number
// of data samples is prime, 1968; Good, The interaction algorithm and practical
// Fourier analysis, 1958).

// primeSinusoids is Sinusoids for even Twice and a period whose prime factor p
// does not divide it twice. Input j belongs to the transform j modulo m, where
// its index is j modulo p. A last factor turns the values of all m transforms at
// one frequency modulo p into the rows with that frequency.
func primeSinusoids(in, period, p int, rows []Sinusoid, window []float64) (*Chain, error) {
	m := period / p
	g := newPrimeGroup(p)
	one, err := g.transform()
	if err != nil {
		return nil, err
	}
	order := make([]int, period)
	for i := range order {
		order[i] = -1
	}
	for j := range in {
		order[j%m*p+j%p] = j
	}
	inputs, err := Gather(order, in)
	if err != nil {
		return nil, err
	}
	same, err := Gather(upTo(m), m)
	if err != nil {
		return nil, err
	}
	all, err := Kronecker(same, one)
	if err != nil {
		return nil, err
	}
	c, err := Product(inputs, all, g.rows(m, rows))
	if err != nil || window == nil {
		return c, err
	}
	return c.ScaledColumns(window)
}

// primeGroup is the multiplicative group modulo a prime: its elements are the
// powers of a generator.
type primeGroup struct {
	p        int
	power    []int // power[t] is generator^t
	exponent []int // exponent[power[t]] is t
}

func newPrimeGroup(p int) *primeGroup {
	for generator := 1; ; generator++ {
		g := &primeGroup{p: p, power: make([]int, p-1), exponent: make([]int, p)}
		x := 1
		for t := range g.power {
			g.power[t], g.exponent[x] = x, t
			x = x * generator % p
		}
		if g.isGenerated() {
			return g
		}
	}
}

// isGenerated reports whether the powers are all different: then the last one
// is not 1, unless it is the only one, and neither is any before.
func (g *primeGroup) isGenerated() bool {
	for t, x := range g.power {
		if t > 0 && x == 1 {
			return false
		}
	}
	return true
}

// transform returns the chain of p inputs with the outputs X[0] and
// Re X[k] + Im X[k] for k = g^0, g^1, ... g^(p-2).
//
// With n = p-1, s[q] = x[g^-q] and e[t] = cos(2 pi g^t / p) - sin(2 pi g^t / p)
// they are x[0] plus the cyclic convolution of s and e. x[0] is added to all of
// them through the constant frequency of the convolution, whose coefficient is
// -1, the sum of e; and the sum of s is read there.
func (g *primeGroup) transform() (*Chain, error) {
	n := g.p - 1
	period, radices := g.bestPeriod()
	taps := make([]float64, period)
	sum := 0.0
	for d := 1 - n; d < n; d++ {
		cos, sin := turn(2*g.power[modulo(d, n)], g.p)
		taps[modulo(d, period)] = cos - sin
	}
	if period > n { // a tap that no output sees makes the sum -1
		taps[n] = 0
		for _, v := range taps {
			sum += v
		}
		taps[n] = -1 - sum
	}
	forward, inverse, err := circularParts(n, n, period, radices, spectrum(taps))
	if err != nil {
		return nil, err
	}
	slots := forward.Out
	before, err := Diagonal([]float64{float64(period)})
	if err != nil {
		return nil, err
	}
	first, err := DirectSum(forward, before)
	if err != nil {
		return nil, err
	}
	after, err := Diagonal([]float64{-1, 1 / float64(period)})
	if err != nil {
		return nil, err
	}
	second, err := DirectSum(inverse, after)
	if err != nil {
		return nil, err
	}
	return Product(g.inputs(), first, g.middle(slots), second, g.outputs(n))
}

// inputs orders x[g^-q] before x[0].
func (g *primeGroup) inputs() *Chain {
	n := g.p - 1
	order := make([]int, g.p)
	for q := range n {
		order[q] = g.power[modulo(-q, n)]
	}
	return &Chain{In: g.p, Out: g.p, Factors: []Factor{gatherFactor(order, g.p, 1)}}
}

// middle adds x[0], times the period, to the constant frequency, which is slot
// 0, and keeps the frequency and x[0] as they were.
func (g *primeGroup) middle(slots int) *Chain {
	var terms []int
	for slot := range slots {
		terms = append(terms, slot, -1)
	}
	terms[1] = slots
	terms = append(terms, 0, -1, slots, -1)
	return &Chain{In: slots + 1, Out: slots + 2, Factors: []Factor{gatherFactor(terms, slots+1, 2)}}
}

// outputs adds the sum of s and x[0] to X[0].
func (g *primeGroup) outputs(n int) *Chain {
	terms := []int{n, n + 1}
	for t := range n {
		terms = append(terms, t, -1)
	}
	return &Chain{In: n + 2, Out: g.p, Factors: []Factor{gatherFactor(terms, n+2, 2)}}
}

// bestPeriod is p-1, or a smooth period that holds a linear convolution and one
// more tap.
func (g *primeGroup) bestPeriod() (period int, radices []int) {
	n := g.p - 1
	costOf := circularCost(n, n, n, separate)
	own := bestRadicesBy(n, costOf)
	period, radices = bestPeriod(2*n, n, n, separate)
	if costOf(own) < circularCost(period, n, n, separate)(radices) {
		return n, own
	}
	return period, radices
}

// rows returns the last factor for m transforms. With 1/(m p) = u/m + v/p
// modulo 1, frequency k turns by u j k / m in transform j and has the frequency
// v k modulo p there. Im X[-k] = -Im X[k], so that X[k] and X[-k] follow from
// the outputs for k and -k = g^((p-1)/2) k.
func (g *primeGroup) rows(m int, rows []Sinusoid) *Chain {
	half := (g.p - 1) / 2
	u, v := inverseModulo(g.p%m, m), inverseModulo(m, g.p)
	groups := make([][]int, half+1) // rows by frequency: 0, then g^t for t < half
	most := 1
	for i, r := range rows {
		group := 0
		if f := modulo(r.Twice/2, g.p) * v % g.p; f != 0 {
			group = 1 + g.exponent[f]%half
		}
		groups[group] = append(groups[group], i)
		most = max(most, len(groups[group]))
	}
	var from []int
	f := newFactor(Pattern{half + 1, most, 2 * m, 1})
	order := make([]int, len(rows))
	for group, list := range groups {
		for j := range m {
			if group == 0 {
				from = append(from, j*g.p, -1)
			} else {
				from = append(from, j*g.p+group, j*g.p+half+group)
			}
		}
		for at, i := range list {
			order[i] = group*most + at
			values := f.Values[order[i]*2*m:][:2*m]
			k := modulo(rows[i].Twice/2, m*g.p)
			sign := 1.0
			if t := g.exponent[k%g.p*v%g.p]; t >= half {
				sign = -1
			}
			for j := range m {
				sin, cos := math.Sincos(2 * math.Pi * float64(u*j%m*(k%m)%m) / float64(m))
				re := rows[i].Cos*cos + rows[i].Sin*sin
				im := sign * (rows[i].Cos*sin - rows[i].Sin*cos)
				if group == 0 {
					values[2*j] = float32(re)
				} else {
					values[2*j], values[2*j+1] = float32((re+im)/2), float32((re-im)/2)
				}
			}
		}
	}
	return &Chain{In: m * g.p, Out: len(rows), Factors: []Factor{gatherFactor(from, m*g.p, 1), f, gatherFactor(order, f.Rows(), 1)}}
}

// largestPrime is the largest prime factor of n, or 1.
func largestPrime(n int) int {
	largest := 1
	for d := 2; d*d <= n; d++ {
		for n%d == 0 {
			n, largest = n/d, d
		}
	}
	return max(n, largest)
}
