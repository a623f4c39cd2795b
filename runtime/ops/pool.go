package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// pools holds MaxPool (ai.onnx 1, 8, 10, 11, 12, 22), AveragePool (1, 7, 10,
// 11, 19, 22), LpPool (1, 2, 11, 18, 22), the global pools (1, 2, 22) and
// MaxUnpool (9, 11, 22), for any number of spatial axes.
//
// A maximum or a sum over a window is one over each axis in turn, so pools go
// over a plane once for each spatial axis.
var pools = []Operator{
	{Name: "MaxPool", MinInputs: 1, MaxInputs: 1, Build: buildMaxPool, Infer: inferPool},
	{Name: "AveragePool", MinInputs: 1, MaxInputs: 1, Build: buildAveragePool, Infer: inferPool},
	{Name: "LpPool", MinInputs: 1, MaxInputs: 1, Build: buildLpPool, Infer: inferPool},
	{Name: "GlobalMaxPool", MinInputs: 1, MaxInputs: 1, Build: buildGlobalMaxPool, Infer: inferGlobalPool},
	{Name: "GlobalAveragePool", MinInputs: 1, MaxInputs: 1, Build: buildGlobalAveragePool, Infer: inferGlobalPool},
	{Name: "GlobalLpPool", MinInputs: 1, MaxInputs: 1, Build: buildGlobalLpPool, Infer: inferGlobalPool},
	{Name: "MaxUnpool", Since: 9, MinInputs: 2, MaxInputs: 3, Build: buildMaxUnpool},
}

// poolShape lays the window over input 0 of a pool.
func poolShape(c *Call, w *window) (*placement, []int, error) {
	x := c.Tensor(0)
	if x.Rank() < 3 {
		return nil, nil, c.ShapeError(0, "batch, channels and at least one spatial axis")
	}
	p, err := w.over(x.Shape[2:], nil)
	if err != nil {
		return nil, nil, err
	}
	for axis := range p.in { // what overAxes needs after each axis
		n, err := onnx.Elements(append(slices.Clone(p.out[:axis+1]), p.in[axis+1:]...))
		if err != nil {
			return nil, nil, err
		}
		if limit := c.limit(); limit > 0 && n > limit/8 {
			return nil, nil, fmt.Errorf("pooling %v to %v takes more than the limit of %d bytes for one tensor", p.in, p.out, limit)
		}
	}
	return p, append([]int{x.Shape[0], x.Shape[1]}, p.out...), nil
}

// maxPool is a MaxPool node.
type maxPool struct {
	window      *window
	columnMajor bool // of the second output
}

func buildMaxPool(n *Node) (Kernel, error) {
	w, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	if w.kernel == nil {
		return nil, fmt.Errorf("attribute kernel_shape is missing")
	}
	v := &maxPool{window: w, columnMajor: n.Bool("storage_order", false)}
	return v.run, n.Err()
}

func (v *maxPool) run(c *Call) error {
	x := c.Tensor(0)
	if isHalf(x.Type) {
		return inFloat32(c, v.run)
	}
	p, shape, err := poolShape(c, v.window)
	if err != nil {
		return err
	}
	y, err := c.Output(0, x.Type, shape...)
	if err != nil {
		return err
	}
	var indices []int64
	if c.Wants(1) {
		t, err := c.Output(1, onnx.Int64, shape...)
		if err != nil {
			return err
		}
		indices = t.Int64s()
	}
	switch x.Type {
	case onnx.Float32:
		runMaxPool(c, v, p, onnx.View[float32](y), onnx.View[float32](x), indices, float32(math.Inf(-1)))
	case onnx.Float64:
		runMaxPool(c, v, p, onnx.View[float64](y), onnx.View[float64](x), indices, math.Inf(-1))
	case onnx.Int8:
		runMaxPool(c, v, p, onnx.View[int8](y), onnx.View[int8](x), indices, math.MinInt8)
	case onnx.Uint8:
		runMaxPool(c, v, p, onnx.View[uint8](y), onnx.View[uint8](x), indices, 0)
	default:
		return c.TypeError(0)
	}
	return nil
}

// runMaxPool pools plane by plane; least is the maximum of nothing.
func runMaxPool[T number](c *Call, v *maxPool, p *placement, y, x []T, indices []int64, least T) {
	positions, plane := sizeOf(p.out), sizeOf(p.in)
	if positions == 0 || len(y) == 0 {
		return
	}
	planes := len(y) / positions
	c.Parallel(planes, max(1, rangeWork/8/max(1, plane)), func(from, to int) {
		for i := from; i < to; i++ {
			out, in := y[i*positions:][:positions], x[i*plane:][:plane]
			if indices == nil {
				overAxes(p, out, in, func(axis int, dst, src []T, outer, inner int) {
					maxAxis(p, axis, dst, src, outer, inner, least)
				})
				continue
			}
			maxIndices(p, out, in, indices[i*positions:][:positions], least)
			v.flatten(p, indices[i*positions:][:positions], i*plane)
		}
	})
}

// overAxes pools a plane over each spatial axis in turn: pass turns src, of
// shape [outer, in, inner], into dst, of shape [outer, out, inner].
func overAxes[T number](p *placement, dst, src []T, pass func(axis int, dst, src []T, outer, inner int)) {
	outer, inner := 1, len(src)
	for axis, size := range p.in {
		inner /= max(size, 1)
		if size == 0 {
			inner = sizeOf(p.in[axis+1:])
		}
		target := dst
		if axis < len(p.in)-1 {
			b := borrow[T](outer * p.out[axis] * inner)
			defer b.release()
			target = b.data
		}
		pass(axis, target, src, outer, inner)
		src = target
		outer *= p.out[axis]
	}
}

func maxAxis[T number](p *placement, axis int, dst, src []T, outer, inner int, least T) {
	in, out := p.in[axis], p.out[axis]
	if inner == 1 && axis == len(p.in)-1 {
		maxLines(p, dst, src, outer, least)
		return
	}
	for x := range out {
		from, to := p.taps(axis, x)
		first := x*p.strides[axis] - p.begin[axis]
		for o := range outer {
			row := dst[(o*out+x)*inner:][:inner]
			if from == to {
				fillWith(row, least)
				continue
			}
			plane := src[o*in*inner:][:in*inner]
			copy(row, plane[(first+from*p.dilations[axis])*inner:])
			for t := from + 1; t < to; t++ {
				maxInto(row, plane[(first+t*p.dilations[axis])*inner:][:inner])
			}
		}
	}
}

// maxLines is maxAxis for the last axis, whose elements are neighbours.
func maxLines[T number](p *placement, dst, src []T, outer int, least T) {
	last := len(p.in) - 1
	in, out, stride := p.in[last], p.out[last], p.strides[last]
	low, _ := p.taps(last, out-1)
	_, high := p.taps(last, 0)
	fillWith(dst[:outer*out], least)
	if single, ok := any(dst).([]float32); ok && stride > 1 {
		maxLinesApart(p, single, any(src).([]float32), outer, low, high)
		return
	}
	for t := low; t < high; t++ {
		from, to, start := p.validRange(0, out, t)
		for o := 0; o < outer && from < to; o++ {
			line := dst[o*out+from : o*out+to]
			if row := src[o*in+start:]; stride == 1 {
				maxInto(line, row[:len(line)])
			} else {
				maxStrided(line, row, stride)
			}
		}
	}
}

// maxLinesApart is maxLines for float32 and windows that are more than one
// element apart: the elements of each phase of the stride are moved together, so
// that maxima are those of vectors.
func maxLinesApart(p *placement, dst, src []float32, outer, low, high int) {
	last := len(p.in) - 1
	in, out, stride := p.in[last], p.out[last], p.strides[last]
	buffer := borrow[float32](out)
	defer buffer.release()
	for t := low; t < high; t++ {
		from, to, start := p.validRange(0, out, t)
		if from >= to {
			continue
		}
		line := buffer.data[:to-from]
		for o := range outer {
			copyFromStrided(line, src[o*in+start:], stride)
			maxInto(dst[o*out+from:o*out+to], line)
		}
	}
}

// maxStrided is maxInto for every stride-th element of src.
func maxStrided[T number](dst, src []T, stride int) {
	if len(dst) == 0 {
		return
	}
	src = src[:(len(dst)-1)*stride+1]
	at := 0
	for i, best := range dst {
		dst[i] = max(best, src[at]) // without a branch, which would be mispredicted
		at += stride
	}
}

// maxIndices pools a plane and gives the index of each maximum in the plane,
// the first of equal ones, -1 for a window without elements.
func maxIndices[T number](p *placement, y, x []T, indices []int64, least T) {
	axes := len(p.in)
	at, tap := make([]int, axes), make([]int, axes)
	low, counts := make([]int, axes), make([]int, axes) // the kernel elements inside of the input
	for pos := range y {
		unravel(at, pos, p.out)
		for a := range axes {
			from, to := p.taps(a, at[a])
			low[a], counts[a] = from, to-from
		}
		best, index := least, int64(-1)
		for t := range sizeOf(counts) {
			unravel(tap, t, counts)
			i := 0
			for a := range axes {
				i = i*p.in[a] + at[a]*p.strides[a] - p.begin[a] + (low[a]+tap[a])*p.dilations[a]
			}
			if index < 0 || x[i] > best {
				best, index = x[i], int64(i)
			}
		}
		y[pos], indices[pos] = best, index
	}
}

// flatten turns indices in a plane, whose first element is number first of the
// tensor, into indices in the tensor.
func (v *maxPool) flatten(p *placement, indices []int64, first int) {
	at := make([]int, len(p.in))
	for i, index := range indices {
		if index < 0 {
			continue
		}
		if v.columnMajor {
			unravel(at, int(index), p.in)
			index = 0
			for a := len(at) - 1; a >= 0; a-- {
				index = index*int64(p.in[a]) + int64(at[a])
			}
		}
		indices[i] = index + int64(first)
	}
}

func inferPool(n *Node, in []Info) ([]Info, error) {
	x := in[0].Type
	if len(x.Shape) < 3 {
		return []Info{UnknownShape(x.Elem), UnknownShape(onnx.Int64)}, nil
	}
	w, err := readWindow(n)
	if err != nil {
		return nil, err
	}
	shape := append([]onnx.Dim{x.Shape[0], x.Shape[1]}, w.infer(x.Shape[2:], nil)...)
	return []Info{TensorInfo(x.Elem, shape), TensorInfo(onnx.Int64, shape)}, nil
}

func inferGlobalPool(_ *Node, in []Info) ([]Info, error) {
	x := in[0].Type
	if len(x.Shape) < 3 {
		return []Info{UnknownShape(x.Elem)}, nil
	}
	shape := make([]onnx.Dim, len(x.Shape))
	copy(shape, x.Shape[:2])
	for i := range shape[2:] {
		shape[2+i].Size = 1
	}
	return []Info{TensorInfo(x.Elem, shape)}, nil
}
