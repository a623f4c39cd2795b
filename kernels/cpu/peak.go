package cpu

import "time"

const (
	// peakTurns is the length of one measurement, some tens of microseconds.
	peakTurns = 1 << 14
	// peakMeasurements is how many are taken; the best counts, since others
	// were disturbed.
	peakMeasurements = 50
)

// Peak measures the rate at which one thread of this processor can multiply
// and add float32 numbers in the registers of a level, in operations a second
// (two for a multiply-add). No kernel can be faster. It takes a few
// milliseconds. The level must be available.
func Peak(level Level) float64 {
	run, numbers := multiplyAdds(level)
	best := time.Duration(1 << 62)
	for range peakMeasurements {
		start := time.Now()
		run(peakTurns)
		best = min(best, time.Since(start))
	}
	return 2 * peakTurns * float64(numbers) / best.Seconds()
}

// generic keeps the sums of multiplyAddsGeneric.
var generic [peakSums]float32

// peakSums is how many independent sums there are without vectors.
const peakSums = 8

// multiplyAddsGeneric multiplies and adds peakSums times a turn.
func multiplyAddsGeneric(turns int) {
	var a, b, c, d, e, f, g, h float32
	x, y := generic[0], generic[1]
	for range turns {
		a = a*x + y
		b = b*x + y
		c = c*x + y
		d = d*x + y
		e = e*x + y
		f = f*x + y
		g = g*x + y
		h = h*x + y
	}
	generic = [peakSums]float32{a, b, c, d, e, f, g, h}
}
