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
	const strip = 32
	strips := (rows + strip - 1) / strip
	run := func(from, to int) {
		var memory [odometerAxes]int
		o := newOdometer(batch, len(batch.shape), from/strips, memory[:])
		for i := from; i < to; i++ {
			row := i % strips * strip
			n := min(strip, rows-row)
			transposeStrip(dst[o.dstAt+row*dstStep:], src[o.srcAt+row:], n, cols, dstStep, srcStep)
			if i%strips == strips-1 {
				o.next(batch)
			}
		}
	}
	if matrices*rows*cols <= copyGrain {
		run(0, matrices*strips)
		return
	}
	c.Parallel(matrices*strips, max(1, copyGrain/(strip*cols)), run)
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
