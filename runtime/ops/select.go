package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// selectOps choose elements by their value or position: their outputs have
// sizes that only the data tells, but for ReverseSequence and Trilu.
var selectOps = []Operator{
	{Name: "NonZero", Since: 9, MinInputs: 1, MaxInputs: 1, Build: buildNonZero, Infer: inferNonZero},
	{Name: "Compress", Since: 9, MinInputs: 2, MaxInputs: 2, Build: buildCompress, Infer: inferCompress},
	{Name: "Unique", Since: 11, MinInputs: 1, MaxInputs: 1, Build: buildUnique, Infer: inferUnique},
	{Name: "ReverseSequence", Since: 10, MinInputs: 2, MaxInputs: 2, Build: buildReverseSequence, Infer: inferSame},
	{Name: "Trilu", Since: 14, MinInputs: 1, MaxInputs: 2, Build: buildTrilu, Infer: inferSame},
}

// nonZero returns the positions of the elements that are not zero, false or
// the empty string.
func nonZero(t *onnx.Tensor) ([]int, error) {
	var at []int
	if t.Type == onnx.String {
		for i, s := range t.Strings {
			if s != "" {
				at = append(at, i)
			}
		}
		return at, nil
	}
	read, step, err := partReader(t)
	if err != nil {
		return nil, err
	}
	for i := range t.Len() {
		// NaN is not zero. The parts of a real number are the same.
		if read(i*step) != 0 || read(i*step+step-1) != 0 {
			at = append(at, i)
		}
	}
	return at, nil
}

// partReader is numberReader for complex numbers too: element i has the real
// part read(i*step) and the imaginary part read(i*step+1) where step is 2.
func partReader(t *onnx.Tensor) (read func(i int) float64, step int, err error) {
	wide := onnx.Undefined
	switch t.Type {
	case onnx.Complex64:
		wide = onnx.Float32
	case onnx.Complex128:
		wide = onnx.Float64
	default:
		read, err = numberReader(t)
		return read, 1, err
	}
	parts, err := onnx.FromRaw(wide, []int{2 * t.Len()}, t.Raw())
	if err != nil {
		return nil, 0, err
	}
	read, err = numberReader(parts)
	return read, 2, err
}

func buildNonZero(n *Node) (Kernel, error) {
	return func(c *Call) error {
		x := c.Tensor(0)
		found, err := nonZero(x)
		if err != nil {
			return err
		}
		y, err := c.Output(0, onnx.Int64, x.Rank(), len(found))
		if err != nil {
			return err
		}
		indices := y.Int64s()
		for i, p := range found {
			for a := x.Rank() - 1; a >= 0; a-- {
				indices[a*len(found)+i] = int64(p % x.Shape[a])
				p /= x.Shape[a]
			}
		}
		return nil
	}, n.Err()
}

func inferNonZero(_ *Node, in []Info) ([]Info, error) {
	out := unknownDims(2)
	if shape, ok := shapeOf(input(in, 0)); ok {
		out[0] = onnx.Dim{Size: len(shape)}
	}
	return one(TensorInfo(onnx.Int64, out))
}

func buildCompress(n *Node) (Kernel, error) {
	axis, flat := n.Int("axis", 0), !n.HasAttr("axis")
	return wholeBytes(func(c *Call) error {
		x, condition := c.Tensor(0), c.Tensor(1)
		if condition.Type != onnx.Bool || condition.Rank() != 1 {
			return fmt.Errorf("condition is %v, expected bool with one axis", condition)
		}
		outer, size, inner := 1, x.Len(), 1
		shape, at := []int{size}, 0
		if !flat {
			var err error
			if at, err = Axis(axis, x.Rank()); err != nil {
				return err
			}
			shape = append([]int(nil), x.Shape...)
			outer, size, inner = product(shape[:at]), shape[at], product(shape[at+1:])
		}
		flags := onnx.View[uint8](condition)
		if len(flags) > size {
			return fmt.Errorf("condition has %d elements for an axis of %d", len(flags), size)
		}
		var kept []int
		for i, flag := range flags {
			if flag != 0 {
				kept = append(kept, i)
			}
		}
		shape[at] = len(kept)
		y, err := c.Output(0, x.Type, shape...)
		if err != nil {
			return err
		}
		move := blockCopier(y, x, inner)
		for o := range outer {
			for i, k := range kept {
				move(o*len(kept)+i, o*size+k)
			}
		}
		return nil
	}), n.Err()
}

func inferCompress(n *Node, in []Info) ([]Info, error) {
	x := input(in, 0)
	if !n.HasAttr("axis") {
		return one(TensorInfo(x.Type.Elem, unknownDims(1)))
	}
	shape, ok := shapeOf(x)
	if !ok {
		return one(UnknownShape(x.Type.Elem))
	}
	at, err := Axis(n.Int("axis", 0), len(shape))
	if err != nil {
		return nil, err
	}
	out := append([]onnx.Dim(nil), shape...)
	out[at] = unknownDim
	return one(TensorInfo(x.Type.Elem, out))
}

func buildReverseSequence(n *Node) (Kernel, error) {
	batchAxis, timeAxis := n.Int("batch_axis", 1), n.Int("time_axis", 0)
	if batchAxis < 0 || timeAxis < 0 || batchAxis+timeAxis != 1 {
		return nil, fmt.Errorf("batch_axis %d and time_axis %d must be 0 and 1", batchAxis, timeAxis)
	}
	return wholeBytes(func(c *Call) error {
		x := c.Tensor(0)
		if x.Rank() < 2 {
			return c.ShapeError(0, "at least two axes")
		}
		lengths, err := intsInput(c, 1)
		if err != nil {
			return err
		}
		batch, time := x.Shape[batchAxis], x.Shape[timeAxis]
		if len(lengths) != batch {
			return c.ShapeError(1, fmt.Sprint([]int{batch}))
		}
		for _, l := range lengths {
			if l < 0 || l > time {
				return fmt.Errorf("length %d is outside of a time axis of %d", l, time)
			}
		}
		y, err := c.Output(0, x.Type, x.Shape...)
		if err != nil || y.Len() == 0 {
			return err
		}
		move := blockCopier(y, x, product(x.Shape[2:]))
		block := func(b, t int) int {
			if batchAxis == 0 {
				return b*time + t
			}
			return t*batch + b
		}
		for b, l := range lengths {
			for t := range time {
				from := t
				if t < l {
					from = l - 1 - t
				}
				move(block(b, t), block(b, from))
			}
		}
		return nil
	}), n.Err()
}

func buildTrilu(n *Node) (Kernel, error) {
	upper := n.Bool("upper", true)
	return func(c *Call) error {
		x, k := c.Tensor(0), 0
		if x.Rank() < 2 {
			return c.ShapeError(0, "at least two axes")
		}
		if x.Type.Bits() < 8 && x.Type != onnx.String {
			return c.TypeError(0)
		}
		if c.Tensor(1) != nil {
			var err error
			if k, err = wholeNumber(c.Tensor(1)); err != nil {
				return fmt.Errorf("k: %w", err)
			}
		}
		y, err := copyOf(c)
		if err != nil || y.Len() == 0 {
			return err
		}
		rows, cols := x.Shape[x.Rank()-2], x.Shape[x.Rank()-1]
		k = min(max(k, -rows), cols)
		width := y.Type.Bits() / 8
		for r := range y.Len() / cols {
			diagonal := r%rows + k // both triangles contain it
			from, to := 0, min(max(diagonal, 0), cols)
			if !upper {
				from, to = min(max(diagonal+1, 0), cols), cols
			}
			if y.Type == onnx.String {
				clear(y.Strings[r*cols+from : r*cols+to])
			} else {
				clear(y.Raw()[(r*cols+from)*width : (r*cols+to)*width])
			}
		}
		return nil
	}, n.Err()
}
