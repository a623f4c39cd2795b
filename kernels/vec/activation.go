package vec

// Exp sets dst[i] to e to the power a[i], within 2 units in the last place,
// denormal results included.
func Exp(dst, a []float32) {
	sameLength("Exp", "a", len(a), len(dst))
	exp(dst, a)
}

// Tanh sets dst[i] to the hyperbolic tangent of a[i], within 3 units in the
// last place.
func Tanh(dst, a []float32) {
	sameLength("Tanh", "a", len(a), len(dst))
	tanh(dst, a)
}

// Sigmoid sets dst[i] = 1/(1+e^-a[i]), within 4 units in the last place.
func Sigmoid(dst, a []float32) {
	sameLength("Sigmoid", "a", len(a), len(dst))
	sigmoid(dst, a)
}

// Erf sets dst[i] to the error function of a[i], within 3 units in the last
// place.
func Erf(dst, a []float32) {
	sameLength("Erf", "a", len(a), len(dst))
	erf(dst, a)
}

// Gelu sets dst[i] = a[i]/2 (1 + erf(a[i]/sqrt(2))), the exact form (ONNX
// Gelu-20, approximate "none"). The error is at most 2^-22 |a[i]|.
func Gelu(dst, a []float32) {
	sameLength("Gelu", "a", len(a), len(dst))
	gelu(dst, a)
}

// GeluTanh sets dst[i] = a[i]/2 (1 + tanh(sqrt(2/pi) (a[i] + 0.044715 a[i]^3)))
// (ONNX Gelu-20, approximate "tanh"). The error is at most 2^-21 |a[i]|.
func GeluTanh(dst, a []float32) {
	sameLength("GeluTanh", "a", len(a), len(dst))
	geluTanh(dst, a)
}

// Silu sets dst[i] = a[i] sigmoid(a[i]), also called Swish. The error is at
// most 2^-21 |a[i]|.
func Silu(dst, a []float32) {
	sameLength("Silu", "a", len(a), len(dst))
	silu(dst, a)
}
