package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// losses is the family NegativeLogLikelihoodLoss (opset versions 12, 13, 22)
// and SoftmaxCrossEntropyLoss (12, 13), for scores [N, C, d1, d2...], class
// numbers [N, d1, d2...] and optional class weights [C]. Versions differ in
// element types. Class numbers equal to ignore_index do not count.
var losses = []Operator{
	{Name: "NegativeLogLikelihoodLoss", Since: 12, MinInputs: 2, MaxInputs: 3, Build: buildLoss, Infer: inferLoss},
	{Name: "SoftmaxCrossEntropyLoss", Since: 12, MinInputs: 2, MaxInputs: 3, Build: buildLoss, Infer: inferLoss},
}

// lossAttributes holds what a node says about its loss.
type lossAttributes struct {
	reduction string // none, mean or sum
	ignore    int
	hasIgnore bool
	logits    bool // whether the scores are to go through LogSoftmax
}

func readLoss(n *Node) (lossAttributes, error) {
	a := lossAttributes{reduction: n.Text("reduction", "mean"), ignore: n.Int("ignore_index", 0),
		hasIgnore: n.HasAttr("ignore_index"), logits: n.Op == "SoftmaxCrossEntropyLoss"}
	if a.reduction != "none" && a.reduction != "mean" && a.reduction != "sum" {
		return a, fmt.Errorf("attribute reduction is %q, expected none, mean or sum", a.reduction)
	}
	return a, n.Err()
}

func buildLoss(n *Node) (Kernel, error) {
	a, err := readLoss(n)
	if err != nil {
		return nil, err
	}
	return throughFloat32(func(c *Call) error {
		switch c.Tensor(0).Type {
		case onnx.Float32:
			return lossOver[float32](c, a)
		case onnx.Float64:
			return lossOver[float64](c, a)
		}
		return c.TypeError(0)
	}), nil
}

func lossOver[T float32 | float64](c *Call, a lossAttributes) error {
	scores := c.Tensor(0)
	if scores.Rank() < 2 {
		return c.ShapeError(0, "[N, C, ...]")
	}
	l := layoutAt(scores.Shape, 1)
	targets, err := lossTargets(c, l, a)
	if err != nil {
		return err
	}
	var weights []T
	if t := c.Tensor(2); t != nil {
		if t.Type != scores.Type {
			return c.TypeError(2)
		}
		if t.Rank() != 1 || t.Len() != l.size {
			return c.ShapeError(2, fmt.Sprintf("[%d], a weight for each class", l.size))
		}
		weights = onnx.View[T](t)
	}
	logProbabilities := onnx.View[T](scores)
	if a.logits {
		if logProbabilities, err = logProbabilityOf[T](c, l); err != nil {
			return err
		}
	}
	return reduceLoss(c, a, l, targets, logProbabilities, weights)
}

// lossTargets returns the class numbers, -1 for those that are ignored.
func lossTargets(c *Call, l axisLayout, a lossAttributes) ([]int, error) {
	scores, t := c.Tensor(0), c.Tensor(1)
	shape := append([]int{scores.Shape[0]}, scores.Shape[2:]...)
	if !slices.Equal(t.Shape, shape) {
		return nil, c.ShapeError(1, fmt.Sprint(shape))
	}
	targets, err := IntsOf(t)
	if err != nil {
		return nil, err
	}
	for i, v := range targets {
		switch {
		case a.hasIgnore && v == a.ignore:
			targets[i] = -1
		case v < 0 || v >= l.size:
			return nil, fmt.Errorf("class number %d at %d is outside of the %d classes", v, i, l.size)
		}
	}
	return targets, nil
}

// logProbabilityOf returns the logarithms of the softmax over the classes, and
// sets output 1 to them.
func logProbabilityOf[T float32 | float64](c *Call, l axisLayout) ([]T, error) {
	inner := &Call{Context: c.Context, Pool: c.Pool, In: c.In[:1], Out: make([]onnx.Value, 1)}
	if c.Frame != nil {
		inner.Frame = heapFrame{c.Frame}
	}
	if err := mapLines(inner, l, logSoftmaxLine[T], lineWork[T].lines); err != nil {
		return nil, err
	}
	t := inner.Out[0].(*onnx.Tensor)
	c.Set(1, t)
	return onnx.View[T](t), nil
}

// reduceLoss sets output 0 to the losses, their sum or their weighted mean.
func reduceLoss[T float32 | float64](c *Call, a lossAttributes, l axisLayout, targets []int, logProbabilities, weights []T) error {
	var shape []int
	if a.reduction == "none" {
		shape = c.Tensor(1).Shape
	}
	y, err := c.Output(0, c.Tensor(0).Type, shape...)
	if err != nil {
		return err
	}
	dst, sum, total := onnx.View[T](y), 0.0, 0.0
	for i, target := range targets {
		loss, weight := T(0), T(0)
		if target >= 0 {
			weight = 1
			if weights != nil {
				weight = weights[target]
			}
			loss = -logProbabilities[l.line(i)+target*l.inner] * weight
		}
		sum, total = sum+float64(loss), total+float64(weight)
		if a.reduction == "none" {
			dst[i] = loss
		}
	}
	switch a.reduction {
	case "mean":
		dst[0] = T(sum / total)
	case "sum":
		dst[0] = T(sum)
	}
	return nil
}

func inferLoss(n *Node, in []Info) ([]Info, error) {
	a, err := readLoss(n)
	if err != nil || len(in) < 2 {
		return nil, err
	}
	loss := TensorInfo(elemOf(in[0]), nil)
	if a.reduction == "none" {
		loss = infoLike(elemOf(in[0]), in[1])
	}
	return []Info{loss, infoLike(elemOf(in[0]), in[0])}, nil
}
