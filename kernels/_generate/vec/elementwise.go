package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// elementwise describes a kernel that computes every element of dst from the
// elements at the same place of its sources.
type elementwise struct {
	name    string
	summary string   // the doc comment after the name
	element string   // Go expression for dst[i], for the doc comment
	sources []string // names of the slices read
	scalars []string // names of the float32 arguments
	inPlace bool     // dst[i] is a source too, the last one
	// body returns the result for one register of each source; the scalars
	// come in every lane.
	body func(x, scalars []reg.VecVirtual) reg.VecVirtual
}

// emit writes the kernel name+"AVX2".
func (e elementwise) emit() {
	var parameters []string
	for _, s := range append([]string{"dst"}, e.sources...) {
		parameters = append(parameters, s+" []float32")
	}
	for _, s := range e.scalars {
		parameters = append(parameters, s+" float32")
	}
	TEXT(e.name+"AVX2", NOSPLIT, "func("+strings.Join(parameters, ", ")+")")
	Pragma("noescape")
	Doc(e.name+"AVX2 "+e.summary, "", "\tfor i := range dst {", "\t\tdst[i] = "+e.element, "\t}")

	dst := Load(Param("dst").Base(), GP64())
	n := Load(Param("dst").Len(), GP64())
	var pointers []reg.Register
	for _, s := range e.sources {
		pointers = append(pointers, Load(Param(s).Base(), GP64()))
	}
	if e.inPlace {
		pointers = append(pointers, dst)
	}
	scalars := loadScalars(e.scalars)
	forVectors(n, func(i reg.Register, mask reg.VecVirtual) {
		var x []reg.VecVirtual
		for _, p := range pointers {
			x = append(x, loadVector(p, i, mask))
		}
		storeVector(e.body(x, scalars), dst, i, mask)
	})
	VZEROUPPER()
	RET()
}

// loadScalars copies float32 arguments to every lane of a register each.
func loadScalars(names []string) []reg.VecVirtual {
	var scalars []reg.VecVirtual
	for _, s := range names {
		v := YMM()
		m, err := Param(s).Resolve()
		if err != nil {
			panic(err)
		}
		VBROADCASTSS(m.Addr, v)
		scalars = append(scalars, v)
	}
	return scalars
}

// forVectors emits a loop over n elements, a register at a time: body is
// written once for whole registers, with a nil mask, and once for the rest,
// with a mask of its lanes. i counts elements.
func forVectors(n reg.Register, body func(i reg.Register, mask reg.VecVirtual)) {
	i, last := GP64(), GP64()
	XORQ(i, i)
	MOVQ(n, last)
	SUBQ(U8(lanes), last)
	JL(LabelRef("tail"))
	Label("loop")
	body(i, nil)
	ADDQ(U8(lanes), i)
	CMPQ(i, last)
	JLE(LabelRef("loop"))

	Label("tail")
	rest := GP64()
	MOVQ(n, rest)
	SUBQ(i, rest)
	JZ(LabelRef("done"))
	body(i, tailMask(rest))
	Label("done")
}

func loadVector(base, i reg.Register, mask reg.VecVirtual) reg.VecVirtual {
	x := YMM()
	m := Mem{Base: base, Index: i, Scale: 4}
	if mask == nil {
		VMOVUPS(m, x)
	} else {
		VMASKMOVPS(m, mask, x)
	}
	return x
}

func storeVector(x reg.VecVirtual, base, i reg.Register, mask reg.VecVirtual) {
	m := Mem{Base: base, Index: i, Scale: 4}
	if mask == nil {
		VMOVUPS(x, m)
	} else {
		VMASKMOVPS(x, mask, m)
	}
}
