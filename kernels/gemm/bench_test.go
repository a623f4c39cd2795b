package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// report adds the rate of multiply-adds, and of bytes of the weight, to a
// benchmark.
func report(b *testing.B, m, n, k int) {
	calls := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(calls*float64(m)*float64(n)*float64(k)/1e9, "GFMA/s")
	b.ReportMetric(calls*float64(n)*float64(k)*4/1e9, "GB/s")
}

func BenchmarkPacked(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, size := range [][3]int{ // rows, inputs, outputs
		{1, 512, 512}, {1, 1024, 1024}, {1, 4096, 4096}, {1, 784, 512}, {1, 512, 10}, {1, 256, 1000},
		{2, 512, 512}, {3, 512, 512}, {4, 512, 512}, {5, 512, 512}, {6, 512, 512}, {8, 512, 512}, {16, 512, 512},
		{32, 256, 256}, {128, 64, 64}, {128, 512, 512}, {128, 1024, 1024}, {1024, 1024, 1024}, {65, 192, 576}, {1000, 27, 64},
	} {
		m, k, n := size[0], size[1], size[2]
		a, dst := newMatrix(r, m, k, 0).data, make([]float32, m*n)
		p := Pack(newMatrix(r, k, n, 0).data, k, n, false)
		for _, level := range cpu.Available() {
			b.Run(fmt.Sprintf("%dx%dx%d/%v", m, k, n, level), func(b *testing.B) {
				defer cpu.SetForTest(level)()
				for b.Loop() {
					p.Multiply(dst, n, a, k, m, 0, n, Epilogue{})
				}
				report(b, m, n, k)
			})
		}
	}
}

func BenchmarkMultiply(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, size := range [][3]int{{1, 64, 50}, {1, 50, 64}, {8, 8, 8}, {16, 16, 16}, {65, 64, 65}, {65, 65, 64}, {256, 256, 256}, {512, 512, 512}} {
		m, k, n := size[0], size[1], size[2]
		x, y, dst := newMatrix(r, m, k, 0).data, newMatrix(r, k, n, 0).data, make([]float32, m*n)
		for _, form := range []struct {
			name string
			Options
		}{{"NN", Options{}}, {"NT", Options{TransposeB: true, Alpha: 0.125}}, {"TN", Options{TransposeA: true}}} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", m, k, n, form.name), func(b *testing.B) {
				for b.Loop() {
					Multiply(dst, x, y, m, n, k, form.Options)
				}
				report(b, m, n, k)
			})
		}
	}
}

func BenchmarkPack(b *testing.B) {
	const n = 1024
	w := newMatrix(rand.New(rand.NewPCG(1, 1)), n, n, 0).data
	dst := make([]float32, n*n)
	for _, transposed := range []bool{false, true} {
		b.Run(fmt.Sprintf("transposed=%v", transposed), func(b *testing.B) {
			for b.Loop() {
				packPanels(dst, w, n, n, n, transposed)
			}
			report(b, 1, n, n)
		})
	}
}

func BenchmarkSymmetricUpdate(b *testing.B) {
	const rows, n = 1024, 512
	x, s := newMatrix(rand.New(rand.NewPCG(1, 1)), rows, n, 0).data, make([]float64, n*n)
	for b.Loop() {
		SymmetricUpdate(s, x, rows, n, 0, n)
	}
	report(b, rows, n, n/2)
}
