package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// integerMatMuls holds the products of 8-bit matrices: MatMulInteger and
// QLinearMatMul (opset 10; 21 adds float8), and of com.microsoft
// MatMulIntegerToFloat, DynamicQuantizeMatMul and QGemm.
var integerMatMuls = []Operator{
	{Name: "MatMulInteger", Since: 10, MinInputs: 2, MaxInputs: 4, Build: buildMatMulInteger, Infer: inferMatMulOf(0, 1, onnx.Int32)},
	{Name: "QLinearMatMul", Since: 10, MinInputs: 8, MaxInputs: 8, Build: buildQLinearMatMul, Infer: inferQLinearMatMul},
	{Domain: microsoft, Name: "QGemm", MinInputs: 6, MaxInputs: 9, Build: buildQGemm, Infer: inferQGemm},
	{Domain: microsoft, Name: "MatMulIntegerToFloat", MinInputs: 4, MaxInputs: 7, Build: buildMatMulIntegerToFloat, Infer: inferMatMulOf(0, 1, onnx.Float32)},
	{Domain: microsoft, Name: "DynamicQuantizeMatMul", MinInputs: 3, MaxInputs: 5, Build: buildDynamicQuantizeMatMul, Infer: inferMatMulOf(0, 1, onnx.Float32)},
}

// inferMatMulOf infers the product of inputs a and b with elements of type t.
func inferMatMulOf(a, b int, t onnx.DType) func(*Node, []Info) ([]Info, error) {
	return func(n *Node, in []Info) ([]Info, error) {
		out, err := inferMatMul(n, []Info{in[a], in[b]})
		if err != nil || len(out) == 0 {
			return out, err
		}
		return []Info{infoLike(t, out[0])}, nil
	}
}

func inferQLinearMatMul(n *Node, in []Info) ([]Info, error) {
	return inferMatMulOf(0, 3, elemOf(in[7]))(n, in)
}

func buildMatMulInteger(n *Node) (Kernel, error) {
	weight, err := constantWeight(n, 1, 3, false)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		sums, err := newIntegerSums(c, 0, 2, 1, 3, weight)
		if err != nil {
			return err
		}
		y, err := c.Output(0, onnx.Int32, sums.out...)
		if err != nil {
			return err
		}
		return sums.compute(c, onnx.View[int32](y))
	}, n.Err()
}

// integerSums is an integer matrix product that is about to be computed.
type integerSums struct {
	matMulShape
	a, zero *onnx.Tensor
	weight  *integerWeight
	// add, if not nil, is int32 and broadcasts to the sums that it is added to.
	add *onnx.Tensor
}

// newIntegerSums checks the inputs of a product by their numbers; weight is
// the right side if it was packed at Build, else nil.
func newIntegerSums(c *Call, a, aZero, b, bZero int, weight *integerWeight) (*integerSums, error) {
	s := &integerSums{a: c.Tensor(a), zero: c.Tensor(aZero), weight: weight}
	var err error
	if s.matMulShape, err = matMulShapes(s.a.Shape, c.Tensor(b).Shape); err != nil {
		return nil, err
	}
	if s.weight == nil {
		s.weight, err = newIntegerWeight(c.Tensor(b), c.Tensor(bZero), false)
	}
	return s, err
}

func (s *integerSums) compute(c *Call, dst []int32) error {
	if err := integerProduct(c, dst, s.matMulShape, s.a, s.zero, s.weight); err != nil || s.add == nil {
		return err
	}
	values := onnx.View[int32](s.add)
	for i := range dst {
		dst[i] += values[broadcastIndex(i, s.out, s.add.Shape)]
	}
	return nil
}

// scratch computes the sums into memory of the call.
func (s *integerSums) scratch(c *Call) ([]int32, error) {
	n, err := onnx.Elements(s.out)
	if err != nil {
		return nil, err
	}
	dst, err := scratchInts(c, n)
	if err != nil {
		return nil, err
	}
	return dst, s.compute(c, dst)
}

// factors are the numbers that the sums of an integer product are multiplied
// by: for each row, each column, or the same for all.
type factors struct {
	values []float32
	rows   bool // one for each row rather than each column
}

// newFactors returns the scales of a product of m by n, given as a scalar or
// one for each row or column of the last two axes, or of all matrices.
func newFactors(scale *onnx.Tensor, s matMulShape, rows bool) (factors, error) {
	values, err := float32sOf(scale)
	if err != nil {
		return factors{}, err
	}
	each := s.n
	if rows {
		each = s.m
	}
	if len(values) != 1 && len(values) != each && len(values) != s.batches*each {
		return factors{}, fmt.Errorf("a scale has shape %v, expected one number or %d", scale.Shape, each)
	}
	return factors{values: values, rows: rows}, nil
}

// at returns the factor of an element of matrix number batch.
func (f factors) at(s matMulShape, batch, row, column int) float32 {
	switch {
	case len(f.values) == 1:
		return f.values[0]
	case f.rows:
		return f.values[(batch*s.m+row)%len(f.values)]
	}
	return f.values[(batch*s.n+column)%len(f.values)]
}

// eachScaledRow calls body with each row of a product and, for each of its
// columns, the product of the factors a and b.
func eachScaledRow(c *Call, s matMulShape, a, b factors, body func(row int, scale []float32)) {
	if s.n == 0 {
		return
	}
	c.Parallel(s.batches*s.m, max(1, spanOfTensor/s.n), func(from, to int) {
		scale := make([]float32, s.n)
		for r := from; r < to; r++ {
			for j := range scale {
				scale[j] = a.at(s, r/s.m, r%s.m, j) * b.at(s, r/s.m, r%s.m, j)
			}
			body(r, scale)
		}
	})
}

func buildMatMulIntegerToFloat(n *Node) (Kernel, error) {
	weight, err := constantWeight(n, 1, 5, false)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		sums, err := newIntegerSums(c, 0, 4, 1, 5, weight)
		if err != nil {
			return err
		}
		left, err := newFactors(c.Tensor(2), sums.matMulShape, true)
		if err != nil {
			return err
		}
		return floatProduct(c, sums, left, c.Tensor(3), c.Tensor(6))
	}, n.Err()
}

// floatProduct is output 0 = sums * left * scale + bias in float32.
func floatProduct(c *Call, sums *integerSums, left factors, scale, bias *onnx.Tensor) error {
	right, err := newFactors(scale, sums.matMulShape, false)
	if err != nil {
		return err
	}
	if bias != nil && (bias.Len() != sums.n || bias.Type != onnx.Float32) {
		return fmt.Errorf("the bias is %v, expected float32[%d]", bias, sums.n)
	}
	y, err := c.Output(0, onnx.Float32, sums.out...)
	if err != nil {
		return err
	}
	values, err := sums.scratch(c)
	if err != nil {
		return err
	}
	dst := y.Float32s()
	eachScaledRow(c, sums.matMulShape, left, right, func(row int, scale []float32) {
		d, v := dst[row*sums.n:(row+1)*sums.n], values[row*sums.n:(row+1)*sums.n]
		for j, f := range scale {
			d[j] = float32(v[j]) * f
		}
		if bias != nil {
			for j, b := range bias.Float32s() {
				d[j] += b
			}
		}
	})
	return nil
}

// buildDynamicQuantizeMatMul quantizes the float32 input A to uint8 as
// DynamicQuantizeLinear does and multiplies it by the 8-bit input B.
func buildDynamicQuantizeMatMul(n *Node) (Kernel, error) {
	weight, err := constantWeight(n, 1, 3, false)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		a := c.Tensor(0)
		if a.Type != onnx.Float32 {
			return c.TypeError(0)
		}
		scale, zero := dynamicScale(a.Float32s())
		q := onnx.NewTensor(onnx.Uint8, a.Shape...)
		dst, src := onnx.View[uint8](q), a.Float32s()
		c.Parallel(len(src), spanOfTensor, func(from, to int) {
			vec.QuantizeUint8(dst[from:to], src[from:to], scale, uint8(zero))
		})
		sums, err := newIntegerSums(c, 0, 0, 1, 3, weight)
		if err != nil {
			return err
		}
		sums.a, sums.zero = q, onnx.Scalar(uint8(zero))
		return floatProduct(c, sums, factors{values: []float32{scale}}, c.Tensor(2), c.Tensor(4))
	}, n.Err()
}
