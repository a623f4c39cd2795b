package ops

import "github.com/kcompress/kcompress/kernels/vec"

// The row functions of binary operators on float32, over kernels/vec.

// float32Row returns the row function made of the vector kernels for two
// vectors, a vector and a scalar, and a scalar and a vector.
func float32Row(vectors func(dst, a, b []float32), right func(dst, a []float32, s float32), left func(dst []float32, s float32, b []float32)) rowFunc[float32, float32, float32] {
	return func(dst, a, b []float32) {
		switch {
		case len(a) == len(dst) && len(b) == len(dst):
			vectors(dst, a, b)
		case len(b) == 1:
			right(dst, a, b[0])
		default:
			left(dst, a[0], b)
		}
	}
}

// swapped turns a kernel for a vector and a scalar into the one for a scalar
// and a vector, for operators whose inputs may change places.
func swapped(f func(dst, a []float32, s float32)) func(dst []float32, s float32, b []float32) {
	return func(dst []float32, s float32, b []float32) { f(dst, b, s) }
}

var (
	addFloat32 = float32Row(vec.Add, vec.AddScalar, swapped(vec.AddScalar))
	subFloat32 = float32Row(vec.Sub, vec.SubScalar, vec.ScalarSub)
	mulFloat32 = float32Row(vec.Mul, vec.Scale, swapped(vec.Scale))
	divFloat32 = float32Row(vec.Div, vec.DivScalar, vec.ScalarDiv)
	maxFloat32 = float32Row(vec.Maximum, vec.MaximumScalar, swapped(vec.MaximumScalar))
	minFloat32 = float32Row(vec.Minimum, vec.MinimumScalar, swapped(vec.MinimumScalar))
)
