//go:build !noasm

package vec

import "github.com/kcompress/kcompress/kernels/cpu"

func add(dst, a, b []float32) {
	if cpu.Current() >= cpu.AVX2 {
		addAVX2(dst, a, b)
		return
	}
	addGeneric(dst, a, b)
}

func sub(dst, a, b []float32) {
	if cpu.Current() >= cpu.AVX2 {
		subAVX2(dst, a, b)
		return
	}
	subGeneric(dst, a, b)
}

func mul(dst, a, b []float32) {
	if cpu.Current() >= cpu.AVX2 {
		mulAVX2(dst, a, b)
		return
	}
	mulGeneric(dst, a, b)
}

func div(dst, a, b []float32) {
	if cpu.Current() >= cpu.AVX2 {
		divAVX2(dst, a, b)
		return
	}
	divGeneric(dst, a, b)
}

func maximum(dst, a, b []float32) {
	if cpu.Current() >= cpu.AVX2 {
		maximumAVX2(dst, a, b)
		return
	}
	maximumGeneric(dst, a, b)
}

func minimum(dst, a, b []float32) {
	if cpu.Current() >= cpu.AVX2 {
		minimumAVX2(dst, a, b)
		return
	}
	minimumGeneric(dst, a, b)
}

func addScalar(dst, a []float32, s float32) {
	if cpu.Current() >= cpu.AVX2 {
		addScalarAVX2(dst, a, s)
		return
	}
	addScalarGeneric(dst, a, s)
}

func subScalar(dst, a []float32, s float32) {
	if cpu.Current() >= cpu.AVX2 {
		subScalarAVX2(dst, a, s)
		return
	}
	subScalarGeneric(dst, a, s)
}

func mulScalar(dst, a []float32, s float32) {
	if cpu.Current() >= cpu.AVX2 {
		mulScalarAVX2(dst, a, s)
		return
	}
	mulScalarGeneric(dst, a, s)
}

func divScalar(dst, a []float32, s float32) {
	if cpu.Current() >= cpu.AVX2 {
		divScalarAVX2(dst, a, s)
		return
	}
	divScalarGeneric(dst, a, s)
}

func scalarSub(dst, a []float32, s float32) {
	if cpu.Current() >= cpu.AVX2 {
		scalarSubAVX2(dst, a, s)
		return
	}
	scalarSubGeneric(dst, a, s)
}

func scalarDiv(dst, a []float32, s float32) {
	if cpu.Current() >= cpu.AVX2 {
		scalarDivAVX2(dst, a, s)
		return
	}
	scalarDivGeneric(dst, a, s)
}

func maximumScalar(dst, a []float32, s float32) {
	if cpu.Current() >= cpu.AVX2 {
		maximumScalarAVX2(dst, a, s)
		return
	}
	maximumScalarGeneric(dst, a, s)
}

func minimumScalar(dst, a []float32, s float32) {
	if cpu.Current() >= cpu.AVX2 {
		minimumScalarAVX2(dst, a, s)
		return
	}
	minimumScalarGeneric(dst, a, s)
}

func axpy(dst, a []float32, alpha float32) {
	if cpu.Current() >= cpu.AVX2 {
		axpyAVX2(dst, a, alpha)
		return
	}
	axpyGeneric(dst, a, alpha)
}

func relu(dst, a []float32) {
	if cpu.Current() >= cpu.AVX2 {
		reluAVX2(dst, a)
		return
	}
	reluGeneric(dst, a)
}

func clamp(dst, a []float32, low, high float32) {
	if cpu.Current() >= cpu.AVX2 {
		clampAVX2(dst, a, low, high)
		return
	}
	clampGeneric(dst, a, low, high)
}
