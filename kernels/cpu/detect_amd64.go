//go:build !noasm

package cpu

import "golang.org/x/sys/cpu"

var hasVNNI = cpu.X86.HasAVX512VNNI

// detect returns the levels of this processor, simplest first.
func detect() []Level {
	levels := []Level{Generic}
	x := cpu.X86
	if !x.HasAVX2 || !x.HasFMA || !x.HasF16C {
		return levels
	}
	levels = append(levels, AVX2)
	if x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL {
		levels = append(levels, AVX512)
	}
	return levels
}
