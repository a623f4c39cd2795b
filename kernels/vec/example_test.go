package vec_test

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/vec"
)

func ExampleSoftmax() {
	scores := []float32{0, 0, 1000, 1000}
	vec.Softmax(scores, scores)
	fmt.Println(scores)
	// Output: [0 0 0.5 0.5]
}

func ExampleTranspose() {
	x := []int32{
		1, 2, 3,
		4, 5, 6,
	}
	y := make([]int32, 6)
	vec.Transpose(y, x, 2, 3)
	fmt.Println(y)
	// Output: [1 4 2 5 3 6]
}

func ExampleQuantizeInt8() {
	q := make([]int8, 4)
	vec.QuantizeInt8(q, []float32{-0.25, 0.25, 0.75, 100}, 0.5, 0)
	fmt.Println(q)
	// Output: [0 0 2 127]
}
