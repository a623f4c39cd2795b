package ops

// im2col copies the parts of a channel-first image that the window covers for
// output positions from to to-1 (in row-major order) into dst, a matrix
// with a row for each channel and kernel element and a column for each output
// position; padding is 0. With add set it does the reverse: it adds the
// columns to the image.
//
// image holds channels planes of p.in elements.
func im2col[T float](p *placement, dst, image []T, channels, from, to int, add bool) {
	axes := len(p.in)
	last := axes - 1
	stride := p.strides[last]
	taps, plane, columns := sizeOf(p.kernel), sizeOf(p.in), to-from
	tap := make([]int, axes)
	at := make([]int, axes)
	for t := range taps {
		unravel(tap, t, p.kernel)
		for pos := from; pos < to; {
			unravel(at, pos, p.out)
			run := min(to-pos, p.out[last]-at[last])
			row := p.inputRow(at, tap)
			low, high, start := p.validRange(at[last], run, tap[last])
			if row < 0 {
				low, high = 0, 0
			}
			for c := range channels {
				line := dst[(c*taps+t)*columns+pos-from:][:run]
				source := image[c*plane+max(row, 0)+start:]
				if add {
					addToStrided(source, line[low:high], stride)
					continue
				}
				clear(line[:low])
				copyFromStrided(line[low:high], source, stride)
				clear(line[high:])
			}
			pos += run
		}
	}
}

// inputRow returns the offset in a plane of the row of the input that kernel
// element tap reads for output position at, or -1 if it lies in the padding.
func (p *placement) inputRow(at, tap []int) int {
	row := 0
	last := len(p.in) - 1
	for i := range last {
		x := at[i]*p.strides[i] - p.begin[i] + tap[i]*p.dilations[i]
		if x < 0 || x >= p.in[i] {
			return -1
		}
		row = (row + x) * p.in[i+1]
	}
	return row
}

// validRange returns the range of the n output coordinates from x on for which
// the kernel element tap of the last axis lies inside of the input, and the
// input coordinate of the first.
func (p *placement) validRange(x, n, tap int) (from, to, start int) {
	last := len(p.in) - 1
	return insideRow(p.in[last], x*p.strides[last]-p.begin[last]+tap*p.dilations[last], p.strides[last], n)
}

// insideRow returns the range of i below n for which first+i*stride lies inside
// of a row of the given size, and that index for the first of them.
func insideRow(size, first, stride, n int) (from, to, start int) {
	if first < 0 {
		from = min(n, (-first+stride-1)/stride)
	}
	if first < size {
		to = min(n, (size-first+stride-1)/stride)
	}
	if from >= to {
		return 0, 0, 0
	}
	return from, to, first + from*stride
}

// copyStrided sets dst[i] = row[first+i*stride], 0 outside of the row.
func copyStrided[T float](dst, row []T, first, stride int) {
	from, to, start := insideRow(len(row), first, stride, len(dst))
	clear(dst[:from])
	copyFromStrided(dst[from:to], row[start:], stride)
	clear(dst[to:])
}

// copyFromStrided sets dst[i] = src[i*stride].
func copyFromStrided[T float](dst, src []T, stride int) {
	if stride == 1 {
		copy(dst, src)
		return
	}
	if stride == 2 && len(src) >= 2*len(dst) {
		src = src[:2*len(dst)]
		for i := range dst {
			dst[i] = src[2*i]
		}
		return
	}
	at := 0
	for i := range dst {
		dst[i] = src[at]
		at += stride
	}
}

// addToStrided adds src[i] to dst[i*stride].
func addToStrided[T float](dst, src []T, stride int) {
	if stride == 1 {
		addInto(dst[:len(src)], src)
		return
	}
	for i, v := range src {
		dst[i*stride] += v
	}
}

// unravel sets at to the coordinates of element i of an array of that shape.
func unravel(at []int, i int, shape []int) {
	for d := len(shape) - 1; d >= 0; d-- {
		at[d] = i % shape[d]
		i /= shape[d]
	}
}
