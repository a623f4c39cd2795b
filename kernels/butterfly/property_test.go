package butterfly

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// randomDesign returns a chain of one to four factors on n features, of which
// some keep the features and are of radix 2 in any order, as fused passes have
// them, and the last may be rectangular.
func randomDesign(r *rand.Rand, n int) Design {
	d := Design{In: n, Out: n}
	for range r.IntN(4) {
		if n%2 == 0 && r.IntN(2) == 0 {
			stride := randomDivisor(r, n/2)
			for range 1 + r.IntN(5) {
				d.Patterns = append(d.Patterns, Pattern{n / 2 / stride, 2, 2, stride})
				switch next := stride * 2; {
				case r.IntN(2) == 0 && n/2%next == 0:
					stride = next
				case stride%2 == 0:
					stride /= 2
				}
			}
			continue
		}
		a := randomDivisor(r, n)
		b := randomDivisor(r, n/a)
		d.Patterns = append(d.Patterns, Pattern{a, b, b, n / a / b})
	}
	a := randomDivisor(r, n)
	c := randomDivisor(r, n/a)
	last := Pattern{a, 1 + r.IntN(20), c, n / a / c}
	d.Patterns = append(d.Patterns, last)
	d.Out = last.Rows()
	if r.IntN(3) == 0 {
		d.In, d.Out = 1+r.IntN(d.In), 1+r.IntN(d.Out)
	}
	return d
}

func randomDivisor(r *rand.Rand, n int) int {
	for {
		if d := 1 + r.IntN(n); n%d == 0 {
			return d
		}
	}
}

// eachLength runs a test for chains on every number of features up to 300.
func eachLength(t *testing.T, test func(t *testing.T, r *rand.Rand, c *Chain, rows int)) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(301)
		for n := 1; n <= 300; n++ {
			d := randomDesign(r, n)
			for d.Values() > 1<<12 {
				d = randomDesign(r, n)
			}
			test(t, r, randomChain(r, d), 1+r.IntN(21))
		}
	})
}

// applyUnaligned is apply with operands at any multiple of 4 bytes.
func applyUnaligned(t *testing.T, r *rand.Rand, c *Chain, src []float32, rows int, e Epilogue) []float32 {
	t.Helper()
	k := prepare(t, c)
	x, checkSrc := unaligned(t, r, len(src))
	copy(x, src)
	y, checkDst := unaligned(t, r, rows*c.Out)
	scratch, checkScratch := unaligned(t, r, k.ScratchSize(rows))
	for i := range scratch {
		scratch[i] = float32(math.NaN())
	}
	k.Apply(y, x, rows, e, scratch)
	checkSrc()
	checkDst()
	checkScratch()
	checkSameBits(t, "the source", x, src)
	return y
}

func TestEveryLengthEqualsDense(t *testing.T) {
	eachLength(t, func(t *testing.T, r *rand.Rand, c *Chain, rows int) {
		src := normal(r, rows*c.In)
		y := applyUnaligned(t, r, c, src, rows, Epilogue{})
		dense := c.Dense()
		for i := range rows {
			want := matrixProduct(dense, c.Out, c.In, src[i*c.In:][:c.In])
			checkClose(t, name(c.Design()), y[i*c.Out:][:c.Out], want, 1e-4)
		}
	})
}

func TestEveryLengthIsLinear(t *testing.T) {
	eachLength(t, func(t *testing.T, r *rand.Rand, c *Chain, rows int) {
		const alpha, beta = 0.75, -2.5
		x, z := normal(r, rows*c.In), normal(r, rows*c.In)
		both := make([]float32, len(x))
		for i := range both {
			both[i] = alpha*x[i] + beta*z[i]
		}
		kx, kz := applyUnaligned(t, r, c, x, rows, Epilogue{}), applyUnaligned(t, r, c, z, rows, Epilogue{})
		want := make([]float64, len(kx))
		for i := range want {
			want[i] = alpha*float64(kx[i]) + beta*float64(kz[i])
		}
		checkClose(t, name(c.Design()), applyUnaligned(t, r, c, both, rows, Epilogue{}), want, 1e-4)
	})
}

func TestEveryLengthHasItsAdjoint(t *testing.T) {
	eachLength(t, func(t *testing.T, r *rand.Rand, c *Chain, rows int) {
		x, y := normal(r, rows*c.In), normal(r, rows*c.Out)
		kx, ky := applyUnaligned(t, r, c, x, rows, Epilogue{}), applyUnaligned(t, r, c.Transposed(), y, rows, Epilogue{})
		left, right, size := 0.0, 0.0, 0.0
		for i, v := range kx {
			left += float64(v) * float64(y[i])
			size += math.Abs(float64(v) * float64(y[i]))
		}
		for i, v := range ky {
			right += float64(v) * float64(x[i])
		}
		if math.Abs(left-right) > 1e-4*size+1e-6 {
			t.Fatalf("%s: <Kx,y> = %v, <x,K'y> = %v", name(c.Design()), left, right)
		}
	})
}

// The paper's BB* of 1024 has 20 factors. Where factors can be fused at all, few
// passes do them.
func TestRadixTwoFactorsAreFused(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		kernels := rowKernelsFor(cpu.Current())
		if len(kernels.fused) == 0 {
			return
		}
		d, err := Kaleidoscope(1024, 1024, 1, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		if passes := plan(randomChain(newRand(1), d).Factors, kernels); len(passes) > 5 {
			t.Errorf("%d passes for %d factors", len(passes), len(d.Patterns))
		}
	})
}
