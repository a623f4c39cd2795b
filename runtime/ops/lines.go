package ops

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
)

// This file holds the loops over consecutive elements that the dense operators
// share. In float32 they are the kernels of kernels/vec, in float64 plain Go.

// addInto adds src to dst.
func addInto[T float](dst, src []T) {
	if single, ok := any(dst).([]float32); ok {
		vec.Add(single, single, any(src).([]float32))
		return
	}
	for i, v := range src {
		dst[i] += v
	}
}

// addWeighted adds w times src to dst.
func addWeighted[T float](dst, src []T, w T) {
	if single, ok := any(dst).([]float32); ok {
		vec.Axpy(single, any(src).([]float32), float32(w))
		return
	}
	for i, v := range src {
		dst[i] += w * v
	}
}

// scaleBy multiplies every element by factor.
func scaleBy[T float](dst []T, factor T) {
	if single, ok := any(dst).([]float32); ok {
		vec.Scale(single, single, float32(factor))
		return
	}
	for i := range dst {
		dst[i] *= factor
	}
}

// multiplyBy multiplies every element of dst by that of src.
func multiplyBy[T float](dst, src []T) {
	if single, ok := any(dst).([]float32); ok {
		vec.Mul(single, single, any(src).([]float32))
		return
	}
	for i, v := range src {
		dst[i] *= v
	}
}

// maxInto sets dst to the maximum of dst and src; a NaN wins.
func maxInto[T number](dst, src []T) {
	if single, ok := any(dst).([]float32); ok {
		vec.Maximum(single, single, any(src).([]float32))
		return
	}
	for i, v := range src {
		if v > dst[i] || v != v {
			dst[i] = v
		}
	}
}

// affineInto sets dst to src times factor plus shift.
func affineInto[T float](dst, src []T, factor, shift T) {
	if single, ok := any(dst).([]float32); ok {
		vec.Scale(single, any(src).([]float32), float32(factor))
		vec.AddScalar(single, single, float32(shift))
		return
	}
	for i, v := range src {
		dst[i] = v*factor + shift
	}
}

// silu applies x sigmoid(x) to every element.
func silu[T float](v []T) {
	if single, ok := any(v).([]float32); ok {
		vec.Silu(single, single)
		return
	}
	for i, x := range v {
		v[i] = x * T(1/(1+math.Exp(-float64(x))))
	}
}

func fillWith[T any](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}
