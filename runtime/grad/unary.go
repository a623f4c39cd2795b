package grad

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/runtime/ops"
)

// slope computes dx from dy for some elements of a function of one variable
// y = f(x). It may only read x or y as far as its operator is listed with them.
type slope func(dx, dy, x, y []float32)

// unary returns the derivative of an operator of one variable, whose slope
// depends on the attributes. It reads its input, its output, or neither.
func unary(readsX, readsY bool, build func(n *ops.Node) slope) *derivative {
	d := &derivative{}
	if readsX {
		d.inputs = []int{0}
	}
	if readsY {
		d.outputs = []int{0}
	}
	d.backward = func(c *call) error {
		var x, y []float32
		var err error
		if readsX {
			if x, err = c.floats(0); err != nil {
				return err
			}
		}
		if readsY {
			if y, err = c.outFloats(0); err != nil {
				return err
			}
		}
		c.slope(build(c.node), x, y)
		return c.node.Err()
	}
	return d
}

// slope applies f over the gradient of output 0, which becomes that of input 0.
func (c *call) slope(f slope, x, y []float32) {
	dy := c.grads[0]
	part := func(a []float32, from, to int) []float32 {
		if a == nil {
			return nil
		}
		return a[from:to]
	}
	const block = 1024 // stays in the first cache
	c.pool.For(len(dy), elementsPerRange, func(from, to int) {
		for ; from < to; from += block {
			end := min(from+block, to)
			f(dy[from:end], dy[from:end], part(x, from, end), part(y, from, end))
		}
	})
	c.pass(0)
}

func plain(f slope) func(*ops.Node) slope { return func(*ops.Node) slope { return f } }

// each makes a slope of the derivative at x and y.
func each(f func(x, y float32) float32) slope {
	return func(dx, dy, x, y []float32) {
		for i := range dx {
			var a, b float32
			if x != nil {
				a = x[i]
			}
			if y != nil {
				b = y[i]
			}
			dx[i] = dy[i] * f(a, b)
		}
	}
}

// unaryDerivatives holds the operators of one variable.
var unaryDerivatives = map[string]*derivative{
	"Identity":   unary(false, false, plain(func(dx, dy, _, _ []float32) {})),
	"Neg":        unary(false, false, plain(func(dx, dy, _, _ []float32) { vec.Scale(dx, dy, -1) })),
	"Abs":        unary(true, false, plain(each(func(x, _ float32) float32 { return sign(x) }))),
	"Sqrt":       unary(false, true, plain(each(func(_, y float32) float32 { return 0.5 / y }))),
	"Exp":        unary(false, true, plain(func(dx, dy, _, y []float32) { vec.Mul(dx, dy, y) })),
	"Log":        unary(true, false, plain(func(dx, dy, x, _ []float32) { vec.Div(dx, dy, x) })),
	"Reciprocal": unary(false, true, plain(each(func(_, y float32) float32 { return -y * y }))),
	"Sin":        unary(true, false, plain(each(func(x, _ float32) float32 { return float32(math.Cos(float64(x))) }))),
	"Cos":        unary(true, false, plain(each(func(x, _ float32) float32 { return -float32(math.Sin(float64(x))) }))),
	"Tan":        unary(false, true, plain(each(func(_, y float32) float32 { return 1 + y*y }))),
	"Atan":       unary(true, false, plain(each(func(x, _ float32) float32 { return 1 / (1 + x*x) }))),
	"Sinh":       unary(true, false, plain(each(func(x, _ float32) float32 { return float32(math.Cosh(float64(x))) }))),
	"Cosh":       unary(true, false, plain(each(func(x, _ float32) float32 { return float32(math.Sinh(float64(x))) }))),
	"Tanh":       unary(false, true, plain(each(func(_, y float32) float32 { return 1 - y*y }))),
	"Sigmoid":    unary(false, true, plain(each(func(_, y float32) float32 { return y * (1 - y) }))),
	"Erf":        unary(true, false, plain(erfSlope)),
	"Relu":       unary(false, true, plain(reluSlope)),
	"Softplus":   unary(true, false, plain(each(func(x, _ float32) float32 { return sigmoid(x) }))),
	"Softsign":   unary(true, false, plain(each(softsignSlope))),
	"Mish":       unary(true, false, plain(each(mishSlope))),
	"HardSwish":  unary(true, false, plain(each(hardSwishSlope))),
	"Gelu":       unary(true, false, geluSlopeOf),
	"Swish": unary(true, false, func(n *ops.Node) slope {
		alpha := n.Float("alpha", 1)
		return each(func(x, _ float32) float32 { return swishSlope(x, alpha) })
	}),
	"LeakyRelu": unary(true, false, func(n *ops.Node) slope {
		alpha := n.Float("alpha", 0.01)
		return each(func(x, _ float32) float32 { return choose(x >= 0, 1, alpha) })
	}),
	"ThresholdedRelu": unary(true, false, func(n *ops.Node) slope {
		alpha := n.Float("alpha", 1)
		return each(func(x, _ float32) float32 { return choose(x > alpha, 1, 0) })
	}),
	"Elu": unary(true, true, func(n *ops.Node) slope {
		alpha := n.Float("alpha", 1)
		return each(func(x, y float32) float32 { return choose(x >= 0, 1, y+alpha) })
	}),
	"Celu": unary(true, true, func(n *ops.Node) slope {
		alpha := n.Float("alpha", 1)
		return each(func(x, y float32) float32 { return choose(x >= 0, 1, y/alpha+1) })
	}),
	"Selu": unary(true, true, func(n *ops.Node) slope {
		alpha, gamma := n.Float("alpha", 1.67326319217681884765625), n.Float("gamma", 1.05070102214813232421875)
		return each(func(x, y float32) float32 { return choose(x > 0, gamma, y+gamma*alpha) })
	}),
	"HardSigmoid": unary(false, true, func(n *ops.Node) slope {
		alpha := n.Float("alpha", 0.2)
		return each(func(_, y float32) float32 { return choose(y > 0 && y < 1, alpha, 0) })
	}),
}

func choose(first bool, a, b float32) float32 {
	if first {
		return a
	}
	return b
}

func sign(x float32) float32 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

func softsignSlope(x, _ float32) float32 {
	d := 1 + float32(math.Abs(float64(x)))
	return 1 / (d * d)
}

// mishSlope is that of x tanh(softplus(x)).
func mishSlope(x, _ float32) float32 {
	t := math.Tanh(math.Log1p(math.Exp(-math.Abs(float64(x)))) + math.Max(float64(x), 0))
	return float32(t + float64(x)*(1-t*t)*float64(sigmoid(x)))
}

// hardSwishSlope is that of x max(0, min(1, x/6 + 1/2)).
func hardSwishSlope(x, _ float32) float32 {
	switch {
	case x <= -3:
		return 0
	case x >= 3:
		return 1
	}
	return x/3 + 0.5
}

// swishSlope is that of x sigmoid(alpha x).
func swishSlope(x, alpha float32) float32 {
	s := sigmoid(alpha * x)
	return s + alpha*x*s*(1-s)
}

func reluSlope(dx, dy, _, y []float32) {
	for i, v := range y {
		if v > 0 {
			dx[i] = dy[i]
		} else {
			dx[i] = 0
		}
	}
}

// erfSlope: the derivative of erf is 2/sqrt(pi) exp(-x^2).
func erfSlope(dx, dy, x, _ []float32) {
	var part [1024]float32
	for from := 0; from < len(x); from += len(part) {
		to := min(from+len(part), len(x))
		e := part[:to-from]
		gaussian(e, x[from:to], 1)
		vec.Scale(e, e, float32(2/math.SqrtPi))
		vec.Mul(dx[from:to], dy[from:to], e)
	}
}

// gaussian sets dst to exp(-a x^2).
func gaussian(dst, x []float32, a float32) {
	vec.Mul(dst, x, x)
	vec.Scale(dst, dst, -a)
	vec.Exp(dst, dst)
}

func geluSlopeOf(n *ops.Node) slope {
	if n.Text("approximate", "none") == "tanh" {
		return each(geluTanhSlope)
	}
	return geluSlope
}

// geluSlope: the derivative of x Phi(x) is Phi(x) + x phi(x), where Phi is the
// normal distribution and phi its density.
func geluSlope(dx, dy, x, _ []float32) {
	var density, distribution [1024]float32
	for from := 0; from < len(x); from += len(density) {
		to := min(from+len(density), len(x))
		d, p, x := density[:to-from], distribution[:to-from], x[from:to]
		gaussian(d, x, 0.5)
		vec.Scale(d, d, float32(1/math.Sqrt(2*math.Pi)))
		vec.Mul(d, d, x)
		vec.Scale(p, x, float32(1/math.Sqrt2))
		vec.Erf(p, p)
		vec.AddScalar(p, p, 1)
		vec.Axpy(d, p, 0.5)
		vec.Mul(dx[from:to], dy[from:to], d)
	}
}

// geluTanhSlope is that of x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
func geluTanhSlope(x, _ float32) float32 {
	a := math.Sqrt(2 / math.Pi)
	v := float64(x)
	t := math.Tanh(a * (v + 0.044715*v*v*v))
	return float32(0.5*(1+t) + 0.5*v*(1-t*t)*a*(1+3*0.044715*v*v))
}
