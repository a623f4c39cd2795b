package grad

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/runtime/ops"
)

// normDerivatives holds normalisations. For rows x with mean m and inverse
// deviation v, y = (x-m) v scale + bias.
var normDerivatives = map[string]*derivative{
	"LayerNormalization":    {inputs: []int{0, 1}, backward: backwardLayerNorm, accepts: oneOutput},
	"RMSNormalization":      {inputs: []int{0, 1}, backward: backwardLayerNorm, accepts: oneOutput},
	"BatchNormalization":    {inputs: []int{0, 1, 3, 4}, backward: backwardBatchNorm, accepts: inferenceBatchNorm},
	"InstanceNormalization": {inputs: []int{0, 1}, backward: backwardGroupNorm},
	"GroupNormalization":    {inputs: []int{0, 1}, backward: backwardGroupNorm},
}

func oneOutput(n *ops.Node) bool { return !n.Wants(1) && !n.Wants(2) }

func inferenceBatchNorm(n *ops.Node) bool {
	return n.Opset >= 7 && !n.Bool("training_mode", false) && !n.Wants(1)
}

// statistics returns the mean and the inverse deviation of a row; the mean is 0
// for a root mean square.
func statistics(x []float32, epsilon float32, rms bool) (mean, inverse float32) {
	n := float32(len(x))
	if rms {
		return 0, inverseRoot(vec.Dot(x, x)/n + epsilon)
	}
	mean = vec.Sum(x) / n
	var square float64
	for _, v := range x {
		d := float64(v - mean)
		square += d * d
	}
	return mean, inverseRoot(float32(square)/n + epsilon)
}

func inverseRoot(x float32) float32 { return float32(1 / math.Sqrt(float64(x))) }

// normRow goes back through one normalised row: given its standardised values
// z and g = dy scale, it replaces g by v (g - mean(g) - z mean(g z)), without
// mean(g) for a root mean square.
func normRow(g, z []float32, inverse float32, rms bool) {
	n := float32(len(g))
	shift := float32(0)
	if !rms {
		shift = vec.Sum(g) / n
	}
	slope := vec.Dot(g, z) / n
	vec.AddScalar(g, g, -shift)
	vec.Axpy(g, z, -slope)
	vec.Scale(g, g, inverse)
}

// standardise sets z to (x-mean) inverse.
func standardise(z, x []float32, mean, inverse float32) {
	vec.SubScalar(z, x, mean)
	vec.Scale(z, z, inverse)
}

func backwardLayerNorm(c *call) error {
	x, err := c.floats(0)
	if err != nil {
		return err
	}
	scale, err := c.floats(1)
	if err != nil {
		return err
	}
	axis, err := ops.Axis(c.node.Int("axis", -1), len(c.inShapes[0]))
	if err != nil {
		return err
	}
	epsilon, rms := c.node.Float("epsilon", 1e-5), c.node.Op == "RMSNormalization"
	size := sizeOf(c.inShapes[0][axis:])
	if len(scale) != size || c.has(2) && sizeOf(c.inShapes[2]) != size {
		return fmt.Errorf("scale of shape %v for rows of %d", c.inShapes[1], size)
	}
	dy := c.grads[0]
	// The sums for scale and bias lie behind each other.
	sums := c.memory.zeros(2 * size)
	c.sumPieces(sums, len(x)/max(1, size), func(sums []float32, from, to int) {
		z := make([]float32, size)
		for r := from; r < to; r++ {
			g, row := dy[r*size:(r+1)*size], x[r*size:(r+1)*size]
			mean, inverse := statistics(row, epsilon, rms)
			standardise(z, row, mean, inverse)
			addProduct(sums[:size], g, z)
			vec.Add(sums[size:], sums[size:], g)
			vec.Mul(g, g, scale)
			normRow(g, z, inverse, rms)
		}
	})
	c.parameterSums(sums)
	if c.needed(0) {
		c.pass(0)
	}
	return nil
}

// addProduct adds a b to dst.
func addProduct(dst, a, b []float32) {
	for i, v := range a {
		dst[i] += v * b[i]
	}
}

// parameterSums makes the two halves of sums the gradients of scale and bias,
// the inputs 1 and 2.
func (c *call) parameterSums(sums []float32) {
	half := len(sums) / 2
	if c.needed(1) {
		copy(c.gradient(1), sums[:half])
	}
	if c.needed(2) {
		copy(c.gradient(2), sums[half:])
	}
	c.memory.give(sums)
}

// backwardBatchNorm is for the inference form, where mean and variance are
// inputs; they get no gradient.
func backwardBatchNorm(c *call) error {
	if c.needed(3) || c.needed(4) {
		return fmt.Errorf("the running mean and variance have no derivative")
	}
	x, err := c.floats(0)
	if err != nil {
		return err
	}
	var parameters [3][]float32 // scale, mean, variance
	for i, input := range []int{1, 3, 4} {
		if parameters[i], err = c.floats(input); err != nil {
			return err
		}
	}
	shape, epsilon := c.inShapes[0], c.node.Float("epsilon", 1e-5)
	channels := len(parameters[0])
	size := 1
	if len(shape) > 1 {
		size = sizeOf(shape[2:])
	}
	dy := c.grads[0]
	sums := c.memory.zeros(2 * channels)
	images := len(x) / max(1, channels*size)
	c.pool.For(channels, max(1, elementsPerRange/max(1, images*size)), func(from, to int) {
		z := make([]float32, size)
		for channel := from; channel < to; channel++ {
			inverse := inverseRoot(parameters[2][channel] + epsilon)
			for image := range images {
				at := (image*channels + channel) * size
				g, row := dy[at:at+size], x[at:at+size]
				standardise(z, row, parameters[1][channel], inverse)
				sums[channel] += vec.Dot(g, z)
				sums[channels+channel] += vec.Sum(g)
				vec.Scale(g, g, parameters[0][channel]*inverse)
			}
		}
	})
	c.parameterSums(sums)
	if c.needed(0) {
		c.pass(0)
	}
	return nil
}

// backwardGroupNorm is for InstanceNormalization, whose groups are channels,
// and GroupNormalization, whose scale is one number a group before opset 21.
func backwardGroupNorm(c *call) error {
	x, err := c.floats(0)
	if err != nil {
		return err
	}
	scale, err := c.floats(1)
	if err != nil {
		return err
	}
	shape, epsilon := c.inShapes[0], c.node.Float("epsilon", 1e-5)
	channels := shape[1]
	groups := c.node.Int("num_groups", channels)
	if groups < 1 || channels%groups != 0 || len(scale) == 0 || channels%len(scale) != 0 {
		return fmt.Errorf("%d groups and scale of %d numbers for %d channels", groups, len(scale), channels)
	}
	pixels, each := sizeOf(shape[2:]), channels/groups
	share := channels / len(scale) // channels with one scale
	size := each * pixels
	dy := c.grads[0]
	sums := c.memory.zeros(2 * len(scale))
	c.sumPieces(sums, len(x)/max(1, size), func(sums []float32, from, to int) {
		z := make([]float32, size)
		for r := from; r < to; r++ {
			g, row := dy[r*size:(r+1)*size], x[r*size:(r+1)*size]
			mean, inverse := statistics(row, epsilon, false)
			standardise(z, row, mean, inverse)
			for i := range each {
				at := (r%groups*each + i) / share
				part := g[i*pixels : (i+1)*pixels]
				sums[at] += vec.Dot(part, z[i*pixels:(i+1)*pixels])
				sums[len(scale)+at] += vec.Sum(part)
				vec.Scale(part, part, scale[at])
			}
			normRow(g, z, inverse, false)
		}
	})
	c.parameterSums(sums)
	if c.needed(0) {
		c.pass(0)
	}
	return nil
}
