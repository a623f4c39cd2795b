package grad

import (
	"github.com/kcompress/kcompress/runtime/ops"
)

// poolDerivatives holds pools over the spatial axes.
var poolDerivatives = map[string]*derivative{
	"MaxPool":           {inputs: []int{0}, outputs: []int{0}, backward: backwardMaxPool, accepts: func(n *ops.Node) bool { return !n.Wants(1) }},
	"AveragePool":       {backward: backwardAveragePool},
	"GlobalAveragePool": {backward: backwardGlobalAverage},
	"GlobalMaxPool":     {inputs: []int{0}, outputs: []int{0}, backward: backwardGlobalMax},
}

// eachPlane runs f over the planes (images times channels) of input and output.
func (c *call) eachPlane(f func(plane int)) {
	planes := c.inShapes[0][0] * c.inShapes[0][1]
	c.pool.For(planes, max(1, elementsPerRange/max(1, sizeOf(c.inShapes[0][2:]))), func(from, to int) {
		for plane := from; plane < to; plane++ {
			f(plane)
		}
	})
}

// backwardMaxPool gives each gradient to the first element that is the largest.
func backwardMaxPool(c *call) error {
	x, err := c.floats(0)
	if err != nil {
		return err
	}
	y, err := c.outFloats(0)
	if err != nil {
		return err
	}
	w, err := newWindow(c.node, c.inShapes[0][2:], c.outShapes[0][2:], nil)
	if err != nil {
		return err
	}
	dx, rest := c.zeroGradient(0), c.grads[0] // what no element has taken yet
	small, large := sizeOf(w.small), sizeOf(w.large)
	c.eachPlane(func(plane int) {
		x, y, dx, rest := x[plane*large:], y[plane*small:], dx[plane*large:], rest[plane*small:]
		for tap := range w.taps() {
			w.runs(tap, func(s, l, count, stride int) {
				for i := range count {
					if x[l+i*stride] == y[s+i] {
						dx[l+i*stride] += rest[s+i]
						rest[s+i] = 0
					}
				}
			})
		}
	})
	return nil
}

// backwardAveragePool shares each gradient among the elements under the window,
// and the padding if count_include_pad says so.
func backwardAveragePool(c *call) error {
	w, err := newWindow(c.node, c.inShapes[0][2:], c.outShapes[0][2:], nil)
	if err != nil {
		return err
	}
	shares, err := w.shares(c.node)
	if err != nil {
		return err
	}
	dx, dy := c.zeroGradient(0), c.grads[0]
	small, large := sizeOf(w.small), sizeOf(w.large)
	c.eachPlane(func(plane int) {
		dx, dy := dx[plane*large:], dy[plane*small:]
		for tap := range w.taps() {
			w.runs(tap, func(s, l, count, stride int) {
				for i := range count {
					dx[l+i*stride] += dy[s+i] * shares[s+i]
				}
			})
		}
	})
	return nil
}

// shares returns for each small position what one element under the window
// weighs in the average.
func (w *window) shares(n *ops.Node) ([]float32, error) {
	counted := *w
	if n.Bool("count_include_pad", false) { // the window lies over the padded input
		pads := n.Ints("pads")
		counted.large, counted.padding = append([]int(nil), w.large...), make([]int, len(w.large))
		for i := range w.large {
			end := 0
			switch {
			case n.Text("auto_pad", "NOTSET") != "NOTSET":
				end = max(0, (w.small[i]-1)*w.strides[i]+(w.kernel[i]-1)*w.dilations[i]+1-w.large[i]-w.padding[i])
			case pads != nil:
				end = pads[len(w.large)+i]
			}
			counted.large[i] += w.padding[i] + end
		}
	}
	shares := make([]float32, sizeOf(w.small))
	for tap := range w.taps() {
		counted.runs(tap, func(s, _, count, _ int) {
			for i := range count {
				shares[s+i]++
			}
		})
	}
	for i, n := range shares {
		shares[i] = 1 / max(1, n)
	}
	return shares, n.Err()
}

func backwardGlobalAverage(c *call) error {
	dx, dy, size := c.gradient(0), c.grads[0], sizeOf(c.inShapes[0][2:])
	c.eachPlane(func(plane int) {
		share := dy[plane] / float32(size)
		for i := range size {
			dx[plane*size+i] = share
		}
	})
	return nil
}

func backwardGlobalMax(c *call) error {
	x, err := c.floats(0)
	if err != nil {
		return err
	}
	y, err := c.outFloats(0)
	if err != nil {
		return err
	}
	dx, dy, size := c.zeroGradient(0), c.grads[0], sizeOf(c.inShapes[0][2:])
	c.eachPlane(func(plane int) {
		for i := range size {
			if x[plane*size+i] == y[plane] {
				dx[plane*size+i] = dy[plane]
				return
			}
		}
	})
	return nil
}
