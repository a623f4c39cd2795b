package grad

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// shapeDerivatives holds operators that keep the elements of input 0 and give
// them another shape or order.
var shapeDerivatives = map[string]*derivative{
	"Reshape":   {backward: backwardView},
	"Flatten":   {backward: backwardView},
	"Squeeze":   {backward: backwardView},
	"Unsqueeze": {backward: backwardView},
	"Dropout":   {inputs: []int{2}, backward: backwardDropout, accepts: inferenceDropout},
	"Transpose": {backward: backwardTranspose},
	"Expand":    {backward: func(c *call) error { c.sumOf(0); return nil }},
	"Concat":    {backward: backwardConcat},
}

func backwardView(c *call) error {
	c.pass(0)
	return nil
}

// castDerivative: casts to float32 pass gradients on, casts to integers are
// flat, and other float types have no derivative here.
func castDerivative(n *ops.Node) *derivative {
	switch to := onnx.DType(n.Int("to", 0)); {
	case to == onnx.Float32:
		return viewDerivative
	case to.IsInteger() || to == onnx.Bool || to == onnx.String:
		return flat
	}
	return nil
}

var viewDerivative = &derivative{backward: backwardView}

// inferenceDropout is for Dropout that may drop in training mode only: before
// opset 12 it never drops at inference.
func inferenceDropout(n *ops.Node) bool { return !n.Wants(1) && n.Opset >= 7 }

func backwardDropout(c *call) error {
	if c.node.Opset >= 12 && c.has(2) && c.in[2].Len() == 1 && c.in[2].Raw()[0] != 0 {
		return fmt.Errorf("training mode has no derivative")
	}
	c.pass(0)
	return nil
}

func backwardTranspose(c *call) error {
	shape := c.inShapes[0]
	perm := c.node.Ints("perm")
	if perm == nil {
		for i := len(shape) - 1; i >= 0; i-- {
			perm = append(perm, i)
		}
	}
	if err := c.node.Err(); err != nil {
		return err
	}
	g, dy := c.gradient(0), c.grads[0]
	if len(g) == 0 {
		return nil
	}
	// The steps in dy along each axis of the input.
	outSteps, steps := denseSteps(c.outShapes[0]), make([]int, len(shape))
	for out, in := range perm {
		steps[in] = outSteps[out]
	}
	w := newWalk(shape, denseSteps(shape), steps)
	if last := len(w.sizes) - 1; last > 0 && w.step(1) != 1 && w.steps[1][last-1] == 1 {
		c.transposeMatrices(g, dy, w)
		return nil
	}
	c.pool.For(w.runs(), max(1, elementsPerRange/w.run()), func(from, to int) {
		w.visit(from, to, func(_ int, at []int) {
			row, step := g[at[0]:][:w.run()], w.step(1)
			if step == 1 {
				copy(row, dy[at[1]:])
				return
			}
			for i := range row {
				row[i] = dy[at[1]+i*step]
			}
		})
	})
	return nil
}

// transposeMatrices copies by the walk w, whose last two axes are a matrix
// that lies transposed in src.
func (c *call) transposeMatrices(dst, src []float32, w walk) {
	last := len(w.sizes) - 1
	rows, columns := w.sizes[last-1], w.sizes[last]
	outer := walk{sizes: append(append([]int(nil), w.sizes[:last-1]...), 1)}
	for k := range w.steps {
		outer.steps = append(outer.steps, append(append([]int(nil), w.steps[k][:last-1]...), 0))
	}
	c.pool.For(outer.runs(), max(1, elementsPerRange/(rows*columns)), func(from, to int) {
		outer.visit(from, to, func(_ int, at []int) {
			vec.TransposeStrided(dst[at[0]:], w.steps[0][last-1], src[at[1]:], w.steps[1][last], columns, rows)
		})
	})
}

func backwardConcat(c *call) error {
	axis, err := ops.Axis(c.node.Int("axis", 1), len(c.outShapes[0]))
	if err != nil {
		return err
	}
	dy, out := c.grads[0], c.outShapes[0]
	outer, row := sizeOf(out[:axis]), sizeOf(out[axis:])
	at := 0
	for i, shape := range c.inShapes {
		if shape == nil {
			continue
		}
		size := sizeOf(shape[axis:])
		if c.needed(i) {
			g := c.gradient(i)
			for r := range outer {
				copy(g[r*size:(r+1)*size], dy[r*row+at:])
			}
		}
		at += size
	}
	return nil
}
