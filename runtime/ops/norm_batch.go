package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// normalizations holds the operators that take mean and deviation out of a
// tensor: BatchNormalization (ai.onnx 1, 6, 7, 9, 14, 15), InstanceNormalization
// (1, 6, 22), GroupNormalization (18, 21), LayerNormalization (17),
// RMSNormalization (23), LRN (1, 13), LpNormalization (1, 22) and
// MeanVarianceNormalization (9, 13).
var normalizations = []Operator{
	{Name: "BatchNormalization", MinInputs: 5, MaxInputs: 5, Build: buildBatchNorm, Infer: inferBatchNorm},
	{Name: "InstanceNormalization", MinInputs: 3, MaxInputs: 3, Build: buildInstanceNorm, Infer: inferSame},
	{Name: "GroupNormalization", Since: 18, MinInputs: 3, MaxInputs: 3, Build: buildGroupNorm, Infer: inferSame},
	{Name: "LayerNormalization", Since: 1, MinInputs: 2, MaxInputs: 3, Build: buildLayerNorm, Infer: inferLayerNorm},
	{Name: "RMSNormalization", Since: 23, MinInputs: 2, MaxInputs: 2, Build: buildRMSNorm, Infer: inferRMSNorm},
	{Name: "LRN", MinInputs: 1, MaxInputs: 1, Build: buildLRN, Infer: inferSame},
	{Name: "LpNormalization", MinInputs: 1, MaxInputs: 1, Build: buildLpNorm, Infer: inferSame},
	{Name: "MeanVarianceNormalization", MinInputs: 1, MaxInputs: 1, Build: buildMeanVarianceNorm, Infer: inferSame},
}

// batchNorm is a BatchNormalization node. With training it normalises by the
// statistics of the batch and gives the running ones as further outputs. That
// is asked for by the attribute training_mode from version 14 on, and by the
// presence of further outputs before. Up to version 8, spatial 0 gives each
// element of an example parameters of its own.
type batchNorm struct {
	epsilon, momentum float64
	training          bool
	perElement        bool
	outputs           int
	// factor and shift are the affine map of each channel if constant.
	factor, shift []float32
}

func buildBatchNorm(n *Node) (Kernel, error) {
	v := &batchNorm{
		epsilon: float64(n.Float("epsilon", 1e-5)), momentum: float64(n.Float("momentum", 0.9)),
		training: n.Bool("training_mode", false), outputs: len(n.Outputs),
	}
	if n.Opset < 14 {
		v.training = n.Wants(1) || n.Wants(2)
	}
	if n.Opset < 9 {
		v.perElement = !n.Bool("spatial", true)
	}
	if err := n.Err(); err != nil {
		return nil, err
	}
	constants := true
	for i := 1; i < 5; i++ {
		constants = constants && isFloat32(n.Constant(i)) && sameShape(n.Constant(i).Shape, n.Constant(1).Shape)
	}
	if constants && !v.training {
		v.factor, v.shift = affine[float32](n.Constant(1).Float32s(), n.Constant(2).Float32s(),
			n.Constant(3).Float32s(), n.Constant(4).Float32s(), v.epsilon)
	}
	return v.run, nil
}

// affine returns factor and shift such that (x-mean)/sqrt(variance+epsilon)
// *scale+bias = x*factor+shift.
func affine[T float](scale, bias, mean, variance []T, epsilon float64) (factor, shift []T) {
	factor, shift = make([]T, len(scale)), make([]T, len(scale))
	for i := range scale {
		f := float64(scale[i]) / math.Sqrt(float64(variance[i])+epsilon)
		factor[i] = T(f)
		shift[i] = T(float64(bias[i]) - float64(mean[i])*f)
	}
	return factor, shift
}

func (v *batchNorm) run(c *Call) error {
	switch x := c.Tensor(0); {
	case isHalf(x.Type):
		wide := *v
		wide.factor, wide.shift = nil, nil
		running := c.Tensor(3).Type // the running statistics keep their own type
		if isHalf(running) {
			return inFloat32(c, wide.run)
		}
		return inFloat32(c, wide.run, 1, 2)
	case x.Type == onnx.Float32:
		return runBatchNorm(c, v, v.factor, v.shift)
	case x.Type == onnx.Float64:
		return runBatchNorm[float64](c, v, nil, nil)
	}
	return c.TypeError(0)
}

func runBatchNorm[T float](c *Call, v *batchNorm, factor, shift []T) error {
	x := c.Tensor(0)
	channels, plane, err := v.layout(x)
	if err != nil {
		return err
	}
	if factor == nil {
		var parameters [4][]T
		for i := range parameters {
			t := c.Tensor(i + 1)
			var ok bool
			if parameters[i], ok = asFloats[T](t); !ok {
				return c.TypeError(i + 1)
			}
			if t.Len() != channels {
				return c.ShapeError(i+1, fmt.Sprintf("%d elements, one for each channel", channels))
			}
		}
		if v.training {
			if parameters[2], parameters[3], err = train(c, v, onnx.View[T](x), parameters[2], parameters[3], channels, plane); err != nil {
				return err
			}
		}
		factor, shift = affine(parameters[0], parameters[1], parameters[2], parameters[3], v.epsilon)
	}
	if len(factor) != channels {
		return c.ShapeError(1, fmt.Sprintf("%d elements, one for each channel", channels))
	}
	y, err := c.OutputOver(0, 0)
	if err != nil {
		return err
	}
	scalePlanes(c, onnx.View[T](y), onnx.View[T](x), factor, shift, plane)
	return nil
}

// layout returns the number of channels (of all that have parameters of their
// own) and of elements of a plane.
func (v *batchNorm) layout(x *onnx.Tensor) (channels, plane int, err error) {
	switch {
	case x.Rank() == 0:
		return 0, 0, fmt.Errorf("input 0 is a scalar, expected batch, channels and spatial axes")
	case v.perElement:
		return sizeOf(x.Shape[1:]), 1, nil
	case x.Rank() == 1:
		return 1, 1, nil
	}
	return x.Shape[1], sizeOf(x.Shape[2:]), nil
}

// scalePlanes computes y = x*factor+shift with a factor for each channel.
func scalePlanes[T float](c *Call, y, x, factor, shift []T, plane int) {
	if len(y) == 0 {
		return
	}
	channels := len(factor)
	c.Parallel(len(y)/plane, max(1, rangeWork/8/plane), func(from, to int) {
		for i := from; i < to; i++ {
			affineInto(y[i*plane:][:plane], x[i*plane:][:plane], factor[i%channels], shift[i%channels])
		}
	})
}

// train returns mean and variance of each channel over the batch, and writes
// the running statistics: momentum times the old ones and the rest of the new.
func train[T float](c *Call, v *batchNorm, x, oldMean, oldVariance []T, channels, plane int) (mean, variance []T, err error) {
	mean, variance = make([]T, channels), make([]T, channels)
	count := float64(len(x) / max(channels, 1))
	for ch := range channels {
		var sum, squares float64
		for i := ch * plane; i < len(x); i += channels * plane {
			for _, v := range x[i:][:plane] {
				sum += float64(v)
			}
		}
		m := sum / count
		for i := ch * plane; i < len(x); i += channels * plane {
			for _, v := range x[i:][:plane] {
				squares += (float64(v) - m) * (float64(v) - m)
			}
		}
		mean[ch], variance[ch] = T(m), T(squares/count)
	}
	statistics := [][]T{mixed(oldMean, mean, v.momentum), mixed(oldVariance, variance, v.momentum), mean, variance}
	for i := 1; i < v.outputs; i++ {
		if !c.Wants(i) || i > len(statistics) {
			continue
		}
		t := c.Tensor(3).Type
		y, err := c.Output(i, t, channels)
		if err != nil {
			return nil, nil, err
		}
		storeAs(y, statistics[i-1])
	}
	return mean, variance, nil
}

// mixed returns momentum*old + (1-momentum)*now.
func mixed[T float](old, now []T, momentum float64) []T {
	m := make([]T, len(old))
	for i := range m {
		m[i] = T(momentum*float64(old[i]) + (1-momentum)*float64(now[i]))
	}
	return m
}

func inferBatchNorm(n *Node, in []Info) ([]Info, error) {
	infos := []Info{infoLike(elemOf(in[0]), in[0])}
	for i := 1; i < len(n.Outputs); i++ {
		infos = append(infos, infoLike(elemOf(in[3]), in[3]))
	}
	return infos, nil
}
