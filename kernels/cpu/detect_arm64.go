//go:build !noasm

package cpu

const hasVNNI = false

// detect returns the levels of this processor, simplest first. Advanced SIMD
// is part of every arm64 processor that Go supports.
func detect() []Level { return []Level{Generic, NEON} }
