package butterfly

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// Kernel is a chain prepared for inference. It is safe for concurrent use.
type Kernel struct {
	in, out int
	largest int // features of the largest state
	factors []preparedFactor
}

// Prepare copies the values of a chain into the form that the kernels read,
// or returns the error of the chain's shape. Values may be infinite or NaN.
func Prepare(c *Chain) (*Kernel, error) {
	if err := c.checkShape(); err != nil {
		return nil, err
	}
	k := &Kernel{in: c.In, out: c.Out, largest: c.Design().LargestState()}
	for _, f := range c.Clone().Factors {
		k.factors = append(k.factors, prepareFactor(f))
	}
	return k, nil
}

// In is the number of input features.
func (k *Kernel) In() int { return k.in }

// Out is the number of output features.
func (k *Kernel) Out() int { return k.out }

// maxSingles is up to how many rows are multiplied one by one; more go
// through a tile.
const maxSingles = 4

// singles is the number of rows to multiply one by one out of rows that
// remain.
func singles(rows int) int {
	if hasSingle && rows <= maxSingles && cpu.Current() >= cpu.AVX2 {
		return rows
	}
	return 0
}

// ScratchSize is the length of the scratch that Apply needs for this many rows.
func (k *Kernel) ScratchSize(rows int) int {
	if rows < 1 {
		return 0
	}
	return max(3*k.largest, 2*k.largest*narrowest(min(rows, tileStep)))
}

// narrowest is the width of the tile that holds some rows, at most tileStep.
func narrowest(rows int) int {
	if rows <= tileStep/2 {
		return tileStep / 2
	}
	return tileStep
}

// Apply computes dst = epilogue(src K') for src [rows, In] and dst
// [rows, Out], row by row in memory: each row is one activation. The slices
// must not overlap, and scratch must have ScratchSize(rows) numbers. Nothing
// is allocated. The result of a row does not depend on the other rows, so
// rows may be split over goroutines at will (each with its own scratch).
// Apply panics if a slice is too short.
func (k *Kernel) Apply(dst, src []float32, rows int, e Epilogue, scratch []float32) {
	k.check(dst, src, rows, e, scratch)
	for from := 0; from < rows; {
		if n := singles(rows - from); n > 0 {
			for range n {
				k.applySingle(dst[from*k.out:][:k.out], src[from*k.in:][:k.in], e, scratch)
				from++
			}
			return
		}
		count := min(tileStep, rows-from)
		k.applyTile(dst[from*k.out:], src[from*k.in:], count, e, scratch)
		from += count
	}
}

// applyTile does at most tileStep rows through two tiles in scratch.
func (k *Kernel) applyTile(dst, src []float32, count int, e Epilogue, scratch []float32) {
	width := narrowest(count)
	a, b := scratch[:k.largest*width], scratch[k.largest*width:2*k.largest*width]
	clear(a[k.in*width : k.factors[0].Columns()*width])
	transposeIn(a, width, src, k.in, count)
	features := k.factors[0].Columns()
	for i := range k.factors {
		f := &k.factors[i]
		if f.IsGather() {
			gather(b, a[:features*width], f.Indexes, width)
		} else {
			multiply(b, a, f.Values, f.Pattern, width, false)
		}
		features = f.Rows()
		a, b = b, a
	}
	transposeOut(dst, k.out, count, a, width, e)
}

// applySingle does one row. The first factor reads src and the last one
// writes dst where their sizes allow it.
func (k *Kernel) applySingle(dst, src []float32, e Epilogue, scratch []float32) {
	a, b, spare := scratch[:k.largest], scratch[k.largest:2*k.largest], scratch[2*k.largest:3*k.largest]
	x := src
	if columns := k.factors[0].Columns(); k.in < columns {
		clear(a[copy(a, src):columns])
		x = a
	}
	for i := range k.factors {
		f, y := &k.factors[i], b
		if i == len(k.factors)-1 && f.Rows() == k.out {
			y = dst
		}
		if f.IsGather() {
			gather(y, x, f.Indexes, 1)
		} else {
			f.multiplySingle(y, x, spare)
		}
		a, b = b, a
		x = y[:f.Rows()]
	}
	if k.factors[len(k.factors)-1].Rows() != k.out {
		copy(dst, x[:k.out])
	}
	e.apply(dst)
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
