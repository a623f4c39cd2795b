package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// lrn is an LRN node (ai.onnx 1, 13): it divides by a power of the sum of
// squares over neighbouring channels.
type lrn struct {
	alpha, beta, bias float64
	size              int
}

func buildLRN(n *Node) (Kernel, error) {
	v := &lrn{alpha: float64(n.Float("alpha", 1e-4)), beta: float64(n.Float("beta", 0.75)), bias: float64(n.Float("bias", 1)), size: n.Int("size", 0)}
	if v.size < 1 && n.Err() == nil {
		return nil, fmt.Errorf("size is %d, expected a positive number", v.size)
	}
	return v.run, n.Err()
}

func (v *lrn) run(c *Call) error {
	x := c.Tensor(0)
	if isHalf(x.Type) {
		return inFloat32(c, v.run)
	}
	if x.Rank() < 2 {
		return c.ShapeError(0, "batch, channels and spatial axes")
	}
	y, err := c.Output(0, x.Type, x.Shape...)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		runLRN(c, v, y.Float32s(), x.Float32s(), x.Shape)
	case onnx.Float64:
		runLRN(c, v, onnx.View[float64](y), onnx.View[float64](x), x.Shape)
	default:
		return c.TypeError(0)
	}
	return nil
}

func runLRN[T float](c *Call, v *lrn, y, x []T, shape []int) {
	channels, plane := shape[1], sizeOf(shape[2:])
	size := min(v.size, 2*channels) // further neighbours do not exist
	before, after := (size-1)/2, size/2
	if size < v.size {
		before, after = channels, channels
	}
	c.Parallel(len(x)/plane, max(1, rangeWork/64/plane), func(from, to int) {
		sums := make([]float64, plane)
		for i := from; i < to; i++ {
			ch := i % channels
			clear(sums)
			for k := max(0, ch-before); k <= min(channels-1, ch+after); k++ {
				for j, v := range x[(i-ch+k)*plane:][:plane] {
					sums[j] += float64(v) * float64(v)
				}
			}
			in, out := x[i*plane:][:plane], y[i*plane:][:plane]
			for j, s := range sums {
				out[j] = T(float64(in[j]) / math.Pow(v.bias+v.alpha/float64(v.size)*s, v.beta))
			}
		}
	})
}

// buildLpNorm builds LpNormalization (ai.onnx 1, 22): each vector along axis
// is divided by its norm; a vector of zeros stays.
func buildLpNorm(n *Node) (Kernel, error) {
	axis, p := n.Int("axis", -1), n.Int("p", 2)
	if p != 1 && p != 2 {
		return nil, fmt.Errorf("p is %d, expected 1 or 2", p)
	}
	return func(c *Call) error { return lpNorm(c, axis, p) }, n.Err()
}

func lpNorm(c *Call, axis, p int) error {
	x := c.Tensor(0)
	if isHalf(x.Type) {
		return inFloat32(c, func(c *Call) error { return lpNorm(c, axis, p) })
	}
	a, err := Axis(axis, x.Rank())
	if err != nil {
		return err
	}
	y, err := c.OutputOver(0, 0)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		divideByNorm(y.Float32s(), x.Float32s(), x.Shape, a, p)
	case onnx.Float64:
		divideByNorm(onnx.View[float64](y), onnx.View[float64](x), x.Shape, a, p)
	default:
		return c.TypeError(0)
	}
	return nil
}

func divideByNorm[T float](y, x []T, shape []int, axis, p int) {
	size, inner := shape[axis], sizeOf(shape[axis+1:])
	for first := 0; first < len(x); first += size * inner {
		for j := first; j < first+inner; j++ {
			var sum float64
			for i := range size {
				v := math.Abs(float64(x[j+i*inner]))
				if p == 2 {
					v *= v
				}
				sum += v
			}
			if p == 2 {
				sum = math.Sqrt(sum)
			}
			if sum == 0 {
				sum = 1
			}
			for i := range size {
				y[j+i*inner] = T(float64(x[j+i*inner]) / sum)
			}
		}
	}
}

// buildMeanVarianceNorm builds MeanVarianceNormalization (ai.onnx 9, 13):
// mean 0 and variance 1 over the given axes. Version 1 of the preview operator
// has the attributes across_channels and normalize_variance instead.
func buildMeanVarianceNorm(n *Node) (Kernel, error) {
	axes := n.Ints("axes")
	if axes == nil {
		axes = []int{0, 2, 3}
		if n.Opset < 9 {
			axes = []int{2, 3}
			if n.Bool("across_channels", false) {
				axes = []int{1, 2, 3}
			}
		}
	}
	scale := n.Opset >= 9 || n.Bool("normalize_variance", true)
	return func(c *Call) error { return meanVarianceNorm(c, axes, scale) }, n.Err()
}

func meanVarianceNorm(c *Call, axes []int, scale bool) error {
	x := c.Tensor(0)
	if isHalf(x.Type) {
		return inFloat32(c, func(c *Call) error { return meanVarianceNorm(c, axes, scale) })
	}
	sorted, err := Axes(axes, x.Rank())
	if err != nil {
		return err
	}
	y, err := c.OutputOver(0, 0)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		normalizeOver(y.Float32s(), x.Float32s(), x.Shape, sorted, scale)
	case onnx.Float64:
		normalizeOver(onnx.View[float64](y), onnx.View[float64](x), x.Shape, sorted, scale)
	default:
		return c.TypeError(0)
	}
	return nil
}

// normalizeOver normalises the elements that share their coordinates on all
// but the given axes.
func normalizeOver[T float](y, x []T, shape, axes []int, scale bool) {
	kept := append([]int(nil), shape...)
	for _, a := range axes {
		kept[a] = 1
	}
	group := make([]int, len(x))
	for i := range x {
		group[i] = broadcastIndex(i, shape, kept)
	}
	groups := sizeOf(kept)
	count := float64(len(x) / groups)
	means, factors := make([]float64, groups), make([]float64, groups)
	for i, v := range x {
		means[group[i]] += float64(v) / count
	}
	for i, v := range x {
		d := float64(v) - means[group[i]]
		factors[group[i]] += d * d / count
	}
	for g, variance := range factors {
		// The function body of the standard adds 1e-9 to the deviation.
		factors[g] = 1 / (math.Sqrt(variance) + 1e-9)
		if !scale {
			factors[g] = 1
		}
	}
	for i, v := range x {
		y[i] = T((float64(v) - means[group[i]]) * factors[group[i]])
	}
}
