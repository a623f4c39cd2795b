package grad

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/runtime/ops"
)

var softmaxDerivatives = map[string]*derivative{
	"Softmax":    {outputs: []int{0}, backward: func(c *call) error { return backwardSoftmax(c, softmaxRow) }},
	"LogSoftmax": {outputs: []int{0}, backward: func(c *call) error { return backwardSoftmax(c, logSoftmaxRow) }},
}

// softmaxRow: dx = y (dy - sum(dy y)), over dy.
func softmaxRow(dy, y []float32) {
	vec.AddScalar(dy, dy, -vec.Dot(dy, y))
	vec.Mul(dy, dy, y)
}

// logSoftmaxRow: dx = dy - e^y sum(dy), over dy.
func logSoftmaxRow(dy, y []float32) {
	total := vec.Sum(dy)
	for i, v := range y {
		dy[i] -= total * float32(math.Exp(float64(v)))
	}
}

func backwardSoftmax(c *call, row func(dy, y []float32)) error {
	y, err := c.outFloats(0)
	if err != nil {
		return err
	}
	axis, size, err := softmaxAxis(c.node, c.outShapes[0])
	if err != nil {
		return err
	}
	dy := c.grads[0]
	inner := sizeOf(c.outShapes[0][axis:]) / max(1, size)
	rows := len(dy) / max(1, size)
	c.pool.For(rows, max(1, elementsPerRange/max(1, size)), func(from, to int) {
		if inner == 1 {
			for r := from; r < to; r++ {
				row(dy[r*size:(r+1)*size], y[r*size:(r+1)*size])
			}
			return
		}
		a, b := make([]float32, size), make([]float32, size)
		for r := from; r < to; r++ {
			start := r/inner*inner*size + r%inner
			for i := range size {
				a[i], b[i] = dy[start+i*inner], y[start+i*inner]
			}
			row(a, b)
			for i := range size {
				dy[start+i*inner] = a[i]
			}
		}
	})
	c.pass(0)
	return nil
}

// softmaxAxis returns the axis and the number of elements that are normalised
// together: before opset 13, all from the axis on.
func softmaxAxis(n *ops.Node, shape []int) (axis, size int, err error) {
	missing := -1
	if n.Opset < 13 {
		missing = 1
	}
	axis = n.Int("axis", missing)
	if n.Opset < 13 && axis == len(shape) {
		return axis, 1, nil
	}
	if axis, err = ops.Axis(axis, len(shape)); err != nil {
		return 0, 0, err
	}
	if n.Opset < 13 {
		return axis, sizeOf(shape[axis:]), nil
	}
	return axis, shape[axis], nil
}
