package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// buildQLinearMatMul is QLinearMatMul: the inputs are a, its scale and zero
// point, b, its scale and zero point, and the scale and zero point of the
// output.
func buildQLinearMatMul(n *Node) (Kernel, error) {
	var weight *integerWeight
	if b := n.Constant(3); b != nil && isByte(b.Type) {
		var err error
		if weight, err = constantWeight(n, 3, 5, false); err != nil {
			return nil, err
		}
	}
	return func(c *Call) error {
		if a := c.Tensor(0); !isByte(a.Type) {
			return qlinearFloat8(c)
		}
		sums, err := newIntegerSums(c, 0, 2, 3, 5, weight)
		if err != nil {
			return err
		}
		left, err := newFactors(c.Tensor(1), sums.matMulShape, true)
		if err != nil {
			return err
		}
		right, err := newFactors(c.Tensor(4), sums.matMulShape, false)
		if err != nil {
			return err
		}
		return requantize(c, sums, left, right, 6, 7)
	}, n.Err()
}

func isByte(t onnx.DType) bool { return t == onnx.Int8 || t == onnx.Uint8 }

// requantize is output 0 = sums * left * right / scale + zero point, where the
// last two are inputs.
func requantize(c *Call, sums *integerSums, left, right factors, scale, zero int) error {
	z := c.Tensor(zero)
	if !isByte(z.Type) {
		return c.TypeError(zero)
	}
	divisor, err := scalarFloat(c, scale)
	if err != nil {
		return err
	}
	zeros, err := smallInts(z)
	if err != nil {
		return err
	}
	if len(zeros) != 1 {
		return c.ShapeError(zero, "a scalar")
	}
	y, err := c.Output(0, z.Type, sums.out...)
	if err != nil {
		return err
	}
	values, err := sums.scratch(c)
	if err != nil {
		return err
	}
	if z.Type == onnx.Int8 {
		requantizeRows(c, onnx.View[int8](y), sums.matMulShape, values, left, right, float32(divisor), zeros[0], -128, 127)
		return nil
	}
	requantizeRows(c, onnx.View[uint8](y), sums.matMulShape, values, left, right, float32(divisor), zeros[0], 0, 255)
	return nil
}

func requantizeRows[T int8 | uint8](c *Call, y []T, s matMulShape, sums []int32, left, right factors, divisor float32, zero, lo, hi int32) {
	eachScaledRow(c, s, left, right, func(row int, scale []float32) {
		d, v := y[row*s.n:(row+1)*s.n], sums[row*s.n:(row+1)*s.n]
		for j, f := range scale {
			d[j] = T(quantizeTo(float32(v[j])*(f/divisor), zero, lo, hi))
		}
	})
}

// qlinearFloat8 is QLinearMatMul for float8: both sides are converted to
// float32, multiplied and quantized again.
func qlinearFloat8(c *Call) error {
	a, err := dequantized(c, 0)
	if err != nil {
		return err
	}
	b, err := dequantized(c, 3)
	if err != nil {
		return err
	}
	s, err := matMulShapes(a.Shape, b.Shape)
	if err != nil {
		return err
	}
	zero := c.Tensor(7)
	if !zero.Type.IsFloat() || zero.Type.Bits() != 8 || zero.Len() != 1 || c.Tensor(6).Len() != 1 {
		return fmt.Errorf("the output has the zero point %v and the scale %v, expected scalars, the zero point float8", zero, c.Tensor(6))
	}
	y, err := c.Output(0, zero.Type, s.out...)
	if err != nil {
		return err
	}
	result := onnx.NewTensor(onnx.Float32, s.out...)
	multiplyBatches[float32](c, s, result, a, b)
	scale, err := float32sOf(c.Tensor(6))
	if err != nil {
		return err
	}
	return quantizeFloats(c, y, result.Float32s(), scale, zero, perTensor(result.Len()), true)
}

// dequantized returns input i, followed by its scale and zero point, as
// float32. One scale stands for all elements; the zero point may be absent.
func dequantized(c *Call, i int) (*onnx.Tensor, error) {
	x, scale, zero := c.Tensor(i), c.Tensor(i+1), c.Tensor(i+2)
	switch {
	case x == nil || scale == nil:
		return nil, fmt.Errorf("inputs %d and %d are needed", i, i+1)
	case scale.Len() != 1:
		return nil, c.ShapeError(i+1, "a scalar")
	case zero != nil && zero.Len() != 1:
		return nil, c.ShapeError(i+2, "a scalar")
	case zero != nil && zero.Type != x.Type:
		return nil, errZeroPointType
	}
	values, err := float32sOf(scale)
	if err != nil {
		return nil, err
	}
	y := onnx.NewTensor(onnx.Float32, x.Shape...)
	return y, dequantize(c, y.Float32s(), x, zero, values, perTensor(x.Len()))
}
