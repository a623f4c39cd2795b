package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// transposeOps reorder axes. DepthToSpace has modes since opset 11 (DCR is what
// it did before).
var transposeOps = []Operator{
	{Name: "Transpose", MinInputs: 1, MaxInputs: 1, Build: buildTranspose, Infer: inferTranspose},
	{Name: "SpaceToDepth", MinInputs: 1, MaxInputs: 1, Build: buildSpaceToDepth, Infer: inferSpaceToDepth},
	{Name: "DepthToSpace", MinInputs: 1, MaxInputs: 1, Build: buildDepthToSpace, Infer: inferDepthToSpace},
}

// permutation appends the order of the axes to out: perm, or the reverse order
// if it is not given.
func permutation(out, perm []int, given bool, rank int) ([]int, error) {
	if !given {
		for i := range rank {
			out = append(out, rank-1-i)
		}
		return out, nil
	}
	if len(perm) != rank {
		return nil, fmt.Errorf("perm %v does not fit a tensor of rank %d", perm, rank)
	}
	for _, axis := range perm {
		a, err := Axis(axis, rank)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out, a) {
			return nil, fmt.Errorf("perm %v names axis %d twice", perm, a)
		}
		out = append(out, a)
	}
	return out, nil
}

func buildTranspose(n *Node) (Kernel, error) {
	perm, given := n.Ints("perm"), n.HasAttr("perm")
	return wholeBytes(func(c *Call) error {
		l := takeInts()
		defer l.give()
		x := c.Tensor(0)
		order, err := permutation(l.list(x.Rank()), perm, given, x.Rank())
		if err != nil {
			return err
		}
		shape := l.list(len(order))
		for _, axis := range order {
			shape = append(shape, x.Shape[axis])
		}
		if keepsOrder(x.Shape, order) {
			return c.Alias(0, 0, shape...)
		}
		y, err := c.Output(0, x.Type, shape...)
		if err != nil {
			return err
		}
		transpose(c, y, x, x.Shape, order)
		return nil
	}), n.Err()
}

// keepsOrder reports whether a permutation moves axes of size 1 only, so that
// the elements stay in place.
func keepsOrder(shape, order []int) bool {
	last := -1
	for _, axis := range order {
		if shape[axis] == 1 {
			continue
		}
		if axis < last {
			return false
		}
		last = axis
	}
	return true
}

// transpose writes x, seen under the given shape, to y with its axes in the
// given order.
func transpose(c *Call, y, x *onnx.Tensor, shape, order []int) {
	w := newWalk()
	var memory [2 * odometerAxes]int
	from := append(memory[:0], shape...)
	n := 1
	for i := len(from) - 1; i >= 0; i-- {
		from[i], n = n, n*from[i]
	}
	for _, axis := range order {
		w.axis(shape[axis], 0, from[axis])
	}
	n = 1
	for i := len(w.dst) - 1; i >= 0; i-- {
		w.dst[i] = n
		n *= w.shape[i]
	}
	copyWalk(c, y, x, w)
}

func inferTranspose(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	shape, ok := shapeOf(x)
	if !ok {
		return one(UnknownShape(x.Type.Elem))
	}
	order, err := permutation(nil, n.Ints("perm"), n.HasAttr("perm"), len(shape))
	if err != nil {
		return nil, err
	}
	out := make([]onnx.Dim, len(shape))
	for i, axis := range order {
		out[i] = shape[axis]
	}
	info := TensorInfo(x.Type.Elem, out)
	if len(out) <= 1 {
		info = sameElements(info, x)
	}
	return one(info)
}

func blockSize(n *Node) (int, error) {
	b := n.Int("blocksize", 0)
	if err := n.Err(); err != nil {
		return 0, err
	}
	if b <= 0 || b > 1<<15 {
		return 0, fmt.Errorf("blocksize %d must be positive", b)
	}
	return b, nil
}

func buildSpaceToDepth(n *Node) (Kernel, error) {
	b, err := blockSize(n)
	return func(c *Call) error {
		x := c.Tensor(0)
		if x.Rank() != 4 || x.Shape[2]%b != 0 || x.Shape[3]%b != 0 {
			return c.ShapeError(0, fmt.Sprintf("N,C,H,W with H and W multiples of %d", b))
		}
		s := x.Shape
		y, err := c.Output(0, x.Type, s[0], s[1]*b*b, s[2]/b, s[3]/b)
		if err != nil {
			return err
		}
		transpose(c, y, x, []int{s[0], s[1], s[2] / b, b, s[3] / b, b}, []int{0, 3, 5, 1, 2, 4})
		return nil
	}, err
}

func buildDepthToSpace(n *Node) (Kernel, error) {
	b, err := blockSize(n)
	if err != nil {
		return nil, err
	}
	mode := n.Text("mode", "DCR")
	if mode != "DCR" && mode != "CRD" {
		return nil, fmt.Errorf("mode %q is neither DCR nor CRD", mode)
	}
	return func(c *Call) error {
		x := c.Tensor(0)
		if x.Rank() != 4 || x.Shape[1]%(b*b) != 0 {
			return c.ShapeError(0, fmt.Sprintf("N,C,H,W with C a multiple of %d", b*b))
		}
		s := x.Shape
		channels := s[1] / (b * b)
		y, err := c.Output(0, x.Type, s[0], channels, s[2]*b, s[3]*b)
		if err != nil {
			return err
		}
		if mode == "DCR" {
			transpose(c, y, x, []int{s[0], b, b, channels, s[2], s[3]}, []int{0, 3, 4, 1, 5, 2})
		} else {
			transpose(c, y, x, []int{s[0], channels, b, b, s[2], s[3]}, []int{0, 1, 4, 2, 5, 3})
		}
		return nil
	}, n.Err()
}

func inferSpaceToDepth(n *Node, in []Info) ([]Info, error) {
	return inferBlocks(n, in, func(b, c, h, w int) (int, int, int) { return c * b * b, h / b, w / b })
}

func inferDepthToSpace(n *Node, in []Info) ([]Info, error) {
	return inferBlocks(n, in, func(b, c, h, w int) (int, int, int) { return c / (b * b), h * b, w * b })
}

func inferBlocks(n *Node, in []Info, sizes func(b, c, h, w int) (int, int, int)) ([]Info, error) {
	x := input(in, 0)
	b, err := blockSize(n)
	if err != nil {
		return nil, err
	}
	shape, ok := shapeOf(x)
	if !ok || len(shape) != 4 {
		return one(TensorInfo(x.Type.Elem, unknownDims(4)))
	}
	out := append([]onnx.Dim(nil), shape...)
	c, h, w := sizes(b, shape[1].Size, shape[2].Size, shape[3].Size)
	for i, size := range []int{c, h, w} {
		if out[i+1].Known() {
			out[i+1] = onnx.Dim{Size: size}
		} else {
			out[i+1] = unknownDim
		}
	}
	return one(TensorInfo(x.Type.Elem, out))
}
