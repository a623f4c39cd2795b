// Package measure times the kernels at every level of this processor, so that
// one can see how far each is from the processor's peak and whether the level
// that package cpu picks is the fastest.
package measure

import (
	"time"

	"github.com/kcompress/kcompress/kernels/cpu"
)

// Kernel is one kernel at one size.
type Kernel struct {
	Package string // such as "gemm"
	Name    string // such as "float32"
	Size    string // for people: rows x inputs x outputs, or numbers
	// Operations is the floating-point operations of a run, two for a
	// multiply-add, or 0 where the kernel is no product.
	Operations int
	// Bytes is the memory that a run has to read and write at least.
	Bytes int
	// prepare makes operands and returns a run, for the level current then.
	prepare func() func()
}

// Time is how long a kernel takes at a level.
type Time struct {
	Level   cpu.Level
	Seconds float64 // of the fastest run
}

// rounds is how often the levels are measured in turn, if time allows.
const rounds = 7

// Times measures a kernel at the levels in turn, each for about this long. The
// fastest run counts: all that disturbs a run makes it slower. Nothing else may
// compute meanwhile, since the level of the whole process is switched.
func (k Kernel) Times(levels []cpu.Level, length time.Duration) []Time {
	times, runs := make([]Time, len(levels)), make([]func(), len(levels))
	for i, level := range levels {
		times[i] = Time{level, 1e9}
		cpu.At(level, func() { runs[i] = k.prepare() })
	}
	start := time.Now()
	for round := 0; round < rounds && (round == 0 || time.Since(start) < length*time.Duration(len(levels))); round++ {
		for i, level := range levels {
			cpu.At(level, func() { times[i].Seconds = min(times[i].Seconds, fastest(runs[i], length/rounds)) })
		}
	}
	return times
}

// batchTime is the least time that is measured at once, so that reading the
// clock does not count.
const batchTime = 20 * time.Microsecond

// fastest returns the seconds of the fastest run within a time, at least one.
func fastest(run func(), length time.Duration) float64 {
	start := time.Now()
	run()
	best := time.Since(start)
	count := 1 + int(batchTime/max(best, 1))
	for end := start.Add(length); time.Now().Before(end); {
		start := time.Now()
		for range count {
			run()
		}
		best = min(best, time.Since(start)/time.Duration(count))
	}
	return best.Seconds()
}
