package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// norms emits the last step of LayerNorm and RMSNorm, and the exponentials of
// Softmax.
func norms() {
	centre := func(x reg.VecVirtual, s []reg.VecVirtual) {
		VSUBPS(s[0], x, x)
		VMULPS(s[1], x, x)
	}
	scalars := []string{"mean", "factor"}
	elementwise{
		name: "normalize", summary: "shifts and scales.",
		element: "(a[i] - mean) * factor", sources: []string{"a"}, scalars: scalars,
		body: func(x, s []reg.VecVirtual) reg.VecVirtual {
			centre(x[0], s)
			return x[0]
		},
	}.emit()
	elementwise{
		name: "normalizeGamma", summary: "shifts and scales, with a gain for each element.",
		element: "(a[i] - mean) * factor * gamma[i]", sources: []string{"a", "gamma"}, scalars: scalars,
		body: func(x, s []reg.VecVirtual) reg.VecVirtual {
			centre(x[0], s)
			VMULPS(x[1], x[0], x[0])
			return x[0]
		},
	}.emit()
	elementwise{
		name: "normalizeGammaBeta", summary: "shifts and scales, with a gain and an offset for each element.",
		element: "fma((a[i]-mean)*factor, gamma[i], beta[i])", sources: []string{"a", "gamma", "beta"}, scalars: scalars,
		body: func(x, s []reg.VecVirtual) reg.VecVirtual {
			centre(x[0], s)
			VFMADD213PS(x[2], x[1], x[0])
			return x[0]
		},
	}.emit()
	elementwise{
		name: "expShifted", summary: "computes the exponential function of a difference.",
		element: "exp(a[i] - shift)", sources: []string{"a"}, scalars: []string{"shift"},
		body: func(x, s []reg.VecVirtual) reg.VecVirtual {
			VSUBPS(s[0], x[0], x[0])
			return exp(x[0])
		},
	}.emit()
}
