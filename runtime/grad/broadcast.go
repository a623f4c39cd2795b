package grad

import (
	"slices"

	"github.com/kcompress/kcompress/kernels/vec"
)

// elementsPerRange is how many elements one thread takes at a time.
const elementsPerRange = 1 << 14

// pieces is into how many parts a sum over many rows is cut. Parts are summed
// apart and then added in order: the result does not depend on the threads.
const pieces = 16

// sumTo sets dst, of shape part, to the sums of src, of shape whole, over the
// axes along which part is broadcast to whole.
func (c *call) sumTo(dst, src []float32, whole, part []int) {
	if len(dst) == len(src) {
		copy(dst, src)
		return
	}
	clear(dst)
	if len(src) == 0 {
		return
	}
	w := newWalk(whole, broadcastSteps(whole, part), denseSteps(whole))
	outer := w.sizes[0]
	if len(w.sizes) == 1 { // dst is one number
		c.sumPieces(dst, outer, func(dst []float32, from, to int) { dst[0] += vec.Sum(src[from:to]) })
		return
	}
	inner := w.runs() / outer // runs for each index of the outer axis
	add := func(dst []float32, from, to int) {
		w.visit(from*inner, to*inner, func(_ int, at []int) {
			row := src[at[1]:][:w.run()]
			if w.step(0) == 0 {
				dst[at[0]] += vec.Sum(row)
				return
			}
			sum := dst[at[0]:][:len(row)]
			vec.Add(sum, sum, row)
		})
	}
	if w.steps[0][0] != 0 { // each index of the outer axis has sums of its own
		c.pool.For(outer, max(1, elementsPerRange*outer/len(src)), func(from, to int) { add(dst, from, to) })
		return
	}
	c.sumPieces(dst, outer, add)
}

// sumPieces adds to dst what add gives for 0 to n-1, cut into pieces.
func (c *call) sumPieces(dst []float32, n int, add func(dst []float32, from, to int)) {
	size := (n + pieces - 1) / pieces
	parts := (n + size - 1) / size
	if parts <= 1 {
		add(dst, 0, n)
		return
	}
	partial := c.memory.zeros(parts * len(dst))
	c.pool.For(parts, 1, func(part, _ int) {
		add(partial[part*len(dst):][:len(dst)], part*size, min(n, (part+1)*size))
	})
	for part := range parts {
		vec.Add(dst, dst, partial[part*len(dst):][:len(dst)])
	}
	c.memory.give(partial)
}

// expanded returns the elements of x, of shape part, broadcast to the shape
// whole; the caller gives them back with release.
func (c *call) expanded(x []float32, part, whole []int) []float32 {
	if len(x) == sizeOf(whole) {
		return x
	}
	y := c.memory.take(sizeOf(whole))
	c.expand(y, x, part, whole)
	return y
}

// release gives what expanded returned for x back.
func (c *call) release(y, x []float32) {
	if !same(y, x) {
		c.memory.give(y)
	}
}

// expand sets y, of shape whole, to x, of shape part.
func (c *call) expand(y, x []float32, part, whole []int) {
	if len(y) == 0 {
		return
	}
	w := newWalk(whole, broadcastSteps(whole, part), denseSteps(whole))
	c.pool.For(w.runs(), max(1, elementsPerRange/w.run()), func(from, to int) {
		w.visit(from, to, func(_ int, at []int) {
			row := y[at[1]:][:w.run()]
			if w.step(0) != 0 {
				copy(row, x[at[0]:])
				return
			}
			for i := range row {
				row[i] = x[at[0]]
			}
		})
	})
}

// reduced sets the gradient of input i to the sums of g, which is the gradient
// of that input broadcast to the shape whole, and takes g over.
func (c *call) reduced(i int, g []float32, whole []int) {
	if slices.Equal(c.inShapes[i], whole) || len(g) == sizeOf(c.inShapes[i]) {
		c.results[i] = g
		return
	}
	c.sumTo(c.gradient(i), g, whole, c.inShapes[i])
	c.memory.give(g)
}
