package grad

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/gemm"
)

// convDerivatives holds convolutions over any number of spatial axes.
var convDerivatives = map[string]*derivative{
	"Conv":          {inputs: []int{0, 1}, backward: backwardConv},
	"ConvTranspose": {inputs: []int{0, 1}, backward: backwardConvTranspose},
}

// convolution is what both kinds know of their shapes.
type convolution struct {
	*window
	images, group int
	// narrow and wide are the channels of a group on the small side and on the
	// large side; a group of the weight is [narrow, wide, kernel...].
	narrow, wide int
	inner        int // wide times kernel elements
}

// newConvolution checks the shapes [images, channels, spatial...] of the two
// sides and of the weight.
func (c *call) newConvolution(small, large []int) (*convolution, error) {
	weight := c.inShapes[1]
	group := c.node.Int("group", 1)
	if len(weight) < 3 || group < 1 || weight[0]%group != 0 || weight[0] != small[1] || weight[1]*group != large[1] {
		return nil, fmt.Errorf("weight of shape %v and %d groups do not fit", weight, group)
	}
	w, err := newWindow(c.node, large[2:], small[2:], weight[2:])
	if err != nil {
		return nil, err
	}
	return &convolution{window: w, images: small[0], group: group, narrow: weight[0] / group, wide: weight[1], inner: sizeOf(weight[1:])}, nil
}

// each calls f for each image and group with the parts of the small side, the
// large side and the weight, adding up gradients of the weight in dw.
func (v *convolution) each(c *call, dw []float32, f func(image, group int, dw, scratch []float32)) {
	c.sumPieces(dw, v.images, func(dw []float32, from, to int) {
		scratch := make([]float32, v.inner*sizeOf(v.small))
		for image := from; image < to; image++ {
			for group := range v.group {
				var part []float32
				if len(dw) > 0 {
					part = v.weight(dw, group)
				}
				f(image, group, part, scratch)
			}
		}
	})
}

func (v *convolution) weight(w []float32, group int) []float32 {
	size := v.narrow * v.inner
	return w[group*size : (group+1)*size]
}

// smallPart and largePart return the channels of a group of an image.
func (v *convolution) smallPart(x []float32, image, group int) []float32 {
	size := v.narrow * sizeOf(v.small)
	return x[(image*v.group+group)*size:][:size]
}

func (v *convolution) largePart(x []float32, image, group int) []float32 {
	size := v.wide * sizeOf(v.large)
	return x[(image*v.group+group)*size:][:size]
}

// backwardConv: Y = W columns(X) for each image and group, so that
// dW = dY columns(X)', and dX adds up the columns W' dY.
func backwardConv(c *call) error {
	x, err := c.floats(0)
	if err != nil {
		return err
	}
	w, err := c.floats(1)
	if err != nil {
		return err
	}
	v, err := c.newConvolution(c.outShapes[0], c.inShapes[0])
	if err != nil {
		return err
	}
	var dx, dw []float32
	if c.needed(0) {
		dx = c.zeroGradient(0)
	}
	if c.needed(1) {
		dw = c.zeroGradient(1)
	}
	dy, positions := c.grads[0], sizeOf(v.small)
	c.channelSums(2)
	if dx == nil && dw == nil {
		return nil
	}
	v.each(c, dw, func(image, group int, dw, scratch []float32) {
		part, columns := v.smallPart(dy, image, group), scratch[:v.inner*positions]
		if dw != nil {
			v.columns(columns, v.largePart(x, image, group), v.wide)
			gemm.Multiply(dw, part, columns, v.narrow, v.inner, positions, gemm.Options{TransposeB: true, Accumulate: true})
		}
		if dx != nil {
			gemm.Multiply(columns, v.weight(w, group), part, v.inner, positions, v.narrow, gemm.Options{TransposeA: true})
			v.addColumns(v.largePart(dx, image, group), columns, v.wide)
		}
	})
	return nil
}

// backwardConvTranspose: Y adds up the columns W' X for each image and group,
// so that dX = W columns(dY), and dW = X columns(dY)'.
func backwardConvTranspose(c *call) error {
	x, err := c.floats(0)
	if err != nil {
		return err
	}
	w, err := c.floats(1)
	if err != nil {
		return err
	}
	v, err := c.newConvolution(c.inShapes[0], c.outShapes[0])
	if err != nil {
		return err
	}
	var dx, dw []float32
	if c.needed(0) {
		dx = c.gradient(0)
	}
	if c.needed(1) {
		dw = c.zeroGradient(1)
	}
	dy, positions := c.grads[0], sizeOf(v.small)
	c.channelSums(2)
	if dx == nil && dw == nil {
		return nil
	}
	v.each(c, dw, func(image, group int, dw, scratch []float32) {
		columns := scratch[:v.inner*positions]
		v.columns(columns, v.largePart(dy, image, group), v.wide)
		if dw != nil {
			gemm.Multiply(dw, v.smallPart(x, image, group), columns, v.narrow, v.inner, positions, gemm.Options{TransposeB: true, Accumulate: true})
		}
		if dx != nil {
			gemm.Multiply(v.smallPart(dx, image, group), v.weight(w, group), columns, v.narrow, positions, v.inner, gemm.Options{})
		}
	})
	return nil
}

// channelSums makes the sums of the gradient of output 0 over images and
// positions that of input i, a bias of the channels, if it is needed.
func (c *call) channelSums(i int) {
	if !c.needed(i) {
		return
	}
	part := make([]int, len(c.outShapes[0])-1)
	for axis := range part {
		part[axis] = 1
	}
	part[0] = c.outShapes[0][1]
	c.sumTo(c.gradient(i), c.grads[0], c.outShapes[0], part)
}
