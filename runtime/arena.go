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
	run   int // of the arena in which it was taken last
}

// arena keeps free buffers by size class, for reuse while they are warm in
// cache.
type arena struct {
	free [maxClass][]*buffer
	// run counts the runs, used and most are the bytes in use now and at most in
	// this run, held those of free buffers.
	run, used, most, held int
}

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
	a.used += size
	a.most = max(a.most, a.used)
	if free := a.free[class]; len(free) > 0 {
		b := free[len(free)-1]
		a.free[class] = free[:len(free)-1]
		a.held -= size
		b.run = a.run
		return b
	}
	return &buffer{raw: onnx.AlignedBytes(size), class: class, run: a.run}
}

func (a *arena) give(b *buffer) {
	a.free[b.class] = append(a.free[b.class], b)
	a.used -= len(b.raw)
	a.held += len(b.raw)
}

// What is held for later runs beyond what the last one used, before it is given
// back: inputs of many sizes would each leave their own buffers.
const (
	heldShare = 2
	heldBytes = 64 << 20
)

// endRun forgets buffers that this run did not need, if there are many.
func (a *arena) endRun() {
	if a.held > heldShare*a.most+heldBytes {
		for class, free := range a.free {
			kept := free[:0]
			for _, b := range free {
				if b.run == a.run {
					kept = append(kept, b)
				} else {
					a.held -= len(b.raw)
				}
			}
			clear(free[len(kept):])
			a.free[class] = kept
		}
	}
	a.run++
	a.most = a.used
}

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
