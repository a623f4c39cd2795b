package ops

import (
	"sync"

	"github.com/kcompress/kcompress/onnx"
)

// walk describes a copy between two arrays whose elements are laid out
// differently: element (i0, i1, ...) goes from src[srcAt + sum of i*src] to
// dst[dstAt + sum of i*dst]. Transpose, Slice, Expand, Concat, Split and
// others are such copies. Axes are in the order of the destination.
type walk struct {
	shape    []int // sizes of the axes
	dst, src []int // steps along each axis, in elements; those of src may be 0 or negative
	dstAt    int
	srcAt    int
}

var walks = sync.Pool{New: func() any { return new(walk) }}

// newWalk returns a walk without axes; release gives it back.
func newWalk() *walk {
	w := walks.Get().(*walk)
	w.shape, w.dst, w.src, w.dstAt, w.srcAt = w.shape[:0], w.dst[:0], w.src[:0], 0, 0
	return w
}

func (w *walk) release() { walks.Put(w) }

// axis adds an axis.
func (w *walk) axis(size, dst, src int) {
	w.shape = append(w.shape, size)
	w.dst = append(w.dst, dst)
	w.src = append(w.src, src)
}

// simplify drops axes of size 1 and joins neighbours that are one axis to both
// sides. It reports false if there is nothing to copy.
func (w *walk) simplify() bool {
	n := 0
	for i, size := range w.shape {
		switch {
		case size == 0:
			return false
		case size == 1:
			continue
		case n > 0 && w.dst[n-1] == size*w.dst[i] && w.src[n-1] == size*w.src[i]:
			w.shape[n-1] *= size
		default:
			w.shape[n] = size
			n++
		}
		w.dst[n-1], w.src[n-1] = w.dst[i], w.src[i]
	}
	w.shape, w.dst, w.src = w.shape[:n], w.dst[:n], w.src[:n]
	return true
}

// steps returns the row-major steps of a shape.
func steps(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// copyWalk copies elements of src to dst as w says and releases w. The two
// tensors have the same element type of at least 8 bits, or hold strings.
func copyWalk(c *Call, dst, src *onnx.Tensor, w *walk) {
	defer w.release()
	if !w.simplify() {
		return
	}
	switch src.Type.Bits() {
	case 0:
		copyElements(c, dst.Strings, src.Strings, w)
	case 8:
		copyElements(c, onnx.View[uint8](dst), onnx.View[uint8](src), w)
	case 16:
		copyElements(c, onnx.View[uint16](dst), onnx.View[uint16](src), w)
	case 32:
		copyElements(c, onnx.View[uint32](dst), onnx.View[uint32](src), w)
	case 64:
		copyElements(c, onnx.View[uint64](dst), onnx.View[uint64](src), w)
	case 128:
		copyElements(c, onnx.View[complex128](dst), onnx.View[complex128](src), w)
	}
}

// copyGrain is the number of elements that one thread copies at a time.
const copyGrain = 32768

func copyElements[T any](c *Call, dst, src []T, w *walk) {
	rank := len(w.shape)
	if rank == 0 {
		dst[w.dstAt] = src[w.srcAt]
		return
	}
	if p := w.crossing(); p >= 0 {
		transposeElements(c, dst, src, w, p)
		return
	}
	// One plane is the last two axes: an odometer runs over the others.
	planes, size := 1, w.shape[rank-1]
	for i, s := range w.shape[:rank-1] {
		if i == rank-2 {
			size *= s
		} else {
			planes *= s
		}
	}
	if planes*size <= copyGrain {
		copyPlanes(dst, src, w, 0, planes)
		return
	}
	c.Parallel(planes, max(1, copyGrain/size), func(from, to int) { copyPlanes(dst, src, w, from, to) })
}

// copyPlanes copies the planes from to to-1.
func copyPlanes[T any](dst, src []T, w *walk, from, to int) {
	rank := len(w.shape)
	rows, dstRow, srcRow := 1, 0, 0
	if rank > 1 {
		rows, dstRow, srcRow = w.shape[rank-2], w.dst[rank-2], w.src[rank-2]
	}
	outer := max(0, rank-2)
	var memory [odometerAxes]int
	o := newOdometer(w, outer, from, memory[:])
	for plane := from; plane < to; plane++ {
		d, s := o.dstAt, o.srcAt
		for range rows {
			copyRow(dst, src, d, s, w.shape[rank-1], w.dst[rank-1], w.src[rank-1])
			d += dstRow
			s += srcRow
		}
		o.next(w)
	}
}

func copyRow[T any](dst, src []T, d, s, n, dstStep, srcStep int) {
	switch {
	case dstStep == 1 && srcStep == 1:
		copy(dst[d:d+n], src[s:s+n])
	case dstStep == 1 && srcStep == 0:
		value, row := src[s], dst[d:d+n]
		for i := range row {
			row[i] = value
		}
	case dstStep == 1:
		row := dst[d : d+n]
		for i := range row {
			row[i] = src[s]
			s += srcStep
		}
	default:
		for range n {
			dst[d] = src[s]
			d += dstStep
			s += srcStep
		}
	}
}

// odometer counts through the first axes of a walk.
type odometer struct {
	index        []int
	dstAt, srcAt int
}

// odometerAxes is the number of axes that an odometer counts without taking
// memory from the heap.
const odometerAxes = 6

// newOdometer returns an odometer over the first axes, standing at position at
// in row-major order. Its indices are kept in memory.
func newOdometer(w *walk, axes, at int, memory []int) odometer {
	o := odometer{index: memory[:0], dstAt: w.dstAt, srcAt: w.srcAt}
	for range axes {
		o.index = append(o.index, 0)
	}
	for i := axes - 1; i >= 0; i-- {
		o.index[i] = at % w.shape[i]
		at /= w.shape[i]
		o.dstAt += o.index[i] * w.dst[i]
		o.srcAt += o.index[i] * w.src[i]
	}
	return o
}

func (o *odometer) next(w *walk) {
	for i := len(o.index) - 1; i >= 0; i-- {
		o.index[i]++
		o.dstAt += w.dst[i]
		o.srcAt += w.src[i]
		if o.index[i] < w.shape[i] {
			return
		}
		o.index[i] = 0
		o.dstAt -= w.shape[i] * w.dst[i]
		o.srcAt -= w.shape[i] * w.src[i]
	}
}
