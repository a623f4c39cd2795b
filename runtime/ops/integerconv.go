package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// integerConvs holds the convolutions of 8-bit numbers: ConvInteger and
// QLinearConv (opset 10), and QLinearConv of com.microsoft with channels last.
var integerConvs = []Operator{
	{Name: "ConvInteger", Since: 10, MinInputs: 2, MaxInputs: 4, Build: buildConvInteger, Infer: inferConvInteger},
	{Name: "QLinearConv", Since: 10, MinInputs: 8, MaxInputs: 9, Build: buildQLinearConv, Infer: inferQLinearConv},
	{Domain: microsoft, Name: "QLinearConv", MinInputs: 8, MaxInputs: 9, Build: buildQLinearConv, Infer: inferQLinearConv},
}

// integerConv is a convolution of differences from zero points. The sums are
// made by the floating-point convolution: in float32 where they stay below
// 2^24 and so are exact, in float64 otherwise.
type integerConv struct {
	conv conv
	// weight is the weight minus its zero point, if both are constant.
	weight *convWeight
}

// convWeight holds the differences of a weight from its zero points.
type convWeight struct {
	float32s, float64s *onnx.Tensor
}

func newIntegerConv(n *Node, w, zero int) (*integerConv, error) {
	win, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	v := &integerConv{conv: conv{window: win, group: n.Int("group", 1)}}
	if n.Constant(w) != nil && (!n.Has(zero) || n.Constant(zero) != nil) {
		v.weight, err = newConvWeight(n.Constant(w), n.Constant(zero))
	}
	return v, err
}

// newConvWeight subtracts the zero point of a weight, nil or one for all or
// one for each filter.
func newConvWeight(w, zero *onnx.Tensor) (*convWeight, error) {
	if w.Rank() < 3 {
		return nil, fmt.Errorf("the weight has shape %v, expected filters, channels and at least one spatial axis", w.Shape)
	}
	zeros, err := zeroPointsOf(w, zero, w.Shape[0])
	if err != nil {
		return nil, err
	}
	values := onnx.NewTensor(onnx.Float32, w.Shape...)
	if err := differences(&Call{}, values.Float32s(), w, zeros, max(1, sizeOf(w.Shape[1:]))); err != nil {
		return nil, err
	}
	largest := float32(1)
	for _, v := range values.Float32s() {
		largest = max(largest, v, -v)
	}
	if float64(sizeOf(w.Shape[1:]))*float64(largest)*largestDifference <= exactBound {
		return &convWeight{float32s: values}, nil
	}
	wide, err := values.ConvertTo(onnx.Float64)
	return &convWeight{float64s: wide}, err
}

// zeroPointsOf returns the zero points of x, none, one or count of them.
func zeroPointsOf(x, zero *onnx.Tensor, count int) ([]int32, error) {
	if zero == nil {
		return nil, nil
	}
	if zero.Type != x.Type {
		return nil, errZeroPointType
	}
	if zero.Len() != 1 && zero.Len() != count {
		return nil, fmt.Errorf("a zero point has shape %v, expected one number or %d", zero.Shape, count)
	}
	return smallInts(zero)
}

// integerConvCall is a run of an integerConv.
type integerConvCall struct {
	*convCall
	weight  *convWeight
	x, zero *onnx.Tensor
	// shape is that of the output.
	shape []int
}

// start checks the inputs: x and the weight with their zero points.
func (v *integerConv) start(c *Call, x, zero, w, wZero *onnx.Tensor) (*integerConvCall, error) {
	s, err := v.conv.shapes(c, x, w)
	if err != nil {
		return nil, err
	}
	r := &integerConvCall{convCall: s, weight: v.weight, x: x, zero: zero}
	if r.weight == nil {
		if r.weight, err = newConvWeight(w, wZero); err != nil {
			return nil, err
		}
	}
	r.shape = append([]int{s.images, s.filters}, s.out...)
	_, err = onnx.Elements(r.shape)
	return r, err
}

// sums computes the convolution and returns the function that reads the sums
// from first on.
func (r *integerConvCall) sums(c *Call) (read func(dst []int32, first int), err error) {
	zeros, err := zeroPointsOf(r.x, r.zero, 1)
	if err != nil {
		return nil, err
	}
	differ, err := c.Scratch(r.x.Len())
	if err != nil {
		return nil, err
	}
	if err := differences(c, differ, r.x, zeros, 1); err != nil {
		return nil, err
	}
	image := onnx.FromSlice(differ, r.x.Shape...)
	if r.weight.float32s != nil {
		sums, err := c.Scratch(sizeOf(r.shape))
		if err != nil {
			return nil, err
		}
		convolveInto[float32](c, r, onnx.FromSlice(sums, r.shape...), image, r.weight.float32s)
		return func(dst []int32, first int) { copyInts(dst, sums[first:]) }, nil
	}
	wide, err := image.ConvertTo(onnx.Float64)
	if err != nil {
		return nil, err
	}
	sums := onnx.NewTensor(onnx.Float64, r.shape...)
	convolveInto[float64](c, r, sums, wide, r.weight.float64s)
	return func(dst []int32, first int) { copyInts(dst, onnx.View[float64](sums)[first:]) }, nil
}

// convolveInto is the convolution of Conv without a bias.
func convolveInto[T float](c *Call, r *integerConvCall, y, x, w *onnx.Tensor) {
	if y.Len() > 0 {
		convolve[T](&Call{Context: c.Context, Pool: c.Pool}, r.convCall, y, x, w)
	}
}

// copyInts converts sums to integers, which wrap around beyond 32 bits.
func copyInts[T float](dst []int32, sums []T) {
	for i := range dst {
		dst[i] = int32(int64(sums[i]))
	}
}

func inferConvInteger(n *Node, in []Info) ([]Info, error) {
	out, err := inferConv(n, in[:2])
	if err != nil || len(out) == 0 {
		return out, err
	}
	return []Info{infoLike(onnx.Int32, out[0])}, nil
}

func buildConvInteger(n *Node) (Kernel, error) {
	v, err := newIntegerConv(n, 1, 3)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		r, err := v.start(c, c.Tensor(0), c.Tensor(2), c.Tensor(1), c.Tensor(3))
		if err != nil {
			return err
		}
		y, err := c.Output(0, onnx.Int32, r.shape...)
		if err != nil {
			return err
		}
		read, err := r.sums(c)
		if err != nil {
			return err
		}
		dst := onnx.View[int32](y)
		c.Parallel(len(dst), spanOfTensor, func(from, to int) { read(dst[from:to], from) })
		return nil
	}, n.Err()
}
