package butterfly

import (
	"fmt"
	"testing"
)

// benchmarkDesigns are the designs that the benchmarks measure, by name.
func benchmarkDesigns() map[string]Design {
	must := func(d Design, err error) Design {
		if err != nil {
			panic(err)
		}
		return d
	}
	return map[string]Design{
		"radix2-1024":   must(FromVisits(1024, 1024, []int{2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, onceEach(10, 2))),
		"radix2BB-1024": must(Kaleidoscope(1024, 1024, 1, 1, 2)),
		"radix2BB-256":  must(Kaleidoscope(256, 256, 1, 1, 2)),
		"radix4BB-512":  must(Kaleidoscope(512, 512, 1, 1, 4)),
		"radix16-512":   must(FromVisits(512, 512, []int{16, 2, 16}, []Visit{{2, 16}, {1, 2}, {0, 16}, {1, 2}, {2, 16}})),
		"inner24-512":   must(Visits(512, 512, []int{16, 32}, []int{16, 24}, []int{16, 32}, TwoSided(2))),
		"lowrank-512":   must(LowRank(512, 512, 26)),
	}
}

func onceEach(digits, size int) []Visit {
	var visits []Visit
	for i := digits - 1; i >= 0; i-- {
		visits = append(visits, Visit{i, size})
	}
	return visits
}

// reportRate reports floating-point operations a nanosecond.
func reportRate(b *testing.B, flops int) {
	b.ReportMetric(float64(flops)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}

func BenchmarkApply(b *testing.B) {
	for name, d := range benchmarkDesigns() {
		c := randomChain(newRand(1), d)
		k, err := Prepare(c)
		if err != nil {
			b.Fatal(err)
		}
		for _, rows := range []int{1, 4, 16, 32, 128} {
			b.Run(fmt.Sprintf("%s/rows=%d", name, rows), func(b *testing.B) {
				src, dst := normal(newRand(2), rows*d.In), make([]float32, rows*d.Out)
				scratch := make([]float32, k.ScratchSize(rows))
				for b.Loop() {
					k.Apply(dst, src, rows, Epilogue{}, scratch)
				}
				reportRate(b, rows*d.Flops())
			})
		}
	}
}

func BenchmarkSquaredError(b *testing.B) {
	const columns = 512
	for name, d := range benchmarkDesigns() {
		b.Run(name, func(b *testing.B) {
			c := randomChain(newRand(1), d)
			w, err := NewWorkspace(d)
			if err != nil {
				b.Fatal(err)
			}
			gradient := d.NewGradient()
			src, target := normal(newRand(2), columns*d.In), normal(newRand(3), columns*d.Out)
			samples, err := NewSamples(d, src, target, columns)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				w.SquaredError(c, gradient, samples, 0, samples.Tiles())
			}
			reportRate(b, 3*columns*d.Flops())
		})
	}
}
