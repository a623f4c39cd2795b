package ops

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

func buildGlobalMaxPool(*Node) (Kernel, error) {
	return func(c *Call) error { return globalPool(c, maxOf[float32], maxOf[float64]) }, nil
}

func buildGlobalAveragePool(*Node) (Kernel, error) {
	return func(c *Call) error { return globalPool(c, meanOf[float32], meanOf[float64]) }, nil
}

func buildGlobalLpPool(n *Node) (Kernel, error) {
	power, err := powerOf(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		return globalPool(c, func(plane []float32) float32 { return normOf(plane, power) },
			func(plane []float64) float64 { return normOf(plane, power) })
	}, nil
}

// globalPool reduces each plane to one element.
func globalPool(c *Call, single func([]float32) float32, double func([]float64) float64) error {
	x := c.Tensor(0)
	if isHalf(x.Type) {
		return inFloat32(c, func(c *Call) error { return globalPool(c, single, double) })
	}
	if x.Rank() < 2 {
		return c.ShapeError(0, "batch, channels and spatial axes")
	}
	shape := ones(x.Rank())
	copy(shape, x.Shape[:2])
	y, err := c.Output(0, x.Type, shape...)
	if err != nil {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		reducePlanes(c, y.Float32s(), x.Float32s(), single)
	case onnx.Float64:
		reducePlanes(c, onnx.View[float64](y), onnx.View[float64](x), double)
	default:
		return c.TypeError(0)
	}
	return nil
}

func reducePlanes[T float](c *Call, y, x []T, reduce func([]T) T) {
	if len(y) == 0 {
		return
	}
	plane := len(x) / len(y)
	c.Parallel(len(y), max(1, rangeWork/8/max(1, plane)), func(from, to int) {
		for i := from; i < to; i++ {
			y[i] = reduce(x[i*plane:][:plane])
		}
	})
}

func maxOf[T float](plane []T) T {
	best := T(math.Inf(-1))
	for _, v := range plane {
		if v > best || v != v {
			best = v
		}
	}
	return best
}

func meanOf[T float](plane []T) T {
	if single, ok := any(plane).([]float32); ok && len(plane) > 0 {
		return T(vec.Sum(single) / float32(len(plane)))
	}
	var sum float64
	for _, v := range plane {
		sum += float64(v)
	}
	return T(sum / float64(len(plane)))
}

func normOf[T float](plane []T, p float64) T {
	var sum float64
	for _, v := range plane {
		sum += math.Pow(math.Abs(float64(v)), p)
	}
	return T(math.Pow(sum, 1/p))
}
