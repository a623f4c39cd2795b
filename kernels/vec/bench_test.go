package vec

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
)

func BenchmarkVec(b *testing.B) {
	const n = 1024
	r := rand.New(rand.NewPCG(1, 1))
	x, y, z := normal(r, n), normal(r, n), make([]float32, n)
	half := make([]uint16, n)
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"Exp", func() { Exp(z, x) }},
		{"Tanh", func() { Tanh(z, x) }},
		{"Sigmoid", func() { Sigmoid(z, x) }},
		{"Erf", func() { Erf(z, x) }},
		{"Gelu", func() { Gelu(z, x) }},
		{"GeluTanh", func() { GeluTanh(z, x) }},
		{"Silu", func() { Silu(z, x) }},
		{"Softmax", func() { Softmax(z, x) }},
		{"LayerNorm", func() { LayerNorm(z, x, x, y, 1e-5) }},
		{"RMSNorm", func() { RMSNorm(z, x, y, 1e-5) }},
		{"Sum", func() { Sum(x) }},
		{"Dot", func() { Dot(x, y) }},
		{"Max", func() { Max(x) }},
		{"Axpy", func() { Axpy(z, x, 1e-9) }},
		{"Add", func() { Add(z, x, y) }},
		{"Relu", func() { Relu(z, x) }},
		{"Transpose", func() { Transpose(z, x, 32, 32) }},
		{"Float32ToFloat16", func() { Float32ToFloat16(half, x) }},
		{"Float16ToFloat32", func() { Float16ToFloat32(z, half) }},
	} {
		for _, level := range cpu.Available() {
			b.Run(fmt.Sprintf("%s/%v", c.name, level), func(b *testing.B) {
				defer cpu.SetForTest(level)()
				b.SetBytes(4 * n)
				for b.Loop() {
					c.run()
				}
			})
		}
	}
}
