//go:build slow

package butterfly

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcompress/kcompress/kernels/gemm"
)

// All constructions at full size, with primes and 768.
func TestExactConstructionsAtFullSize(t *testing.T) {
	for _, c := range exactCases() {
		for _, n := range []int{16, 17, 31, 64, 127, 256, 257, 384, 512, 521, 768, 1021, 1024, 2048, 4093, 4096} {
			if !c.powers || n == 1<<levels(n) {
				checkExact(t, c, n)
			}
		}
	}
}

var exactTableSizes = []int{256, 257, 521, 768, 1021, 1024, 4096}

// TestExactTable prints the table of docs/exact.md:
//
//	go test -tags slow -run TestExactTable -v ./kernels/butterfly
func TestExactTable(t *testing.T) {
	fmt.Println("| matrix | n | values | indexes | paper | free | dense | 1 row | 16 rows |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for _, c := range exactCases() {
		for _, n := range exactTableSizes {
			if c.powers && n != 1<<levels(n) {
				continue
			}
			chain, err := c.build(n)
			if err != nil {
				t.Fatal(err)
			}
			indexes := 0
			for _, f := range chain.Factors {
				indexes += len(f.Indexes)
			}
			fmt.Printf("| %s | %d | %d | %d | %d | %d | %d | %s | %s |\n", c.name, n, chain.Design().Values(), indexes,
				c.paper(n), c.free(n), chain.In*chain.Out, speedUp(t, chain, 1), speedUp(t, chain, 16))
		}
	}
}

// speedUp measures the chain and the dense product in turn and returns how many
// times faster the chain is: the median of some rounds.
func speedUp(t *testing.T, c *Chain, rows int) string {
	k := prepare(t, c)
	dense := gemm.Pack(normal(newRand(1), c.In*c.Out), c.In, c.Out, false)
	x, y := normal(newRand(2), rows*c.In), make([]float32, rows*c.Out)
	scratch := make([]float32, k.ScratchSize(rows))
	count := max(1, 20_000_000/(rows*c.In*c.Out))
	var ratios []float64
	for range 9 {
		start := time.Now()
		for range count {
			dense.Multiply(y, c.Out, x, c.In, rows, 0, c.Out, gemm.Epilogue{})
		}
		before := time.Since(start)
		start = time.Now()
		for range count {
			k.Apply(y, x, rows, Epilogue{}, scratch)
		}
		ratios = append(ratios, float64(before)/float64(time.Since(start)))
	}
	slices.Sort(ratios)
	return strings.TrimSuffix(fmt.Sprintf("%.1f", ratios[len(ratios)/2]), ".0") + "x"
}
