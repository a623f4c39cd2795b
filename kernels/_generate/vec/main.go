// Command vec writes the assembly of package kernels/vec. Run it through
// go generate in that package.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("!noasm")
	arithmetic()
	activations()
	reductions()
	norms()
	transpose()
	halves()
	quantize()
	Generate()
}
