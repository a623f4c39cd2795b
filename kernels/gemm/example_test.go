package gemm_test

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/gemm"
)

// A dense layer: the weight is packed once, then used for any number of rows.
func ExamplePacked_Multiply() {
	weight := []float32{ // 3 inputs, 2 outputs
		1, 0,
		0, 1,
		2, -2,
	}
	packed := gemm.Pack(weight, 3, 2, false)
	x := []float32{ // 2 rows
		1, 2, 3,
		4, 5, 6,
	}
	y := make([]float32, 2*2)
	packed.Multiply(y, 2, x, 3, 2, 0, packed.N(), gemm.Epilogue{
		Bias:       []float32{10, 1},
		Activation: gemm.Relu,
	})
	fmt.Println(y)
	// Output: [17 0 26 0]
}

// Scores of attention: queries times transposed keys, scaled.
func ExampleMultiply() {
	queries := []float32{1, 0, 0, 1} // 2 of size 2
	keys := []float32{2, 4, 6, 8, 10, 12}
	scores := make([]float32, 2*3)
	gemm.Multiply(scores, queries, keys, 2, 3, 2, gemm.Options{TransposeB: true, Alpha: 0.5})
	fmt.Println(scores)
	// Output: [1 3 5 2 4 6]
}

func ExampleSymmetricUpdate() {
	moment := make([]float64, 2*2)
	batch := []float32{ // 3 rows of 2
		1, 2,
		3, 4,
		5, 6,
	}
	gemm.SymmetricUpdate(moment, batch, 3, 2, 0, 2)
	fmt.Println(moment)
	// Output: [35 44 44 56]
}
