package gemm

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/vec"
)

// Epilogue is what happens to every element of a product before it leaves the
// cache: first the bias, then the activation.
type Epilogue struct {
	Bias       []float32 // one value for each column, or nil
	Activation Activation
}

// Activation is an elementwise function at the end of a product.
type Activation int

// The activations; package vec defines them.
const (
	None Activation = iota
	Relu
	Gelu
	GeluTanh
	Silu
	Sigmoid
	Tanh
)

// rowFunctions are the activations that work on one row at a time.
var rowFunctions = map[Activation]func(dst, src []float32){
	Relu:     vec.Relu,
	Gelu:     vec.Gelu,
	GeluTanh: vec.GeluTanh,
	Silu:     vec.Silu,
	Sigmoid:  vec.Sigmoid,
	Tanh:     vec.Tanh,
}

// check panics unless e fits a product of n columns.
func (e Epilogue) check(n int) {
	if e.Bias != nil && len(e.Bias) != n {
		panic(fmt.Sprintf("gemm: bias has %d elements, want %d", len(e.Bias), n))
	}
	if e.Activation != None && rowFunctions[e.Activation] == nil {
		panic(fmt.Sprintf("gemm: unknown activation %d", int(e.Activation)))
	}
}

// finish applies e to columns from..to of rows of dst.
func (e Epilogue) finish(dst []float32, dstStride, rows, from, to int) {
	if e.Bias == nil && e.Activation == None {
		return
	}
	dst = dst[from:]
	columns := to - from
	if e.Bias != nil {
		addBias(dst, dstStride, rows, columns, e.Bias[from:to], e.Activation == Relu)
		if e.Activation == Relu {
			return
		}
	}
	if e.Activation == None {
		return
	}
	apply := rowFunctions[e.Activation]
	for i := range rows {
		row := dst[i*dstStride:][:columns]
		apply(row, row)
	}
}

// addBiasGeneric adds a bias to every row, and applies Relu if asked to.
func addBiasGeneric(dst []float32, dstStride, rows, columns int, bias []float32, relu bool) {
	for i := range rows {
		row := dst[i*dstStride:][:columns]
		for j := range row {
			y := row[j] + bias[j]
			if relu && y < 0 {
				y = 0
			}
			row[j] = y
		}
	}
}
