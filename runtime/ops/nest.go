package ops

// nest walks the elements of an output in row-major order together with the
// elements of operands that are broadcast to it. Neighbouring axes that all
// operands step through alike are merged, so that rows are long.
type nest struct {
	sizes []int // of the merged axes, at least one
	// steps[k][i] is the distance between neighbours along merged axis i in
	// operand k, 0 where the operand is repeated.
	steps [][]int
	total int // the product of sizes
}

// newNest returns the nest for an output shape and the shapes of its operands,
// each of which must broadcast to the output.
func newNest(out []int, operands ...[]int) nest {
	steps := make([][]int, len(operands))
	for k, shape := range operands {
		steps[k] = broadcastSteps(out, shape)
	}
	return newStridedNest(out, steps)
}

// broadcastSteps returns the distance between neighbours along each axis of
// out in a dense tensor of the given shape that is broadcast to out.
func broadcastSteps(out, shape []int) []int {
	steps := make([]int, len(out))
	pad, step := len(out)-len(shape), 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 {
			steps[pad+i] = step
			step *= shape[i]
		}
	}
	return steps
}

// newStridedNest returns the nest over out for operands with the given steps
// along each axis, which it changes.
func newStridedNest(out []int, steps [][]int) nest {
	n := nest{sizes: make([]int, 0, len(out)+1), steps: steps, total: 1}
	for i, size := range out {
		n.total *= size
		if size == 1 {
			continue
		}
		last := len(n.sizes) - 1
		if last >= 0 && mergeable(steps, last, i, size) {
			n.sizes[last] *= size
			for k := range steps {
				steps[k][last] = steps[k][i]
			}
			continue
		}
		n.sizes = append(n.sizes, size)
		for k := range steps {
			steps[k][last+1] = steps[k][i]
		}
	}
	if len(n.sizes) == 0 { // one element
		n.sizes = append(n.sizes, 1)
		for k := range steps {
			steps[k] = []int{0}
		}
	}
	return n
}

// mergeable reports whether every operand steps through axis i, of that size,
// and the merged axis before it as through a single axis.
func mergeable(steps [][]int, before, i, size int) bool {
	for k := range steps {
		if steps[k][before] != steps[k][i]*size {
			return false
		}
	}
	return true
}

// step returns the distance between neighbours in a row of operand k.
func (n *nest) step(k int) int { return n.steps[k][len(n.sizes)-1] }

// rows calls row for the pieces of rows that cover the elements from to to-1
// of the output: count elements from element out, where operand k begins at
// its element at[k]. The slice at is valid during the call only.
func (n *nest) rows(from, to int, row func(out, count int, at []int)) {
	if from >= to {
		return
	}
	inner := len(n.sizes) - 1
	memory := make([]int, len(n.sizes)+len(n.steps))
	index, at := memory[:len(n.sizes)], memory[len(n.sizes):]
	rest := from
	for i := inner; i >= 0; i-- {
		index[i] = rest % n.sizes[i]
		rest /= n.sizes[i]
		for k := range at {
			at[k] += index[i] * n.steps[k][i]
		}
	}
	for {
		count := min(n.sizes[inner]-index[inner], to-from)
		row(from, count, at)
		if from += count; from >= to {
			return
		}
		for k := range at {
			at[k] -= index[inner] * n.steps[k][inner]
		}
		index[inner] = 0
		n.advance(index, at, inner-1)
	}
}

// advance steps the index of merged axis i, carrying into those before it.
func (n *nest) advance(index, at []int, i int) {
	for ; i >= 0; i-- {
		if index[i]++; index[i] < n.sizes[i] {
			for k := range at {
				at[k] += n.steps[k][i]
			}
			return
		}
		for k := range at {
			at[k] -= (n.sizes[i] - 1) * n.steps[k][i]
		}
		index[i] = 0
	}
}
