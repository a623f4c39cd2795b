package butterfly

// ComplexFactor is a pattern with complex values, laid out as in Factor.
type ComplexFactor struct {
	Pattern
	Values []complex128
}

// ComplexChain is a product of complex 2x2 butterfly factors on the same
// number of features, in the order in which they are applied. It serves the
// exact constructions around the Fourier transform; Real turns it into a
// chain that the kernels can run.
type ComplexChain struct{ Factors []ComplexFactor }

// newComplexChain returns a chain of identities.
func newComplexChain(d Design) *ComplexChain {
	c := &ComplexChain{}
	for _, p := range d.Patterns {
		f := ComplexFactor{p, make([]complex128, p.Values())}
		for block := range p.Blocks() {
			f.Values[block*4], f.Values[block*4+3] = 1, 1
		}
		c.Factors = append(c.Factors, f)
	}
	return c
}

// Apply multiplies one vector by the chain.
func (c *ComplexChain) Apply(x []complex128) []complex128 {
	for _, f := range c.Factors {
		y := make([]complex128, f.Rows())
		for i := range f.A {
			for l := range f.D {
				block := f.Values[(i*f.D+l)*f.B*f.C:]
				for p := range f.B {
					for q := range f.C {
						y[(i*f.B+p)*f.D+l] += block[p*f.C+q] * x[(i*f.C+q)*f.D+l]
					}
				}
			}
		}
		x = y
	}
	return x
}

// Real returns the chain of [Re y; Im y] for y = C x. Its input is [Re x; Im x],
// or x alone if realInput is set; it may be cut to the first features of
// its output. The chain must begin and end with its largest stride, as BB*
// and (BB*)^2 do, and go from each stride to itself or a neighbouring one.
//
// Every complex 2x2 block becomes a real 4x4 block on two digits: the
// feature's digit that the factor mixes, and a digit for the real and the
// imaginary part. The latter begins as the first digit of a feature, and each
// factor leaves it on that side of its own digit on which the next factor
// needs it. (The doubled spaces of Chaumette, Gribonval and Riccietti.)
func (c *ComplexChain) Real(realInput bool) *Chain {
	n := c.Factors[0].Columns()
	result := &Chain{In: 2 * n, Out: 2 * n}
	if realInput {
		result.In = n
	}
	partFirst := true
	for k, f := range c.Factors {
		last := k+1 == len(c.Factors)
		inputs := 4
		if k == 0 && realInput {
			inputs = 2
		}
		// A larger stride is that of the digit before this one.
		toDigitBefore := !last && c.Factors[k+1].D > f.D
		toDigitAfter := !last && c.Factors[k+1].D < f.D
		result.Factors = append(result.Factors, f.realBlocks(inputs, partFirst, !toDigitAfter))
		partFirst = !toDigitBefore
	}
	return result
}

// realBlocks returns the factor with 4x4 (or 4x2, for real inputs) real blocks. The
// part comes before the digit in the block's inputs if partFirst is set, and
// in its outputs if nextFirst is.
func (f ComplexFactor) realBlocks(inputs int, partFirst, nextFirst bool) Factor {
	r := newFactor(Pattern{f.A, 4, inputs, f.D})
	for block := range f.Blocks() {
		from, to := f.Values[block*4:][:4], r.Values[block*4*inputs:]
		for p := range 2 {
			for q := range 2 {
				v := from[p*2+q]
				parts := [2][2]float64{{real(v), -imag(v)}, {imag(v), real(v)}}
				for out := range 2 {
					for in := range inputs / 2 {
						to[place(out, p, nextFirst)*inputs+place(in, q, partFirst)] = float32(parts[out][in])
					}
				}
			}
		}
	}
	return r
}

// place is the index of (part, digit) within a block; with inputs that are
// real alone the part is 0 and comes first.
func place(part, digit int, partFirst bool) int {
	if partFirst {
		return 2*part + digit
	}
	return 2*digit + part
}
