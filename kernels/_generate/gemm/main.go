// Command gemm writes the assembly of package kernels/gemm. Run it through
// go generate in that package.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("!noasm")
	for _, shape := range avx2Shapes() {
		tile(avx2, shape)
	}
	for _, shape := range avx512Shapes() {
		tile(avx512, shape)
	}
	for _, shape := range avx2Shapes() {
		halfTile(avx2, shape)
	}
	finish(avx2, "addBias", false)
	finish(avx2, "addBiasRelu", true)
	copyPanel(avx2)
	for rows := 1; rows <= 2; rows++ {
		int8AVX2(rows, 4)
	}
	for rows := 3; rows <= 6; rows++ {
		int8AVX2(rows, 2)
	}
	for rows := 1; rows <= 12; rows++ {
		int8VNNI(rows, 1)
		int8VNNI(rows, 2)
		if rows <= 6 {
			int8VNNI(rows, 4)
		}
	}
	scaleSums()
	Generate()
}

// shape is the size of a register tile: rows of the result, and panels of 16
// columns.
type shape struct{ rows, panels int }

// avx2Shapes are tiles whose accumulators fit in 16 registers beside the
// operands. One to three rows take more panels, since fewer than eight
// independent sums leave the multipliers waiting.
func avx2Shapes() []shape {
	return []shape{
		{1, 1}, {1, 2}, {1, 3}, {1, 4},
		{2, 1}, {2, 2},
		{3, 1}, {3, 2},
		{4, 1}, {5, 1}, {6, 1},
	}
}

// avx512Shapes are the same for 32 registers, each as wide as a panel.
func avx512Shapes() []shape {
	shapes := []shape{{1, 3}, {1, 4}, {2, 4}, {3, 4}}
	for rows := 1; rows <= 12; rows++ {
		shapes = append(shapes, shape{rows, 1}, shape{rows, 2})
	}
	return shapes
}
