package butterfly

import "fmt"

// Kernel is a chain prepared for inference. It is safe for concurrent use.
type Kernel struct {
	in, out int
	largest int // features of the largest state
	factors []Factor
}

// Prepare copies the values of a chain into the form that the kernels read,
// or returns the error of the chain's shape. Values may be infinite or NaN.
func Prepare(c *Chain) (*Kernel, error) {
	if err := c.checkShape(); err != nil {
		return nil, err
	}
	k := &Kernel{in: c.In, out: c.Out, largest: c.Design().LargestState()}
	k.factors = c.Clone().Factors
	return k, nil
}

// In is the number of input features.
func (k *Kernel) In() int { return k.in }

// Out is the number of output features.
func (k *Kernel) Out() int { return k.out }

// ScratchSize is the length of the scratch that Apply needs for this many rows.
func (k *Kernel) ScratchSize(rows int) int {
	if rows < 1 {
		return 0
	}
	return 2 * k.largest * tileStep
}

// Apply computes dst = epilogue(src K') for src [rows, In] and dst
// [rows, Out], row by row in memory: each row is one activation. The slices
// must not overlap, and scratch must have ScratchSize(rows) numbers. Nothing
// is allocated. The result of a row does not depend on the other rows, so
// rows may be split over goroutines at will (each with its own scratch).
// Apply panics if a slice is too short.
func (k *Kernel) Apply(dst, src []float32, rows int, e Epilogue, scratch []float32) {
	k.check(dst, src, rows, e, scratch)
	half := k.largest * tileStep
	for from := 0; from < rows; from += tileStep {
		count := min(tileStep, rows-from)
		k.applyTile(dst[from*k.out:], src[from*k.in:], count, e, scratch[:half], scratch[half:2*half])
	}
}

// applyTile does at most tileStep rows in two tiles a and b.
func (k *Kernel) applyTile(dst, src []float32, count int, e Epilogue, a, b []float32) {
	columns := k.factors[0].Columns()
	clear(a[k.in*tileStep : columns*tileStep])
	transposeIn(a, tileStep, src, k.in, count)
	for _, f := range k.factors {
		multiply(b, a, f.Values, f.Pattern, tileStep, false)
		a, b = b, a
	}
	transposeOut(dst, k.out, count, a, tileStep, e)
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
