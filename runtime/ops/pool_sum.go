package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// sumPool is an AveragePool or LpPool node: a sum over the window of the
// elements, or of powers of their absolute values.
type sumPool struct {
	window *window
	// power is the p of LpPool, 0 for averages.
	power float64
	// countPadding makes the padding count in averages.
	countPadding bool
}

func buildAveragePool(n *Node) (Kernel, error) {
	return buildSumPool(n, &sumPool{countPadding: n.Bool("count_include_pad", false)})
}

func buildLpPool(n *Node) (Kernel, error) {
	power, err := powerOf(n)
	if err != nil {
		return nil, err
	}
	return buildSumPool(n, &sumPool{power: power})
}

// powerOf reads the attribute p of LpPool and GlobalLpPool, a float in version
// 1 and an integer since.
func powerOf(n *Node) (float64, error) {
	p := 2.0
	if n.Opset < 2 {
		p = float64(n.Float("p", 2))
	} else {
		p = float64(n.Int("p", 2))
	}
	if !(p > 0) {
		return 0, fmt.Errorf("p is %v, expected a positive number", p)
	}
	return p, n.Err()
}

func buildSumPool(n *Node, v *sumPool) (Kernel, error) {
	w, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	if w.kernel == nil {
		return nil, fmt.Errorf("attribute kernel_shape is missing")
	}
	v.window = w
	return v.run, n.Err()
}

func (v *sumPool) run(c *Call) error {
	x := c.Tensor(0)
	if isHalf(x.Type) {
		return inFloat32(c, v.run)
	}
	p, shape, err := poolShape(c, v.window)
	if err != nil {
		return err
	}
	y, err := c.Output(0, x.Type, shape...)
	if err != nil {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		runSumPool(c, v, p, onnx.View[float32](y), onnx.View[float32](x))
	case onnx.Float64:
		runSumPool(c, v, p, onnx.View[float64](y), onnx.View[float64](x))
	default:
		return c.TypeError(0)
	}
	return nil
}

func runSumPool[T float](c *Call, v *sumPool, p *placement, y, x []T) {
	positions, plane := sizeOf(p.out), sizeOf(p.in)
	if positions == 0 || len(y) == 0 {
		return
	}
	planes := len(y) / positions
	c.Parallel(planes, max(1, rangeWork/8/max(1, plane)), func(from, to int) {
		var powers *buffer[T]
		if v.power != 0 {
			powers = borrow[T](plane)
			defer powers.release()
		}
		for i := from; i < to; i++ {
			out, in := y[i*positions:][:positions], x[i*plane:][:plane]
			if v.power != 0 {
				for i, x := range in {
					powers.data[i] = T(math.Pow(math.Abs(float64(x)), v.power))
				}
				in = powers.data
			}
			overAxes(p, out, in, func(axis int, dst, src []T, outer, inner int) {
				sumAxis(v, p, axis, dst, src, outer, inner)
			})
			if v.power != 0 {
				for i, x := range out {
					out[i] = T(math.Pow(float64(x), 1/v.power))
				}
			}
		}
	})
}

// sumAxis sums over the window along one axis, and divides by the number of
// elements for averages.
func sumAxis[T float](v *sumPool, p *placement, axis int, dst, src []T, outer, inner int) {
	in, out := p.in[axis], p.out[axis]
	if inner == 1 && axis == len(p.in)-1 {
		sumLines(v, p, dst, src, outer)
		return
	}
	for x := range out {
		from, to := p.taps(axis, x)
		first := x*p.strides[axis] - p.begin[axis]
		scale := T(v.share(p, axis, x))
		for o := range outer {
			row := dst[(o*out+x)*inner:][:inner]
			clear(row)
			plane := src[o*in*inner:][:in*inner]
			for t := from; t < to; t++ {
				addInto(row, plane[(first+t*p.dilations[axis])*inner:][:inner])
			}
			if scale != 1 {
				scaleBy(row, scale)
			}
		}
	}
}

// sumLines is sumAxis for the last axis, whose elements are neighbours.
func sumLines[T float](v *sumPool, p *placement, dst, src []T, outer int) {
	last := len(p.in) - 1
	in, out, dilation := p.in[last], p.out[last], p.dilations[last]
	for x := range out {
		from, to := p.taps(last, x)
		first := x*p.strides[last] - p.begin[last]
		scale := T(v.share(p, last, x))
		for o := range outer {
			var sum T
			for t := from; t < to; t++ {
				sum += src[o*in+first+t*dilation]
			}
			dst[o*out+x] = sum * scale
		}
	}
}

// share returns the factor of a sum over one axis: one over the number of
// elements for averages.
func (v *sumPool) share(p *placement, axis, x int) float64 {
	if count := v.count(p, axis, x); v.power == 0 && count > 0 {
		return 1 / float64(count)
	}
	return 1
}

// count returns how many elements along an axis the average at output
// coordinate x is over: those inside of the input, or of the padded input.
func (v *sumPool) count(p *placement, axis, x int) int {
	if !v.countPadding {
		from, to := p.taps(axis, x)
		return to - from
	}
	padded := placement{
		in: []int{p.begin[axis] + p.in[axis] + p.end[axis]}, kernel: p.kernel[axis : axis+1], strides: p.strides[axis : axis+1],
		dilations: p.dilations[axis : axis+1], begin: []int{0},
	}
	from, to := padded.taps(0, x)
	return to - from
}
