package runtime

import (
	"fmt"
	"math/bits"

	"github.com/kcompress/kcompress/onnx"
)

// buffer is a piece of arena memory with the number of values that lie in it.
type buffer struct {
	raw   []byte
	class int
	uses  int
}

// arena keeps free buffers by size class, for reuse while they are warm in
// cache.
type arena struct{ free [maxClass][]*buffer }

// Classes step by a quarter of a power of two, so that at most a fifth of a
// buffer is wasted.
const maxClass = 64 * 4

func classOf(bytes int) (class, size int) {
	if bytes <= 64 {
		return 0, 64
	}
	top := bits.Len(uint(bytes-1)) - 1 // 2^top <= bytes-1
	quarter := 1 << max(top-2, 0)
	steps := (bytes - 1<<top + quarter - 1) / quarter
	return (top-6)*4 + steps, 1<<top + steps*quarter
}

func (a *arena) take(bytes int) *buffer {
	class, size := classOf(bytes)
	if free := a.free[class]; len(free) > 0 {
		b := free[len(free)-1]
		a.free[class] = free[:len(free)-1]
		return b
	}
	return &buffer{raw: onnx.AlignedBytes(size), class: class}
}

func (a *arena) give(b *buffer) { a.free[b.class] = append(a.free[b.class], b) }

// memory is what the values of one run may still take, those of its subgraphs
// included.
type memory struct{ left, limit int }

// take reserves bytes, or fails if that is more than the run may have.
func (m *memory) take(bytes int) error {
	if bytes < 0 || bytes > m.left {
		return fmt.Errorf("%w of %d bytes", ErrMemory, m.limit)
	}
	m.left -= bytes
	return nil
}

func (m *memory) give(bytes int) { m.left += bytes }
