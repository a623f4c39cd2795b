//go:build !noasm

package cpu

// multiplyAdds returns the routine of a level that only multiplies and adds,
// and how often it does so in a turn.
func multiplyAdds(level Level) (run func(turns int), numbers int) {
	switch {
	case level >= AVX512:
		return multiplyAddsAVX512, 12 * 16
	case level >= AVX2:
		return multiplyAddsAVX2, 12 * 8
	}
	return multiplyAddsGeneric, peakSums
}
