package grad

import "math/bits"

// memory keeps slices that are no longer needed, by size class: runs ask for
// about the lengths of the last.
type memory map[int][][]float32

// class rounds a length up to a quarter of a power of two, so that inputs of
// different sizes share slices and at most a fifth of one is wasted.
func class(n int) int {
	if n <= 8 {
		return 8
	}
	quarter := 1 << max(bits.Len(uint(n-1))-3, 0)
	return (n + quarter - 1) / quarter * quarter
}

// take returns a slice of n numbers of unknown content.
func (m memory) take(n int) []float32 {
	size := class(n)
	if free := m[size]; len(free) > 0 {
		x := free[len(free)-1]
		m[size] = free[:len(free)-1]
		return x[:n]
	}
	return make([]float32, n, size)
}

// zeros returns a slice of n zeros.
func (m memory) zeros(n int) []float32 {
	x := m.take(n)
	clear(x)
	return x
}

// give puts a slice back. Those that take did not make are left to the garbage
// collector.
func (m memory) give(x []float32) {
	if size := cap(x); size > 0 && class(size) == size {
		m[size] = append(m[size], x)
	}
}

// trim forgets everything if that is more numbers than the limit, so that the
// memory of many different batches does not add up.
func (m memory) trim(limit int) {
	total := 0
	for size, free := range m {
		total += size * len(free)
	}
	if total > limit {
		clear(m)
	}
}
