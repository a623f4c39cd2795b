// Package recognise finds weights that hold exact structure: Fourier, cosine and
// Hadamard transforms, circulant, Toeplitz, Kronecker, sparse and low-rank
// matrices that were written out dense. It needs nothing but the weight, and
// gives the chain that takes its place without loss.
//
// Recognise works on one matrix; Model looks at all weights of a model and
// rewrites its graph.
package recognise

import (
	"math"

	"github.com/kcompress/kcompress/fit/choose"
	"github.com/kcompress/kcompress/kernels/butterfly"
)

// Structure is an exact form of a weight W [out, in]: W x is the outputs After
// of the chain for the inputs Before.
type Structure struct {
	// Kind names it for people: "DFT 512, windowed".
	Kind string
	// Before selects inputs for the chain, After outputs of it: element i is the
	// one with index Before[i]. Nil is all of them in their order.
	Before []int
	// Chain is nil for the identity.
	Chain *butterfly.Chain
	After []int
	// Error is ||W - structure|| / ||W||, of the values as the kernels compute
	// them. It is at most Tolerance, or within the rounding of the weight.
	Error float64
}

// Tolerance is the largest relative error of a structure, of the whole weight and
// of each row.
const Tolerance = 1e-5

// MaxSide bounds the rows and columns of a matrix that is looked at.
const MaxSide = 16384

// detectors find candidates, which are checked afterwards. Each is fast to
// refuse: most matrices differ from a structure within a few rows.
var detectors = []func(*matrix) *Structure{
	selection, blockDiagonal, hadamard, haar, sinusoidal, kronecker, circulant, shiftedRows, toeplitz, lowRank, sparse,
}

// Recognise returns the cheapest structure of the weight w [out, in], row by row,
// or nil if it has none. What is returned equals the weight within Tolerance, or
// within its own rounding to float16 or int8.
func Recognise(w []float32, out, in int) *Structure {
	m := newMatrix(w, out, in)
	if m == nil {
		return nil
	}
	var best *Structure
	turned := m.transposed()
	for _, detect := range detectors {
		s := m.checked(detect(m))
		if t := detect(turned); t != nil {
			s = cheaper(s, m.checked(t.transposed(out, in)))
		}
		best = cheaper(best, s)
	}
	return best
}

// cheaper returns the structure with less predicted work; either may be nil.
func cheaper(a, b *Structure) *Structure {
	if a == nil || b != nil && b.Work() < a.Work() {
		return b
	}
	return a
}

// Work predicts the time of the structure in dense multiply-adds, as
// choose.Work does for a chain. An element that is moved counts for two.
func (s *Structure) Work() int {
	work := 2 * (len(s.Before) + len(s.After))
	if s.Chain != nil {
		work += choose.Work(s.Chain.Design())
	}
	return work
}

// Bytes is what the structure takes in a file, in float32 and int32.
func (s *Structure) Bytes() int {
	bytes := 4 * (len(s.Before) + len(s.After))
	if s.Chain != nil {
		bytes += 4*s.Chain.Design().Values() + nodeBytes
	}
	return bytes
}

// nodeBytes is about what the node and function of a chain take in a file.
const nodeBytes = 1500

// Values is the number of values of the chain.
func (s *Structure) Values() int {
	if s.Chain == nil {
		return 0
	}
	return s.Chain.Design().Values()
}

// Pays reports whether the structure is smaller than the weight as it would be
// stored otherwise, and predicted to be faster.
func (s *Structure) Pays(out, in, otherBytes int) bool {
	return s.Bytes() < otherBytes && float64(s.Work()) <= maxWorkShare*float64(out)*float64(in)
}

// maxWorkShare is the most predicted work, as a share of the dense product's, of
// a structure that takes its place.
const maxWorkShare = 0.8

// transposed returns the structure of the transposed weight [out, in], or nil if
// it selects an element more than once.
func (s *Structure) transposed(out, in int) *Structure {
	t := &Structure{Kind: s.Kind + ", transposed"}
	if s.Chain == nil {
		if len(s.After) != len(s.Before) && s.After != nil && s.Before != nil || out != in {
			return nil
		}
		chain := identity(in)
		s = &Structure{Before: s.Before, Chain: chain, After: s.After}
	}
	chain := s.Chain.Transposed()
	if s.After != nil {
		if t.Before, chain = scatterInputs(s.After, chain, in); chain == nil {
			return nil
		}
	}
	if s.Before != nil {
		if t.After = inverse(s.Before, out); t.After == nil {
			return nil
		}
	}
	t.Chain = chain
	return t
}

// scatterInputs makes a chain read input i where it had input place[i] and zero
// elsewhere: it returns the input to take for each of the chain's, and the chain
// with zeros in its first factor where there is none.
func scatterInputs(place []int, chain *butterfly.Chain, in int) ([]int, *butterfly.Chain) {
	before := make([]int, chain.In)
	used := make([]bool, chain.In)
	first := chain.Factors[0]
	for i, at := range place {
		if used[at] && !zeroColumn(first, at) || i >= in {
			return nil, nil
		}
		used[at], before[at] = true, i
	}
	for column, ok := range used {
		if !ok {
			eachInColumn(first, column, func(v *float32) { *v = 0 })
		}
	}
	return before, chain
}

// eachInColumn calls visit with the values of one column of a factor.
func eachInColumn(f butterfly.Factor, column int, visit func(v *float32)) {
	i, q, l := column/(f.C*f.D), column/f.D%f.C, column%f.D
	for p := range f.B {
		visit(&f.Values[((i*f.D+l)*f.B+p)*f.C+q])
	}
}

func zeroColumn(f butterfly.Factor, column int) bool {
	zero := true
	eachInColumn(f, column, func(v *float32) { zero = zero && *v == 0 })
	return zero
}

// inverse returns the inverse of a permutation of n, nil if it is none.
func inverse(order []int, n int) []int {
	if len(order) != n {
		return nil
	}
	inverse := make([]int, n)
	for i := range inverse {
		inverse[i] = -1
	}
	for i, at := range order {
		if at < 0 || at >= n || inverse[at] >= 0 {
			return nil
		}
		inverse[at] = i
	}
	return inverse
}

func identity(n int) *butterfly.Chain {
	return diagonal(constant(1, n))
}

// diagonal returns a chain of one factor that scales its inputs.
func diagonal(scale []float64) *butterfly.Chain {
	n := len(scale)
	c := butterfly.NewChain(butterfly.Design{In: n, Out: n, Patterns: []butterfly.Pattern{{A: n, B: 1, C: 1, D: 1}}})
	for i, v := range scale {
		c.Factors[0].Values[i] = float32(v)
	}
	return c
}

func constant(v float64, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = v
	}
	return x
}

// scaleInputs multiplies the columns of the first factor.
func scaleInputs(c *butterfly.Chain, scale []float64) {
	f := &c.Factors[0]
	for block := range f.Blocks() {
		i, l := block/f.D, block%f.D
		for p := range f.B {
			for q := range f.C {
				if at := (i*f.C+q)*f.D + l; at < len(scale) {
					f.Values[(block*f.B+p)*f.C+q] *= float32(scale[at])
				}
			}
		}
	}
}

// scaleOutputs multiplies the rows of the last factor.
func scaleOutputs(c *butterfly.Chain, scale []float64) {
	f := &c.Factors[len(c.Factors)-1]
	for block := range f.Blocks() {
		i, l := block/f.D, block%f.D
		for p := range f.B {
			row := f.Values[(block*f.B+p)*f.C:][:f.C]
			for q := range row {
				if at := (i*f.B+p)*f.D + l; at < len(scale) {
					row[q] *= float32(scale[at])
				}
			}
		}
	}
}

// finite reports whether all numbers are.
func finite(numbers []float64) bool {
	for _, v := range numbers {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
