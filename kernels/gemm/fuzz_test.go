package gemm

import (
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// FuzzMultiply compares products of any small sizes, forms and strides, which
// the seed decides, with sums in float64, at every level.
func FuzzMultiply(f *testing.F) {
	f.Add(uint8(1), uint8(1), uint8(0), uint64(1))
	f.Add(uint8(13), uint8(17), uint8(5), uint64(2))
	f.Add(uint8(200), uint8(50), uint8(255), uint64(3))
	f.Fuzz(func(t *testing.T, m, n, k uint8, seed uint64) {
		for _, level := range cpu.Available() {
			restore := cpu.SetForTest(level)
			testMultiply(t, rand.New(rand.NewPCG(seed, 1)), 1+int(m), 1+int(n), int(k))
			testPacked(t, rand.New(rand.NewPCG(seed, 2)), 1+int(m), 1+int(n), int(k))
			restore()
		}
	})
}
