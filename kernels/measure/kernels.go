package measure

import (
	"fmt"
	"math/rand/v2"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/kernels/vec"
)

// Kernels returns all kernels at a few sizes, in the order in which they are
// best shown.
func Kernels() []Kernel {
	kernels := chains()
	kernels = append(kernels, products()...)
	return append(kernels, vectors()...)
}

// chains are products of butterfly factors with activations, row by row.
func chains() []Kernel {
	var kernels []Kernel
	add := func(name string, d butterfly.Design, err error, rows ...int) {
		if err != nil {
			panic(err) // the sizes are ours
		}
		for _, rows := range rows {
			kernels = append(kernels, chain(name, d, rows))
		}
	}
	d, err := butterfly.Kaleidoscope(1024, 1024, 1, 1, 2)
	add("radix 2", d, err, 1, 16)
	d, err = butterfly.Kaleidoscope(512, 512, 1, 1, 4)
	add("radix 4", d, err, 1, 16)
	digits := []int{16, 2, 16}
	d, err = butterfly.Visits(512, 512, digits, digits, digits, butterfly.TwoSided(3))
	add("radix 16", d, err, 1, 16)
	d, err = butterfly.LowRank(512, 512, 32)
	add("low rank", d, err, 1, 16)
	return kernels
}

func chain(name string, d butterfly.Design, rows int) Kernel {
	return Kernel{
		Package: "butterfly", Name: name, Size: fmt.Sprintf("%dx%dx%d", rows, d.In, d.Out),
		Operations: rows * d.Flops(), Bytes: 4 * (d.Values() + rows*(d.In+d.Out)),
		prepare: func() func() {
			c := butterfly.NewChain(d)
			for _, f := range c.Factors {
				copy(f.Values, random(len(f.Values)))
			}
			k, err := butterfly.Prepare(c)
			if err != nil {
				panic(err) // the design is valid
			}
			x, y, scratch := random(rows*d.In), make([]float32, rows*d.Out), make([]float32, k.ScratchSize(rows))
			return func() { k.Apply(y, x, rows, butterfly.Epilogue{}, scratch) }
		},
	}
}

// products are matrix products.
func products() []Kernel {
	var kernels []Kernel
	const n = 512
	for _, rows := range []int{1, 16, 128} {
		size, operations := fmt.Sprintf("%dx%dx%d", rows, n, n), 2*rows*n*n
		kernels = append(kernels, Kernel{"gemm", "packed float32", size, operations, 4 * (n*n + 2*rows*n), func() func() {
			p, x, y := gemm.Pack(random(n*n), n, n, false), random(rows*n), make([]float32, rows*n)
			return func() { p.Multiply(y, n, x, n, rows, 0, n, gemm.Epilogue{}) }
		}}, Kernel{"gemm", "packed float16", size, operations, 2*n*n + 4*2*rows*n, func() func() {
			p, x, y := gemm.Pack(halves(n*n), n, n, false), random(rows*n), make([]float32, rows*n)
			return func() { p.Multiply(y, n, x, n, rows, 0, n, gemm.Epilogue{}) }
		}}, Kernel{"gemm", "packed int8", size, operations, n*n + 5*rows*n, func() func() {
			p, x, y := gemm.PackInt8(make([]int8, n*n), n, n, false), make([]uint8, rows*n), make([]int32, rows*n)
			return func() { p.Multiply(y, n, x, n, rows, 0, n) }
		}})
	}
	const m = 128
	return append(kernels, Kernel{"gemm", "float32", fmt.Sprintf("%dx%dx%d", m, m, m), 2 * m * m * m, 4 * 3 * m * m, func() func() {
		x, w, y := random(m*m), random(m*m), make([]float32, m*m)
		return func() { gemm.Multiply(y, x, w, m, m, m, gemm.Options{}) }
	}})
}

// vectors are functions of vectors that stay in the first cache.
func vectors() []Kernel {
	const n = 2048
	var kernels []Kernel
	add := func(name string, bytes int, prepare func() func()) {
		kernels = append(kernels, Kernel{"vec", name, fmt.Sprint(n), 0, bytes * n, prepare})
	}
	numbers := func(name string, bytes int, f func(dst, src []float32)) {
		add(name, bytes, func() func() {
			x, y := random(n), make([]float32, n)
			return func() { f(y, x) }
		})
	}
	unary := func(name string, f func(dst, src []float32)) { numbers(name, 8, f) }
	unary("exp", vec.Exp)
	unary("tanh", vec.Tanh)
	unary("sigmoid", vec.Sigmoid)
	unary("erf", vec.Erf)
	unary("gelu", vec.Gelu)
	unary("silu", vec.Silu)
	unary("relu", vec.Relu)
	unary("softmax", vec.Softmax)
	unary("layer norm", func(dst, src []float32) { vec.LayerNorm(dst, src, nil, nil, 1e-5) })
	numbers("add", 12, func(dst, src []float32) { vec.Add(dst, src, dst) })
	numbers("sum", 4, func(dst, src []float32) { dst[0] = vec.Sum(src) })
	numbers("max", 4, func(dst, src []float32) { dst[0] = vec.Max(src) })
	unary("transpose", func(dst, src []float32) { vec.Transpose(dst, src, 32, n/32) })
	add("quantize", 5, func() func() {
		x, y := random(n), make([]uint8, n)
		return func() { vec.QuantizeUint8(y, x, 1.0/127, 128) }
	})
	add("dequantize", 5, func() func() {
		x, y := make([]uint8, n), make([]float32, n)
		return func() { vec.DequantizeUint8(y, x, 1.0/127, 128) }
	})
	add("from float16", 6, func() func() {
		x, y := make([]uint16, n), make([]float32, n)
		return func() { vec.Float16ToFloat32(y, x) }
	})
	add("to float16", 6, func() func() {
		x, y := random(n), make([]uint16, n)
		return func() { vec.Float32ToFloat16(y, x) }
	})
	return kernels
}

// random returns numbers between -1 and 1, the same each time.
func random(n int) []float32 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32()*2 - 1
	}
	return x
}

// halves is random, rounded to float16, as which such weights are packed.
func halves(n int) []float32 {
	x, y := random(n), make([]uint16, n)
	vec.Float32ToFloat16(y, x)
	vec.Float16ToFloat32(x, y)
	return x
}
