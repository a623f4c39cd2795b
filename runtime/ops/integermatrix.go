package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// This file multiplies matrices of 8-bit integers with exact sums. A right side
// that fits in signed bytes once its zero point is subtracted has kernels of its
// own. Other products are made by the float32 kernels: as long as no partial sum
// passes 2^24 every float32 operation on integers is exact, so the inner
// dimension is cut into parts that can not pass it, and the parts are added as
// int32.

// exactBound is the largest integer up to which float32 holds all integers.
const exactBound = 1 << 24

// largestDifference bounds the distance of an 8-bit number and a zero point.
const largestDifference = 255

// integerMatrix is the right side [k,n] of integer products, its zero point
// subtracted.
type integerMatrix struct {
	k, n  int
	bytes *gemm.PackedInt8 // or nil, where parts has the matrix
	// part is the number of rows in each of parts but the last.
	part  int
	parts []*gemm.Packed
}

// newIntegerMatrix packs a matrix [k,n] or, transposed, [n,k] of differences
// from a zero point.
func newIntegerMatrix(values []float32, k, n int, transposed bool) *integerMatrix {
	if bytes, ok := signedBytes(values); ok {
		return &integerMatrix{k: k, n: n, bytes: gemm.PackInt8(bytes, k, n, transposed)}
	}
	largest := float32(1)
	for _, v := range values {
		if v < 0 {
			v = -v
		}
		if v > largest {
			largest = v
		}
	}
	w := &integerMatrix{k: k, n: n, part: exactBound / (largestDifference * int(largest))}
	if transposed {
		rows := make([]float32, len(values))
		for i, v := range values {
			rows[i%k*n+i/k] = v
		}
		values = rows
	}
	for from := 0; from < k; from += w.part {
		to := min(from+w.part, k)
		w.parts = append(w.parts, gemm.Pack(values[from*n:to*n], to-from, n, false))
	}
	return w
}

// signedBytes returns whole numbers as signed bytes, if they fit.
func signedBytes(values []float32) ([]int8, bool) {
	bytes := make([]int8, len(values))
	for i, v := range values {
		if v < -128 || v > 127 {
			return nil, false
		}
		bytes[i] = int8(v)
	}
	return bytes, true
}

// multiply computes dst = a w for m rows of a, differences of 8-bit numbers
// from a zero point. Sums wrap around beyond 32 bits.
func (w *integerMatrix) multiply(c *Call, dst []int32, a []float32, m int) error {
	if w.bytes != nil && m > 0 && w.n > 0 {
		w.multiplyBytes(c, dst, a, m)
		return nil
	}
	if len(w.parts) == 0 || m == 0 || w.n == 0 {
		clear(dst)
		return nil
	}
	sums, err := c.Scratch(m * w.n)
	if err != nil {
		return err
	}
	for i, p := range w.parts {
		multiplyPacked(c, p, sums, w.n, a[i*w.part:], w.k, m, rowEpilogue{})
		first := i == 0
		c.Parallel(len(dst), spanOfTensor, func(from, to int) {
			d, s := dst[from:to], sums[from:to]
			if first {
				for j, v := range s {
					d[j] = int32(v)
				}
				return
			}
			for j, v := range s {
				d[j] += int32(v)
			}
		})
	}
	return nil
}

// multiplyBytes is multiply with the kernels for bytes.
func (w *integerMatrix) multiplyBytes(c *Call, dst []int32, a []float32, m int) {
	c.Used("packed int8", m*w.n*w.k)
	if rows := rowsPerRange(w.n * w.k); m > rows {
		c.Parallel(m, rows, func(from, to int) {
			w.bytes.MultiplyWhole(dst[from*w.n:], w.n, a[from*w.k:], w.k, to-from, 0, w.n)
		})
		return
	}
	c.Parallel(w.n, columnsPerRange(m, w.k), func(from, to int) {
		w.bytes.MultiplyWhole(dst, w.n, a, w.k, m, from, to)
	})
}

// differences writes the elements of an 8-bit tensor minus their zero points,
// zeros[row] for rows of the given length; one zero point stands for all, none
// for 0.
func differences(c *Call, dst []float32, x *onnx.Tensor, zeros []int32, length int) error {
	switch x.Type {
	case onnx.Uint8:
		differencesOf(c, dst, onnx.View[uint8](x), zeros, length, vec.DequantizeUint8)
	case onnx.Int8:
		differencesOf(c, dst, onnx.View[int8](x), zeros, length, vec.DequantizeInt8)
	default:
		return fmt.Errorf("expected 8-bit integers, got %v", x)
	}
	return nil
}

// differencesOf is differences by a function that computes (x - zero) * scale.
func differencesOf[T int8 | uint8](c *Call, dst []float32, x []T, zeros []int32, length int, dequantize func(dst []float32, x []T, scale float32, zero T)) {
	if len(x) == 0 {
		return
	}
	if len(zeros) < 2 {
		var zero int32
		if len(zeros) == 1 {
			zero = zeros[0]
		}
		c.Parallel(len(x), spanOfTensor, func(from, to int) { dequantize(dst[from:to], x[from:to], 1, T(zero)) })
		return
	}
	c.Parallel(len(x)/length, max(1, spanOfTensor/length), func(from, to int) {
		for r := from; r < to; r++ {
			dequantize(dst[r*length:(r+1)*length], x[r*length:(r+1)*length], 1, T(zeros[r%len(zeros)]))
		}
	})
}
