package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// buildQLinearGlobalPool is QLinearGlobalAveragePool: the 8-bit numbers of a
// plane are added as integers, and the sum is requantized.
func buildQLinearGlobalPool(n *Node) (Kernel, error) {
	if n.Bool("channels_last", false) {
		return channelsLast(qlinearGlobalPool), n.Err()
	}
	return qlinearGlobalPool, n.Err()
}

func qlinearGlobalPool(c *Call) error {
	x, zero := c.Tensor(0), c.Tensor(4)
	if x.Rank() < 3 {
		return c.ShapeError(0, "batch, channels and at least one spatial axis")
	}
	if !isByte(x.Type) || !isByte(zero.Type) || c.Tensor(2).Type != x.Type {
		return fmt.Errorf("input %v with zero points %v and %v: expected 8-bit integers", x, c.Tensor(2), zero)
	}
	var scales [2]float64
	for i, at := range []int{1, 3} {
		var err error
		if scales[i], err = scalarFloat(c, at); err != nil {
			return err
		}
	}
	xZeros, err := smallInts(c.Tensor(2))
	if err != nil {
		return err
	}
	zeros, err := smallInts(zero)
	if err != nil {
		return err
	}
	if len(xZeros) != 1 || len(zeros) != 1 {
		return fmt.Errorf("the zero points have shapes %v and %v, expected scalars", c.Tensor(2).Shape, zero.Shape)
	}
	shape := ones(x.Rank())
	copy(shape, x.Shape[:2])
	y, err := c.Output(0, zero.Type, shape...)
	if err != nil || y.Len() == 0 {
		return err
	}
	plane := sizeOf(x.Shape[2:])
	factor := float32(scales[0]) / (float32(scales[1]) * float32(plane))
	lo, hi, _ := quantizedRange(zero.Type)
	sum := planeSums(x, plane)
	values := y.Raw()
	c.Parallel(len(values), max(1, spanOfTensor/max(1, plane)), func(from, to int) {
		for i := from; i < to; i++ {
			values[i] = byte(quantizeTo(float32(sum(i)-xZeros[0]*int32(plane))*factor, zeros[0], lo, hi))
		}
	})
	return nil
}

// planeSums returns the function that adds up plane i of an 8-bit tensor.
func planeSums(x *onnx.Tensor, plane int) func(i int) int32 {
	if x.Type == onnx.Int8 {
		return planeSumsOf(onnx.View[int8](x), plane)
	}
	return planeSumsOf(onnx.View[uint8](x), plane)
}

func planeSumsOf[T int8 | uint8](x []T, plane int) func(i int) int32 {
	return func(i int) int32 {
		var sum int32
		for _, v := range x[i*plane : (i+1)*plane] {
			sum += int32(v)
		}
		return sum
	}
}
