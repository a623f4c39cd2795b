package vec

import "math"

func sumGeneric(a []float32) float32 {
	var s float64
	for _, x := range a {
		s += float64(x)
	}
	return float32(s)
}

func dotGeneric(a, b []float32) float32 {
	b = b[:len(a)]
	var s float64
	for i, x := range a {
		s += float64(float64(x) * float64(b[i]))
	}
	return float32(s)
}

func sumSquaredDeviationsGeneric(a []float32, mean float32) float32 {
	var s float64
	for _, x := range a {
		d := float64(x - mean)
		s += float64(d * d)
	}
	return float32(s)
}

func largestGeneric(a []float32) float32 {
	best := float32(math.Inf(-1))
	for _, x := range a {
		best = larger(x, best)
	}
	return best
}

func smallestGeneric(a []float32) float32 {
	best := float32(math.Inf(1))
	for _, x := range a {
		best = smaller(x, best)
	}
	return best
}
