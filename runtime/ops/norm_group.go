package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// groupNorm is an InstanceNormalization node (a group for each channel) or a
// GroupNormalization node. Version 18 of the latter has a scale and a bias for
// each group, version 21 for each channel.
type groupNorm struct {
	epsilon float64
	// groups is 0 for a group for each channel.
	groups   int
	perGroup bool
}

func buildInstanceNorm(n *Node) (Kernel, error) {
	v := &groupNorm{epsilon: float64(n.Float("epsilon", 1e-5))}
	return v.run, n.Err()
}

func buildGroupNorm(n *Node) (Kernel, error) {
	v := &groupNorm{epsilon: float64(n.Float("epsilon", 1e-5)), groups: n.Int("num_groups", 0), perGroup: n.Opset < 21}
	if v.groups < 1 && n.Err() == nil {
		return nil, fmt.Errorf("num_groups is %d, expected a positive number", v.groups)
	}
	return v.run, n.Err()
}

func (v *groupNorm) run(c *Call) error {
	x := c.Tensor(0)
	if err := sameTypes(c, 1, 2); err != nil {
		return err
	}
	if isHalf(x.Type) {
		return inFloat32(c, v.run)
	}
	if x.Rank() < 2 {
		return c.ShapeError(0, "batch, channels and spatial axes")
	}
	channels := x.Shape[1]
	groups := v.groups
	if groups == 0 {
		groups = channels
	}
	if groups > 0 && channels%groups != 0 {
		return fmt.Errorf("%d channels can not be divided into %d groups", channels, groups)
	}
	parameters := channels
	if v.perGroup {
		parameters = groups
	}
	for i := 1; i < 3; i++ {
		if t := c.Tensor(i); t.Rank() != 1 || t.Len() != parameters {
			return c.ShapeError(i, fmt.Sprintf("[%d]", parameters))
		}
	}
	y, err := c.OutputOver(0, 0)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		normalizeGroups(c, v, y.Float32s(), x.Float32s(), c.Tensor(1).Float32s(), c.Tensor(2).Float32s(), channels, groups, sizeOf(x.Shape[2:]))
	case onnx.Float64:
		normalizeGroups(c, v, onnx.View[float64](y), onnx.View[float64](x), onnx.View[float64](c.Tensor(1)), onnx.View[float64](c.Tensor(2)), channels, groups, sizeOf(x.Shape[2:]))
	default:
		return c.TypeError(0)
	}
	return nil
}

func normalizeGroups[T float](c *Call, v *groupNorm, y, x, scale, bias []T, channels, groups, plane int) {
	members := channels / groups // channels of a group
	size := members * plane
	c.Parallel(len(x)/size, max(1, rangeWork/8/size), func(from, to int) {
		for i := from; i < to; i++ {
			mean, variance := moments(x[i*size:][:size])
			inverse := 1 / math.Sqrt(variance+v.epsilon)
			g := i % groups
			for m := range members {
				p := g
				if !v.perGroup {
					p = g*members + m
				}
				factor := inverse * float64(scale[p])
				shift := float64(bias[p]) - mean*factor
				in, out := x[i*size+m*plane:][:plane], y[i*size+m*plane:][:plane]
				for j, v := range in {
					out[j] = T(float64(v)*factor + shift)
				}
			}
		}
	})
}

// moments returns the mean and the population variance of x.
func moments[T float](x []T) (mean, variance float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		d := float64(v) - mean
		variance += d * d
	}
	return mean, variance / float64(len(x))
}
