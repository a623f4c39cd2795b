package vec

import "math"

// Softmax sets dst[i] = e^src[i] / sum of e^src, for one row. The largest value
// is taken off first, so that nothing overflows. A row of only -Inf, or with
// NaN or +Inf, gives NaN.
func Softmax(dst, src []float32) {
	sameLength("Softmax", "src", len(src), len(dst))
	if len(dst) == 0 {
		return
	}
	expShifted(dst, src, largest(src))
	mulScalar(dst, dst, 1/sum(dst))
}

// LogSoftmax sets dst[i] = src[i] - log(sum of e^src), for one row, without
// overflow as in Softmax.
func LogSoftmax(dst, src []float32) {
	sameLength("LogSoftmax", "src", len(src), len(dst))
	if len(dst) == 0 {
		return
	}
	shift := largest(src)
	logSum := float32(math.Log(sumExpShifted(src, shift)))
	// Two subtractions: shift+logSum would round away logSum for large rows.
	subScalar(dst, src, shift)
	subScalar(dst, dst, logSum)
}

// sumExpShifted returns the sum of e^(a[i]-shift).
func sumExpShifted(a []float32, shift float32) float64 {
	var part [256]float32
	var total float64
	for len(a) > 0 {
		n := min(len(a), len(part))
		expShifted(part[:n], a[:n], shift)
		total += float64(sum(part[:n]))
		a = a[n:]
	}
	return total
}
