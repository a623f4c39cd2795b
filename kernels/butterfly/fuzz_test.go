package butterfly

import (
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// FuzzApply compares every level with float64, and rows one by one with all
// rows at once, for chains of two patterns of any sizes.
func FuzzApply(f *testing.F) {
	f.Add(uint8(2), uint8(2), uint8(2), uint8(4), uint8(3), uint8(1), uint8(5), uint64(1))
	f.Add(uint8(1), uint8(16), uint8(16), uint8(8), uint8(9), uint8(0), uint8(20), uint64(2))
	f.Fuzz(func(t *testing.T, a, b, c, d, b2, cut, rows uint8, seed uint64) {
		first := Pattern{1 + int(a)%8, 1 + int(b)%40, 1 + int(c)%40, 1 + int(d)%40}
		if first.Values() > 1<<15 {
			t.Skip("too large for a quick run")
		}
		// The second pattern mixes what the first one left side by side.
		second := Pattern{first.A, 1 + int(b2)%16, first.B, first.D}
		design := designOf(first, second)
		design.In -= min(int(cut)%4, design.In-1)
		design.Out -= min(int(cut)/4%4, design.Out-1)
		r := newRand(seed)
		chain := randomChain(r, design)
		n := 1 + int(rows)%24
		src := normal(r, n*design.In)
		for _, level := range cpu.Available() {
			restore := cpu.SetForTest(level)
			k := prepare(t, chain)
			y := apply(t, k, src, n, Epilogue{})
			for i := range n {
				row := src[i*design.In:][:design.In]
				checkSameBits(t, name(design), apply(t, k, row, 1, Epilogue{}), y[i*design.Out:][:design.Out])
				checkRounding(t, chain, y[i*design.Out:][:design.Out], row)
			}
			restore()
		}
	})
}
