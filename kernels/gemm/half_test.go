package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
	"github.com/kcompress/kcompress/kernels/vec"
)

// roundToHalf makes every value of x a float16.
func roundToHalf(x []float32) {
	halves := make([]uint16, len(x))
	vec.Float32ToFloat16(halves, x)
	vec.Float16ToFloat32(x, halves)
}

// A weight of float16 gives the same bits as the same weight of float32.
func TestHalvesGiveTheSameBits(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 32))
		sizes(r, func(m, n, k int) {
			weight := newMatrix(r, k, n, 0)
			roundToHalf(weight.data)
			half := Pack(weight.data, k, n, false)
			if stored := half.halves != nil; stored != (hasHalfTiles() && k > 0) {
				t.Fatalf("n=%d k=%d: packed as float16: %v", n, k, stored)
			}
			single := &Packed{k: k, n: n, data: make([]float32, divideUp(n, panelWidth)*panelWidth*k)}
			packPanels(single.data, weight.data, n, k, n, false)
			a, e := newMatrix(r, m, k, r.IntN(4)), Epilogue{Bias: newMatrix(r, 1, n, 0).data, Activation: Relu}
			from := r.IntN(n/panelWidth+1) * panelWidth
			got, want := newMatrix(r, m, n, 2), newMatrix(r, m, n, 2)
			half.Multiply(got.data, got.stride, a.data, a.stride, m, from, n, e)
			single.Multiply(want.data, want.stride, a.data, a.stride, m, from, n, e)
			got.checkGuards(t, "dst")
			for i := range m {
				for j := from; j < n; j++ {
					if math.Float32bits(got.at(i, j)) != math.Float32bits(want.at(i, j)) {
						t.Fatalf("m=%d n=%d k=%d: [%d,%d] = %v, with float32 %v", m, n, k, i, j, got.at(i, j), want.at(i, j))
					}
				}
			}
		})
	})
}

// Values that float16 does not hold keep a weight in float32: too large, too
// small, too precise, NaN. Infinities and zeros do not.
func TestOnlyExactHalvesAreHalves(t *testing.T) {
	if !hasHalfTiles() {
		t.Skip("no kernels for float16 at level ", cpu.Current())
	}
	const k, n = 40, 30
	for _, test := range []struct {
		value float32
		half  bool
	}{
		{0.5, true}, {65504, true}, {float32(math.Copysign(0, -1)), true}, {float32(math.Inf(1)), true}, {0x1p-24, true},
		{65505, false}, {0x1p-25, false}, {0.1, false}, {1 + 0x1p-11, false}, {float32(math.NaN()), false},
	} {
		w := make([]float32, k*n)
		w[k*n-1] = test.value
		if p := Pack(w, k, n, false); (p.halves != nil) != test.half || (p.data == nil) != test.half {
			t.Errorf("%v: packed as float16: %v", test.value, p.halves != nil)
		}
	}
}

func BenchmarkHalves(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, half := range []bool{false, true} {
		for _, m := range []int{1, 4, 32} {
			const n = 2048
			w := newMatrix(r, n, n, 0)
			if half {
				roundToHalf(w.data)
			}
			p, a, dst := Pack(w.data, n, n, false), newMatrix(r, m, n, 0).data, make([]float32, m*n)
			b.Run(map[bool]string{false: "float32", true: "float16"}[half]+fmt.Sprintf("/rows=%d", m), func(b *testing.B) {
				for b.Loop() {
					p.Multiply(dst, n, a, n, m, 0, n, Epilogue{})
				}
				report(b, m, n, n)
			})
		}
	}
}
