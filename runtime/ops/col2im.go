package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// buildCol2Im builds Col2Im (ai.onnx 18): it adds up columns, as im2col makes
// them, to an image.
func buildCol2Im(n *Node) (Kernel, error) {
	w, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error { return columnsToImage(c, w) }, nil
}

func columnsToImage(c *Call, w *window) error {
	x := c.Tensor(0)
	if isHalf(x.Type) {
		return inFloat32(c, func(c *Call) error { return columnsToImage(c, w) })
	}
	image, err := IntsOf(c.Tensor(1))
	if err != nil {
		return err
	}
	kernel, err := IntsOf(c.Tensor(2))
	if err != nil {
		return err
	}
	if len(image) < 1 || len(kernel) != len(image) {
		return fmt.Errorf("image_shape %v and block_shape %v do not fit", image, kernel)
	}
	if _, err := onnx.Elements(image); err != nil {
		return err
	}
	p, err := w.over(image, kernel)
	if err != nil {
		return err
	}
	taps, err := onnx.Elements(kernel)
	if err != nil {
		return err
	}
	positions, err := onnx.Elements(p.out)
	if err != nil {
		return err
	}
	if x.Rank() != 3 || x.Shape[2] != positions || x.Shape[1]%taps != 0 {
		return c.ShapeError(0, fmt.Sprintf("[batch,channels*%d,%d]", taps, positions))
	}
	channels := x.Shape[1] / taps
	y, err := c.Zeroed(0, x.Type, append([]int{x.Shape[0], channels}, image...)...)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		addColumns(c, p, y.Float32s(), x.Float32s(), x.Shape, channels)
		return nil
	case onnx.Float64:
		addColumns(c, p, onnx.View[float64](y), onnx.View[float64](x), x.Shape, channels)
		return nil
	}
	values, err := x.Floats()
	if err != nil {
		return c.TypeError(0)
	}
	sum := onnx.NewTensor(onnx.Float64, y.Shape...)
	addColumns(c, p, onnx.View[float64](sum), values, x.Shape, channels)
	if sum, err = sum.ConvertTo(x.Type); err != nil {
		return err
	}
	copy(y.Raw(), sum.Raw())
	return nil
}

func addColumns[T float](c *Call, p *placement, y, x []T, shape []int, channels int) {
	plane, column := sizeOf(p.in), sizeOf(p.kernel)*shape[2]
	c.Parallel(shape[0]*channels, max(1, rangeWork/16/max(1, column)), func(from, to int) {
		for i := from; i < to; i++ {
			im2col(p, x[i*column:][:column], y[i*plane:][:plane], 1, 0, shape[2], true)
		}
	})
}

func inferCol2Im(_ *Node, in []Info) ([]Info, error) {
	x, elem := in[0].Type.Shape, elemOf(in[0])
	image := in[1].Dims
	if len(x) != 3 || image == nil {
		return []Info{UnknownShape(elem)}, nil
	}
	channels := onnx.Dim{Size: -1}
	if kernel := in[2].Dims; x[1].Known() && len(kernel) == len(image) {
		taps := 1
		for _, d := range kernel {
			taps *= max(d.Size, 0)
		}
		if taps > 0 {
			channels.Size = x[1].Size / taps
		}
	}
	return []Info{TensorInfo(elem, append([]onnx.Dim{x[0], channels}, image...))}, nil
}
