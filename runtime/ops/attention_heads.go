package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// HeadAttention is the attention that the runtime finds in graphs: the product
// of queries and keys, scale, mask, softmax and the product with the values,
// softmax(scale Q K' + mask) V, for every head of every batch. Heads are read
// and written where they are, so that nothing is transposed in memory.
//
// Inputs are Q, K and V, float32, and a mask that broadcasts to [batch, heads,
// queries, keys], which may be absent. The attributes q, k, v and y say for each
// of them and for the output which axes are batch, head, row and column; head is
// -1 in tensors of rank 3. Sizes of batch and head are broadcast.
var HeadAttention = &Operator{Name: "HeadAttention", MinInputs: 3, MaxInputs: 4, Build: buildHeadAttention}

// headAxes says which axes of a tensor are batch, head, row and column.
type headAxes [4]int

// headView is a tensor seen as matrices: its sizes and the distances between
// neighbours in batch, head, row and column.
type headView struct {
	data        []float32
	size, pitch [4]int
}

// view looks at a tensor through the axes.
func (a headAxes) view(t *onnx.Tensor) (v headView, ok bool) {
	if !isFloat32(t) {
		return v, false
	}
	v.data = t.Float32s()
	for i, axis := range a {
		v.size[i] = 1
		if axis < 0 {
			continue
		}
		if axis >= t.Rank() {
			return v, false
		}
		v.size[i] = t.Shape[axis]
		v.pitch[i] = 1
		for _, n := range t.Shape[axis+1:] {
			v.pitch[i] *= n
		}
	}
	return v, true
}

// broadcast lets batch and head of size 1 stand for all.
func (v *headView) broadcast() {
	for i := range 2 {
		if v.size[i] == 1 {
			v.pitch[i] = 0
		}
	}
}

// at returns the elements from a row of a head on.
func (v *headView) at(batch, head, row int) []float32 {
	return v.data[min(len(v.data), batch*v.pitch[0]+head*v.pitch[1]+row*v.pitch[2]):]
}

type stridedAttention struct {
	q, k, v, y headAxes
	scale      float32
}

// headCall is one run of a headAttention.
type headCall struct {
	*stridedAttention
	qv, kv, vv, yv, mask                           headView
	masked                                         bool
	batch, heads, queries, keys, width, valueWidth int
}

func buildHeadAttention(n *Node) (Kernel, error) {
	a := &stridedAttention{scale: n.Float("scale", 1)}
	for name, axes := range map[string]*headAxes{"q": &a.q, "k": &a.k, "v": &a.v, "y": &a.y} {
		given := n.Ints(name)
		if len(given) != len(axes) {
			return nil, fmt.Errorf("attribute %s needs 4 axes", name)
		}
		copy(axes[:], given)
	}
	return a.run, n.Err()
}

func (a *stridedAttention) run(c *Call) error {
	h := headCall{stridedAttention: a, mask: headView{size: [4]int{1, 1, 1, 1}}}
	if err := h.sizes(c); err != nil {
		return err
	}
	var memory [4]int
	shape := memory[:3]
	if a.y[1] >= 0 {
		shape = memory[:]
	}
	for i, axis := range a.y {
		if axis >= 0 {
			shape[axis] = [4]int{h.batch, h.heads, h.queries, h.valueWidth}[i]
		}
	}
	y, err := c.Output(0, onnx.Float32, shape...)
	if err != nil || y.Len() == 0 {
		return err
	}
	h.yv, _ = a.y.view(y)
	c.Used("heads", h.batch*h.heads*h.queries*h.keys*(h.width+h.valueWidth))
	return h.compute(c)
}

// sizes views the inputs and checks that they fit.
func (h *headCall) sizes(c *Call) error {
	for i, v := range []struct {
		view *headView
		axes headAxes
	}{{&h.qv, h.q}, {&h.kv, h.k}, {&h.vv, h.v}} {
		var ok bool
		if *v.view, ok = v.axes.view(c.Tensor(i)); !ok {
			return c.TypeError(i)
		}
		v.view.broadcast()
	}
	h.queries, h.keys, h.width, h.valueWidth = h.qv.size[2], h.kv.size[2], h.qv.size[3], h.vv.size[3]
	if h.kv.size[3] != h.width || h.vv.size[2] != h.keys {
		return fmt.Errorf("queries %v, keys %v and values %v do not fit", c.Tensor(0).Shape, c.Tensor(1).Shape, c.Tensor(2).Shape)
	}
	if mask := c.Tensor(3); mask != nil {
		axes := headAxes{-1, -1, -1, -1}
		for i := range min(4, mask.Rank()) {
			axes[3-i] = mask.Rank() - 1 - i
		}
		if h.q[1] < 0 && mask.Rank() >= 3 { // no heads: the third axis from the end is the batch
			axes[0], axes[1] = mask.Rank()-3, -1
		}
		var ok bool
		if h.mask, ok = axes.view(mask); !ok || mask.Rank() > 4 {
			return c.TypeError(3)
		}
		h.mask.broadcast()
		if rows, columns := h.mask.size[2], h.mask.size[3]; rows != 1 && rows != h.queries || columns != 1 && columns != h.keys {
			return c.ShapeError(3, fmt.Sprintf("one that broadcasts to [...,%d,%d]", h.queries, h.keys))
		}
		if h.mask.size[2] == 1 {
			h.mask.pitch[2] = 0
		}
		h.masked = true
	}
	var ok [2]bool
	h.batch, ok[0] = h.broadcastSize(0)
	h.heads, ok[1] = h.broadcastSize(1)
	if !ok[0] || !ok[1] {
		return fmt.Errorf("queries %v, keys %v and values %v do not fit", c.Tensor(0).Shape, c.Tensor(1).Shape, c.Tensor(2).Shape)
	}
	return nil
}

// broadcastSize returns the size that batch (0) or head (1) of the inputs
// broadcast to.
func (h *headCall) broadcastSize(axis int) (size int, ok bool) {
	size, ok = 1, true
	for _, n := range [4]int{h.qv.size[axis], h.kv.size[axis], h.vv.size[axis], h.mask.size[axis]} {
		if n != 1 && size != 1 && n != size {
			ok = false
		}
		if n != 1 {
			size = n
		}
	}
	return size, ok
}

// compute goes through all heads, in blocks of queries whose scores stay in the
// cache.
func (h *headCall) compute(c *Call) error {
	block := min(h.queries, max(8, columnElements/max(1, h.keys)))
	blocks := (h.queries + block - 1) / block
	tasks := h.batch * h.heads * blocks
	work := block * h.keys * (h.width + h.valueWidth)
	if c.Pool.Threads() == 1 || tasks*work < 2*rangeWork {
		scores, err := c.Scratch(block * h.keys)
		if err != nil {
			return err
		}
		for i := range tasks {
			h.task(scores, i, block, blocks)
		}
		return nil
	}
	parallel := *h // so that the other way needs no memory
	c.Parallel(tasks, max(1, rangeWork/max(1, work)), func(from, to int) {
		scores := borrow[float32](block * parallel.keys)
		defer scores.release()
		for i := from; i < to; i++ {
			parallel.task(scores.data, i, block, blocks)
		}
	})
	return nil
}

// task computes one block of queries of one head.
func (h *headCall) task(scores []float32, i, block, blocks int) {
	head, first := i/blocks, i%blocks*block
	h.block(scores, head/h.heads, head%h.heads, first, min(block, h.queries-first))
}

// block computes count queries from first on.
func (h *headCall) block(scores []float32, b, head, first, count int) {
	scores = scores[:count*h.keys]
	q, k := h.qv.at(b, head, first), h.kv.at(b, head, 0)
	gemm.Multiply(scores, q, k, count, h.keys, h.width, gemm.Options{AStride: h.qv.pitch[2], BStride: h.kv.pitch[2], TransposeB: true})
	if h.scale != 1 {
		vec.Scale(scores, scores, h.scale)
	}
	for r := range count {
		row := scores[r*h.keys:][:h.keys]
		if h.masked {
			mask := h.mask.at(b, head, first+r)
			if h.mask.size[3] == 1 {
				vec.AddScalar(row, row, mask[0])
			} else {
				vec.Add(row, row, mask[:len(row)])
			}
		}
		if len(row) > 0 {
			vec.Softmax(row, row)
		}
	}
	gemm.Multiply(h.yv.at(b, head, first), scores, h.vv.at(b, head, 0), count, h.valueWidth, h.keys, gemm.Options{DstStride: h.yv.pitch[2], BStride: h.vv.pitch[2]})
}
