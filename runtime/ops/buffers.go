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

// borrow returns a buffer of n elements, to be given back by release.
func borrow[T real](n int) *buffer[T] {
	pool := &float32Buffers
	if _, ok := any(T(0)).(float64); ok {
		pool = &float64Buffers
	}
	b := pool.Get().(*buffer[T])
	b.pool = pool
	if cap(b.data) < n {
		b.data = make([]T, n)
	}
	b.data = b.data[:n]
	return b
}

func (b *buffer[T]) release() { b.pool.Put(b) }
