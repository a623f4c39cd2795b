package ops

import "sync"

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

// pooledNest is a nest of two operands whose memory is used again.
type pooledNest struct {
	nest
	lists [3][]int
	steps [2][]int
}

var nests = sync.Pool{New: func() any { return new(pooledNest) }}

// takeNest is newNest for two operands; give puts it back.
func takeNest(out, a, b []int) *pooledNest {
	n := nests.Get().(*pooledNest)
	for i := range n.lists {
		if cap(n.lists[i]) <= len(out) {
			n.lists[i] = make([]int, 0, len(out)+8)
		}
	}
	n.steps[0] = appendBroadcastSteps(n.lists[0][:0], out, a)
	n.steps[1] = appendBroadcastSteps(n.lists[1][:0], out, b)
	n.nest = stridedNest(out, n.steps[:], n.lists[2][:0])
	return n
}

func (n *pooledNest) give() { nests.Put(n) }

// broadcastSteps returns the distance between neighbours along each axis of
// out in a dense tensor of the given shape that is broadcast to out.
func broadcastSteps(out, shape []int) []int {
	return appendBroadcastSteps(make([]int, 0, len(out)), out, shape)
}

// appendBroadcastSteps is broadcastSteps in the memory of steps, an empty list.
func appendBroadcastSteps(steps, out, shape []int) []int {
	for range out {
		steps = append(steps, 0)
	}
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
	return stridedNest(out, steps, make([]int, 0, len(out)+1))
}

// stridedNest is newStridedNest with the memory for its sizes given.
func stridedNest(out []int, steps [][]int, sizes []int) nest {
	n := nest{sizes: sizes, steps: steps, total: 1}
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
			steps[k] = append(steps[k][:0], 0)
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
	memory := make([]int, len(n.sizes)+len(n.steps))
	index, at := memory[:len(n.sizes)], memory[len(n.sizes):]
	for n.start(index, at, from, to); from < to; {
		count := n.count(index, to-from)
		row(from, count, at)
		from += count
		n.next(index, at)
	}
}

// pairs is rows for two operands, a and b.
func (n *nest) pairs(from, to int, row func(out, count, a, b int)) {
	var memory [2*odometerAxes + 2]int
	index, at := memory[2:2+min(len(n.sizes), 2*odometerAxes)], memory[:2]
	if len(n.sizes) > len(index) {
		index = make([]int, len(n.sizes))
	}
	for n.start(index, at, from, to); from < to; {
		count := n.count(index, to-from)
		row(from, count, at[0], at[1])
		from += count
		n.next(index, at)
	}
}

// start sets index and at to element from of the output.
func (n *nest) start(index, at []int, from, to int) {
	if from >= to {
		return
	}
	rest := from
	for i := len(n.sizes) - 1; i >= 0; i-- {
		index[i] = rest % n.sizes[i]
		rest /= n.sizes[i]
		for k := range at {
			at[k] += index[i] * n.steps[k][i]
		}
	}
}

// count returns how many of the elements that remain are in the same row.
func (n *nest) count(index []int, remain int) int {
	inner := len(n.sizes) - 1
	return min(n.sizes[inner]-index[inner], remain)
}

// next goes to the beginning of the next row.
func (n *nest) next(index, at []int) {
	inner := len(n.sizes) - 1
	for k := range at {
		at[k] -= index[inner] * n.steps[k][inner]
	}
	index[inner] = 0
	n.advance(index, at, inner-1)
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
