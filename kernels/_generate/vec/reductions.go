package main

import (
	"math"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reduction describes a kernel that turns vectors into one float32.
type reduction struct {
	name, doc string
	start     float64 // value of the partial results before the first element
	sources   []string
	scalars   []string
	// accumulate adds one register of each source to the partial results.
	// Lanes beyond the end come with a mask, else it is nil.
	accumulate func(x, scalars []reg.VecVirtual, into, mask reg.VecVirtual)
	// combine joins two registers of partial results into the second.
	combine func(x, into reg.VecVirtual)
}

// partials is the number of independent partial results, which hides the
// latency of the additions.
const partials = 4

func reductions() {
	sum := func(x, into reg.VecVirtual) { VADDPS(x, into, into) }
	reduction{
		name: "sum", doc: "sum += a[i]", sources: []string{"a"}, combine: sum,
		accumulate: func(x, _ []reg.VecVirtual, into, _ reg.VecVirtual) { sum(x[0], into) },
	}.emit()
	reduction{
		name: "dot", doc: "sum += a[i] * b[i]", sources: []string{"a", "b"}, combine: sum,
		accumulate: func(x, _ []reg.VecVirtual, into, _ reg.VecVirtual) { VFMADD231PS(x[0], x[1], into) },
	}.emit()
	reduction{
		name: "sumSquaredDeviations", doc: "sum += (a[i] - mean) * (a[i] - mean)",
		sources: []string{"a"}, scalars: []string{"mean"}, combine: sum,
		accumulate: func(x, s []reg.VecVirtual, into, mask reg.VecVirtual) {
			VSUBPS(s[0], x[0], x[0])
			if mask != nil {
				VANDPS(mask, x[0], x[0])
			}
			VFMADD231PS(x[0], x[0], into)
		},
	}.emit()
	extreme("largest", "larger", math.Inf(-1), maximum)
	extreme("smallest", "smaller", math.Inf(1), minimum)
}

// extreme emits the largest or smallest value of a vector; NaN wins.
func extreme(name, word string, start float64, better func(x, y reg.VecVirtual) reg.VecVirtual) {
	pick := func(x, into reg.VecVirtual) {
		// better returns its first operand if that is NaN, else a comparison
		// that gives the second one if that is NaN: NaN wins on both sides.
		VMOVAPS(better(x, into), into)
	}
	reduction{
		name: name, doc: "sum = " + word + "(sum, a[i]), or NaN if one is NaN", start: start, sources: []string{"a"}, combine: pick,
		accumulate: func(x, _ []reg.VecVirtual, into, mask reg.VecVirtual) {
			if mask != nil {
				neutral := YMM()
				VMOVUPS(float(start), neutral)
				VBLENDVPS(mask, x[0], neutral, x[0])
			}
			pick(x[0], into)
		},
	}.emit()
}

func (r reduction) emit() {
	var parameters []string
	for _, s := range r.sources {
		parameters = append(parameters, s+" []float32")
	}
	for _, s := range r.scalars {
		parameters = append(parameters, s+" float32")
	}
	TEXT(r.name+"AVX2", NOSPLIT, "func("+strings.Join(parameters, ", ")+") float32")
	Pragma("noescape")
	Doc(r.name+"AVX2 reduces a vector through 32 partial results.", "",
		"\tfor i := range a {", "\t\t"+r.doc, "\t}")

	var pointers []reg.Register
	for _, s := range r.sources {
		pointers = append(pointers, Load(Param(s).Base(), GP64()))
	}
	n := Load(Param("a").Len(), GP64())
	scalars := loadScalars(r.scalars)
	var sums []reg.VecVirtual
	for range partials {
		sum := YMM()
		VMOVUPS(float(r.start), sum)
		sums = append(sums, sum)
	}
	read := func(i reg.Register, offset int, mask reg.VecVirtual) []reg.VecVirtual {
		var x []reg.VecVirtual
		for _, p := range pointers {
			v := YMM()
			m := Mem{Base: p, Index: i, Scale: 4, Disp: 4 * offset}
			if mask == nil {
				VMOVUPS(m, v)
			} else {
				VMASKMOVPS(m, mask, v)
			}
			x = append(x, v)
		}
		return x
	}

	i, last := GP64(), GP64()
	XORQ(i, i)
	MOVQ(n, last)
	SUBQ(U8(partials*lanes), last)
	JL(LabelRef("single"))
	Label("loop")
	for p, sum := range sums {
		r.accumulate(read(i, p*lanes, nil), scalars, sum, nil)
	}
	ADDQ(U8(partials*lanes), i)
	CMPQ(i, last)
	JLE(LabelRef("loop"))

	Label("single")
	ADDQ(U8((partials-1)*lanes), last) // last = n - lanes
	CMPQ(i, last)
	JG(LabelRef("tail"))
	Label("singleLoop")
	r.accumulate(read(i, 0, nil), scalars, sums[0], nil)
	ADDQ(U8(lanes), i)
	CMPQ(i, last)
	JLE(LabelRef("singleLoop"))

	Label("tail")
	rest := GP64()
	MOVQ(n, rest)
	SUBQ(i, rest)
	JZ(LabelRef("done"))
	mask := tailMask(rest)
	r.accumulate(read(i, 0, mask), scalars, sums[1], mask)

	Label("done")
	r.combine(sums[1], sums[0])
	r.combine(sums[3], sums[2])
	r.combine(sums[2], sums[0])
	r.acrossLanes(sums[0])
	VZEROUPPER() // before Store, which is an SSE instruction
	Store(sums[0].(interface{ AsX() reg.Register }).AsX(), ReturnIndex(0))
	RET()
}

// acrossLanes combines the lanes of x into its first one.
func (r reduction) acrossLanes(x reg.VecVirtual) {
	y := YMM()
	VPERM2F128(U8(1), x, x, y) // swap the halves
	r.combine(y, x)
	VPERMILPS(U8(0b01_00_11_10), x, y) // swap pairs
	r.combine(y, x)
	VPERMILPS(U8(0b10_11_00_01), x, y) // swap neighbours
	r.combine(y, x)
}
