package vec

import "math"

// sumGeneric adds in the order of the vector kernels, so that all levels give
// the same bits: element i goes to lane i%8 of one of four registers, which are
// added up in the end.
func sumGeneric(a []float32) float32 {
	var sums [sumRegisters][sumLanes]float32
	i := 0
	for ; i+sumRegisters*sumLanes <= len(a); i += sumRegisters * sumLanes {
		for r := range sums {
			addLanes(&sums[r], a[i+r*sumLanes:][:sumLanes])
		}
	}
	return sumRest(&sums, a[i:])
}

const sumLanes, sumRegisters = 8, 4

// sumRest ends a sum with fewer numbers than all lanes.
func sumRest(sums *[sumRegisters][sumLanes]float32, a []float32) float32 {
	const lanes = sumLanes
	i := 0
	for ; i+lanes <= len(a); i += lanes {
		addLanes(&sums[0], a[i:][:lanes])
	}
	addLanes(&sums[1], a[i:])
	addLanes(&sums[0], sums[1][:])
	addLanes(&sums[2], sums[3][:])
	addLanes(&sums[0], sums[2][:])
	for half := lanes / 2; half > 0; half /= 2 {
		for l := range half {
			sums[0][l] += sums[0][l+half]
		}
	}
	return sums[0][0]
}

func addLanes(sum *[8]float32, x []float32) {
	for l, v := range x {
		sum[l] += v
	}
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
