package butterfly

import "math/bits"

// Radix-2 factors do so little with each number that loading and storing it
// would take most of the time. A fused pass takes eight vectors of an
// activation, `stride` numbers apart, into registers and does all factors on
// them that stay among these numbers: those whose stride is 1, 2 or 4 times
// that of the vectors, and those that stay within a vector. With vectors of
// eight, side by side, these are the strides 1 to 32 in any order.

const (
	// fusedVectors is the number of vectors in registers.
	fusedVectors = 8
	// crossStages is the number of strides between them.
	crossStages = 3
	// endOfStages ends the list of stages.
	endOfStages = 255
)

// planFused returns the pass that does the most of the next factors.
func planFused(factors []Factor, kernels []fusedKernel) (pass, int) {
	var best fusedKernel
	stride, most := 0, 0
	for _, k := range kernels {
		for _, s := range fusedStrides(factors[0].Pattern, k.lanes) {
			if n := fusedRun(factors, s, k.lanes); n > most {
				best, stride, most = k, s, n
			}
		}
	}
	if most == 0 {
		return nil, 0
	}
	p := &fusedPass{features: factors[0].Rows(), stride: stride, kernel: best, values: packFused(factors[:most], stride, best.lanes)}
	for _, f := range factors[:most] {
		stage, _ := fusedStage(f.Pattern, stride, best.lanes)
		p.stages = append(p.stages, stage)
	}
	p.stages = append(p.stages, endOfStages)
	return p, most
}

// fusedStrides are the distances of vectors with which a pass could start with
// this pattern.
func fusedStrides(p Pattern, lanes int) []int {
	var strides []int
	for _, s := range []int{lanes, p.D, p.D / 2, p.D / 4} {
		if s > 0 && s%lanes == 0 && p.Rows()%(fusedVectors*s) == 0 {
			strides = append(strides, s)
		}
	}
	return strides
}

// fusedRun is how many of the next factors a pass with this distance can do.
func fusedRun(factors []Factor, stride, lanes int) int {
	for i, f := range factors {
		if _, ok := fusedStage(f.Pattern, stride, lanes); !ok {
			return i
		}
	}
	return len(factors)
}

// fusedStage is the stage that does a radix-2 pattern.
func fusedStage(p Pattern, stride, lanes int) (stage uint8, ok bool) {
	if p.B != 2 || p.C != 2 {
		return 0, false
	}
	for s := range crossStages {
		if p.D == stride<<s {
			return uint8(s), true
		}
	}
	if p.D < lanes && bits.OnesCount(uint(p.D)) == 1 {
		return uint8(crossStages + bits.TrailingZeros(uint(p.D))), true
	}
	return 0, false
}

// packFused orders the values by (block of vectors, vector of the stride,
// stage, pair of vectors or vector).
func packFused(factors []Factor, stride, lanes int) []float32 {
	features := factors[0].Rows()
	packed := make([]float32, 0, 2*features*len(factors))
	for block := 0; block < features; block += fusedVectors * stride {
		for l := 0; l < stride; l += lanes {
			for _, f := range factors {
				for j := range fusedVectors {
					packed = f.appendFused(packed, block+j*stride+l, lanes)
				}
			}
		}
	}
	return packed
}

// appendFused appends the values of one vector of a stage: for pairs of
// vectors, when it comes to the first of them, the four values of all blocks;
// within a vector, the value of each number itself and that of the other.
func (f Factor) appendFused(packed []float32, first, lanes int) []float32 {
	if f.D >= lanes {
		if first/f.D%2 == 1 {
			return packed
		}
		for _, at := range [][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}} {
			for row := first; row < first+lanes; row++ {
				packed = append(packed, f.value(row/(2*f.D), row%f.D, at[0], at[1]))
			}
		}
		return packed
	}
	for other := range 2 {
		for row := first; row < first+lanes; row++ {
			p := row / f.D % 2
			packed = append(packed, f.value(row/(2*f.D), row%f.D, p, p^other))
		}
	}
	return packed
}
