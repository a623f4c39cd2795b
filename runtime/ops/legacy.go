package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// legacy is the family of experimental operators of opset version 1 that were
// removed from the standard (in version 10) but occur in old files: Affine,
// ParametricSoftplus, ScaledTanh, ImageScaler and Crop.
var legacy = []Operator{
	{Name: "Affine", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildAffine},
	{Name: "ParametricSoftplus", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildParametricSoftplus},
	{Name: "ScaledTanh", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildScaledTanh},
	{Name: "ImageScaler", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildImageScaler},
	{Name: "Crop", MinInputs: 1, MaxInputs: 1, Build: buildCrop},
}

// buildAffine builds Affine: alpha x + beta.
func buildAffine(n *Node) (Kernel, error) {
	alpha, beta := float64(n.Float("alpha", 1)), float64(n.Float("beta", 0))
	return unaryKernel(float64Unary(func(x float64) float64 { return alpha*x + beta })), n.Err()
}

// buildParametricSoftplus builds ParametricSoftplus: alpha log(e^(beta x) + 1).
func buildParametricSoftplus(n *Node) (Kernel, error) {
	alpha, beta := float64(n.Float("alpha", 1)), float64(n.Float("beta", 1))
	return unaryKernel(float64Unary(func(x float64) float64 { return alpha * softplus(beta*x) })), n.Err()
}

// buildScaledTanh builds ScaledTanh: alpha tanh(beta x).
func buildScaledTanh(n *Node) (Kernel, error) {
	alpha, beta := float64(n.Float("alpha", 1)), float64(n.Float("beta", 1))
	return unaryKernel(float64Unary(func(x float64) float64 { return alpha * math.Tanh(beta*x) })), n.Err()
}

// buildImageScaler builds ImageScaler: x scale + bias[channel] for images
// [N, C, H, W].
func buildImageScaler(n *Node) (Kernel, error) {
	scale, bias := n.Float("scale", 1), n.Floats("bias")
	return throughFloat32(func(c *Call) error {
		x := c.Tensor(0)
		if x.Type != onnx.Float32 {
			return c.TypeError(0)
		}
		if x.Rank() != 4 || x.Shape[1] != len(bias) {
			return c.ShapeError(0, fmt.Sprintf("[N, %d, H, W]", len(bias)))
		}
		y, err := outputOverAny(c, x.Type, x.Shape, 0)
		if err != nil {
			return err
		}
		plane := x.Shape[2] * x.Shape[3]
		dst, src := y.Float32s(), x.Float32s()
		for i := range dst {
			dst[i] = src[i]*scale + bias[i/plane%len(bias)]
		}
		return nil
	}), n.Err()
}

// buildCrop builds Crop: images [N, C, H, W] without the border (left, top,
// right, bottom), or of the size scale (height, width) from its top left.
func buildCrop(n *Node) (Kernel, error) {
	border, scale := n.Ints("border"), n.Ints("scale")
	if len(border) != 4 || len(scale) != 0 && len(scale) != 2 {
		return nil, fmt.Errorf("attribute border %v needs 4 numbers, scale %v none or 2", border, scale)
	}
	return throughFloat32(func(c *Call) error { return crop(c, border, scale) }), n.Err()
}

func crop(c *Call, border, scale []int) error {
	x := c.Tensor(0)
	if x.Type != onnx.Float32 {
		return c.TypeError(0)
	}
	if x.Rank() != 4 {
		return c.ShapeError(0, "[N, C, H, W]")
	}
	height, width := x.Shape[2], x.Shape[3]
	for _, b := range border {
		if b < 0 || b > max(height, width) {
			return fmt.Errorf("border %v does not fit an image of %d x %d", border, height, width)
		}
	}
	left, top := border[0], border[1]
	h, w := height-top-border[3], width-left-border[2]
	if len(scale) == 2 {
		h, w = scale[0], scale[1]
	}
	if h < 0 || w < 0 || h > height-top || w > width-left {
		return fmt.Errorf("a crop of %d x %d at %d, %d does not fit an image of %d x %d", h, w, top, left, height, width)
	}
	y, err := c.Output(0, x.Type, x.Shape[0], x.Shape[1], h, w)
	if err != nil {
		return err
	}
	dst, src := y.Float32s(), x.Float32s()
	for row := range x.Shape[0] * x.Shape[1] * h {
		at := (row/h*height+top+row%h)*width + left
		copy(dst[row*w:(row+1)*w], src[at:at+w])
	}
	return nil
}
