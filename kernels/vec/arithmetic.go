package vec

// Add sets dst[i] = a[i] + b[i].
func Add(dst, a, b []float32) {
	sameLength("Add", "a", len(a), len(dst))
	sameLength("Add", "b", len(b), len(dst))
	add(dst, a, b)
}

// Sub sets dst[i] = a[i] - b[i].
func Sub(dst, a, b []float32) {
	sameLength("Sub", "a", len(a), len(dst))
	sameLength("Sub", "b", len(b), len(dst))
	sub(dst, a, b)
}

// Mul sets dst[i] = a[i] * b[i].
func Mul(dst, a, b []float32) {
	sameLength("Mul", "a", len(a), len(dst))
	sameLength("Mul", "b", len(b), len(dst))
	mul(dst, a, b)
}

// Div sets dst[i] = a[i] / b[i].
func Div(dst, a, b []float32) {
	sameLength("Div", "a", len(a), len(dst))
	sameLength("Div", "b", len(b), len(dst))
	div(dst, a, b)
}

// Maximum sets dst[i] to the larger of a[i] and b[i], or to NaN if one is NaN. Of
// zeros with different signs it takes b[i].
func Maximum(dst, a, b []float32) {
	sameLength("Maximum", "a", len(a), len(dst))
	sameLength("Maximum", "b", len(b), len(dst))
	maximum(dst, a, b)
}

// Minimum sets dst[i] to the smaller of a[i] and b[i], or to NaN if one is NaN. Of
// zeros with different signs it takes b[i].
func Minimum(dst, a, b []float32) {
	sameLength("Minimum", "a", len(a), len(dst))
	sameLength("Minimum", "b", len(b), len(dst))
	minimum(dst, a, b)
}

// AddScalar sets dst[i] = a[i] + s.
func AddScalar(dst, a []float32, s float32) {
	sameLength("AddScalar", "a", len(a), len(dst))
	addScalar(dst, a, s)
}

// SubScalar sets dst[i] = a[i] - s.
func SubScalar(dst, a []float32, s float32) {
	sameLength("SubScalar", "a", len(a), len(dst))
	subScalar(dst, a, s)
}

// Scale sets dst[i] = a[i] * s.
func Scale(dst, a []float32, s float32) {
	sameLength("Scale", "a", len(a), len(dst))
	mulScalar(dst, a, s)
}

// DivScalar sets dst[i] = a[i] / s.
func DivScalar(dst, a []float32, s float32) {
	sameLength("DivScalar", "a", len(a), len(dst))
	divScalar(dst, a, s)
}

// ScalarSub sets dst[i] = s - a[i].
func ScalarSub(dst []float32, s float32, a []float32) {
	sameLength("ScalarSub", "a", len(a), len(dst))
	scalarSub(dst, a, s)
}

// ScalarDiv sets dst[i] = s / a[i].
func ScalarDiv(dst []float32, s float32, a []float32) {
	sameLength("ScalarDiv", "a", len(a), len(dst))
	scalarDiv(dst, a, s)
}

// MaximumScalar sets dst[i] to the larger of a[i] and s, or to NaN if one is NaN.
func MaximumScalar(dst, a []float32, s float32) {
	sameLength("MaximumScalar", "a", len(a), len(dst))
	maximumScalar(dst, a, s)
}

// MinimumScalar sets dst[i] to the smaller of a[i] and s, or to NaN if one is NaN.
func MinimumScalar(dst, a []float32, s float32) {
	sameLength("MinimumScalar", "a", len(a), len(dst))
	minimumScalar(dst, a, s)
}

// Axpy adds alpha a[i] to dst[i], with one rounding on levels that have a
// fused multiply-add and two on Generic.
func Axpy(dst, a []float32, alpha float32) {
	sameLength("Axpy", "a", len(a), len(dst))
	axpy(dst, a, alpha)
}

// Relu sets dst[i] = max(a[i], 0). NaN stays NaN.
func Relu(dst, a []float32) {
	sameLength("Relu", "a", len(a), len(dst))
	relu(dst, a)
}

// Clamp sets dst[i] to a[i] limited to low..high. NaN stays NaN; where low is
// above high the result is high, as ONNX Clip-13 says.
func Clamp(dst, a []float32, low, high float32) {
	sameLength("Clamp", "a", len(a), len(dst))
	clamp(dst, a, low, high)
}
