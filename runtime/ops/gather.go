package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// gatherOps pick elements by index. Negative indices count from the end, which
// the standard allows since opset 11; GatherND has batch_dims since 12.
var gatherOps = []Operator{
	{Name: "Gather", MinInputs: 2, MaxInputs: 2, Build: buildGather, Infer: inferGather},
	{Name: "GatherElements", MinInputs: 2, MaxInputs: 2, Build: buildGatherElements, Infer: inferGatherElements},
	{Name: "GatherND", MinInputs: 2, MaxInputs: 2, Build: buildGatherND, Infer: inferGatherND},
}

// indexReader returns a function that gives element i of an integer tensor,
// counted from the front of an axis of the given size. Every index must be in
// range: the error names the first that is not.
func indexReader(t *onnx.Tensor, size int) (func(i int) int, error) {
	switch t.Type {
	case onnx.Int64:
		return readIndices(t.Int64s(), size)
	case onnx.Int32:
		return readIndices(onnx.View[int32](t), size)
	}
	return nil, fmt.Errorf("indices are %v, expected int32 or int64", t.Type)
}

func readIndices[T int32 | int64](indices []T, size int) (func(i int) int, error) {
	for _, v := range indices {
		if int64(v) < -int64(size) || int64(v) >= int64(size) {
			return nil, fmt.Errorf("index %d is outside of an axis of %d", v, size)
		}
	}
	return func(i int) int {
		v := int(indices[i])
		if v < 0 {
			v += size
		}
		return v
	}, nil
}

func buildGather(n *Node) (Kernel, error) {
	axis := n.Int("axis", 0)
	return wholeBytes(func(c *Call) error {
		x, indices := c.Tensor(0), c.Tensor(1)
		at, err := Axis(axis, x.Rank())
		if err != nil {
			return err
		}
		l := takeInts()
		defer l.give()
		index, err := l.indices(indices, x.Shape[at])
		if err != nil {
			return err
		}
		shape := append(l.list(x.Rank()+indices.Rank()), x.Shape[:at]...)
		shape = append(append(shape, indices.Shape...), x.Shape[at+1:]...)
		if len(index) == 1 && product(x.Shape[:at]) == 1 { // a part of x as it lies in memory
			return c.AliasPart(0, 0, index[0]*product(x.Shape[at+1:]), shape...)
		}
		y, err := c.Output(0, x.Type, shape...)
		if err != nil {
			return err
		}
		if y.Len() > 0 {
			gather(c, y, x, at, index)
		}
		return nil
	}), n.Err()
}

// indices returns the elements of an index tensor, counted from the front of an
// axis of the given size; the error names the first that lies outside.
func (l *ints) indices(t *onnx.Tensor, size int) ([]int, error) {
	out := l.list(t.Len())
	switch t.Type {
	case onnx.Int64:
		return appendIndices(out, t.Int64s(), size)
	case onnx.Int32:
		return appendIndices(out, onnx.View[int32](t), size)
	}
	return nil, fmt.Errorf("indices are %v, expected int32 or int64", t.Type)
}

func appendIndices[T int32 | int64](out []int, indices []T, size int) ([]int, error) {
	for _, v := range indices {
		i, err := Axis(int(v), size)
		if err != nil {
			return nil, fmt.Errorf("index %d is outside of an axis of %d", v, size)
		}
		out = append(out, i)
	}
	return out, nil
}

// gatherWork copies blocks of x, one after the other, to y.
type gatherWork struct {
	y, x *onnx.Tensor
	// index names count blocks of inner elements out of each size of x.
	index       []int
	size, inner int
}

// gather copies the blocks of x along an axis that index names.
func gather(c *Call, y, x *onnx.Tensor, axis int, index []int) {
	outer, inner := product(x.Shape[:axis]), product(x.Shape[axis+1:])
	w := gatherWork{y, x, index, x.Shape[axis], inner}
	if outer*len(index)*inner <= copyGrain {
		w.blocks(0, outer*len(index))
		return
	}
	parallelOn(c, w, outer*len(index), max(1, copyGrain/max(1, inner)), gatherWork.blocks)
}

// blocks copies blocks from to to-1 of y.
func (w gatherWork) blocks(from, to int) {
	if w.x.Type == onnx.String {
		gatherBlocks(w, w.y.Strings, w.x.Strings, w.inner, from, to)
		return
	}
	gatherBlocks(w, w.y.Raw(), w.x.Raw(), w.inner*w.x.Type.Bits()/8, from, to)
}

func gatherBlocks[T any](w gatherWork, y, x []T, inner, from, to int) {
	count := len(w.index)
	block, k := from/count*w.size, from%count
	for i := from; i < to; i++ {
		copy(y[i*inner:][:inner], x[(block+w.index[k])*inner:])
		if k++; k == count {
			block, k = block+w.size, 0
		}
	}
}

func inferGather(n *Node, in []Info) ([]Info, error) {
	x, indices := input(in, 0), input(in, 1)
	shape, ok := shapeOf(x)
	indexShape, ok2 := shapeOf(indices)
	if !ok || !ok2 {
		return one(UnknownShape(x.Type.Elem))
	}
	at, err := Axis(n.Int("axis", 0), len(shape))
	if err != nil {
		return nil, err
	}
	info := TensorInfo(x.Type.Elem, slices.Concat(shape[:at], indexShape, shape[at+1:]))
	dims := dimsOf(x)
	picks, known := knownInts(indices)
	if len(shape) != 1 || dims == nil || !known || len(picks) > maxDims {
		return one(info)
	}
	part := make([]onnx.Dim, len(picks))
	for i, p := range picks {
		if p, err = Axis(p, len(dims)); err != nil {
			return one(info) // the run reports it
		}
		part[i] = dims[p]
	}
	return one(withDims(info, part))
}

// positions calls f with every position i of a tensor of the given shape in
// row-major order and the sum of its indices times the given steps.
func positions(shape, steps []int, f func(i, offset int)) {
	w := newWalk()
	defer w.release()
	n := 1
	for a, size := range shape {
		w.axis(size, 0, steps[a])
		n *= size
	}
	if n == 0 {
		return
	}
	var memory [odometerAxes]int
	o := newOdometer(w, len(shape), 0, memory[:])
	for i := range n {
		f(i, o.srcAt)
		o.next(w)
	}
}

// elementSteps prepares GatherElements and ScatterElements: the steps of data
// with that of the axis set to 0, since the index takes its place.
func elementSteps(data, indices *onnx.Tensor, axis int) (at, step int, others []int, err error) {
	if at, err = Axis(axis, data.Rank()); err != nil {
		return 0, 0, nil, err
	}
	if indices.Rank() != data.Rank() {
		return 0, 0, nil, fmt.Errorf("indices have rank %d, data has rank %d", indices.Rank(), data.Rank())
	}
	for i, size := range indices.Shape {
		if i != at && size > data.Shape[i] {
			return 0, 0, nil, fmt.Errorf("indices of shape %v exceed data of shape %v", indices.Shape, data.Shape)
		}
	}
	others = steps(data.Shape)
	step = others[at]
	others[at] = 0
	return at, step, others, nil
}

func buildGatherElements(n *Node) (Kernel, error) {
	axis := n.Int("axis", 0)
	return wholeBytes(func(c *Call) error {
		x, indices := c.Tensor(0), c.Tensor(1)
		at, step, others, err := elementSteps(x, indices, axis)
		if err != nil {
			return err
		}
		index, err := indexReader(indices, x.Shape[at])
		if err != nil {
			return err
		}
		y, err := c.Output(0, x.Type, indices.Shape...)
		if err != nil {
			return err
		}
		move := blockCopier(y, x, 1)
		positions(indices.Shape, others, func(i, offset int) { move(i, offset+index(i)*step) })
		return nil
	}), n.Err()
}

func inferGatherElements(_ *Node, in []Info) ([]Info, error) {
	return one(infoLike(elemOf(input(in, 0)), input(in, 1)))
}

func buildGatherND(n *Node) (Kernel, error) {
	planner := newTuplePlanner(n, n.Int("batch_dims", 0))
	return wholeBytes(func(c *Call) error {
		x, indices := c.Tensor(0), c.Tensor(1)
		plan, err := planner.plan(x, indices)
		if err != nil {
			return err
		}
		last := indices.Rank() - 1
		inner := x.Shape[planner.batch+indices.Shape[last]:]
		y, err := c.Output(0, x.Type, slices.Concat(indices.Shape[:last], inner)...)
		if err != nil {
			return err
		}
		size := product(inner)
		for _, run := range plan.runs {
			copyRange(y, run.from*size, x, run.block*size, run.count*size)
		}
		return nil
	}), n.Err()
}

func inferGatherND(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	shape, ok := shapeOf(x)
	indices, ok2 := shapeOf(input(in, 1))
	if !ok || !ok2 || len(indices) == 0 || !indices[len(indices)-1].Known() {
		return one(UnknownShape(x.Type.Elem))
	}
	last := len(indices) - 1
	from := n.Int("batch_dims", 0) + indices[last].Size
	if from < 0 || from > len(shape) {
		return nil, fmt.Errorf("tuples of %d indices do not fit data of rank %d", indices[last].Size, len(shape))
	}
	return one(TensorInfo(x.Type.Elem, slices.Concat(indices[:last], shape[from:])))
}
