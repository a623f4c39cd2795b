package butterfly

import "slices"

// rowKernels are the routines of a level that multiply activations as they lie
// in memory, row by row. Each list has the longest vectors first; a level
// without any has only tiles.
type rowKernels struct {
	lanes   []lanesKernel
	dense   []denseKernel
	permute []permuteKernel
	fused   []fusedKernel
}

// lanesKernel does patterns of stride D >= lanes: radix4 those with B = C = 4,
// if it is not nil, multiply the others.
type lanesKernel struct {
	lanes            int
	multiply, radix4 func(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs, stride int)
}

// denseKernel does patterns of stride D = stride with B*D >= lanes.
type denseKernel struct {
	lanes, stride int
	multiply      func(dst, src, values *float32, rows, dstRow, srcRow, count, outputs, inputs int)
}

// permuteKernel does patterns with B = C = radix whose blocks lie within four
// neighbouring numbers.
type permuteKernel struct {
	radix    int
	multiply func(dst, src, values *float32, indexes *uint32, rows, dstRow, srcRow, n int)
}

// fusedKernel does several radix-2 factors; see fused.go.
type fusedKernel struct {
	lanes    int
	multiply func(dst, src, values *float32, stages *uint8, rows, dstRow, srcRow, count, stride int)
}

// plan cuts a chain into passes.
func plan(factors []Factor, kernels rowKernels) []pass {
	var passes []pass
	rest := 0 // the first factor that is in no pass yet
	flush := func(end int) {
		if rest < end {
			tile := make([]Factor, 0, end-rest)
			for _, f := range factors[rest:end] {
				tile = append(tile, Factor{Pattern: f.Pattern, Values: slices.Clone(f.Values)})
			}
			passes = append(passes, newTilePass(tile))
		}
	}
	for i := 0; i < len(factors); {
		p, n := planSparse(factors[i:], featuresBefore(factors, i))
		switch {
		case n > 0:
		case factors[i].IsGather():
			p, n = planGather(factors, i), 1
		default:
			p, n = planNext(factors[i:], kernels)
		}
		if n > 0 {
			flush(i)
			passes = append(passes, p)
			rest = i + n
		}
		i += max(n, 1)
	}
	flush(len(factors))
	return passes
}

// planGather is the pass of factor i, a gather.
func planGather(factors []Factor, i int) pass {
	return &gatherPass{Factor{Pattern: factors[i].Pattern, Indexes: slices.Clone(factors[i].Indexes)}, featuresBefore(factors, i)}
}

// featuresBefore is how many features factor i has as its inputs.
func featuresBefore(factors []Factor, i int) int {
	if i > 0 {
		return factors[i-1].Rows()
	}
	return factors[0].Columns()
}

// planNext returns the pass that does the most of the next factors and their
// number, 0 if only a tile can do the first. The first is no gather.
func planNext(factors []Factor, kernels rowKernels) (pass, int) {
	f := factors[0]
	if p, n := planFused(factors, kernels.fused); n > 0 {
		return p, n
	}
	for _, k := range kernels.permute {
		if span := f.B * f.D; k.radix == f.B && k.radix == f.C && span <= 4 && 4%span == 0 && f.Rows() >= 8 {
			return &permutePass{f.Pattern, k, packPermute(f), permuteIndexes(f.Pattern)}, 1
		}
	}
	lanes, dense := lanesFor(f.Pattern, kernels.lanes), denseFor(f.Pattern, kernels.dense)
	switch {
	case lanes.lanes > 0 && lanes.lanes >= dense.lanes:
		if f.B == 4 && f.C == 4 && lanes.radix4 != nil {
			lanes.multiply = lanes.radix4
		}
		return &lanesPass{f.Pattern, lanes, packLanes(f, lanes.lanes)}, 1
	case dense.lanes > 0:
		return &densePass{f.Pattern, dense, packDense(f, dense.lanes)}, 1
	}
	return nil, 0
}

func lanesFor(p Pattern, kernels []lanesKernel) lanesKernel {
	for _, k := range kernels {
		if p.D >= k.lanes {
			return k
		}
	}
	return lanesKernel{}
}

func denseFor(p Pattern, kernels []denseKernel) denseKernel {
	for _, k := range kernels {
		if p.D == k.stride && p.B*p.D >= k.lanes {
			return k
		}
	}
	return denseKernel{}
}
