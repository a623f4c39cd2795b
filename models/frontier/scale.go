package main

import (
	"math"
	"strconv"
)

// scale takes values to pixels, along one axis.
type scale struct {
	low, high  float64 // values at the ends
	start, end float64 // pixels at the ends
	log        bool
}

// at returns the pixel of a value.
func (s scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		v, low, high = math.Log(v), math.Log(low), math.Log(high)
	}
	return s.start + (v-low)/(high-low)*(s.end-s.start)
}

// ticks returns round values within the scale: on a logarithmic one 1, 2 and 5
// times powers of ten, or powers of ten alone where it is long.
func (s scale) ticks() []float64 {
	var values []float64
	if !s.log {
		step := roundStep((s.high - s.low) / 6)
		for i := math.Ceil(s.low / step); i*step <= s.high; i++ {
			values = append(values, i*step)
		}
		return values
	}
	factors := []float64{1, 2, 5}
	if s.high/s.low > 1e4 {
		factors = factors[:1]
	}
	for power := math.Pow(10, math.Floor(math.Log10(s.low))); power <= s.high; power *= 10 {
		for _, factor := range factors {
			if v := factor * power; v >= s.low && v <= s.high {
				values = append(values, v)
			}
		}
	}
	return values
}

// roundStep returns the least of 1, 2 and 5 times a power of ten that is at
// least v.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= v {
			return factor * power
		}
	}
	return 10 * power
}

// scales returns those of bytes and of percentages, with room around the points.
func (f *frontier) scales() (x, y scale) {
	x = scale{low: math.Inf(1), start: plotLeft, end: plotRight, log: true}
	y = scale{low: 100 * f.original.accuracy, high: 100 * f.original.accuracy, start: plotBottom, end: plotTop}
	for _, p := range f.points {
		x.low, x.high = min(x.low, float64(p.bytes)), max(x.high, float64(p.bytes))
		y.low, y.high = min(y.low, 100*p.accuracy), max(y.high, 100*p.accuracy)
	}
	x.low, x.high = x.low/1.4, x.high*1.4
	room := max(0.1*(y.high-y.low), 0.1)
	y.low, y.high = y.low-room, y.high+room
	return x, y
}

// sizeText writes bytes for people: three figures and a unit of a thousand.
func sizeText(bytes float64) string {
	units := []string{" B", " kB", " MB", " GB", " TB"}
	i := 0
	for ; bytes >= 999.5 && i < len(units)-1; i++ {
		bytes /= 1000
	}
	decimals := 0
	for limit := 9.995; i > 0 && decimals < 2 && bytes < limit*math.Pow(10, float64(1-decimals)); decimals++ {
	}
	text := strconv.FormatFloat(bytes, 'f', decimals, 64)
	return text + units[i]
}
