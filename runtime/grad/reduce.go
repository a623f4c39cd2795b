package grad

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/runtime/ops"
)

// reduceDerivatives holds reductions over axes, which are an attribute or, for
// ReduceSum from opset 13 and the others from 18, an input.
var reduceDerivatives = map[string]*derivative{
	"ReduceSum":       reduction(false, nil),
	"ReduceMean":      reduction(false, nil),
	"ReduceSumSquare": reduction(true, func(x, _ float32) float32 { return 2 * x }),
	"ReduceL1":        reduction(true, func(x, _ float32) float32 { return sign(x) }),
	"ReduceL2":        reduction(true, l2Slope),
	"ReduceLogSum":    reduction(true, func(_, y float32) float32 { return float32(math.Exp(-float64(y))) }),
	"ReduceLogSumExp": reduction(true, func(x, y float32) float32 { return float32(math.Exp(float64(x) - float64(y))) }),
	"ReduceMax":       {inputs: []int{0, 1}, outputs: []int{0}, backward: backwardExtreme},
	"ReduceMin":       {inputs: []int{0, 1}, outputs: []int{0}, backward: backwardExtreme},
}

func l2Slope(x, y float32) float32 {
	if y == 0 {
		return 0
	}
	return x / y
}

// reduction returns the derivative of a reduction where that of y to an
// element x is slope(x, y), or 1 (over the count for a mean) if slope is nil.
func reduction(readsValues bool, slope func(x, y float32) float32) *derivative {
	d := &derivative{inputs: []int{1}}
	if readsValues {
		d.inputs, d.outputs = []int{0, 1}, []int{0}
	}
	d.backward = func(c *call) error {
		kept, err := c.keptShape()
		if err != nil {
			return err
		}
		g := c.gradient(0)
		c.expand(g, c.grads[0], kept, c.inShapes[0])
		if c.node.Op == "ReduceMean" {
			c.scale(g, float32(len(c.grads[0]))/float32(max(1, len(g))))
		}
		if slope == nil {
			return nil
		}
		return c.applySlope(g, kept, slope)
	}
	return d
}

// applySlope multiplies g, in the shape of input 0, by slope(x, y).
func (c *call) applySlope(g []float32, kept []int, slope func(x, y float32) float32) error {
	x, err := c.floats(0)
	if err != nil {
		return err
	}
	y, err := c.outFloats(0)
	if err != nil {
		return err
	}
	wide := c.expanded(y, kept, c.inShapes[0])
	c.elements(len(g), func(from, to int) {
		for i := from; i < to; i++ {
			g[i] *= slope(x[i], wide[i])
		}
	})
	c.release(wide, y)
	return nil
}

// backwardExtreme gives the gradient to all elements that are the largest or
// smallest, in equal parts.
func backwardExtreme(c *call) error {
	kept, err := c.keptShape()
	if err != nil {
		return err
	}
	g := c.gradient(0)
	for i := range g {
		g[i] = 1
	}
	isExtreme := func(x, y float32) float32 { return choose(x == y, 1, 0) }
	if err := c.applySlope(g, kept, isExtreme); err != nil {
		return err
	}
	counts := c.memory.take(len(c.grads[0]))
	c.sumTo(counts, g, c.inShapes[0], kept)
	share := c.grads[0]
	for i, n := range counts {
		share[i] /= max(1, n)
	}
	c.memory.give(counts)
	wide := c.expanded(share, kept, c.inShapes[0])
	vec.Mul(g, g, wide)
	c.release(wide, share)
	return nil
}

// keptShape returns the shape of the output with the reduced axes kept as 1.
func (c *call) keptShape() ([]int, error) {
	shape := c.inShapes[0]
	axes := c.node.Ints("axes")
	if c.has(1) {
		var err error
		if axes, err = ops.IntsOf(c.in[1]); err != nil {
			return nil, err
		}
	}
	kept := append([]int(nil), shape...)
	if len(axes) == 0 {
		if !c.node.Bool("noop_with_empty_axes", false) {
			for i := range kept {
				kept[i] = 1
			}
		}
		return kept, c.node.Err()
	}
	axes, err := ops.Axes(axes, len(shape))
	if err != nil {
		return nil, err
	}
	for _, axis := range axes {
		kept[axis] = 1
	}
	return kept, c.node.Err()
}

// scale multiplies g by s.
func (c *call) scale(g []float32, s float32) {
	if s == 1 {
		return
	}
	c.elements(len(g), func(from, to int) { vec.Scale(g[from:to], g[from:to], s) })
}
