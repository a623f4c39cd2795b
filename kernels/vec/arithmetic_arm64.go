//go:build !noasm

package vec

import "github.com/kcompress/kcompress/kernels/cpu"

// The functions in assembly do n numbers, a positive multiple of 4 (of 16 for
// dotNEON and of 32 for addLanesNEON), as their plain Go twins do all.

//go:noescape
func addNEON(dst, a, b *float32, n int)

//go:noescape
func subNEON(dst, a, b *float32, n int)

//go:noescape
func mulNEON(dst, a, b *float32, n int)

//go:noescape
func divNEON(dst, a, b *float32, n int)

//go:noescape
func maximumNEON(dst, a, b *float32, n int)

//go:noescape
func minimumNEON(dst, a, b *float32, n int)

//go:noescape
func addScalarNEON(dst, a *float32, n int, s float32)

//go:noescape
func mulScalarNEON(dst, a *float32, n int, s float32)

//go:noescape
func maximumScalarNEON(dst, a *float32, n int, s float32)

//go:noescape
func minimumScalarNEON(dst, a *float32, n int, s float32)

//go:noescape
func axpyNEON(dst, a *float32, n int, s float32)

//go:noescape
func reluNEON(dst, a *float32, n int)

// vectors is how many of n numbers whole vectors hold; none if NEON is not in use.
func vectors(n int) int {
	if cpu.Current() != cpu.NEON {
		return 0
	}
	return n &^ 3
}

func add(dst, a, b []float32) {
	n := vectors(len(dst))
	if n > 0 {
		addNEON(&dst[0], &a[0], &b[0], n)
	}
	addGeneric(dst[n:], a[n:], b[n:])
}

func sub(dst, a, b []float32) {
	n := vectors(len(dst))
	if n > 0 {
		subNEON(&dst[0], &a[0], &b[0], n)
	}
	subGeneric(dst[n:], a[n:], b[n:])
}

func mul(dst, a, b []float32) {
	n := vectors(len(dst))
	if n > 0 {
		mulNEON(&dst[0], &a[0], &b[0], n)
	}
	mulGeneric(dst[n:], a[n:], b[n:])
}

func div(dst, a, b []float32) {
	n := vectors(len(dst))
	if n > 0 {
		divNEON(&dst[0], &a[0], &b[0], n)
	}
	divGeneric(dst[n:], a[n:], b[n:])
}

func maximum(dst, a, b []float32) {
	n := vectors(len(dst))
	if n > 0 {
		maximumNEON(&dst[0], &a[0], &b[0], n)
	}
	maximumGeneric(dst[n:], a[n:], b[n:])
}

func minimum(dst, a, b []float32) {
	n := vectors(len(dst))
	if n > 0 {
		minimumNEON(&dst[0], &a[0], &b[0], n)
	}
	minimumGeneric(dst[n:], a[n:], b[n:])
}

func addScalar(dst, a []float32, s float32) {
	n := vectors(len(dst))
	if n > 0 {
		addScalarNEON(&dst[0], &a[0], n, s)
	}
	addScalarGeneric(dst[n:], a[n:], s)
}

func mulScalar(dst, a []float32, s float32) {
	n := vectors(len(dst))
	if n > 0 {
		mulScalarNEON(&dst[0], &a[0], n, s)
	}
	mulScalarGeneric(dst[n:], a[n:], s)
}

func maximumScalar(dst, a []float32, s float32) {
	n := vectors(len(dst))
	if n > 0 {
		maximumScalarNEON(&dst[0], &a[0], n, s)
	}
	maximumScalarGeneric(dst[n:], a[n:], s)
}

func minimumScalar(dst, a []float32, s float32) {
	n := vectors(len(dst))
	if n > 0 {
		minimumScalarNEON(&dst[0], &a[0], n, s)
	}
	minimumScalarGeneric(dst[n:], a[n:], s)
}

func axpy(dst, a []float32, alpha float32) {
	n := vectors(len(dst))
	if n > 0 {
		axpyNEON(&dst[0], &a[0], n, alpha)
	}
	axpyGeneric(dst[n:], a[n:], alpha)
}

func relu(dst, a []float32) {
	n := vectors(len(dst))
	if n > 0 {
		reluNEON(&dst[0], &a[0], n)
	}
	reluGeneric(dst[n:], a[n:])
}

func subScalar(dst, a []float32, s float32)     { subScalarGeneric(dst, a, s) }
func divScalar(dst, a []float32, s float32)     { divScalarGeneric(dst, a, s) }
func scalarSub(dst, a []float32, s float32)     { scalarSubGeneric(dst, a, s) }
func scalarDiv(dst, a []float32, s float32)     { scalarDivGeneric(dst, a, s) }
func clamp(dst, a []float32, low, high float32) { clampGeneric(dst, a, low, high) }
