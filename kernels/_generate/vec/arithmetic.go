package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// operator is a binary operation on registers: it returns x op y.
type operator struct {
	name, element string
	apply         func(x, y reg.VecVirtual) reg.VecVirtual
}

func operators() []operator {
	return []operator{
		{"add", "$x + $y", func(x, y reg.VecVirtual) reg.VecVirtual { VADDPS(y, x, x); return x }},
		{"sub", "$x - $y", func(x, y reg.VecVirtual) reg.VecVirtual { VSUBPS(y, x, x); return x }},
		{"mul", "$x * $y", func(x, y reg.VecVirtual) reg.VecVirtual { VMULPS(y, x, x); return x }},
		{"div", "$x / $y", func(x, y reg.VecVirtual) reg.VecVirtual { VDIVPS(y, x, x); return x }},
		{"maximum", "larger($x, $y)", maximum},
		{"minimum", "smaller($x, $y)", minimum},
	}
}

// maximum returns x where x is NaN or x > y, else y.
func maximum(x, y reg.VecVirtual) reg.VecVirtual {
	nan, z := YMM(), YMM()
	VCMPPS(U8(unordered), x, x, nan)
	VMAXPS(y, x, z)
	VBLENDVPS(nan, x, z, z)
	return z
}

// minimum returns x where x is NaN or x < y, else y.
func minimum(x, y reg.VecVirtual) reg.VecVirtual {
	nan, z := YMM(), YMM()
	VCMPPS(U8(unordered), x, x, nan)
	VMINPS(y, x, z)
	VBLENDVPS(nan, x, z, z)
	return z
}

// Predicates of VCMPPS.
const (
	lessThan  = 1
	unordered = 3
)

func arithmetic() {
	for _, op := range operators() {
		elementwise{
			name: op.name, summary: "works on two vectors.",
			element: replace(op.element, "a[i]", "b[i]"), sources: []string{"a", "b"},
			body: func(x, _ []reg.VecVirtual) reg.VecVirtual { return op.apply(x[0], x[1]) },
		}.emit()
		elementwise{
			name: op.name + "Scalar", summary: "works on a vector and a scalar.",
			element: replace(op.element, "a[i]", "s"), sources: []string{"a"}, scalars: []string{"s"},
			body: func(x, s []reg.VecVirtual) reg.VecVirtual { return op.apply(x[0], s[0]) },
		}.emit()
		if op.name == "sub" || op.name == "div" {
			elementwise{
				name: "scalar" + title(op.name), summary: "works on a scalar and a vector.",
				element: replace(op.element, "s", "a[i]"), sources: []string{"a"}, scalars: []string{"s"},
				body: func(x, s []reg.VecVirtual) reg.VecVirtual {
					y := YMM()
					VMOVAPS(s[0], y)
					return op.apply(y, x[0])
				},
			}.emit()
		}
	}
	elementwise{
		name: "axpy", summary: "adds a multiple of a vector.",
		element: "fma(alpha, a[i], dst[i])", sources: []string{"a"}, scalars: []string{"alpha"}, inPlace: true,
		body: func(x, s []reg.VecVirtual) reg.VecVirtual {
			VFMADD231PS(x[0], s[0], x[1])
			return x[1]
		},
	}.emit()
	elementwise{
		name: "relu", summary: "clears negative values; NaN stays.",
		element: "a[i] < 0 ? 0 : a[i]", sources: []string{"a"},
		body: func(x, _ []reg.VecVirtual) reg.VecVirtual {
			y := YMM()
			VXORPS(y, y, y)
			VMAXPS(x[0], y, y)
			return y
		},
	}.emit()
	elementwise{
		name: "clamp", summary: "limits values to [low, high]; NaN stays.",
		element: "min(max(a[i], low), high)", sources: []string{"a"}, scalars: []string{"low", "high"},
		body: func(x, s []reg.VecVirtual) reg.VecVirtual { return clampVector(x[0], s[0], s[1]) },
	}.emit()
}

// clampVector limits x to [low, high]. The order of the operands keeps NaN.
func clampVector(x reg.VecVirtual, low, high Op) reg.VecVirtual {
	a, b := YMM(), YMM()
	VMOVUPS(low, a)
	VMAXPS(x, a, a)
	VMOVUPS(high, b)
	VMINPS(a, b, b)
	return b
}
