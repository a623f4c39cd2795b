package butterfly

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// Kernel is a chain prepared for inference at the level of kernels that was
// current then. It is safe for concurrent use.
type Kernel struct {
	in, out       int
	columns, rows int // of the first and of the last factor
	stride        int // numbers from one activation to the next between passes
	chunk         int // activations that go through all passes before the next ones
	passes        []pass
}

// Prepare copies the values of a chain into the form that the kernels read,
// or returns the error of the chain's shape. Values may be infinite or NaN.
func Prepare(c *Chain) (*Kernel, error) {
	if err := c.checkShape(); err != nil {
		return nil, err
	}
	features := c.Design().LargestState()
	return &Kernel{
		in: c.In, out: c.Out,
		columns: c.Factors[0].Columns(), rows: c.Factors[len(c.Factors)-1].Rows(),
		stride: stateStride(features),
		chunk:  chunkRows(features),
		passes: plan(c.Factors, rowKernelsFor(cpu.Current())),
	}, nil
}

// In is the number of input features.
func (k *Kernel) In() int { return k.in }

// Out is the number of output features.
func (k *Kernel) Out() int { return k.out }

const (
	// stateNumbers is how many numbers the states of a chunk of activations may
	// have: what the first cache holds of most processors.
	stateNumbers = 1 << 13
	// fewestRows and mostRows bound a chunk: fewer would read the values of the
	// factors too often, more gain nothing.
	fewestRows, mostRows = 8, 16
)

// chunkRows is how many activations go through all passes before the next ones
// start.
func chunkRows(features int) int {
	return min(max(stateNumbers/features, fewestRows), mostRows)
}

// stateStride is the distance of the states of neighbouring activations: whole
// cache lines, and one more so that the states of a power of two of features
// do not all fall on the same lines of the cache.
func stateStride(features int) int { return (features+15)/16*16 + 16 }

// ScratchSize is the length of the scratch that Apply needs for this many rows.
func (k *Kernel) ScratchSize(rows int) int {
	if rows < 1 {
		return 0
	}
	count, spare := min(rows, k.chunk), 0
	for _, p := range k.passes {
		spare = max(spare, p.scratch(count))
	}
	return 2*count*k.stride + spare
}

// Apply computes dst = epilogue(src K') for src [rows, In] and dst
// [rows, Out], row by row in memory: each row is one activation. The slices
// must not overlap, and scratch must have ScratchSize(rows) numbers. Nothing
// is allocated. The result of a row does not depend on the other rows, so
// rows may be split over goroutines at will (each with its own scratch).
// Apply panics if a slice is too short.
func (k *Kernel) Apply(dst, src []float32, rows int, e Epilogue, scratch []float32) {
	k.check(dst, src, rows, e, scratch)
	for from := 0; from < rows; from += k.chunk {
		k.applyChunk(dst[from*k.out:], src[from*k.in:], min(k.chunk, rows-from), e, scratch)
	}
}

// applyChunk does a few rows. The first pass reads src and the last one writes
// dst where their sizes allow it.
func (k *Kernel) applyChunk(dst, src []float32, count int, e Epilogue, scratch []float32) {
	size := count * k.stride
	states := [2]activations{{scratch[:size], k.stride}, {scratch[size : 2*size], k.stride}}
	spare := scratch[2*size:]
	x := activations{src, k.in}
	if k.in < k.columns {
		x.copyTo(states[1], count, k.in, k.columns)
		x = states[1]
	}
	next := 0
	for i, p := range k.passes {
		y := states[next]
		switch {
		case i == len(k.passes)-1 && k.rows == k.out:
			y = activations{dst, k.out}
		case p.inPlace() && (i > 0 || k.in < k.columns):
			y = x
		default:
			next = 1 - next
		}
		p.multiply(y, x, count, spare)
		x = y
	}
	if k.rows != k.out {
		x.copyTo(activations{dst, k.out}, count, k.out, k.out)
	}
	for i := range count {
		e.apply(dst[i*k.out:][:k.out])
	}
}

func (k *Kernel) check(dst, src []float32, rows int, e Epilogue, scratch []float32) {
	checkLength("source", src, k.in, rows)
	checkLength("destination", dst, k.out, rows)
	if e.Bias != nil && len(e.Bias) != k.out {
		panic(fmt.Sprintf("butterfly: bias of %d numbers for %d outputs", len(e.Bias), k.out))
	}
	if need := k.ScratchSize(rows); len(scratch) < need {
		panic(fmt.Sprintf("butterfly: scratch of %d numbers, want %d", len(scratch), need))
	}
}
