//go:build !noasm

package gemm

import (
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// tileFunctions are the levels with tiles of their own.
var tileFunctions = map[cpu.Level]func(dst []float32, dstStride int, a []float32, aStride int, b panels, rows, count, k, strips int, accumulate bool){
	cpu.AVX2:   tileAVX2,
	cpu.AVX512: tileAVX512,
}

// TestTiles runs every shape that tilePanels can ask for on this processor.
func TestTiles(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		run := tileFunctions[cpu.Current()]
		if run == nil {
			t.Skip("this level has no tile kernels")
		}
		r := rand.New(rand.NewPCG(23, 24))
		for rows := 1; rows <= tileRows(cpu.Current()); rows++ {
			for remain := 1; remain <= 8; remain++ {
				count := tilePanels(cpu.Current(), rows, remain)
				for k := 1; k <= 9; k++ {
					c := newTileCase(r, rows, count, k, 1+r.IntN(3), r.IntN(2) == 1)
					want := c.want()
					run(c.dst, c.dstStride, c.a, c.aStride, panels{c.b, c.rowStride, c.gap}, rows, count, k, c.strips, c.accumulate)
					for i := range want {
						if c.dst[i] != want[i] {
							t.Fatalf("%d x %d panels, k=%d: dst[%d] = %v, want %v", rows, count, k, i, c.dst[i], want[i])
						}
					}
				}
			}
		}
	})
}
