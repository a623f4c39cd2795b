package butterfly

import (
	"math"
	"testing"
)

// apply runs a kernel with guard words behind everything it writes.
func apply(t *testing.T, k *Kernel, src []float32, rows int, e Epilogue) []float32 {
	t.Helper()
	dst, checkDst := guarded(t, rows*k.Out())
	scratch, checkScratch := guarded(t, k.ScratchSize(rows))
	for i := range scratch {
		scratch[i] = float32(math.NaN()) // scratch must be written before it is read
	}
	k.Apply(dst, src, rows, e, scratch)
	checkDst()
	checkScratch()
	return dst
}

func prepare(t *testing.T, c *Chain) *Kernel {
	t.Helper()
	k, err := Prepare(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestApplyEqualsFloat64(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(1)
		designs := mixedDesigns()
		for _, p := range smallPatterns() {
			designs = append(designs, designOf(p))
		}
		for _, d := range designs {
			c := randomChain(r, d)
			k := prepare(t, c)
			for _, rows := range []int{1, 5, 18} {
				src := normal(r, rows*d.In)
				dst := apply(t, k, src, rows, Epilogue{})
				for i := range rows {
					checkRounding(t, c, dst[i*d.Out:][:d.Out], src[i*d.In:][:d.In])
				}
			}
		}
	})
}

func TestApplyRowsAreIndependent(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(2)
		for _, d := range mixedDesigns() {
			k := prepare(t, randomChain(r, d))
			const most = 40
			src := normal(r, most*d.In)
			e := Epilogue{Bias: normal(r, d.Out), Activation: Relu}
			single := make([]float32, 0, most*d.Out)
			for i := range most {
				single = append(single, apply(t, k, src[i*d.In:][:d.In], 1, e)...)
			}
			for rows := range most + 1 {
				got := apply(t, k, src[:rows*d.In], rows, e)
				checkSameBits(t, name(d), got, single[:rows*d.Out])
			}
		}
	})
}

func TestApplySinglePatternsSameBitsBatched(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(3)
		for _, p := range smallPatterns() {
			d := designOf(p)
			k := prepare(t, randomChain(r, d))
			const rows = 17
			src := normal(r, rows*d.In)
			batched := apply(t, k, src, rows, Epilogue{})
			for i := range rows {
				checkSameBits(t, name(d), apply(t, k, src[i*d.In:][:d.In], 1, Epilogue{}), batched[i*d.Out:][:d.Out])
			}
		}
	})
}

func TestApplyEpilogue(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(4)
		for _, d := range mixedDesigns() {
			k := prepare(t, randomChain(r, d))
			for _, rows := range []int{1, 4, 16, 21} {
				src, bias := normal(r, rows*d.In), normal(r, d.Out)
				plain := apply(t, k, src, rows, Epilogue{})
				got := apply(t, k, src, rows, Epilogue{Bias: bias, Activation: Relu})
				for i, v := range plain {
					plain[i] = max(v+bias[i%d.Out], 0)
				}
				checkSameBits(t, name(d), got, plain)
			}
		}
	})
}

// A NaN or an infinity of an input must reach every output that depends on it.
func TestApplyNaNAndInfinity(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(5)
		designs := mixedDesigns()
		for _, p := range smallPatterns() {
			designs = append(designs, designOf(p))
		}
		for _, d := range designs {
			c := NewChain(d)
			for _, f := range c.Factors {
				for i := range f.Values {
					f.Values[i] = 1 + r.Float32()
				}
			}
			k := prepare(t, c)
			for _, rows := range []int{1, 17} {
				src := normal(r, rows*d.In)
				bad := r.IntN(d.In)
				column := make([]float32, d.In)
				column[bad] = 1
				reached := product64(c, column)
				src[(rows-1)*d.In+bad] = float32(math.Inf(1))
				checkBad(t, d, reached, apply(t, k, src, rows, Epilogue{Activation: Relu})[(rows-1)*d.Out:], func(v float64) bool { return math.IsInf(v, 1) || math.IsNaN(v) })
				src[(rows-1)*d.In+bad] = float32(math.NaN())
				checkBad(t, d, reached, apply(t, k, src, rows, Epilogue{Activation: Relu})[(rows-1)*d.Out:], math.IsNaN)
			}
		}
	})
}

func checkBad(t *testing.T, d Design, reached []float64, y []float32, bad func(float64) bool) {
	t.Helper()
	for row, v := range y {
		if reached[row] != 0 && !bad(float64(v)) {
			t.Fatalf("%s: output %d is %v although an input that it depends on is not finite", name(d), row, v)
		}
	}
}

func TestApplyDoesNotAllocate(t *testing.T) {
	for _, d := range mixedDesigns() {
		k := prepare(t, randomChain(newRand(6), d))
		for _, rows := range []int{1, 20} {
			src, dst := make([]float32, rows*d.In), make([]float32, rows*d.Out)
			scratch := make([]float32, k.ScratchSize(rows))
			if n := testing.AllocsPerRun(3, func() { k.Apply(dst, src, rows, Epilogue{}, scratch) }); n != 0 {
				t.Errorf("%s, %d rows: %v allocations", name(d), rows, n)
			}
		}
	}
}

func TestPrepareRejectsBadShapes(t *testing.T) {
	good := randomChain(newRand(7), mixedDesigns()[1])
	for what, spoil := range map[string]func(c *Chain){
		"values":  func(c *Chain) { c.Factors[0].Values = c.Factors[0].Values[1:] },
		"sides":   func(c *Chain) { c.Factors[0].B = 3 },
		"inputs":  func(c *Chain) { c.In = 100 },
		"outputs": func(c *Chain) { c.Out = 0 },
		"factors": func(c *Chain) { c.Factors = nil },
	} {
		c := good.Clone()
		spoil(c)
		if _, err := Prepare(c); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
