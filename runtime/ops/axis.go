package ops

// axisLayout is a dense tensor seen as [outer, size, inner], the middle axis
// being the one that an operator works along.
type axisLayout struct{ outer, size, inner int }

// layoutAt returns the layout of a shape at the given axis.
func layoutAt(shape []int, axis int) axisLayout {
	l := axisLayout{outer: 1, size: shape[axis], inner: 1}
	for _, s := range shape[:axis] {
		l.outer *= s
	}
	for _, s := range shape[axis+1:] {
		l.inner *= s
	}
	return l
}

// line returns the first element of line i, of outer * inner lines along the
// axis; its elements are inner apart.
func (l axisLayout) line(i int) int { return i/l.inner*l.inner*l.size + i%l.inner }

// lineGrain is the number of lines that one thread takes at a time.
func (l axisLayout) lineGrain() int { return max(1, functionGrain/max(1, l.size)) }
