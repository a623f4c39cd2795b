package ops

import (
	"slices"

	sums "github.com/kcompress/kcompress/kernels/conv"
)

// This file convolves without a matrix product: the way for groups with a
// single channel (depthwise) or few filters.
//
// The part of the image that a block of output rows needs is copied, padding
// included, into planes, one for each phase of the strides: phase p of an axis
// with stride s holds the elements p, p+s, p+2s... There every kernel element
// reads the same elements as its neighbours, only moved, so that its
// contribution to a whole block is one scaled addition of two long vectors.

// directConv is a convolution in this form.
type directConv struct {
	*convCall
	rows int // output rows of a block, along the first axis
	// sizes are those of a plane: the output plus what the kernel reaches
	// further. Accumulators have the same distances between rows.
	sizes  []int
	pitch  []int   // distance between neighbours along each axis
	planes [][]int // the phases that are used, with their first element along each axis
	// stride is the distance between planes, with room for what the kernel of
	// kernels/conv reads beyond the end; offsets are where the elements of all
	// channels that one output element adds up begin.
	stride  int
	offsets []int
	// taps says for each kernel element in which plane, and how far from its
	// start, the elements are that it reads.
	taps []directTap
}

// directTap is what a kernel element reads: the elements of a plane from an
// offset on.
type directTap struct{ plane, offset int }

// newDirectConv plans blocks of the given number of output rows.
func newDirectConv(s *convCall, rows int) *directConv {
	axes := len(s.in)
	d := &directConv{convCall: s, rows: rows, sizes: make([]int, axes), pitch: make([]int, axes)}
	step := 1
	for a := axes - 1; a >= 0; a-- {
		d.sizes[a] = s.out[a] + (s.kernel[a]-1)*s.dilations[a]/s.strides[a]
		if a == 0 {
			d.sizes[a] += rows - s.out[a]
		}
		d.pitch[a] = step
		step *= d.sizes[a]
	}
	tap := make([]int, axes)
	for t := range sizeOf(s.kernel) {
		unravel(tap, t, s.kernel)
		phase, offset := make([]int, axes), 0
		for a, k := range tap {
			reach := k * s.dilations[a]
			phase[a] = reach % s.strides[a]
			offset += reach / s.strides[a] * d.pitch[a]
		}
		plane := slices.IndexFunc(d.planes, func(p []int) bool { return slices.Equal(p, phase) })
		if plane < 0 {
			plane = len(d.planes)
			d.planes = append(d.planes, phase)
		}
		d.taps = append(d.taps, directTap{plane, offset})
	}
	d.stride = roundUp(d.pitch[0]*d.sizes[0], sums.Step) + sums.Step
	for ch := range s.channels / s.group {
		for _, tap := range d.taps {
			d.offsets = append(d.offsets, (ch*len(d.planes)+tap.plane)*d.stride+tap.offset)
		}
	}
	return d
}

func roundUp(n, step int) int { return (n + step - 1) / step * step }

// directRows returns how many output rows make a block: few enough that a
// plane and an accumulator fit in the first cache, and enough that what
// neighbouring blocks both copy does not weigh.
func directRows(s *convCall) int {
	row, reach := s.channels/s.group, (s.kernel[0]-1)*s.dilations[0]/s.strides[0]
	for a := range s.in { // a plane for each phase of the strides
		row *= min(s.strides[a], s.kernel[a])
	}
	row = max(1, row/4)
	for a := 1; a < len(s.in); a++ {
		row *= s.out[a] + (s.kernel[a]-1)*s.dilations[a]/s.strides[a]
	}
	return min(s.out[0], max(1+2*reach, directBlock/max(1, row)))
}

// directBlock is the number of elements of a block.
const directBlock = 1 << 12

// directInner is up to how many products a sum is faster by itself than as part
// of a matrix product, which needs as many copies of the image.
const directInner = 48

// suitsDirect reports whether the convolution is better done directly than as
// a product: the rows of the product would be few or its inner size small.
// Planes that would be mostly padding are left to the product.
func (s *convCall) suitsDirect() bool {
	filters, channels := s.filters/s.group, s.channels/s.group
	if s.inner > directInner && filters >= 4 && (channels > 1 || filters > 8) || s.inner > maxDirectTaps || s.isPointwise() && filters >= 4 {
		return false
	}
	row := 1
	for a := range s.in {
		reach := (s.kernel[a] - 1) * s.dilations[a] / s.strides[a]
		if reach > maxDirectReach {
			return false
		}
		if a > 0 {
			row *= s.out[a] + reach
		}
		if row > maxDirectRow {
			return false
		}
	}
	return true
}

// The bounds of direct convolutions: elements of the kernel, how far it reaches
// along an axis, and elements of a row of a plane.
const (
	maxDirectTaps  = 1 << 10 // of all channels
	maxDirectReach = 1 << 10
	maxDirectRow   = 1 << 22
)

// convDirect computes y for blocks of output rows of a group.
func convDirect[T float](c *Call, s *convCall, y, x, w, bias []T) {
	filters, channels := s.filters/s.group, s.channels/s.group
	d, rows := s.direct, s.direct.rows
	blocks := (s.out[0] + rows - 1) / rows
	plane := d.pitch[0] * d.sizes[0]
	grain := max(1, rangeWork/8/max(1, filters*s.inner*rows*d.pitch[0]))
	c.Parallel(s.images*s.group*blocks, grain, func(from, to int) {
		memory := borrow[T](plane * (len(d.planes) + filters))
		defer memory.release()
		planes, sums := memory.data[:plane*len(d.planes)], memory.data[plane*len(d.planes):]
		at := make([]int, len(s.in))
		for i := from; i < to; i++ {
			part, first := i/blocks, i%blocks*rows // part counts images and groups
			count := min(rows, s.out[0]-first)
			length := d.length(count)
			for f := range filters {
				var b T
				if bias != nil {
					b = bias[part%s.group*filters+f]
				}
				fillWith(sums[f*plane:][:length], b)
			}
			for ch := range channels {
				image := x[(part*channels+ch)*s.plane:][:s.plane]
				for p, phase := range d.planes {
					fillPlane(d, planes[p*plane:][:plane], image, phase, first, at)
				}
				for f := range filters {
					weights := w[((part%s.group)*filters+f)*s.inner+ch*len(d.taps):]
					for t, tap := range d.taps {
						addWeighted(sums[f*plane:][:length], planes[tap.plane*plane+tap.offset:][:length], weights[t])
					}
				}
			}
			for f := range filters {
				storeBlock(d, y[(part*filters+f)*s.positions:][:s.positions], sums[f*plane:], first, count, at)
			}
		}
	})
}

// convDirect32 is convDirect by the kernel of kernels/conv.
func convDirect32(c *Call, s *convCall, y, x, w, bias []float32) {
	work := directWork{s.direct, y, x, w, bias, (s.out[0] + s.direct.rows - 1) / s.direct.rows}
	tasks := s.images * s.group * work.blocks
	if c.Pool.Threads() == 1 {
		work.part(0, tasks)
		return
	}
	grain := max(1, rangeWork/8/max(1, s.filters/s.group*s.inner*s.direct.rows*s.direct.pitch[0]))
	c.Parallel(tasks, grain, func(from, to int) { work.part(from, to) })
}

// directWork is a direct convolution, to be done in parts: blocks of output rows
// of each image and group.
type directWork struct {
	*directConv
	y, x, w, bias []float32
	blocks        int
}

func (d directWork) part(from, to int) {
	filters, channels := d.filters/d.group, d.channels/d.group
	plane := d.pitch[0] * d.sizes[0]
	count := channels * len(d.planes)
	memory := borrow[float32](d.stride * (count + 1))
	defer memory.release()
	planes, line := memory.data[:d.stride*count], memory.data[d.stride*count:]
	var coordinates [8]int
	at := coordinates[:]
	if len(d.in) > len(at) {
		at = make([]int, len(d.in))
	}
	at = at[:len(d.in)]
	for i := from; i < to; i++ {
		part, first := i/d.blocks, i%d.blocks*d.rows // part counts images and groups
		rows := min(d.rows, d.out[0]-first)
		for ch := range channels {
			image := d.x[(part*channels+ch)*d.plane:][:d.plane]
			for p, phase := range d.planes {
				fillPlane(d.directConv, planes[(ch*len(d.planes)+p)*d.stride:][:plane], image, phase, first, at)
			}
		}
		length := roundUp(d.length(rows), sums.Step)
		for f := range filters {
			filter := part%d.group*filters + f
			var b float32
			if d.bias != nil {
				b = d.bias[filter]
			}
			sums.WeightedSum(line[:length], planes, d.offsets, d.w[filter*d.inner:][:d.inner], b)
			storeBlock(d.directConv, d.y[(part*filters+f)*d.positions:][:d.positions], line, first, rows, at)
		}
	}
}

// length returns how far the accumulators of count output rows reach.
func (d *directConv) length(count int) int {
	n := (count - 1) * d.pitch[0]
	for a := 1; a < len(d.sizes); a++ {
		n += (d.out[a] - 1) * d.pitch[a]
	}
	return n + 1
}

// fillPlane copies the elements of one phase of the image, for output rows from
// first on, into a plane.
func fillPlane[T float](d *directConv, plane, image []T, phase []int, first int, at []int) {
	last := len(d.sizes) - 1
	width, stride := d.sizes[last], d.strides[last]
	x := phase[last] - d.begin[last]
	if last == 0 {
		copyStrided(plane, image, x+first*stride, stride)
		return
	}
	low, high, start := insideRow(d.in[last], x, stride, width)
	clear(at)
	for row := 0; row < len(plane); row += width {
		line := plane[row:][:width]
		if source := d.sourceRow(phase, first, at); source >= 0 {
			clear(line[:low])
			copyFromStrided(line[low:high], image[source+start:], stride)
			clear(line[high:])
		} else {
			clear(line)
		}
		if last == 1 {
			at[0]++
		} else {
			advance(at[:last], d.sizes)
		}
	}
}

// sourceRow returns where in the image the row of a plane at some coordinates
// comes from, for output rows from first on, -1 for padding.
func (d *directConv) sourceRow(phase []int, first int, at []int) int {
	source, last := 0, len(d.sizes)-1
	for a := range last {
		x := at[a]
		if a == 0 {
			x += first
		}
		if x = x*d.strides[a] + phase[a] - d.begin[a]; x < 0 || x >= d.in[a] {
			return -1
		}
		source = (source + x) * d.in[a+1]
	}
	return source
}

// storeBlock copies count output rows, from first on, from their accumulator.
func storeBlock[T float](d *directConv, y, sums []T, first, count int, at []int) {
	last := len(d.sizes) - 1
	if last == 0 {
		copy(y[first:][:count], sums)
		return
	}
	width := d.out[last]
	row := d.positions / d.out[0]
	part := y[first*row:][:count*row]
	if last == 1 {
		for r := range count {
			copy(part[r*width:][:width], sums[r*d.pitch[0]:])
		}
		return
	}
	clear(at)
	for i := 0; i < len(part); i += width {
		from := 0
		for a := range last {
			from += at[a] * d.pitch[a]
		}
		copy(part[i:][:width], sums[from:])
		advance(at[:last], d.out)
	}
}

// advance steps to the next coordinates of an array of that shape, the last
// axis first.
func advance(at, shape []int) {
	for a := len(at) - 1; a >= 0; a-- {
		if at[a]++; at[a] < shape[a] {
			return
		}
		at[a] = 0
	}
}
