package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// convTranspose is a ConvTranspose node for any number of spatial axes. It is
// the transpose of the linear map of a Conv that goes from its output back to
// its input: the product of the weight with the image gives columns, which
// are added up where the Conv would read them.
type convTranspose struct {
	window                     *window
	group                      int
	outputPadding, outputShape []int
}

func buildConvTranspose(n *Node) (Kernel, error) {
	w, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	v := &convTranspose{window: w, group: n.Int("group", 1), outputPadding: n.Ints("output_padding"), outputShape: n.Ints("output_shape")}
	for _, list := range [][]int{v.outputPadding, v.outputShape} {
		for _, s := range list {
			if s < 0 || s >= maxWindow {
				return nil, fmt.Errorf("output_padding %v and output_shape %v must not be negative or above %d", v.outputPadding, v.outputShape, maxWindow)
			}
		}
	}
	return v.run, n.Err()
}

func (v *convTranspose) run(c *Call) error {
	x, w := c.Tensor(0), c.Tensor(1)
	if err := sameTypes(c, 1, 2); err != nil {
		return err
	}
	if isHalf(x.Type) {
		return inFloat32(c, v.run)
	}
	if x.Rank() < 3 {
		return c.ShapeError(0, "batch, channels and at least one spatial axis")
	}
	if w.Rank() != x.Rank() || v.group < 1 || w.Shape[0] != x.Shape[1] || x.Shape[1]%v.group != 0 {
		return fmt.Errorf("input %v, weight %v and group %d do not fit: expected weight [channels, filters/group, kernel...] and channels a multiple of group",
			x.Shape, w.Shape, v.group)
	}
	filters, err := onnx.Elements([]int{w.Shape[1], v.group})
	if err != nil {
		return err
	}
	p, err := v.place(x.Shape[2:], w.Shape[2:])
	if err != nil {
		return err
	}
	if _, err := channelBias(c, 2, filters); err != nil {
		return err
	}
	y, err := c.Output(0, x.Type, append([]int{x.Shape[0], filters}, p.in...)...)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		deconvolve[float32](c, p, v.group, y, x, w)
	case onnx.Float64:
		deconvolve[float64](c, p, v.group, y, x, w)
	default:
		return c.TypeError(0)
	}
	return nil
}

// place returns the window of the Conv whose transpose this is: its input is
// the output here, and the other way round.
func (v *convTranspose) place(sizes, kernel []int) (*placement, error) {
	rank := len(sizes)
	shape, padding := v.outputShape, v.outputPadding
	if len(shape) == rank+2 { // written with batch and channels by some exporters
		shape = shape[2:]
	}
	if padding == nil {
		padding = make([]int, rank)
	}
	if len(padding) != rank || shape != nil && len(shape) != rank {
		return nil, fmt.Errorf("output_padding %v and output_shape %v do not fit %d spatial axes", padding, shape, rank)
	}
	p, err := v.window.defaults(rank, kernel)
	if err != nil {
		return nil, err
	}
	p.in, p.out = make([]int, rank), sizes
	for i, size := range sizes {
		extent, err := p.extent(i, size)
		if err != nil {
			return nil, err
		}
		if size >= 1<<32 {
			return nil, fmt.Errorf("spatial axis %d is too large: %d", i, size)
		}
		full := p.strides[i]*(size-1) + padding[i] + extent
		switch {
		case shape != nil:
			p.in[i] = shape[i]
			p.begin[i], p.end[i] = splitPadding(full-shape[i], v.window.autoPad == "SAME_UPPER")
		case v.window.isSame():
			p.in[i] = size * p.strides[i]
			p.begin[i], p.end[i] = splitPadding(full-p.in[i], v.window.autoPad == "SAME_UPPER")
		default:
			p.in[i] = full - p.begin[i] - p.end[i]
		}
		if p.in[i] < 0 {
			return nil, fmt.Errorf("pads remove more than the %d elements of spatial axis %d", full, i)
		}
	}
	return p, nil
}

// splitPadding divides a padding between begin and end: the odd element goes to the
// end if upper is set. A negative padding enlarges the output at the end.
func splitPadding(total int, upper bool) (begin, end int) {
	total = max(total, 0)
	if upper {
		return total / 2, total - total/2
	}
	return total - total/2, total / 2
}

func deconvolve[T float](c *Call, p *placement, group int, y, x, w *onnx.Tensor) {
	xv, wv, yv := onnx.View[T](x), onnx.View[T](w), onnx.View[T](y)
	var bias []T
	if b := c.Tensor(2); b != nil {
		bias = onnx.View[T](b)
	}
	channels, filters := x.Shape[1]/group, w.Shape[1]
	taps, positions, plane := sizeOf(p.kernel), sizeOf(p.out), sizeOf(p.in)
	// A unit of work is a block of filters, which takes the positions in chunks.
	chunk := min(positions, max(panel, columnElements/max(1, taps)))
	block := min(filters, max(1, columnElements/max(1, taps*chunk)))
	blocks := (filters + block - 1) / block
	c.Parallel(x.Shape[0]*group*blocks, max(1, rangeWork/max(1, block*taps*positions*channels)), func(from, to int) {
		columns := borrow[T](block * taps * chunk)
		defer columns.release()
		for i := from; i < to; i++ {
			part, first := i/blocks, i%blocks*block
			g, count := part%group, min(block, filters-first)
			left := matrix[T]{data: wv[min(len(wv), (g*channels*filters+first)*taps):], stride: filters * taps, transposed: true}
			image := yv[(part*filters+first)*plane:][:count*plane]
			setBias(image, plane, count, plane, bias, g*filters+first)
			for p0 := 0; p0 < positions; p0 += chunk {
				width := min(chunk, positions-p0)
				right := matrix[T]{data: xv[min(len(xv), part*channels*positions+p0):], stride: positions}
				matrixProduct(columns.data, width, left, right, count*taps, width, channels, false)
				im2col(p, columns.data, image, count, p0, p0+width, true)
			}
		}
	})
}

func inferConvTranspose(n *Node, in []Info) ([]Info, error) {
	x, w := in[0].Type, in[1].Type
	if len(x.Shape) < 3 || len(w.Shape) != len(x.Shape) {
		return []Info{UnknownShape(x.Elem)}, nil
	}
	shape := make([]onnx.Dim, len(x.Shape))
	shape[0], shape[1] = x.Shape[0], onnx.Dim{Size: -1}
	if w.Shape[1].Known() {
		shape[1].Size = w.Shape[1].Size * n.Int("group", 1)
	}
	for i := range shape[2:] {
		shape[2+i].Size = -1
	}
	win, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	v := &convTranspose{window: win, outputPadding: n.Ints("output_padding"), outputShape: n.Ints("output_shape")}
	sizes := make([]int, len(x.Shape)-2)
	for i, d := range x.Shape[2:] {
		if sizes[i] = d.Size; !d.Known() {
			sizes[i] = 1 << 20
		}
	}
	if kernel := knownSizes(w.Shape[2:], win.kernel); kernel != nil {
		if p, err := v.place(sizes, kernel); err == nil {
			for i, d := range x.Shape[2:] {
				if d.Known() {
					shape[2+i].Size = p.in[i]
				}
			}
		}
	}
	return []Info{TensorInfo(x.Elem, shape)}, nil
}
