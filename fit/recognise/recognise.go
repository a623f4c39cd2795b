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
	"github.com/kcompress/kcompress/runtime/compact"
)

// Structure is an exact form of a weight [out, in].
type Structure struct {
	// Kind names it for people: "DFT 512, windowed".
	Kind  string
	Chain *butterfly.Chain
	// Error is ||W - chain|| / ||W||, of the values as the kernels compute them.
	// It is at most Tolerance, or within the rounding of the weight.
	Error float64

	sinusoids bool // rows are sinusoids: such on one input may share a chain
}

// Tolerance is the largest relative error of a structure, of the whole weight and
// of each row.
const Tolerance = 1e-5

// MaxSide bounds the rows and columns of a matrix that is looked at.
const MaxSide = 16384

// Detectors find candidates, which are checked afterwards. Each is fast to
// refuse: most matrices differ from a structure within a few rows. Those for rows
// are tried on the transposed matrix too.
var (
	detectors    = []func(*matrix) *Structure{selection, blockDiagonal, kronecker, circulant, toeplitz, lowRank, sparse, kaleidoscope, fastfood, halves}
	rowDetectors = []func(*matrix) *Structure{hadamard, haar, sinusoidal, shiftedRows}
)

// Recognise returns the cheapest structure of the weight w [out, in], row by row,
// or nil if it has none. What is returned equals the weight within Tolerance, or
// within its own rounding to float16 or int8.
func Recognise(w []float32, out, in int) *Structure {
	m := newMatrix(w, out, in)
	if m == nil {
		return nil
	}
	var best *Structure
	for _, detect := range detectors {
		best = cheaper(best, m.checked(detect(m)))
	}
	turned := m.transposed()
	for _, detect := range rowDetectors {
		best = cheaper(best, m.checked(detect(m)))
		if s := detect(turned); s != nil {
			best = cheaper(best, m.checked(&Structure{Kind: s.Kind + ", transposed", Chain: s.Chain.Transposed()}))
		}
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

// moveCost is what moving a feature costs, in dense multiply-adds.
const moveCost = 6

// Work predicts the time of the structure in dense multiply-adds.
func (s *Structure) Work() int {
	d := s.Chain.Design()
	work := choose.Work(d)
	for _, p := range d.Patterns {
		work += moveCost * p.Indexes()
	}
	return work
}

// Bytes is about what the structure takes in a file, in float32.
func (s *Structure) Bytes() int {
	return compact.StoredBytes(s.Chain.Design(), compact.FP32) + nodeBytes
}

// nodeBytes is about what the node and function of a chain take in a file.
const nodeBytes = 1500

// Pays reports whether the structure is smaller than the weight as it would be
// stored otherwise, and predicted to be faster.
func (s *Structure) Pays(out, in, otherBytes int) bool {
	return s.Bytes() < otherBytes && float64(s.Work()) <= maxWorkShare*float64(out)*float64(in)
}

// maxWorkShare is the most predicted work, as a share of the dense product's, of
// a structure that takes its place.
const maxWorkShare = 0.8

// named is a structure, or nil if its chain could not be made.
func named(kind string, chain *butterfly.Chain, err error) *Structure {
	if err != nil {
		return nil
	}
	return &Structure{Kind: kind, Chain: chain}
}

// scaled multiplies rows and columns, where scales are given, and selects rows
// in the end.
func scaled(chain *butterfly.Chain, rows, columns []float64, order []int) (*butterfly.Chain, error) {
	var err error
	if columns != nil {
		if chain, err = chain.ScaledColumns(columns); err != nil {
			return nil, err
		}
	}
	if rows != nil {
		if chain, err = chain.ScaledRows(rows); err != nil {
			return nil, err
		}
	}
	if order != nil {
		return chain.SelectedRows(order)
	}
	return chain, nil
}

func constant(v float64, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = v
	}
	return x
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
