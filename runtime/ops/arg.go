package ops

import (
	"github.com/kcompress/kcompress/onnx"
)

// argReductions is the family ArgMax and ArgMin: the index of the largest or
// smallest element along an axis. Negative axes came with opset version 11,
// the attribute select_last_index with 12. NaN counts as the largest and as
// the smallest, as in numpy.
var argReductions = []Operator{
	{Name: "ArgMax", MinInputs: 1, MaxInputs: 1, Build: buildArg, Infer: inferArg},
	{Name: "ArgMin", MinInputs: 1, MaxInputs: 1, Build: buildArg, Infer: inferArg},
}

// argSearch holds the attributes of ArgMax and ArgMin.
type argSearch struct {
	axis                     int
	keepDims, smallest, last bool
}

func readArg(n *Node) argSearch {
	return argSearch{axis: n.Int("axis", 0), keepDims: n.Bool("keepdims", true),
		smallest: n.Op == "ArgMin", last: n.Bool("select_last_index", false)}
}

var argTypes = map[onnx.DType]func(c *Call, s argSearch, y []int64, l axisLayout){
	onnx.Float32: argOver[float32], onnx.Float64: argOver[float64],
	onnx.Int8: argOver[int8], onnx.Int16: argOver[int16], onnx.Int32: argOver[int32], onnx.Int64: argOver[int64],
	onnx.Uint8: argOver[uint8], onnx.Uint16: argOver[uint16], onnx.Uint32: argOver[uint32], onnx.Uint64: argOver[uint64],
}

func buildArg(n *Node) (Kernel, error) {
	s := readArg(n)
	return throughFloat32(func(c *Call) error {
		x := c.Tensor(0)
		f := argTypes[x.Type]
		if f == nil {
			return c.TypeError(0)
		}
		axis, err := Axis(s.axis, x.Rank())
		if err != nil {
			return err
		}
		reduced := make([]bool, x.Rank())
		reduced[axis] = true
		y, err := c.Output(0, onnx.Int64, reducedShape(x.Shape, reduced, 1, s.keepDims)...)
		if err != nil || y.Len() == 0 {
			return err
		}
		l := layoutAt(x.Shape, axis)
		if l.size == 0 {
			return c.ShapeError(0, "at least one element along the axis")
		}
		f(c, s, y.Int64s(), l)
		return nil
	}), n.Err()
}

func argOver[T number](c *Call, s argSearch, y []int64, l axisLayout) {
	x := onnx.View[T](c.Tensor(0))
	c.Parallel(len(y), l.lineGrain(), func(from, to int) {
		if l.inner == 1 && !s.last {
			for i := from; i < to; i++ {
				y[i] = firstOf(x[i*l.size:(i+1)*l.size], s.smallest)
			}
			return
		}
		for i := from; i < to; i++ {
			y[i] = argLine(s, x[l.line(i):], l.size, l.inner)
		}
	})
}

// firstOf is argLine for neighbouring elements and the first of equal ones.
func firstOf[T number](x []T, smallest bool) int64 {
	best, found := 0, x[0]
	if found != found {
		return 0
	}
	if smallest {
		for k, v := range x {
			if !(v >= found) { // smaller, or NaN
				if best, found = k, v; v != v {
					break
				}
			}
		}
		return int64(best)
	}
	for k, v := range x {
		if !(v <= found) {
			if best, found = k, v; v != v {
				break
			}
		}
	}
	return int64(best)
}

// argLine searches n elements that are step apart.
func argLine[T number](s argSearch, x []T, n, step int) int64 {
	best, found := 0, x[0]
	for k := 1; k < n; k++ {
		v := x[k*step]
		better := v > found
		if s.smallest {
			better = v < found
		}
		switch {
		case found != found:
			better = s.last && v != v
		case v != v:
			better = true
		case v == found:
			better = s.last
		}
		if better {
			best, found = k, v
		}
	}
	return int64(best)
}

func inferArg(n *Node, in []Info) ([]Info, error) {
	if len(in) == 0 {
		return nil, nil
	}
	shape, ok := shapeOf(in[0])
	if !ok {
		return []Info{UnknownShape(onnx.Int64)}, nil
	}
	s := readArg(n)
	axis, err := Axis(s.axis, len(shape))
	if err != nil {
		return nil, err
	}
	reduced := make([]bool, len(shape))
	reduced[axis] = true
	return []Info{TensorInfo(onnx.Int64, reducedShape(shape, reduced, onnx.Dim{Size: 1}, s.keepDims))}, nil
}
