package main

import (
	"math"
	"math/rand/v2"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/kernels/vec"
)

// testCase is one row of the table: a product here against a product of a
// dense weight [in, out] there.
type testCase struct {
	name          string
	in, out, rows int
	flops         int // of our work for one row
	bar           float64
	quantized     bool // against the peer's dynamic int8 product
	prepare       func(rows int) func()
}

// cases are the rows of the table, with the least ratio that each is to reach.
func cases() []testCase {
	var all []testCase
	chain := func(name string, d butterfly.Design, rows int, bar float64) {
		all = append(all, testCase{name: name, in: d.In, out: d.Out, rows: rows, flops: d.Flops(), bar: bar,
			prepare: func(rows int) func() { return applyChain(d, rows) }})
	}
	chain("radix-2 B, 1024", oneSided(1024), 1, 150)
	chain("radix-2 B, 1024", oneSided(1024), 32, 25)
	chain("radix-2 BB*, 256", twoSided(256), 32, 5)
	chain("radix-2 BB*, 1024", twoSided(1024), 32, 14)
	chain("radix-16 BB*, 512", radixSixteen(), 1, 6)
	chain("radix-16 BB*, 512", radixSixteen(), 16, 5)
	chain("radix-16 BB*, 512", radixSixteen(), 128, 5.5)
	for _, n := range []int{512, 1024} {
		for _, rows := range []int{16, 128} {
			all = append(all,
				testCase{name: "float32 GEMM", in: n, out: n, rows: rows, flops: 2 * n * n, bar: 0.9,
					prepare: func(rows int) func() { return multiplyDense(n, rows) }},
				testCase{name: "int8 GEMM", in: n, out: n, rows: rows, flops: 2 * n * n, bar: 0.8, quantized: true,
					prepare: func(rows int) func() { return multiplyInt8(n, rows) }})
		}
	}
	return all
}

// oneSided is the paper's B of size n: 2x2 factors, the largest stride first.
func oneSided(n int) butterfly.Design {
	d := butterfly.Design{In: n, Out: n}
	for stride := n / 2; stride >= 1; stride /= 2 {
		d.Patterns = append(d.Patterns, butterfly.Pattern{A: n / 2 / stride, B: 2, C: 2, D: stride})
	}
	return d
}

func twoSided(n int) butterfly.Design {
	d, err := butterfly.Kaleidoscope(n, n, 1, 1, 2)
	if err != nil {
		panic(err)
	}
	return d
}

// radixSixteen has 9.85 times fewer values than 512 x 512.
func radixSixteen() butterfly.Design {
	digits := []int{16, 2, 16}
	d, err := butterfly.Visits(512, 512, digits, digits, digits, butterfly.TwoSided(3))
	if err != nil {
		panic(err)
	}
	return d
}

func random(n int) []float32 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32()*2 - 1
	}
	return x
}

func applyChain(d butterfly.Design, rows int) func() {
	c := butterfly.NewChain(d)
	for _, f := range c.Factors {
		copy(f.Values, random(len(f.Values)))
	}
	k, err := butterfly.Prepare(c)
	if err != nil {
		panic(err)
	}
	x, y, scratch := random(rows*d.In), make([]float32, rows*d.Out), make([]float32, k.ScratchSize(rows))
	return func() { k.Apply(y, x, rows, butterfly.Epilogue{}, scratch) }
}

func multiplyDense(n, rows int) func() {
	p := gemm.Pack(random(n*n), n, n, false)
	x, y := random(rows*n), make([]float32, rows*n)
	return func() { p.Multiply(y, n, x, n, rows, 0, n, gemm.Epilogue{}) }
}

// multiplyInt8 is what the peer's dynamic int8 does: the activations are
// quantized with one scale, the exact product is scaled back.
func multiplyInt8(n, rows int) func() {
	w := make([]int8, n*n)
	for i, v := range random(n * n) {
		w[i] = int8(127 * v)
	}
	p := gemm.PackInt8(w, n, n, false)
	x, q, sums, y := random(rows*n), make([]uint8, rows*n), make([]int32, rows*n), make([]float32, rows*n)
	return func() {
		low, high := min(0, vec.Min(x)), max(0, vec.Max(x))
		scale := (high - low) / 255
		zero := uint8(math.RoundToEven(float64(-low / scale)))
		vec.QuantizeUint8(q, x, scale, zero)
		p.Multiply(sums, n, q, n, rows, 0, n)
		p.ScaleSums(y, n, sums, n, rows, 0, n, int32(zero), scale/127, nil, nil)
	}
}
