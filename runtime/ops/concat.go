package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// concatOps join and cut tensors along an axis. Concat has a default axis of 1
// before opset 4. Split takes its sizes as an optional input in opset 1 and
// from 13 on, as an attribute in between, and has num_outputs since 18.
var concatOps = []Operator{
	{Name: "Concat", MinInputs: 1, MaxInputs: -1, Build: buildConcat, Infer: inferConcat},
	{Name: "Split", MinInputs: 1, MaxInputs: 2, Build: buildSplit, Infer: inferSplit},
}

func concatAxis(n *Node) (int, error) {
	if n.Opset >= 4 && !n.HasAttr("axis") {
		return 0, fmt.Errorf("attribute axis is missing")
	}
	return n.Int("axis", 1), n.Err()
}

func buildConcat(n *Node) (Kernel, error) {
	axis, err := concatAxis(n)
	return wholeBytes(func(c *Call) error {
		return concat(c, 0, axis, c.Tensor, len(c.In))
	}), err
}

// concat joins count tensors along axis into output out.
func concat(c *Call, out, axis int, tensor func(int) *onnx.Tensor, count int) error {
	first := tensor(0)
	at, err := Axis(axis, first.Rank())
	if err != nil {
		return err
	}
	l := takeInts()
	defer l.give()
	shape := l.clone(first.Shape)
	shape[at] = 0
	for i := range count {
		x := tensor(i)
		if x == nil {
			return fmt.Errorf("part %d is missing", i)
		}
		if x.Type != first.Type {
			return fmt.Errorf("part %d has element type %v, the first one %v", i, x.Type, first.Type)
		}
		if !equalBut(x.Shape, first.Shape, at) {
			return fmt.Errorf("part %d has shape %v, which does not fit %v along axis %d", i, x.Shape, first.Shape, at)
		}
		shape[at] += x.Shape[at]
	}
	y, err := c.Output(out, first.Type, shape...)
	if err != nil {
		return err
	}
	outer, inner := product(shape[:at]), product(shape[at+1:])
	from := 0
	for i := range count {
		x := tensor(i)
		w := newWalk()
		w.dstAt = from
		size := x.Shape[at] * inner
		w.axis(outer, shape[at]*inner, size)
		w.axis(size, 1, 1)
		from += size
		copyWalk(c, y, x, w)
	}
	return nil
}

// equalBut reports whether two shapes agree in all axes but one.
func equalBut(a, b []int, axis int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if i != axis && a[i] != b[i] {
			return false
		}
	}
	return true
}

// product returns the number of elements of a shape that is known to be possible.
func product(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

func inferConcat(n *Node, in []Info) ([]Info, error) {
	axis, err := concatAxis(n)
	if err != nil {
		return nil, err
	}
	var out []onnx.Dim
	for i := range n.Inputs {
		if shape, ok := shapeOf(input(in, i)); ok {
			out = append([]onnx.Dim(nil), shape...)
			break
		}
	}
	elem := input(in, 0).Type.Elem
	if out == nil {
		return one(UnknownShape(elem))
	}
	at, err := Axis(axis, len(out))
	if err != nil {
		return nil, err
	}
	out[at] = onnx.Dim{Size: 0}
	dims := []onnx.Dim{}
	for i := range n.Inputs {
		x := input(in, i)
		shape, ok := shapeOf(x)
		if ok && len(shape) != len(out) {
			return nil, fmt.Errorf("part %d has rank %d, expected %d", i, len(shape), len(out))
		}
		for a := range out {
			switch {
			case a == at && ok:
				out[a] = sumDims(out[a], shape[a])
			case a == at:
				out[a] = unknownDim
			case ok && shape[a].Known():
				out[a] = shape[a]
			}
		}
		if part := dimsOf(x); part != nil && dims != nil {
			dims = append(dims, part...)
		} else {
			dims = nil
		}
	}
	info := TensorInfo(elem, out)
	if dims != nil && len(out) == 1 {
		info = withDims(info, dims)
	}
	return one(info)
}

// splitSizes returns the sizes of the parts of an axis of the given size: the
// given ones, or equal ones appended to sizes.
func splitSizes(sizes []int, given bool, parts, size int, uneven bool) ([]int, error) {
	if given {
		if len(sizes) != parts {
			return nil, fmt.Errorf("%d sizes for %d outputs", len(sizes), parts)
		}
		sum := 0
		for _, s := range sizes {
			if s < 0 || s > size {
				return nil, fmt.Errorf("sizes %v can not be parts of an axis of %d", sizes, size)
			}
			sum += s
		}
		if sum != size {
			return nil, fmt.Errorf("sizes %v do not add up to the axis of %d", sizes, size)
		}
		return sizes, nil
	}
	if size%parts != 0 && !uneven {
		return nil, fmt.Errorf("an axis of %d can not be cut into %d equal parts", size, parts)
	}
	// The last part may be smaller: num_outputs of opset 18.
	each := (size + parts - 1) / parts
	for i := range parts {
		sizes = append(sizes, max(0, min(each, size-i*each)))
	}
	return sizes, nil
}

func buildSplit(n *Node) (Kernel, error) {
	axis, attribute := n.Int("axis", 0), n.Ints("split")
	parts := len(n.Outputs)
	if count := n.Int("num_outputs", parts); count != parts {
		return nil, fmt.Errorf("num_outputs is %d for a node of %d outputs", count, parts)
	}
	if parts == 0 {
		return nil, fmt.Errorf("no outputs")
	}
	uneven := n.Opset >= 18
	return wholeBytes(func(c *Call) error {
		x := c.Tensor(0)
		at, err := Axis(axis, x.Rank())
		if err != nil {
			return err
		}
		l := takeInts()
		defer l.give()
		sizes, given := attribute, attribute != nil
		if c.Tensor(1) != nil {
			if sizes, err = l.input(c, 1); err != nil {
				return err
			}
			given = true
		}
		if !given {
			sizes = l.list(parts)
		}
		if sizes, err = splitSizes(sizes, given, parts, x.Shape[at], uneven); err != nil {
			return err
		}
		return split(c, x, at, sizes)
	}), n.Err()
}

// split copies parts of x of the given sizes to the outputs.
func split(c *Call, x *onnx.Tensor, axis int, sizes []int) error {
	outer, inner := product(x.Shape[:axis]), product(x.Shape[axis+1:])
	l := takeInts()
	defer l.give()
	shape := l.clone(x.Shape)
	from := 0
	for i, size := range sizes {
		shape[axis] = size
		if c.Wants(i) {
			y, err := c.Output(i, x.Type, shape...)
			if err != nil {
				return err
			}
			w := newWalk()
			w.srcAt = from * inner
			w.axis(outer, size*inner, x.Shape[axis]*inner)
			w.axis(size*inner, 1, 1)
			copyWalk(c, y, x, w)
		}
		from += size
	}
	return nil
}

func inferSplit(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	out := make([]Info, len(n.Outputs))
	for i := range out {
		out[i] = UnknownShape(x.Type.Elem)
	}
	shape, ok := shapeOf(x)
	if !ok {
		return out, nil
	}
	at, err := Axis(n.Int("axis", 0), len(shape))
	if err != nil {
		return nil, err
	}
	sizes, given := n.Ints("split"), n.HasAttr("split")
	if n.Has(1) {
		sizes, _ = knownInts(input(in, 1))
		given = true
	}
	known := given && len(sizes) == len(out)
	if !given && shape[at].Known() && len(out) > 0 {
		if sizes, err = splitSizes(nil, false, len(out), shape[at].Size, n.Opset >= 18); err != nil {
			return nil, err
		}
		known = true
	}
	for i := range out {
		part := append([]onnx.Dim(nil), shape...)
		part[at] = unknownDim
		if known {
			part[at] = onnx.Dim{Size: sizes[i]}
		}
		out[i] = TensorInfo(x.Type.Elem, part)
	}
	return out, nil
}
