package grad

// memory keeps slices that are no longer needed, by length: one run asks for
// the same lengths as the last.
type memory map[int][][]float32

// take returns a slice of n numbers of unknown content.
func (m memory) take(n int) []float32 {
	if free := m[n]; len(free) > 0 {
		x := free[len(free)-1]
		m[n] = free[:len(free)-1]
		return x
	}
	return make([]float32, n)
}

// zeros returns a slice of n zeros.
func (m memory) zeros(n int) []float32 {
	x := m.take(n)
	clear(x)
	return x
}

// give puts a slice back.
func (m memory) give(x []float32) {
	if len(x) > 0 {
		m[len(x)] = append(m[len(x)], x)
	}
}

// trim forgets what was not used if the lengths of runs vary, so that the
// memory of many different batches does not add up.
func (m memory) trim(limit int) {
	total := 0
	for n, free := range m {
		total += n * len(free)
	}
	if total > limit {
		clear(m)
	}
}
