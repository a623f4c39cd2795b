// Package cpu decides, once and for every kernel package, which instruction
// set the numeric kernels use.
//
// A kernel package asks [Current] at the entry of each of its functions (one
// atomic load) and switches to the implementation it has for that level. A
// package without code for a level uses its next simpler one: AVX512 falls
// back to AVX2, everything falls back to Generic.
//
// The environment variable KCOMPRESS_CPU (generic, avx2, avx512 or neon)
// forces a level; see [Err]. The build tag noasm leaves only Generic.
package cpu

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
)

// EnvironmentVariable is the name of the variable that forces a level.
const EnvironmentVariable = "KCOMPRESS_CPU"

// Level is an instruction set for which kernels are written.
type Level int

// The levels. On amd64 a larger level includes the smaller ones, so that
// Current() >= AVX2 means that AVX2 code can run; NEON exists on arm64 only.
const (
	Generic Level = iota // plain Go, on every processor
	AVX2                 // amd64 with AVX2, FMA and F16C
	AVX512               // amd64 with AVX2 and AVX-512 F, DQ, BW and VL
	NEON                 // arm64 with Advanced SIMD
)

var names = [...]string{Generic: "generic", AVX2: "avx2", AVX512: "avx512", NEON: "neon"}

// String returns the name of the level as KCOMPRESS_CPU spells it.
func (l Level) String() string {
	if l < 0 || int(l) >= len(names) {
		return fmt.Sprintf("Level(%d)", int(l))
	}
	return names[l]
}

var (
	current   atomic.Int64
	available = detect()
	startErr  error
)

func init() {
	level, err := choose(os.Getenv(EnvironmentVariable), available)
	startErr = err
	current.Store(int64(level))
}

// Current returns the level in use. It is safe for concurrent use.
func Current() Level { return Level(current.Load()) }

// VNNI tells if AVX-512 kernels are in use and the processor multiplies and adds
// bytes as well (AVX512_VNNI), which not all do.
func VNNI() bool { return hasVNNI && Current() == AVX512 }

// Available returns the levels that this processor and build can run,
// simplest first. The first is always Generic.
func Available() []Level { return append([]Level(nil), available...) }

// Err reports a value of KCOMPRESS_CPU that is unknown or that this processor
// lacks. The best available level is in use then. Commands print it.
func Err() error { return startErr }

// SetForTest makes l the current level for the whole process and returns a
// function that puts the former level back. It panics if l is not available,
// and must not run beside code that is computing.
func SetForTest(l Level) (restore func()) {
	if !contains(available, l) {
		panic(fmt.Sprintf("cpu: level %v is not available here (available: %s)", l, list(available)))
	}
	before := current.Swap(int64(l))
	return func() { current.Store(before) }
}

// At runs f with l as the current level of the whole process, for measurements.
// It has the conditions of SetForTest.
func At(l Level, f func()) {
	defer SetForTest(l)()
	f()
}

// choose returns the level that the value of KCOMPRESS_CPU asks for, or the
// best of levels (sorted, not empty) where it is empty or cannot be followed.
func choose(value string, levels []Level) (Level, error) {
	best := levels[len(levels)-1]
	if value == "" {
		return best, nil
	}
	for l, name := range names {
		if !strings.EqualFold(value, name) {
			continue
		}
		if contains(levels, Level(l)) {
			return Level(l), nil
		}
		return best, fmt.Errorf("%s=%s: this processor or build lacks it (available: %s); using %v",
			EnvironmentVariable, value, list(levels), best)
	}
	return best, fmt.Errorf("%s=%q: unknown level (known: %s; available: %s); using %v",
		EnvironmentVariable, value, strings.Join(names[:], ", "), list(levels), best)
}

func contains(levels []Level, l Level) bool {
	for _, have := range levels {
		if have == l {
			return true
		}
	}
	return false
}

func list(levels []Level) string {
	var s []string
	for _, l := range levels {
		s = append(s, l.String())
	}
	return strings.Join(s, ", ")
}
