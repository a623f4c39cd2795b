package grad

// walk goes through the elements of an array in row-major order, in runs along
// the last axis, together with operands that step through their own memory.
// Neighbouring axes that all operands step through alike are merged.
type walk struct {
	sizes []int   // at least one
	steps [][]int // [operand][axis], in elements; 0 where the operand repeats
}

// newWalk returns a walk over an array of the given shape for operands with the
// given steps along each axis.
func newWalk(shape []int, steps ...[]int) walk {
	w := walk{steps: make([][]int, len(steps))}
	for axis, size := range shape {
		if size == 1 {
			continue
		}
		last := len(w.sizes) - 1
		merge := last >= 0
		for k := range steps {
			merge = merge && w.steps[k][last] == steps[k][axis]*size
		}
		if merge {
			w.sizes[last] *= size
		} else {
			w.sizes = append(w.sizes, size)
		}
		for k := range steps {
			if merge {
				w.steps[k][last] = steps[k][axis]
			} else {
				w.steps[k] = append(w.steps[k], steps[k][axis])
			}
		}
	}
	if len(w.sizes) == 0 {
		w.sizes = []int{1}
		for k := range steps {
			w.steps[k] = []int{0}
		}
	}
	return w
}

// run is the length of a run, and step the distance between its elements in
// operand k.
func (w walk) run() int       { return w.sizes[len(w.sizes)-1] }
func (w walk) step(k int) int { return w.steps[k][len(w.sizes)-1] }

// runs is the number of runs.
func (w walk) runs() int { return sizeOf(w.sizes[:len(w.sizes)-1]) }

// visit calls f for the runs from to to-1 with where each operand begins. The
// slice is valid during the call only.
func (w walk) visit(from, to int, f func(run int, at []int)) {
	axes := len(w.sizes) - 1
	index := make([]int, axes)
	at := make([]int, len(w.steps))
	rest := from
	for i := axes - 1; i >= 0; i-- {
		index[i] = rest % w.sizes[i]
		rest /= w.sizes[i]
		for k := range at {
			at[k] += index[i] * w.steps[k][i]
		}
	}
	for run := from; run < to; run++ {
		f(run, at)
		for i := axes - 1; i >= 0; i-- {
			for k := range at {
				at[k] += w.steps[k][i]
			}
			if index[i]++; index[i] < w.sizes[i] {
				break
			}
			for k := range at {
				at[k] -= w.sizes[i] * w.steps[k][i]
			}
			index[i] = 0
		}
	}
}

// denseSteps returns the distances between neighbours along each axis of a
// dense array of the given shape.
func denseSteps(shape []int) []int {
	steps := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		steps[i] = step
		step *= shape[i]
	}
	return steps
}

// broadcastSteps returns the same for a dense array that is broadcast to the
// shape whole: 0 along the axes on which it repeats.
func broadcastSteps(whole, part []int) []int {
	steps := make([]int, len(whole))
	pad, step := len(whole)-len(part), 1
	for i := len(part) - 1; i >= 0; i-- {
		if part[i] != 1 {
			steps[pad+i] = step
			step *= part[i]
		}
	}
	return steps
}
