package grad

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// binaryDerivatives holds the operators of two variables with broadcasting, as
// of opset 7. The older form with the attribute axis is refused.
var binaryDerivatives = map[string]*derivative{
	"Add":   {backward: backwardAdd, accepts: broadcastsByShape},
	"Sub":   {backward: backwardSub, accepts: broadcastsByShape},
	"Mul":   {inputs: []int{0, 1}, backward: backwardMul, accepts: broadcastsByShape},
	"Div":   {inputs: []int{1}, outputs: []int{0}, backward: backwardDiv, accepts: broadcastsByShape},
	"PRelu": {inputs: []int{0, 1}, backward: backwardPRelu, accepts: broadcastsByShape},
	"Pow":   {inputs: []int{0, 1}, outputs: []int{0}, backward: backwardPow, accepts: broadcastsByShape},
}

func broadcastsByShape(n *ops.Node) bool { return n.Opset >= 7 || !n.HasAttr("broadcast") }

func backwardAdd(c *call) error {
	if c.needed(1) {
		c.sumOf(1)
	}
	if c.needed(0) {
		c.sumOf(0)
	}
	return nil
}

// sumOf makes the gradient of output 0 that of an input that is broadcast.
func (c *call) sumOf(i int) {
	if sizeOf(c.inShapes[i]) == len(c.grads[0]) {
		c.pass(i)
		return
	}
	c.sumTo(c.gradient(i), c.grads[0], c.outShapes[0], c.inShapes[i])
}

func backwardSub(c *call) error {
	if c.needed(1) {
		g := c.gradient(1)
		c.sumTo(g, c.grads[0], c.outShapes[0], c.inShapes[1])
		vec.Scale(g, g, -1)
	}
	if c.needed(0) {
		c.sumOf(0)
	}
	return nil
}

// times returns dy times the elements of input i, broadcast, in memory of its
// own.
func (c *call) times(i int) ([]float32, error) {
	x, err := c.floats(i)
	if err != nil {
		return nil, err
	}
	dy := c.grads[0]
	product := c.memory.take(len(dy))
	if len(x) == 1 {
		c.elements(len(dy), func(from, to int) { vec.Scale(product[from:to], dy[from:to], x[0]) })
		return product, nil
	}
	wide := c.expanded(x, c.inShapes[i], c.outShapes[0])
	c.elements(len(dy), func(from, to int) { vec.Mul(product[from:to], dy[from:to], wide[from:to]) })
	c.release(wide, x)
	return product, nil
}

// elements runs f over ranges of n elements.
func (c *call) elements(n int, f func(from, to int)) { c.pool.For(n, elementsPerRange, f) }

func backwardMul(c *call) error {
	for i := range 2 {
		if !c.needed(i) {
			continue
		}
		g, err := c.times(1 - i)
		if err != nil {
			return err
		}
		c.reduced(i, g, c.outShapes[0])
	}
	return nil
}

// backwardDiv: da = dy/b, db = -dy y/b.
func backwardDiv(c *call) error {
	b, err := c.floats(1)
	if err != nil {
		return err
	}
	y, err := c.outFloats(0)
	if err != nil {
		return err
	}
	dy := c.grads[0]
	wide := c.expanded(b, c.inShapes[1], c.outShapes[0])
	quotient := c.memory.take(len(dy))
	c.elements(len(dy), func(from, to int) { vec.Div(quotient[from:to], dy[from:to], wide[from:to]) })
	c.release(wide, b)
	if c.needed(1) {
		g := c.memory.take(len(dy))
		c.elements(len(dy), func(from, to int) {
			vec.Mul(g[from:to], quotient[from:to], y[from:to])
			vec.Scale(g[from:to], g[from:to], -1)
		})
		c.reduced(1, g, c.outShapes[0])
	}
	if !c.needed(0) {
		c.memory.give(quotient)
		return nil
	}
	c.reduced(0, quotient, c.outShapes[0])
	return nil
}

// backwardPRelu is for y = x where x >= 0, and slope x elsewhere.
func backwardPRelu(c *call) error {
	x, err := c.floats(0)
	if err != nil {
		return err
	}
	slope, err := c.floats(1)
	if err != nil {
		return err
	}
	dy, dx, ds := c.grads[0], c.memory.take(len(x)), c.memory.take(len(x))
	wide := c.expanded(slope, c.inShapes[1], c.outShapes[0])
	c.elements(len(x), func(from, to int) {
		for i := from; i < to; i++ {
			if dx[i], ds[i] = dy[i], 0; x[i] < 0 {
				dx[i], ds[i] = dy[i]*wide[i], dy[i]*x[i]
			}
		}
	})
	c.release(wide, slope)
	for i, g := range [][]float32{dx, ds} {
		if c.needed(i) {
			c.reduced(i, g, c.outShapes[0])
		} else {
			c.memory.give(g)
		}
	}
	return nil
}

// backwardPow: da = dy b a^(b-1), db = dy y log(a). The exponent may be of
// another type.
func backwardPow(c *call) error {
	a, err := c.floats(0)
	if err != nil {
		return err
	}
	exponent := c.in[1]
	if exponent.Type != onnx.Float32 {
		if exponent, err = exponent.ConvertTo(onnx.Float32); err != nil {
			return err
		}
	}
	y, err := c.outFloats(0)
	if err != nil {
		return err
	}
	b := exponent.Float32s()
	wideA, wideB := c.expanded(a, c.inShapes[0], c.outShapes[0]), c.expanded(b, c.inShapes[1], c.outShapes[0])
	dy := c.grads[0]
	if c.needed(0) {
		g := c.memory.take(len(dy))
		c.elements(len(dy), func(from, to int) {
			for i := from; i < to; i++ {
				g[i] = dy[i] * powSlope(wideA[i], wideB[i])
			}
		})
		c.reduced(0, g, c.outShapes[0])
	}
	if c.needed(1) {
		g := c.memory.take(len(dy))
		c.elements(len(dy), func(from, to int) {
			for i := from; i < to; i++ {
				g[i] = dy[i] * y[i] * float32(math.Log(float64(wideA[i])))
			}
		})
		c.reduced(1, g, c.outShapes[0])
	}
	c.release(wideA, a)
	c.release(wideB, b)
	return nil
}

func powSlope(a, b float32) float32 {
	switch b {
	case 0:
		return 0
	case 1:
		return 1
	case 2:
		return 2 * a
	case 3:
		return 3 * a * a
	}
	return b * float32(math.Pow(float64(a), float64(b-1)))
}
