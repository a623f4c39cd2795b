package gemm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
	"github.com/kcompress/kcompress/kernels/internal/emulate"
)

// tileCase is a call of a tile kernel.
type tileCase struct {
	rows, count, k, strips             int
	dst, a, b                          []float32
	dstStride, aStride, rowStride, gap int // gap is the panel stride
	accumulate                         bool
}

func newTileCase(r *rand.Rand, rows, count, k, strips int, accumulate bool) tileCase {
	c := tileCase{rows: rows, count: count, k: k, strips: strips, accumulate: accumulate}
	c.dstStride = count*panelWidth + r.IntN(3)
	c.aStride = k + r.IntN(3)
	c.rowStride, c.gap = panelWidth, panelWidth*k
	if r.IntN(2) == 1 { // b in place
		c.rowStride, c.gap = count*panelWidth+r.IntN(5), panelWidth
	}
	height := rows * strips
	c.dst = newMatrix(r, 1, (height-1)*c.dstStride+count*panelWidth, 0).data
	c.a = newMatrix(r, 1, (height-1)*c.aStride+k, 0).data
	c.b = newMatrix(r, 1, (count-1)*c.gap+(k-1)*c.rowStride+panelWidth, 0).data
	return c
}

// want returns dst after the call, by the definition.
func (c tileCase) want() []float32 {
	dst := append([]float32(nil), c.dst...)
	for i := range c.rows * c.strips {
		for j := range c.count * panelWidth {
			var sum float32
			if c.accumulate {
				sum = dst[i*c.dstStride+j]
			}
			for p := range c.k {
				sum = emulate.MultiplyAdd(c.a[i*c.aStride+p], c.b[j/panelWidth*c.gap+p*c.rowStride+j%panelWidth], sum)
			}
			dst[i*c.dstStride+j] = sum
		}
	}
	return dst
}

// TestTilesEmulated runs the tile kernels of the assembly in the emulator, which
// also finds accesses outside of the operands.
func TestTilesEmulated(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	forTiles(func(level cpu.Level, rows, count int) {
		name := tileName(level, rows, count)
		f, err := emulate.Load("gemm_amd64.s", name)
		if err != nil {
			t.Fatal(err)
		}
		for k := 1; k <= 9; k++ {
			c := newTileCase(r, rows, count, k, 1+r.IntN(3), r.IntN(2) == 1)
			runEmulated(t, f, name, c)
		}
	})
}

// TestTilesDispatched checks that the kernel of every shape is called for it,
// also at a level that this processor lacks.
func TestTilesDispatched(t *testing.T) {
	forTiles(func(level cpu.Level, rows, count int) {
		file := fmt.Sprintf("tile_%v_amd64.go", level)
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		call := fmt.Sprintf("case 0x%x%x:\n\t\t%s(", rows, count, tileName(level, rows, count))
		if !strings.Contains(string(source), call) {
			t.Errorf("%s has no %q", file, call)
		}
	})
}

// forTiles visits every shape that tilePanels can ask for.
func forTiles(visit func(level cpu.Level, rows, count int)) {
	for _, level := range []cpu.Level{cpu.AVX2, cpu.AVX512} {
		for rows := 1; rows <= tileRows(level); rows++ {
			seen := map[int]bool{}
			for remain := 1; remain <= 8; remain++ {
				if count := tilePanels(level, rows, remain); !seen[count] {
					seen[count] = true
					visit(level, rows, count)
				}
			}
		}
	}
}

func tileName(level cpu.Level, rows, count int) string {
	return fmt.Sprintf("tile%dx%d%s", rows, count, strings.ToUpper(level.String()))
}

func runEmulated(t *testing.T, f *emulate.Function, name string, c tileCase) {
	t.Helper()
	want := c.want()
	accumulate := 0
	if c.accumulate {
		accumulate = 1
	}
	err := f.Run(map[string]int{
		"dstStride": c.dstStride, "aStride": c.aStride, "bStride": c.rowStride, "panelStride": c.gap,
		"k": c.k, "strips": c.strips, "accumulate": accumulate,
	}, map[string][]float32{"dst": c.dst, "a": c.a, "b": c.b}, nil)
	if err != nil {
		t.Fatalf("%s: k=%d strips=%d: %v", name, c.k, c.strips, err)
	}
	for i := range want {
		if c.dst[i] != want[i] {
			t.Fatalf("%s: k=%d strips=%d: dst[%d] = %v, want %v", name, c.k, c.strips, i, c.dst[i], want[i])
		}
	}
}
