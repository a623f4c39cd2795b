// Command cpu writes the assembly of package kernels/cpu. Run it through go
// generate in that package.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sums is how many independent sums are in flight: more than any processor's
// multipliers can start before the first is done.
const sums = 12

func main() {
	ConstraintExpr("!noasm")
	multiplyAdds("AVX2", 8, YMM)
	multiplyAdds("AVX512", 16, ZMM)
	Generate()
}

func multiplyAdds(level string, lanes int, register func() reg.VecVirtual) {
	name := "multiplyAdds" + level
	TEXT(name, NOSPLIT, "func(turns int)")
	Doc(fmt.Sprintf("%s does turns * %d multiply-adds of float32 in registers: %d vectors", name, sums*lanes, sums),
		fmt.Sprintf("of %d in a turn.", lanes))
	turns := Load(Param("turns"), GP64())
	x, acc := register(), make([]reg.VecVirtual, sums)
	VXORPS(x, x, x)
	for i := range acc {
		acc[i] = register()
		VXORPS(acc[i], acc[i], acc[i])
	}
	Label("loop")
	for i := range acc {
		VFMADD231PS(x, x, acc[i])
	}
	DECQ(turns)
	JNZ(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}
