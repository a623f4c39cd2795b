package vec

import "math"

// The functions here compute in float64 and round once, which makes them the
// reference for the others.

func expGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i := range dst {
		x := float64(a[i])
		dst[i] = float32(math.Exp(x))
	}
}

func tanhGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i := range dst {
		x := float64(a[i])
		dst[i] = float32(math.Tanh(x))
	}
}

func sigmoidGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i := range dst {
		x := float64(a[i])
		dst[i] = float32(1 / (1 + math.Exp(-x)))
	}
}

func erfGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i := range dst {
		x := float64(a[i])
		dst[i] = float32(math.Erf(x))
	}
}

func geluGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i := range dst {
		x := float64(a[i])
		dst[i] = float32(x / 2 * (1 + math.Erf(x/math.Sqrt2)))
	}
}

func geluTanhGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i := range dst {
		x := float64(a[i])
		dst[i] = float32(x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))))
	}
}

func siluGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i := range dst {
		x := float64(a[i])
		dst[i] = float32(x / (1 + math.Exp(-x)))
	}
}
