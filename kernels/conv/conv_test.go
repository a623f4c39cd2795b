package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// forLevels runs a test at every level of this CPU.
func forLevels(t *testing.T, test func(t *testing.T)) {
	for _, level := range cpu.Available() {
		t.Run(level.String(), func(t *testing.T) {
			defer cpu.SetForTest(level)()
			test(t)
		})
	}
}

func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// WeightedSum equals the sum in float64 for all lengths and alignments, and
// writes nothing beside dst.
func TestWeightedSum(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for n := 0; n <= 304; n += Step {
			for _, taps := range []int{0, 1, 2, 9, 27, 64} {
				reach := 1 + r.IntN(400)
				shift := r.IntN(8)
				src := normal(r, shift+reach-1+n)[shift:]
				offsets := make([]int, taps)
				for i := range offsets {
					offsets[i] = r.IntN(reach)
				}
				weights, bias := normal(r, taps), float32(r.NormFloat64())
				all := normal(r, n+20)
				guards := append([]float32(nil), all...)
				dst := all[shift+2:][:n]
				WeightedSum(dst, src, offsets, weights, bias)
				for j, got := range dst {
					want, size := float64(bias), math.Abs(float64(bias))
					for i, offset := range offsets {
						p := float64(weights[i]) * float64(src[offset+j])
						want += p
						size += math.Abs(p)
					}
					if math.Abs(float64(got)-want) > size*float64(taps+2)*0x1p-24 {
						t.Fatalf("n %d, taps %d: element %d is %v, want %v", n, taps, j, got, want)
					}
				}
				for j := range all {
					if (j < shift+2 || j >= shift+2+n) && all[j] != guards[j] {
						t.Fatalf("n %d, taps %d: element %d beside dst was written", n, taps, j-shift-2)
					}
				}
			}
		}
	})
}

func TestWeightedSumSpecialValues(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		src := make([]float32, 80)
		src[3], src[40] = float32(math.NaN()), float32(math.Inf(1))
		dst := make([]float32, 64)
		WeightedSum(dst, src, []int{0, 2}, []float32{1, 0.5}, 1)
		for j, got := range dst {
			switch {
			case j == 1 || j == 3:
				if got == got {
					t.Errorf("element %d is %v, want NaN", j, got)
				}
			case j == 38 || j == 40:
				if !math.IsInf(float64(got), 1) {
					t.Errorf("element %d is %v, want +Inf", j, got)
				}
			case got != 1:
				t.Errorf("element %d is %v, want 1", j, got)
			}
		}
	})
}

func TestWeightedSumChecks(t *testing.T) {
	for name, f := range map[string]func(){
		"length":  func() { WeightedSum(make([]float32, 15), make([]float32, 30), nil, nil, 0) },
		"offset":  func() { WeightedSum(make([]float32, 16), make([]float32, 30), []int{15}, []float32{1}, 0) },
		"before":  func() { WeightedSum(make([]float32, 16), make([]float32, 30), []int{-1}, []float32{1}, 0) },
		"weights": func() { WeightedSum(make([]float32, 16), make([]float32, 30), []int{1}, nil, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func BenchmarkWeightedSum(b *testing.B) {
	for _, taps := range []int{9, 27} {
		b.Run(fmt.Sprint(taps), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			src, dst, weights := normal(r, 3000), make([]float32, 2048), normal(r, taps)
			offsets := make([]int, taps)
			for i := range offsets {
				offsets[i] = i * 30
			}
			b.ResetTimer()
			for range b.N {
				WeightedSum(dst, src, offsets, weights, 1)
			}
			b.ReportMetric(float64(2*taps*len(dst))*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
