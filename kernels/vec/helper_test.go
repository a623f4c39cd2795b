package vec

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// forLevels runs test once at every level that this processor has.
func forLevels(t *testing.T, test func(t *testing.T)) {
	for _, level := range cpu.Available() {
		t.Run(level.String(), func(t *testing.T) {
			defer cpu.SetForTest(level)()
			test(t)
		})
	}
}

const guard = -12345.678

// guarded is a slice with guard values before and behind it.
type guarded struct {
	all  []float32
	data []float32
}

// newGuarded copies x between guards; offset moves its alignment.
func newGuarded(x []float32, offset int) guarded {
	all := make([]float32, len(x)+32+offset)
	for i := range all {
		all[i] = guard
	}
	data := all[16+offset:][:len(x):len(x)]
	copy(data, x)
	return guarded{all, data}
}

// check reports guards that were overwritten.
func (g guarded) check(t *testing.T, name string) {
	t.Helper()
	before := len(g.all) - 16 - len(g.data)
	for i, x := range g.all {
		if (i < before || i >= before+len(g.data)) && x != guard {
			t.Fatalf("%s: guard %d of a slice of %d was overwritten with %v", name, i-before, len(g.data), x)
		}
	}
}

// samples returns n values, most ordinary and some special.
func samples(r *rand.Rand, n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)),
		float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 1, -1}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * 3)
		if r.IntN(8) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

// normal returns n values of the standard normal distribution.
func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// same tells if two values are equal, with all NaN equal and zeros of
// different signs different.
func same(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
}

// ulps returns how far got is from want in units in the last place of want,
// in float64 so that half a unit of rounding shows.
func ulps(got float32, want float64) float64 {
	rounded := float32(want)
	if same(got, rounded) || got == 0 && rounded == 0 {
		return 0
	}
	if math.IsInf(float64(got), 0) || math.IsInf(float64(rounded), 0) || got != got || want != want {
		return math.Inf(1)
	}
	magnitude := float32(math.Abs(float64(rounded)))
	unit := float64(math.Nextafter32(magnitude, float32(math.Inf(1)))) - float64(magnitude)
	return math.Abs(float64(got)-want) / unit
}
