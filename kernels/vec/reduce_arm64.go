//go:build !noasm

package vec

import "github.com/kcompress/kcompress/kernels/cpu"

//go:noescape
func dotNEON(a, b *float32, n int) float32

//go:noescape
func addLanesNEON(sums *[4][8]float32, a *float32, n int)

func dot(a, b []float32) float32 {
	n := len(a) &^ 15
	if cpu.Current() != cpu.NEON || n == 0 {
		return dotGeneric(a, b)
	}
	s := dotNEON(&a[0], &b[0], n)
	for i, x := range a[n:] {
		s += float32(x * b[n+i])
	}
	return s
}

func sum(a []float32) float32 {
	var sums [4][8]float32
	n := len(a) &^ 31
	if cpu.Current() != cpu.NEON || n == 0 {
		return sumGeneric(a)
	}
	addLanesNEON(&sums, &a[0], n)
	return sumRest(&sums, a[n:])
}

func sumSquaredDeviations(a []float32, mean float32) float32 {
	return sumSquaredDeviationsGeneric(a, mean)
}
func largest(a []float32) float32  { return largestGeneric(a) }
func smallest(a []float32) float32 { return smallestGeneric(a) }
