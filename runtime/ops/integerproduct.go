package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// integerWeight is the right input of an integer product: one matrix for each
// index of its leading axes.
type integerWeight struct{ matrices []*integerMatrix }

// newIntegerWeight packs an 8-bit tensor [..., k, n], or [..., n, k] if
// transposed, or [k]. The zero point is nil, one for all, one for each column,
// or one for each column of each matrix.
func newIntegerWeight(b, zero *onnx.Tensor, transposed bool) (*integerWeight, error) {
	if b.Rank() == 0 {
		return nil, fmt.Errorf("the right matrix is a scalar")
	}
	k, n := b.Shape[0], 1
	if b.Rank() > 1 {
		k, n = b.Shape[b.Rank()-2], b.Shape[b.Rank()-1]
	}
	if transposed {
		k, n = n, k
	}
	var zeros []int32
	if zero != nil {
		if zero.Type != b.Type {
			return nil, errZeroPointType
		}
		var err error
		if zeros, err = smallInts(zero); err != nil {
			return nil, err
		}
	}
	size := k * n
	batches := 1
	if size > 0 {
		batches = b.Len() / size
	}
	if len(zeros) > 1 && len(zeros) != n && len(zeros) != batches*n {
		return nil, fmt.Errorf("the zero point of the right matrix has shape %v, expected one number or one for each of %d columns", zero.Shape, n)
	}
	values := make([]float32, b.Len())
	if err := differences(&Call{}, values, b, nil, 1); err != nil {
		return nil, err
	}
	w := &integerWeight{}
	for i := range batches {
		matrix := values[i*size : (i+1)*size]
		subtractColumns(matrix, zeros, i, n, transposed)
		w.matrices = append(w.matrices, newIntegerMatrix(matrix, k, n, transposed))
	}
	return w, nil
}

// subtractColumns subtracts the zero points of matrix number i.
func subtractColumns(matrix []float32, zeros []int32, i, n int, transposed bool) {
	if len(zeros) == 0 || n == 0 {
		return
	}
	rows := len(matrix) / n
	for p := range matrix {
		column := p % n
		if transposed {
			column = p / max(1, rows)
		}
		at := 0
		if len(zeros) > 1 {
			at = (i*n + column) % len(zeros)
		}
		matrix[p] -= float32(zeros[at])
	}
}

// constantWeight packs input b of a node at Build, where it and its zero point
// do not depend on the inputs of the model; else it returns nil.
func constantWeight(n *Node, b, zero int, transposed bool) (*integerWeight, error) {
	if n.Constant(b) == nil || n.Has(zero) && n.Constant(zero) == nil {
		return nil, nil
	}
	return newIntegerWeight(n.Constant(b), n.Constant(zero), transposed)
}

// integerProduct computes the sums of products of an integer MatMul: input a
// with its zero point by weight.
func integerProduct(c *Call, dst []int32, s matMulShape, a, zero *onnx.Tensor, weight *integerWeight) error {
	if len(dst) == 0 {
		return nil
	}
	var zeros []int32
	if zero != nil {
		if zero.Type != a.Type {
			return errZeroPointType
		}
		var err error
		if zeros, err = smallInts(zero); err != nil {
			return err
		}
	}
	if rows := a.Len() / max(1, s.k); len(zeros) > 1 && len(zeros) != rows && len(zeros) != s.m {
		return fmt.Errorf("the zero point of the left matrix has shape %v, expected one number or one for each of %d rows", zero.Shape, s.m)
	}
	left, err := c.Scratch(a.Len())
	if err != nil {
		return err
	}
	if err := differences(c, left, a, zeros, s.k); err != nil {
		return err
	}
	if len(weight.matrices) == 1 && a.Len() == s.batches*s.m*s.k {
		return weight.matrices[0].multiply(c, dst, left, s.batches*s.m)
	}
	for i := range s.batches {
		w := weight.matrices[broadcastIndex(i, s.batch, s.b)]
		from := broadcastIndex(i, s.batch, s.a) * s.m * s.k
		if err := w.multiply(c, dst[i*s.m*s.n:(i+1)*s.m*s.n], left[from:from+s.m*s.k], s.m); err != nil {
			return err
		}
	}
	return nil
}

// scratchInts returns n integers of unknown content that are valid during the
// call.
func scratchInts(c *Call, n int) ([]int32, error) {
	floats, err := c.Scratch(n)
	if err != nil {
		return nil, err
	}
	return onnx.View[int32](onnx.FromBits(onnx.Int32, floats, n)), nil
}
