package ops

import "github.com/kcompress/kcompress/kernels/vec"

// crossing returns the axis along which neighbours in the source lie, if that
// is another axis than the one of neighbours in the destination: such a copy
// is a batch of matrix transpositions. It returns -1 for other copies.
func (w *walk) crossing() int {
	last := len(w.shape) - 1
	if w.dst[last] != 1 || w.src[last] == 1 || w.shape[last] < 4 {
		return -1
	}
	for i := range last {
		if w.src[i] == 1 && w.shape[i] >= 4 {
			return i
		}
	}
	return -1
}

// transposeElements runs a copy in which axis p is contiguous in the source
// and the last axis in the destination.
func transposeElements[T any](c *Call, dst, src []T, w *walk, p int) {
	last := len(w.shape) - 1
	rows, cols := w.shape[p], w.shape[last]
	dstStep, srcStep := w.dst[p], w.src[last]
	// What remains are the axes of the batch, then strips of rows.
	batch := newWalk()
	defer batch.release()
	batch.dstAt, batch.srcAt = w.dstAt, w.srcAt
	matrices := 1
	for i, size := range w.shape {
		if i != p && i != last {
			batch.axis(size, w.dst[i], w.src[i])
			matrices *= size
		}
	}
	strips := (rows + strip - 1) / strip
	t := stripWork[T]{dst, src, batch, strips, rows, cols, dstStep, srcStep}
	if matrices*rows*cols <= copyGrain || c.Pool.Threads() == 1 {
		t.part(0, matrices*strips)
		return
	}
	c.Parallel(matrices*strips, max(1, copyGrain/(strip*cols)), func(from, to int) { t.part(from, to) })
}

// strip is how many rows are transposed at a time.
const strip = 32

// stripWork is a number of transpositions to be done in parts: strips of rows
// of each.
type stripWork[T any] struct {
	dst, src         []T
	batch            *walk
	strips           int
	rows, cols       int
	dstStep, srcStep int
}

func (w stripWork[T]) part(from, to int) {
	var memory [odometerAxes]int
	o := newOdometer(w.batch, len(w.batch.shape), from/w.strips, memory[:])
	for i := from; i < to; i++ {
		row := i % w.strips * strip
		n := min(strip, w.rows-row)
		transposeStrip(w.dst[o.dstAt+row*w.dstStep:], w.src[o.srcAt+row:], n, w.cols, w.dstStep, w.srcStep)
		if i%w.strips == w.strips-1 {
			o.next(w.batch)
		}
	}
}

// transposeStrip sets dst[r*dstStep+c] = src[c*srcStep+r], in tiles small
// enough that the lines of both sides stay in the first-level cache.
func transposeStrip[T any](dst, src []T, rows, cols, dstStep, srcStep int) {
	if to, ok := any(dst).([]uint32); ok && dstStep >= cols && srcStep >= rows {
		vec.TransposeStrided(to, dstStep, any(src).([]uint32), srcStep, cols, rows)
		return
	}
	const tile = 16
	for c0 := 0; c0 < cols; c0 += tile {
		n := min(tile, cols-c0)
		for r := range rows {
			row := dst[r*dstStep+c0:][:n]
			s := c0*srcStep + r
			for i := range row {
				row[i] = src[s]
				s += srcStep
			}
		}
	}
}
