package ops

import "github.com/kcompress/kcompress/onnx"

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

// product computes dst = a b for a of size [m,k] and b of size [k,n], or
// dst += a b. Rows of dst are dstStride apart. Every element is the sum over k
// in ascending order, whatever part of the product is computed.
func product[T number](dst []T, dstStride int, a, b matrix[T], m, n, k int, accumulate bool) {
	for i := range m {
		row := dst[i*dstStride : i*dstStride+n]
		if !accumulate {
			clear(row)
		}
		for p := range k {
			var x T
			if a.transposed {
				x = a.data[p*a.stride+i]
			} else {
				x = a.data[i*a.stride+p]
			}
			if b.transposed {
				for j := range row {
					row[j] += x * b.data[j*b.stride+p]
				}
			} else {
				for j, y := range b.data[p*b.stride : p*b.stride+n] {
					row[j] += x * y
				}
			}
		}
	}
}

// packed is a constant float32 matrix [k,n], laid out once for products with
// rows from the left.
type packed struct {
	k, n int
	data []float32
}

// pack lays out w, which is [k,n] or, transposed, [n,k].
func pack(w []float32, k, n int, transposed bool) *packed {
	p := &packed{k: k, n: n, data: make([]float32, k*n)}
	if !transposed {
		copy(p.data, w)
		return p
	}
	for i := range k {
		for j := range n {
			p.data[i*n+j] = w[j*k+i]
		}
	}
	return p
}

// panel is the number of columns that ranges of columns are multiples of.
const panel = 16

// part computes columns from to to-1 of dst = a w + bias for m rows.
func (p *packed) part(dst []float32, dstStride int, a []float32, aStride, m, from, to int, bias []float32) {
	product(dst[from:], dstStride, matrix[float32]{data: a, stride: aStride}, matrix[float32]{data: p.data[min(from, len(p.data)):], stride: p.n}, m, to-from, p.k, false)
	if bias == nil {
		return
	}
	for i := range m {
		row := dst[i*dstStride+from : i*dstStride+to]
		for j := range row {
			row[j] += bias[from+j]
		}
	}
}

// multiply computes dst = a w + bias on the threads of the call, for m rows of
// a. bias has n elements or is nil.
func (p *packed) multiply(c *Call, dst []float32, dstStride int, a []float32, aStride, m int, bias []float32) {
	if m == 0 || p.n == 0 {
		return
	}
	if rows := rowsPerRange(p.n * p.k); m > rows {
		c.Parallel(m, rows, func(from, to int) {
			p.part(dst[from*dstStride:], dstStride, a[from*aStride:], aStride, to-from, 0, p.n, bias)
		})
		return
	}
	columns := columnsPerRange(m, p.k)
	if p.n <= columns {
		p.part(dst, dstStride, a, aStride, m, 0, p.n, bias)
		return
	}
	c.Parallel(p.n, columns, func(from, to int) {
		p.part(dst, dstStride, a, aStride, m, from, to, bias)
	})
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
