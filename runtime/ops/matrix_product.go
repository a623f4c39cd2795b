package ops

import (
	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/onnx"
)

// This file holds the matrix products that MatMul, Gemm, Conv, the recurrent
// operators and attention are made of: how they are split over threads, and
// where the kernels of kernels/gemm are called.

// matrix is a view of a matrix in memory: rows of consecutive elements, stride
// apart, or the transpose of that.
type matrix[T number] struct {
	data       []T
	stride     int
	transposed bool
}

// matrixProduct computes dst = a b for a of size [m,k] and b of size [k,n], or
// dst += a b. Rows of dst are dstStride apart. Every element is the sum over k
// in ascending order, whatever part of the product is computed.
func matrixProduct[T number](dst []T, dstStride int, a, b matrix[T], m, n, k int, accumulate bool) {
	if m == 0 || n == 0 {
		return
	}
	if single, ok := any(dst).([]float32); ok && k > 0 {
		gemm.Multiply(single, any(a.data).([]float32), any(b.data).([]float32), m, n, k, gemm.Options{
			TransposeA: a.transposed, TransposeB: b.transposed,
			DstStride: dstStride, AStride: a.stride, BStride: b.stride, Accumulate: accumulate,
		})
		return
	}
	for i := range m {
		row := dst[i*dstStride:][:n]
		if !accumulate {
			clear(row)
		}
		for p := range k {
			at := i*a.stride + p
			if a.transposed {
				at = p*a.stride + i
			}
			addProducts(row, a.data[at], b, p)
		}
	}
}

// addProducts adds x times row p of b to dst.
func addProducts[T number](dst []T, x T, b matrix[T], p int) {
	if b.transposed {
		for j := range dst {
			dst[j] += x * b.data[j*b.stride+p]
		}
		return
	}
	for j, y := range b.data[p*b.stride:][:len(dst)] {
		dst[j] += x * y
	}
}

// panel is the number of columns that ranges of columns are multiples of.
const panel = 16

// multiplyPacked computes dst = a w, finished by e, on the threads of the call,
// for m rows of a.
func multiplyPacked(c *Call, w *gemm.Packed, dst []float32, dstStride int, a []float32, aStride, m int, e rowEpilogue) {
	k, n := w.K(), w.N()
	if m == 0 || n == 0 {
		return
	}
	c.Used("packed", m*n*k)
	if rows := rowsPerRange(n * k); m > rows && c.Pool.Threads() > 1 {
		c.Parallel(m, rows, func(from, to int) {
			w.Multiply(dst[from*dstStride:], dstStride, a[from*aStride:], aStride, to-from, 0, n, e.Epilogue)
			e.finish(dst, dstStride, from, to, 0, n)
		})
		return
	}
	if columns := columnsPerRange(m, k); n > columns && c.Pool.Threads() > 1 {
		c.Parallel(n, columns, func(from, to int) {
			w.Multiply(dst, dstStride, a, aStride, m, from, to, e.Epilogue)
			e.finish(dst, dstStride, 0, m, from, to)
		})
		return
	}
	w.Multiply(dst, dstStride, a, aStride, m, 0, n, e.Epilogue)
	e.finish(dst, dstStride, 0, m, 0, n)
}

// withBias is the epilogue that adds a bias, which may be nil.
func withBias(bias []float32) rowEpilogue {
	return rowEpilogue{Epilogue: gemm.Epilogue{Bias: bias}}
}

// rangeWork is the number of multiplications worth a range of their own.
const rangeWork = 1 << 19

// rowsPerRange returns how many rows of a product make a range, where each row
// takes work multiplications: at least 24, so that the kernels reuse what they
// load of the right side.
func rowsPerRange(work int) int { return max(24, rangeWork/max(work, 1)/24*24) }

// columnsPerRange returns how many columns of a product of m rows with inner
// size k make a range. A product of few rows is bound by memory bandwidth, so
// fewer multiplications are worth a range.
func columnsPerRange(m, k int) int {
	work := max(m, 4) * max(k, 1)
	return max(4*panel, rangeWork/work/panel*panel)
}

// isFloat32 reports whether t is a float32 tensor.
func isFloat32(t *onnx.Tensor) bool { return t != nil && t.Type == onnx.Float32 }
