package ops

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// convolutions holds Conv (ai.onnx 1, 11, 22), ConvTranspose (1, 11, 22) and
// DeformConv (19, 22). The versions differ in defaults that are the same to
// this implementation and in element types.
var convolutions = []Operator{
	{Name: "Conv", MinInputs: 2, MaxInputs: 3, Build: buildConv, Infer: inferConv},
	{Name: "ConvTranspose", MinInputs: 2, MaxInputs: 3, Build: buildConvTranspose, Infer: inferConvTranspose},
	{Name: "DeformConv", Since: 19, MinInputs: 3, MaxInputs: 5, Build: buildDeformConv, Infer: inferDeformConv},
}

// conv is a Conv node for any number of spatial axes. There are four ways to
// compute it: direct, for groups of few channels (depthwise); as a product of
// the weight with the image itself (kernels of one element); with the columns
// that im2col makes of it; and of packed weights with few output positions.
type conv struct {
	window *window
	group  int
	wide   wideConstants
	weight *onnx.Tensor // if constant, in float32
	packed func() []*gemm.Packed
	after  Epilogue
	// allAxes keeps axes along which nothing happens.
	allAxes bool
	// last is the plan of the last run, which the next one with inputs of the
	// same shapes uses again.
	last atomic.Pointer[convCall]
}

// convCall is what a run of a conv knows about its shapes. It does not change
// once it is made.
type convCall struct {
	*placement
	// x, w and y are the shapes of the input, the weight and the output.
	x, w, y                          []int
	images, channels, filters, group int
	// inner is the number of weights for one output element: input channels
	// of a group times kernel elements. positions is the size of an output plane.
	inner, positions, plane int
	// direct is the plan of a direct convolution, nil where another way is
	// better.
	direct *directConv
	// planes are where the planes of the channels of a group begin.
	planes []int
	// shuffle is Epilogue.Shuffle.
	shuffle int
}

func buildConv(n *Node) (Kernel, error) {
	w, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	v := &conv{window: w, group: n.Int("group", 1), wide: widenConstants(n), after: n.After}
	if w := v.wide.of(n, 1); w != nil && w.Rank() > 2 {
		v.weight = w
		v.packed = sync.OnceValue(v.pack)
	}
	return v.run, n.Err()
}

// pack packs the weight of each group for products with patches of the image.
// Only convolutions with few output positions need it, which a run finds out.
func (v *conv) pack() []*gemm.Packed {
	filters := v.weight.Shape[0] / v.group
	inner := sizeOf(v.weight.Shape[1:])
	groups := make([]*gemm.Packed, v.group)
	for g := range groups {
		groups[g] = gemm.Pack(v.weight.Float32s()[g*filters*inner:(g+1)*filters*inner], inner, filters, true)
	}
	return groups
}

func (v *conv) run(c *Call) error {
	x, w := c.Tensor(0), c.Tensor(1)
	if x.Type != w.Type {
		return typesDiffer(x, w)
	}
	if isHalf(x.Type) {
		return v.wide.run(c, v.run)
	}
	s, err := v.shapes(c, x, w)
	if err != nil {
		return err
	}
	if _, err := channelBias(c, 2, s.filters); err != nil {
		return err
	}
	y, err := c.Output(0, x.Type, s.y...)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		return v.runFloat32(c, s, y, x, w)
	case onnx.Float64:
		convolve(c, s, onnx.View[float64](y), onnx.View[float64](x), onnx.View[float64](w), floatsIn[float64](c.Tensor(2)))
	default:
		return c.TypeError(0)
	}
	return nil
}

func (v *conv) runFloat32(c *Call, s *convCall, y, x, w *onnx.Tensor) error {
	bias := v.after.Bias
	if bias == nil {
		bias = floatsIn[float32](c.Tensor(2))
	}
	if v.packed != nil && s.positions < panel && s.filters/s.group >= panel && s.shuffle < 2 {
		if err := convPatches(c, s, v.packed(), y, x, bias); err != nil {
			return err
		}
	} else {
		convolve(c, s, y.Float32s(), x.Float32s(), w.Float32s(), bias)
	}
	return v.finish(c, y, s)
}

// floatsIn returns the elements of a tensor, nil if there is none.
func floatsIn[T float](t *onnx.Tensor) []T {
	if t == nil {
		return nil
	}
	return onnx.View[T](t)
}

// finish does the part of the epilogue that follows the bias.
func (v *conv) finish(c *Call, y *onnx.Tensor, s *convCall) error {
	if v.after.Residual == 0 && v.after.Activation == nil {
		return nil
	}
	e, err := v.after.rows(c, y)
	if err != nil {
		return err
	}
	if e.Activation != gemm.None {
		e.apply = v.after.Activation.Apply
	}
	rows := s.images * s.filters
	c.Parallel(rows, max(1, elementGrain/max(1, s.positions)), func(from, to int) {
		e.finish(y.Float32s(), s.positions, from, to, 0, s.positions)
	})
	return nil
}

// shapes checks the shapes of input and weight and plans the work.
func (v *conv) shapes(c *Call, x, w *onnx.Tensor) (*convCall, error) {
	if s := v.last.Load(); s != nil && slices.Equal(s.x, x.Shape) && slices.Equal(s.w, w.Shape) {
		return s, nil
	}
	if x.Rank() < 3 {
		return nil, c.ShapeError(0, "batch, channels and at least one spatial axis")
	}
	if w.Rank() != x.Rank() {
		return nil, c.ShapeError(1, fmt.Sprintf("rank %d as the input has", x.Rank()))
	}
	s := &convCall{x: slices.Clone(x.Shape), w: slices.Clone(w.Shape), images: x.Shape[0], channels: x.Shape[1], filters: w.Shape[0], group: v.group, shuffle: v.after.Shuffle}
	if s.group < 1 || s.channels%s.group != 0 || s.filters%s.group != 0 || w.Shape[1] != s.channels/s.group {
		return nil, fmt.Errorf("input %v, weight %v and group %d do not fit: expected weight [filters, channels/group, kernel...] and both multiples of group",
			x.Shape, w.Shape, s.group)
	}
	p, err := v.window.over(s.x[2:], s.w[2:])
	if err != nil {
		return nil, err
	}
	if s.placement = p; !v.allAxes {
		s.placement = p.squeezed()
	}
	if s.positions, err = onnx.Elements(p.out); err != nil {
		return nil, err
	}
	s.inner, s.plane = sizeOf(w.Shape[1:]), sizeOf(p.in)
	s.y = append([]int{s.images, s.filters}, p.out...)
	if s.positions > 0 && s.shuffle < 2 && s.suitsDirect() {
		s.direct = newDirectConv(s, directRows(s))
	}
	for ch := range s.channels / s.group {
		s.planes = append(s.planes, ch*s.plane)
	}
	v.last.Store(s)
	return s, nil
}

// channelBias checks the optional bias, input i, and returns it.
func channelBias(c *Call, i, channels int) (*onnx.Tensor, error) {
	b := c.Tensor(i)
	if b == nil {
		return nil, nil
	}
	if b.Type != c.Tensor(0).Type {
		return nil, typesDiffer(c.Tensor(0), b)
	}
	if b.Rank() != 1 || b.Len() != channels {
		return nil, c.ShapeError(i, fmt.Sprintf("[%d]", channels))
	}
	return b, nil
}

// columnElements bounds the columns that are made at a time, so that they stay
// in the cache of a core.
const columnElements = 1 << 16

// convolve computes y from the bias upwards, a block of output positions of
// one image and group at a time.
func convolve[T float](c *Call, s *convCall, yv, xv, wv, bias []T) {
	if s.direct != nil {
		c.Used("direct", s.images*s.filters*s.positions*s.inner)
		if y, ok := any(yv).([]float32); ok {
			convDirect32(c, s, y, any(xv).([]float32), any(wv).([]float32), any(bias).([]float32))
		} else {
			convDirect(c, s, yv, xv, wv, bias)
		}
		return
	}
	filters := s.filters / s.group
	block := min(s.positions, max(4*panel, columnElements/max(s.inner, filters, 1)/panel*panel))
	blocks := (s.positions + block - 1) / block
	grain := max(1, rangeWork/max(1, filters*s.inner*block))
	pointwise := s.isPointwise()
	if y, ok := any(yv).([]float32); ok && pointwise && s.inner <= fewChannels {
		c.Used("few channels", s.images*s.filters*s.positions*s.inner)
		convFewChannels(c, s, y, any(xv).([]float32), any(wv).([]float32), any(bias).([]float32))
		return
	}
	way := "im2col"
	if pointwise {
		way = "pointwise"
	}
	c.Used(way, s.images*s.filters*s.positions*s.inner)
	work := convWork[T]{convCall: s, y: yv, x: xv, w: wv, bias: bias, block: block, blocks: blocks, pointwise: pointwise}
	if c.Pool.Threads() == 1 {
		work.part(0, s.images*s.group*blocks)
		return
	}
	c.Parallel(s.images*s.group*blocks, grain, func(from, to int) { work.part(from, to) })
}

// convWork is a convolution by matrix products, to be done in parts: blocks of
// output positions of each image and group.
type convWork[T float] struct {
	*convCall
	y, x, w, bias []T
	block, blocks int
	pointwise     bool
}

func (w convWork[T]) part(from, to int) {
	filters, channels := w.filters/w.group, w.channels/w.group
	var columns []T
	if !w.pointwise {
		buffer := borrow[T](w.inner * w.block)
		defer buffer.release()
		columns = buffer.data
	}
	for i := from; i < to; i++ {
		part, first := i/w.blocks, i%w.blocks*w.block
		width := min(w.block, w.positions-first)
		image := w.x[part*channels*w.plane:][:channels*w.plane]
		right := matrix[T]{data: image[min(first, len(image)):], stride: w.plane}
		if !w.pointwise {
			im2col(w.placement, columns, image, channels, first, first+width, false)
			right = matrix[T]{data: columns, stride: width}
		}
		g := part % w.group
		left := matrix[T]{data: w.w[g*filters*w.inner:], stride: w.inner}
		channel, step := w.outputsOf(part)
		target := w.y[channel*w.positions+first:]
		setBias(target, step*w.positions, filters, width, w.bias, g*filters)
		matrixProduct(target, step*w.positions, left, right, filters, width, w.inner, true)
	}
}

// outputsOf returns the plane of the output that the first filter of a part goes
// to, which is an image and group, and how many planes further the next one goes.
// A channel shuffle sends filter a of n in block b to channel a*blocks + b.
func (s *convCall) outputsOf(part int) (first, step int) {
	filters := s.filters / s.group
	if s.shuffle < 2 {
		return part * filters, 1
	}
	filter := part % s.group * filters
	n := s.filters / s.shuffle
	return part/s.group*s.filters + filter%n*s.shuffle + filter/n, s.shuffle
}

// setBias sets the first width elements of each row of dst to its bias.
func setBias[T float](dst []T, stride, rows, width int, bias []T, first int) {
	for r := range rows {
		var b T
		if bias != nil {
			b = bias[first+r]
		}
		row := dst[r*stride:][:width]
		for j := range row {
			row[j] = b
		}
	}
}

// isPointwise reports whether the image is its own matrix of columns.
func (s *convCall) isPointwise() bool {
	for i := range s.kernel {
		if s.kernel[i] != 1 || s.strides[i] != 1 || s.begin[i] != 0 || s.end[i] != 0 {
			return false
		}
	}
	return true
}

// convPatches is the way for few output positions, as in streaming models:
// the patch that each position covers is a row, times the packed weight.
func convPatches(c *Call, s *convCall, weights []*gemm.Packed, y, x *onnx.Tensor, bias []float32) error {
	filters, channels, positions := s.filters/s.group, s.channels/s.group, s.positions
	scratch, err := c.Scratch(2*s.inner*positions + filters*positions)
	if err != nil {
		return err
	}
	columns := scratch[:s.inner*positions]
	patches := scratch[s.inner*positions:][:s.inner*positions]
	rows := scratch[2*s.inner*positions:]
	for part := range s.images * s.group {
		image := x.Float32s()[part*channels*s.plane:][:channels*s.plane]
		im2col(s.placement, columns, image, channels, 0, positions, false)
		vec.Transpose(patches, columns, s.inner, positions)
		var b []float32
		g := part % s.group
		if bias != nil {
			b = bias[g*filters:][:filters]
		}
		multiplyPacked(c, weights[g], rows, filters, patches, s.inner, positions, withBias(b))
		vec.Transpose(y.Float32s()[part*filters*positions:][:filters*positions], rows, positions, filters)
	}
	return nil
}

func inferConv(n *Node, in []Info) ([]Info, error) {
	x, w := in[0].Type, in[1].Type
	if len(x.Shape) < 3 || len(w.Shape) != len(x.Shape) {
		return []Info{UnknownShape(x.Elem)}, nil
	}
	win, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	shape := append([]onnx.Dim{x.Shape[0], w.Shape[0]}, win.infer(x.Shape[2:], knownSizes(w.Shape[2:], win.kernel))...)
	return []Info{TensorInfo(x.Elem, shape)}, nil
}

// knownSizes returns the sizes of the axes, or otherwise where one is not known.
func knownSizes(dims []onnx.Dim, otherwise []int) []int {
	sizes := make([]int, len(dims))
	for i, d := range dims {
		if !d.Known() {
			return otherwise
		}
		sizes[i] = d.Size
	}
	return sizes
}
