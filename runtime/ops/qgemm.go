package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// The inputs of QGemm.
const (
	qgemmA = iota
	qgemmAScale
	qgemmAZero
	qgemmB
	qgemmBScale
	qgemmBZero
	qgemmC
	qgemmScale
	qgemmZero
)

// qgemm is QGemm of com.microsoft: the product of 8-bit matrices plus an int32
// matrix C, times alpha and the scales of A and B. It is quantized if the
// scale of the output is given, and float32 otherwise.
type qgemm struct {
	alpha          float32
	transA, transB bool
	weight         *integerWeight
}

func buildQGemm(n *Node) (Kernel, error) {
	v := &qgemm{alpha: n.Float("alpha", 1), transA: n.Bool("transA", false), transB: n.Bool("transB", false)}
	if n.Has(qgemmScale) != n.Has(qgemmZero) {
		return nil, fmt.Errorf("inputs %d and %d must be given together", qgemmScale, qgemmZero)
	}
	var err error
	if b := n.Constant(qgemmB); b != nil && b.Rank() == 2 {
		v.weight, err = constantWeight(n, qgemmB, qgemmBZero, v.transB)
	}
	if err != nil {
		return nil, err
	}
	return v.run, n.Err()
}

func (v *qgemm) run(c *Call) error {
	sums, err := v.sums(c)
	if err != nil {
		return err
	}
	left, err := newFactors(c.Tensor(qgemmAScale), sums.matMulShape, true)
	if err != nil {
		return err
	}
	left.values = scaled(left.values, v.alpha)
	right, err := newFactors(c.Tensor(qgemmBScale), sums.matMulShape, false)
	if err != nil {
		return err
	}
	if c.Tensor(qgemmScale) != nil {
		return requantize(c, sums, left, right, qgemmScale, qgemmZero)
	}
	return floatProduct(c, sums, left, c.Tensor(qgemmBScale), nil)
}

// sums prepares the integer product.
func (v *qgemm) sums(c *Call) (*integerSums, error) {
	a, b, addend := c.Tensor(qgemmA), c.Tensor(qgemmB), c.Tensor(qgemmC)
	if a.Rank() != 2 {
		return nil, c.ShapeError(qgemmA, "a matrix")
	}
	if b.Rank() != 2 {
		return nil, c.ShapeError(qgemmB, "a matrix")
	}
	if !isByte(a.Type) {
		return nil, c.TypeError(qgemmA)
	}
	s := &integerSums{a: a, zero: c.Tensor(qgemmAZero), weight: v.weight, add: addend}
	var err error
	if v.transA {
		if s.a, err = permuted(a, []int{1, 0}); err != nil {
			return nil, err
		}
	}
	right := b.Shape
	if v.transB {
		right = []int{b.Shape[1], b.Shape[0]}
	}
	if s.matMulShape, err = matMulShapes(s.a.Shape, right); err != nil {
		return nil, err
	}
	if addend != nil && (addend.Type != onnx.Int32 || !broadcastsTo(addend.Shape, s.out)) {
		return nil, fmt.Errorf("input %d is %v, expected int32 of a shape that broadcasts to %v", qgemmC, addend, s.out)
	}
	if s.weight == nil {
		s.weight, err = newIntegerWeight(b, c.Tensor(qgemmBZero), v.transB)
	}
	return s, err
}

func inferQGemm(n *Node, in []Info) ([]Info, error) {
	t := onnx.Float32
	if len(in) > qgemmZero && n.Has(qgemmZero) {
		t = elemOf(in[qgemmZero])
	}
	out, err := inferGemm(n, []Info{in[qgemmA], in[qgemmB]})
	if err != nil || len(out) == 0 {
		return out, err
	}
	return []Info{infoLike(t, out[0])}, nil
}
