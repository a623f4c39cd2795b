package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// padOps grow tensors at their borders. Pad takes its amounts as an attribute
// before opset 11 (named paddings in 1), can name axes since 18 and wraps since
// 19. Amounts below 0 cut.
var padOps = []Operator{
	{Name: "Pad", Until: 10, MinInputs: 1, MaxInputs: 1, Build: buildPad, Infer: inferPad},
	{Name: "Pad", Since: 11, MinInputs: 2, MaxInputs: 4, Build: buildPad, Infer: inferPad},
	{Name: "CenterCropPad", Since: 18, MinInputs: 2, MaxInputs: 2, Build: buildCenterCropPad, Infer: inferCenterCropPad},
}

// padAttributes returns the amounts of Pad before opset 11.
func padAttributes(n *Node) []int {
	if n.Opset == 1 {
		return n.Ints("paddings")
	}
	return n.Ints("pads")
}

func buildPad(n *Node) (Kernel, error) {
	mode, fixed, value := n.Text("mode", "constant"), padAttributes(n), n.Float("value", 0)
	switch mode {
	case "constant", "reflect", "edge":
	case "wrap":
		if n.Opset < 19 {
			return nil, fmt.Errorf("mode wrap came with opset 19")
		}
	default:
		return nil, fmt.Errorf("mode %q is not one of constant, reflect, edge, wrap", mode)
	}
	fromInputs := n.Opset >= 11
	return wholeBytes(func(c *Call) error {
		x := c.Tensor(0)
		amounts := fixed
		var err error
		var axes []int
		constant := c.Tensor(2)
		if fromInputs {
			if amounts, err = intsInput(c, 1); err != nil {
				return err
			}
			if c.Tensor(3) != nil {
				if axes, err = intsInput(c, 3); err != nil {
					return err
				}
			}
		} else if constant, err = scalarLike(x.Type, value); err != nil {
			return err
		}
		before, after, err := padAmounts(amounts, axes, x.Rank())
		if err != nil {
			return err
		}
		return pad(c, x, before, after, mode, constant)
	}), n.Err()
}

// scalarLike returns v as a scalar of a float type.
func scalarLike(t onnx.DType, v float32) (*onnx.Tensor, error) {
	switch t {
	case onnx.Float32:
		return onnx.Scalar(v), nil
	case onnx.Float64:
		return onnx.Scalar(float64(v)), nil
	case onnx.Float16:
		return onnx.FromBits(t, []uint16{onnx.Float16Bits(v)}), nil
	case onnx.BFloat16:
		return onnx.FromBits(t, []uint16{onnx.BFloat16Bits(v)}), nil
	}
	if v == 0 {
		return nil, nil
	}
	return nil, fmt.Errorf("value %v for elements of type %v", v, t)
}

// padAmounts returns the amounts for every axis.
func padAmounts(amounts, axes []int, rank int) (before, after []int, err error) {
	before, after = make([]int, rank), make([]int, rank)
	if axes == nil {
		for i := range rank {
			axes = append(axes, i)
		}
	}
	if len(amounts) != 2*len(axes) {
		return nil, nil, fmt.Errorf("%d amounts for %d axes", len(amounts), len(axes))
	}
	if _, err := Axes(axes, rank); err != nil {
		return nil, nil, err
	}
	for i, axis := range axes {
		axis, _ = Axis(axis, rank)
		before[axis], after[axis] = amounts[i], amounts[len(axes)+i]
	}
	return before, after, nil
}

// pad writes input x with before and after elements added to each axis.
func pad(c *Call, x *onnx.Tensor, before, after []int, mode string, constant *onnx.Tensor) error {
	shape := make([]int, x.Rank())
	for i, size := range x.Shape {
		const most = math.MaxInt / 8
		if b, a := before[i], after[i]; b < -most || b > most || a < -most || a > most {
			return fmt.Errorf("amounts %d and %d of axis %d are out of range", b, a, i)
		}
		shape[i] = size + before[i] + after[i]
		if shape[i] < 0 {
			return fmt.Errorf("amounts %d and %d cut more than axis %d of %d has", before[i], after[i], i, size)
		}
	}
	if mode == "constant" {
		y, err := c.Output(0, x.Type, shape...)
		if err != nil {
			return err
		}
		return padConstant(c, y, x, before, constant)
	}
	sources := make([][]int, x.Rank())
	for i, size := range x.Shape {
		if size == 0 && shape[i] > 0 {
			return fmt.Errorf("axis %d has no elements to pad with", i)
		}
	}
	y, err := c.Output(0, x.Type, shape...)
	if err != nil || y.Len() == 0 {
		return err
	}
	for i, size := range x.Shape {
		sources[i] = make([]int, shape[i])
		for p := range sources[i] {
			sources[i][p] = borderIndex(p-before[i], size, mode)
		}
	}
	copyPicked(y, x, sources, before)
	return nil
}

// copyInside copies the part of x that is inside of y when x begins at before.
func copyInside(c *Call, y, x *onnx.Tensor, before []int) {
	w := newWalk()
	to, from := steps(y.Shape), steps(x.Shape)
	for i, b := range before {
		first, last := max(0, b), min(y.Shape[i], b+x.Shape[i])
		size := max(0, last-first)
		w.axis(size, to[i], from[i])
		w.dstAt += first * to[i]
		w.srcAt += (first - b) * from[i]
	}
	copyWalk(c, y, x, w)
}

// borderIndex returns the element that position p of an axis takes, which may
// be outside of it.
func borderIndex(p, size int, mode string) int {
	switch {
	case mode == "edge":
		return min(max(p, 0), size-1)
	case mode == "wrap":
		return ((p % size) + size) % size
	case size == 1:
		return 0
	}
	period := 2 * (size - 1) // reflect: the border itself is not repeated
	p = ((p % period) + period) % period
	return min(p, period-p)
}

// copyPicked sets element (i, j, ...) of y to element (sources[0][i],
// sources[1][j], ...) of x, where sources count up by one from before on.
func copyPicked(y, x *onnx.Tensor, sources [][]int, before []int) {
	rank := len(sources)
	if rank == 0 {
		copyRange(y, 0, x, 0, 1)
		return
	}
	from, move := steps(x.Shape), blockCopier(y, x, 1)
	last := sources[rank-1]
	// The middle of each row is copied as a whole.
	left := min(max(before[rank-1], 0), len(last))
	right := max(left, min(before[rank-1]+x.Shape[rank-1], len(last)))
	for row := range product(y.Shape[:rank-1]) {
		base, rest := 0, row
		for a := rank - 2; a >= 0; a-- {
			base += sources[a][rest%y.Shape[a]] * from[a]
			rest /= y.Shape[a]
		}
		at := row * len(last)
		if right > left {
			copyRange(y, at+left, x, base+last[left], right-left)
		}
		for i := range left {
			move(at+i, base+last[i])
		}
		for i := right; i < len(last); i++ {
			move(at+i, base+last[i])
		}
	}
}

func inferPad(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	shape, ok := shapeOf(x)
	if !ok {
		return one(UnknownShape(x.Type.Elem))
	}
	unknown := TensorInfo(x.Type.Elem, unknownDims(len(shape)))
	amounts, known := padAttributes(n), true
	var axes []int
	if n.Opset >= 11 {
		amounts, known = knownInts(input(in, 1))
		if n.Has(3) && known {
			axes, known = knownInts(input(in, 3))
		}
	}
	if !known {
		return one(unknown)
	}
	before, after, err := padAmounts(amounts, axes, len(shape))
	if err != nil {
		return nil, err
	}
	out := append([]onnx.Dim(nil), shape...)
	for i, d := range shape {
		const most = math.MaxInt / 8
		switch b, a := before[i], after[i]; {
		case b == 0 && a == 0:
		case !d.Known() || max(b, a) > most || min(b, a) < -most || d.Size+b+a < 0:
			out[i] = unknownDim
		default:
			out[i] = onnx.Dim{Size: d.Size + b + a}
		}
	}
	return one(TensorInfo(x.Type.Elem, out))
}

func buildCenterCropPad(n *Node) (Kernel, error) {
	axes := n.Ints("axes")
	return wholeBytes(func(c *Call) error {
		x := c.Tensor(0)
		want, err := intsInput(c, 1)
		if err != nil {
			return err
		}
		shape, err := croppedShape(x.Shape, want, axes)
		if err != nil {
			return err
		}
		y, err := c.Output(0, x.Type, shape...)
		if err != nil {
			return err
		}
		before := make([]int, len(shape))
		for i, size := range shape {
			before[i] = (size - x.Shape[i]) / 2 // rounds towards 0 either way
		}
		return padConstant(c, y, x, before, nil)
	}), n.Err()
}

// croppedShape returns in with the sizes of axes replaced by want.
func croppedShape[T any](in, want []T, axes []int) ([]T, error) {
	if axes == nil {
		for i := range in {
			axes = append(axes, i)
		}
	}
	if len(want) != len(axes) {
		return nil, fmt.Errorf("%d sizes for %d axes", len(want), len(axes))
	}
	if _, err := Axes(axes, len(in)); err != nil {
		return nil, err
	}
	out := append([]T(nil), in...)
	for i, axis := range axes {
		axis, _ = Axis(axis, len(in))
		out[axis] = want[i]
	}
	return out, nil
}

func inferCenterCropPad(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	shape, ok := shapeOf(x)
	want := dimsOf(input(in, 1))
	if !ok || want == nil {
		return inferRankOfFirst(n, in)
	}
	out, err := croppedShape(shape, want, n.Ints("axes"))
	if err != nil {
		return nil, err
	}
	return one(TensorInfo(x.Type.Elem, out))
}
