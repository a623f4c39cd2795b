package butterfly

// directSum builds the block-diagonal matrix of two chains. Each step applies a
// factor of both chains, or of one while the features of the other one pass
// through. Blocks of different sizes or strides are brought side by side by
// gathers, which is also how permutations within the chains are done.
func directSum(a, b *Chain) *Chain {
	parts := [2]*summand{newSummand(a, 0), newSummand(b, a.In)}
	s := &summation{parts: parts, size: a.In + b.In}
	for {
		s.selectGathers()
		if len(parts[0].factors)+len(parts[1].factors) == 0 {
			break
		}
		if s.addGathers() {
			continue
		}
		s.multiply()
	}
	order := append(append([]int(nil), parts[0].at...), parts[1].at...)
	s.factors = append(s.factors, gatherFactor(order, s.size, 1))
	return &Chain{In: a.In + b.In, Out: a.Out + b.Out, Factors: s.factors}
}

// summand is what remains of a chain and where its features are in the common
// state; -1 is zero.
type summand struct {
	factors []Factor
	at      []int
}

func newSummand(c *Chain, first int) *summand {
	s := &summand{factors: exact(c), at: upTo(c.In)}
	for i := range s.at {
		s.at[i] += first
	}
	return s
}

// next is the next factor, or nil.
func (s *summand) next() *Factor {
	if len(s.factors) == 0 {
		return nil
	}
	return &s.factors[0]
}

// place returns where a feature is; outside the state it is zero.
func (s *summand) place(feature int) int {
	if feature < 0 || feature >= len(s.at) {
		return -1
	}
	return s.at[feature]
}

type summation struct {
	parts   [2]*summand
	size    int // of the common state
	factors []Factor
}

// selectGathers does gathers of one term, which only say where features are.
func (s *summation) selectGathers() {
	for _, part := range s.parts {
		for f := part.next(); f != nil && f.IsGather() && f.D == 1; f = part.next() {
			at := make([]int, f.B)
			for i, from := range f.Indexes {
				at[i] = part.place(int(from))
			}
			part.at, part.factors = at, part.factors[1:]
		}
	}
}

// addGathers does the gathers of several terms, if one of the parts has one.
func (s *summation) addGathers() bool {
	terms := 1
	for _, part := range s.parts {
		if f := part.next(); f != nil && f.IsGather() {
			terms = max(terms, f.D)
		}
	}
	if terms == 1 {
		return false
	}
	var order []int
	for _, part := range s.parts {
		f := part.next()
		if f == nil || !f.IsGather() {
			identity := gatherFactor(upTo(len(part.at)), len(part.at), 1)
			f = &identity
		} else {
			part.factors = part.factors[1:]
		}
		at := make([]int, f.B)
		for row := range f.B {
			at[row] = len(order) / terms
			for term := range terms {
				from := -1
				if term < f.D {
					from = part.place(int(f.Indexes[row*f.D+term]))
				}
				order = append(order, from)
			}
		}
		part.at = at
	}
	s.factors = append(s.factors, gatherFactor(order, s.size, terms))
	s.size = len(order) / terms
	return true
}

// multiply does the next factors with values.
func (s *summation) multiply() {
	b, c := 1, 1
	var factors [2]*Factor
	for i, part := range s.parts {
		if f := part.next(); f != nil && !f.IsGather() {
			factors[i], part.factors = f, part.factors[1:]
			b, c = max(b, f.B), max(c, f.C)
		}
	}
	if s.multiplyAlike(factors) {
		return
	}
	var order []int
	result := Factor{Pattern: Pattern{B: b, C: c, D: 1}}
	for i, part := range s.parts {
		f := factors[i]
		features := len(part.at)
		if f == nil {
			identity := identityBlocks(features, min(b, c))
			f = &identity
		} else {
			features = f.Rows()
		}
		at := make([]int, f.Rows())
		for block := range f.Blocks() {
			first, l := block/f.D, block%f.D
			for q := range c {
				from := -1
				if q < f.C {
					from = part.place((first*f.C+q)*f.D + l)
				}
				order = append(order, from)
			}
			values := make([]float32, b*c)
			for p := range f.B {
				copy(values[p*c:], f.Values[(block*f.B+p)*f.C:][:f.C])
				at[(first*f.B+p)*f.D+l] = result.A*b + p
			}
			result.Values = append(result.Values, values...)
			result.A++
		}
		part.at = at[:features]
	}
	if blocks := result.A; blocks >= interleavedBlocks {
		result.A, result.D, order = 1, blocks, interleaved(order, c)
		for _, part := range s.parts {
			for i, at := range part.at {
				part.at[i] = at%b*blocks + at/b
			}
		}
	}
	s.factors = append(s.factors, gatherFactor(order, s.size, 1), result)
	s.size = result.Rows()
}

// interleavedBlocks is from how many blocks on they are interleaved.
const interleavedBlocks = 16

// multiplyAlike puts blocks of equal size and stride one after the other, if
// the features of both parts are in order.
func (s *summation) multiplyAlike(factors [2]*Factor) bool {
	f, g := factors[0], factors[1]
	if f == nil || g == nil || f.B != g.B || f.C != g.C || f.D != g.D {
		return false
	}
	for i, at := range append(append([]int(nil), s.parts[0].at...), s.parts[1].at...) {
		if at != i {
			return false
		}
	}
	result := Factor{Pattern: Pattern{f.A + g.A, f.B, f.C, f.D}, Values: append(append([]float32(nil), f.Values...), g.Values...)}
	s.factors = append(s.factors, result)
	s.size = result.Rows()
	for i, part := range s.parts {
		part.at = upTo(factors[i].Rows())
		for j := range part.at {
			part.at[j] += i * f.Rows()
		}
	}
	return true
}

// identityBlocks passes n features through, in blocks of this size.
func identityBlocks(n, size int) Factor {
	f := newFactor(Pattern{(n + size - 1) / size, size, size, 1})
	for row := range n {
		f.Values[row*size+row%size] = 1
	}
	return f
}
