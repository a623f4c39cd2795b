package grad

import (
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// selectDerivatives holds operators that choose between elements or add many.
var selectDerivatives = map[string]*derivative{
	"Where": {inputs: []int{0}, backward: backwardWhere},
	"Clip":  {inputs: []int{0}, outputs: []int{0}, backward: backwardClip},
	"Min":   {inputs: []int{every}, outputs: []int{0}, backward: backwardChosen},
	"Max":   {inputs: []int{every}, outputs: []int{0}, backward: backwardChosen},
	"Sum":   {backward: backwardTotal},
	"Mean":  {backward: backwardTotal},
	// ScatterND puts updates in the place of elements.
	"ScatterND": {inputs: []int{1}, backward: backwardScatterND, accepts: func(n *ops.Node) bool { return n.Text("reduction", "none") == "none" }},
}

func backwardWhere(c *call) error {
	condition := onnx.View[uint8](c.in[0])
	steps := broadcastSteps(c.outShapes[0], c.inShapes[0])
	w := newWalk(c.outShapes[0], steps, denseSteps(c.outShapes[0]))
	dy := c.grads[0]
	for i := 1; i <= 2; i++ {
		if !c.needed(i) {
			continue
		}
		g := c.memory.take(len(dy))
		c.pool.For(w.runs(), max(1, elementsPerRange/w.run()), func(from, to int) {
			w.visit(from, to, func(_ int, at []int) {
				for j := range w.run() {
					g[at[1]+j] = choose((condition[at[0]+j*w.step(0)] != 0) == (i == 1), dy[at[1]+j], 0)
				}
			})
		})
		c.reduced(i, g, c.outShapes[0])
	}
	return nil
}

// backwardClip passes gradients where the element was left as it is. Bounds get
// no gradient: they are constants in every exporter.
func backwardClip(c *call) error {
	x, err := c.floats(0)
	if err != nil {
		return err
	}
	y, err := c.outFloats(0)
	if err != nil {
		return err
	}
	c.slope(each(func(x, y float32) float32 { return choose(x == y, 1, 0) }), x, y)
	return nil
}

// backwardChosen gives the gradient to the first input that is the result.
func backwardChosen(c *call) error {
	y, err := c.outFloats(0)
	if err != nil {
		return err
	}
	rest := c.grads[0] // what no input has taken yet
	for i := range c.in {
		x, err := c.floats(i)
		if err != nil {
			return err
		}
		wide := c.expanded(x, c.inShapes[i], c.outShapes[0])
		g := c.memory.zeros(len(rest))
		c.elements(len(rest), func(from, to int) {
			for j := from; j < to; j++ {
				if wide[j] == y[j] {
					g[j], rest[j] = rest[j], 0
				}
			}
		})
		c.release(wide, x)
		if c.needed(i) {
			c.reduced(i, g, c.outShapes[0])
		} else {
			c.memory.give(g)
		}
	}
	return nil
}

// backwardTotal is for Sum and Mean of several inputs.
func backwardTotal(c *call) error {
	if c.node.Op == "Mean" {
		c.scale(c.grads[0], 1/float32(len(c.inShapes)))
	}
	for i := range c.inShapes {
		if c.needed(i) {
			g := c.memory.take(len(c.grads[0]))
			copy(g, c.grads[0])
			c.reduced(i, g, c.outShapes[0])
		}
	}
	return nil
}

// backwardScatterND: the update that is written last at a place has its
// gradient, the element that was there has none.
func backwardScatterND(c *call) error {
	indices, err := ops.IntsOf(c.in[1])
	if err != nil {
		return err
	}
	shape, index := c.inShapes[0], c.inShapes[1]
	depth := index[len(index)-1]
	size := sizeOf(shape[depth:])
	rest := c.grads[0]
	updates := c.memory.zeros(sizeOf(c.inShapes[2]))
	for i := len(indices)/max(1, depth) - 1; i >= 0; i-- {
		at := 0
		for axis, v := range indices[i*depth : (i+1)*depth] {
			if v < 0 {
				v += shape[axis]
			}
			at = at*shape[axis] + v
		}
		place := rest[at*size : (at+1)*size]
		copy(updates[i*size:], place)
		clear(place)
	}
	if c.needed(2) {
		c.results[2] = updates
	} else {
		c.memory.give(updates)
	}
	if c.needed(0) {
		c.pass(0)
	}
	return nil
}
