package ops

import "sync"

// buffer is working memory of one thread inside of a loop, of unknown content.
type buffer[T any] struct {
	data []T
	pool *sync.Pool
}

var (
	float32Buffers = sync.Pool{New: func() any { return &buffer[float32]{} }}
	float64Buffers = sync.Pool{New: func() any { return &buffer[float64]{} }}
)

// borrow returns a buffer of n elements, to be given back by release. Those of
// floats are kept for reuse.
func borrow[T number](n int) *buffer[T] {
	var pool *sync.Pool
	switch any(T(0)).(type) {
	case float32:
		pool = &float32Buffers
	case float64:
		pool = &float64Buffers
	default:
		return &buffer[T]{data: make([]T, n)}
	}
	b := pool.Get().(*buffer[T])
	b.pool = pool
	if cap(b.data) < n {
		b.data = make([]T, n)
	}
	b.data = b.data[:n]
	return b
}

func (b *buffer[T]) release() {
	if b.pool != nil {
		b.pool.Put(b)
	}
}
