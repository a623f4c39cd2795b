package ops

import (
	"fmt"
	"math"
	"sync"

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
		if v.weight, err = newConvWeight(n.Constant(w), n.Constant(zero)); err != nil {
			return nil, err
		}
	}
	if v.weight != nil && v.weight.float32s != nil {
		v.conv.weight = v.weight.float32s
		v.conv.packed = sync.OnceValue(v.conv.pack)
	}
	return v, nil
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
	if largestReach(values)*largestDifference <= exactBound {
		return &convWeight{float32s: values}, nil
	}
	wide, err := values.ConvertTo(onnx.Float64)
	return &convWeight{float64s: wide}, err
}

// largestReach returns the largest sum of the magnitudes of a filter: no partial
// sum of the convolution is beyond that many times the largest input.
func largestReach(w *onnx.Tensor) float64 {
	largest, inner := 0.0, sizeOf(w.Shape[1:])
	for f := range w.Shape[0] {
		sum := 0.0
		for _, v := range w.Float32s()[f*inner : (f+1)*inner] {
			sum += math.Abs(float64(v))
		}
		largest = max(largest, sum)
	}
	return largest
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

// convSums are the sums of products of a convolution, exact integers in one of
// the two forms.
type convSums struct {
	float32s []float32
	float64s []float64
}

// read copies sums as integers, from first on.
func (s convSums) read(dst []int32, first int) {
	if s.float64s != nil {
		copyInts(dst, s.float64s[first:])
		return
	}
	copyInts(dst, s.float32s[first:])
}

// sums computes the convolution.
func (v *integerConv) sums(c *Call, r *integerConvCall) (s convSums, err error) {
	zeros, err := zeroPointsOf(r.x, r.zero, 1)
	if err != nil {
		return s, err
	}
	differ, err := c.Scratch(r.x.Len())
	if err != nil {
		return s, err
	}
	if err := differences(c, differ, r.x, zeros, 1); err != nil {
		return s, err
	}
	image := onnx.FromSlice(differ, r.x.Shape...)
	if w := r.weight.float32s; w != nil {
		if s.float32s, err = c.Scratch(sizeOf(r.shape)); err != nil || len(s.float32s) == 0 {
			return s, err
		}
		y := onnx.FromSlice(s.float32s, r.shape...)
		if v.conv.packed != nil && r.positions < panel && r.filters/r.group >= panel {
			return s, convPatches(c, r.convCall, v.conv.packed(), y, image, nil)
		}
		convolve(&Call{Context: c.Context, Pool: c.Pool}, r.convCall, s.float32s, differ, w.Float32s(), nil)
		return s, nil
	}
	wide, err := image.ConvertTo(onnx.Float64)
	if err != nil {
		return s, err
	}
	y := onnx.NewTensor(onnx.Float64, r.shape...)
	if s.float64s = onnx.View[float64](y); len(s.float64s) > 0 {
		convolve(&Call{Context: c.Context, Pool: c.Pool}, r.convCall, s.float64s, onnx.View[float64](wide), onnx.View[float64](r.weight.float64s), nil)
	}
	return s, nil
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
		sums, err := v.sums(c, r)
		if err != nil {
			return err
		}
		dst := onnx.View[int32](y)
		c.Parallel(len(dst), spanOfTensor, func(from, to int) { sums.read(dst[from:to], from) })
		return nil
	}, n.Err()
}
