package ops

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// softmaxes is the family Softmax, LogSoftmax and Hardmax. Up to opset version
// 12 the axes from the given one (1 unless set) on are taken as a single axis;
// from version 13 on the given axis (the last unless set) stands alone.
var softmaxes = []Operator{
	{Name: "Softmax", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildSoftmax(vec.Softmax, softmaxLine[float64])},
	{Name: "LogSoftmax", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildSoftmax(vec.LogSoftmax, logSoftmaxLine[float64])},
	{Name: "Hardmax", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildSoftmax(hardmaxLine[float32], hardmaxLine[float64])},
}

// buildSoftmax builds an operator that maps each line along the axis; dst may
// be src.
func buildSoftmax(f32 func(dst, src []float32), f64 func(dst, src []float64)) func(n *Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		flatten := n.Opset < 13
		axis := n.Int("axis", -1)
		if flatten {
			axis = n.Int("axis", 1)
		}
		return throughFloat32(func(c *Call) error {
			x := c.Tensor(0)
			l, err := softmaxLayout(x.Shape, axis, flatten)
			if err != nil {
				return err
			}
			switch x.Type {
			case onnx.Float32:
				return mapLines(c, l, f32, lineWork[float32].lines)
			case onnx.Float64:
				return mapLines(c, l, f64, lineWork[float64].lines)
			}
			return c.TypeError(0)
		}), n.Err()
	}
}

// softmaxLayout returns where the lines are. A scalar is one line of one.
func softmaxLayout(shape []int, axis int, flatten bool) (axisLayout, error) {
	if len(shape) == 0 && (axis == 0 || axis == -1 || flatten && axis == 1) {
		return axisLayout{1, 1, 1}, nil
	}
	rows := 0
	if flatten && axis == len(shape) { // every element is a line
		rows = len(shape)
	} else {
		a, err := Axis(axis, len(shape))
		if err != nil {
			return axisLayout{}, err
		}
		if !flatten {
			return layoutAt(shape, a), nil
		}
		rows = a
	}
	l := axisLayout{1, 1, 1}
	for i, s := range shape {
		if i < rows {
			l.outer *= s
		} else {
			l.size *= s
		}
	}
	return l, nil
}

// mapLines sets output 0 to f of every line of input 0.
func mapLines[T float](c *Call, l axisLayout, f func(dst, src []T), lines func(w lineWork[T], from, to int)) error {
	x := c.Tensor(0)
	y, err := outputOverAny(c, x.Type, x.Shape, 0)
	if err != nil || y.Len() == 0 {
		return err
	}
	dst, src := onnx.View[T](y), onnx.View[T](x)
	if l.inner == 1 {
		parallelOn(c, lineWork[T]{dst, src, l.size, f}, l.outer, l.lineGrain(), lines)
		return nil
	}
	mapScatteredLines(c, l, dst, src, f)
	return nil
}

// lineWork is a function of lines of a number of elements that follow each
// other.
type lineWork[T float] struct {
	dst, src []T
	size     int
	f        func(dst, src []T)
}

func (w lineWork[T]) lines(from, to int) {
	for i := from; i < to; i++ {
		w.f(w.dst[i*w.size:(i+1)*w.size], w.src[i*w.size:(i+1)*w.size])
	}
}

// mapScatteredLines is mapLines for lines whose elements are apart.
func mapScatteredLines[T float](c *Call, l axisLayout, dst, src []T, f func(dst, src []T)) {
	c.Parallel(l.outer*l.inner, l.lineGrain(), func(from, to int) {
		line := make([]T, l.size)
		for i := from; i < to; i++ {
			at := l.line(i)
			for k := range line {
				line[k] = src[at+k*l.inner]
			}
			f(line, line)
			for k, v := range line {
				dst[at+k*l.inner] = v
			}
		}
	})
}

// largest returns the largest element of a line, NaN if one is NaN.
func largest[T float](x []T) T {
	top := x[0]
	for _, v := range x[1:] {
		top = max(top, v)
	}
	return top
}

func softmaxLine[T float](dst, src []T) {
	top, sum := largest(src), T(0)
	for i, v := range src {
		dst[i] = T(math.Exp(float64(v - top)))
		sum += dst[i]
	}
	for i := range dst {
		dst[i] /= sum
	}
}

func logSoftmaxLine[T float](dst, src []T) {
	top, sum := largest(src), 0.0
	for _, v := range src {
		sum += math.Exp(float64(v - top))
	}
	shift := T(math.Log(sum))
	for i, v := range src {
		dst[i] = v - top - shift
	}
}

// hardmaxLine sets the first largest element to 1 and the others to 0.
func hardmaxLine[T float](dst, src []T) {
	best := argLine(argSearch{}, src, len(src), 1)
	clear(dst)
	dst[best] = 1
}
