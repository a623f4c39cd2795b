package ops

import (
	"github.com/kcompress/kcompress/onnx"
)

// cumulative is the family CumSum (opset versions 11 and 14) and CumProd (26):
// the running sum or product along the axis that input 1 names.
var cumulative = []Operator{
	{Name: "CumSum", Since: 11, MinInputs: 2, MaxInputs: 2, Infer: inferSame, Build: buildCumulative(cumSumTypes)},
	{Name: "CumProd", Since: 26, MinInputs: 2, MaxInputs: 2, Infer: inferSame, Build: buildCumulative(cumProdTypes)},
}

// cumulation holds the attributes of CumSum and CumProd.
type cumulation struct{ exclusive, reverse bool }

// cumulativeTypes maps an element type to the implementation, which reads
// input 0.
type cumulativeTypes map[onnx.DType]func(c *Call, y *onnx.Tensor, l axisLayout, a cumulation)

var cumSumTypes = cumulativeTypes{
	onnx.Float32: cumulate(0, add[float32]), onnx.Float64: cumulate(0, add[float64]),
	onnx.Int32: cumulate(0, add[int32]), onnx.Int64: cumulate(0, add[int64]),
	onnx.Uint32: cumulate(0, add[uint32]), onnx.Uint64: cumulate(0, add[uint64]),
}

var cumProdTypes = cumulativeTypes{
	onnx.Float32: cumulate(1, mul[float32]), onnx.Float64: cumulate(1, mul[float64]),
	onnx.Int32: cumulate(1, mul[int32]), onnx.Int64: cumulate(1, mul[int64]),
	onnx.Uint32: cumulate(1, mul[uint32]), onnx.Uint64: cumulate(1, mul[uint64]),
}

func buildCumulative(types cumulativeTypes) func(n *Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		a := cumulation{exclusive: n.Bool("exclusive", false), reverse: n.Bool("reverse", false)}
		return throughFloat32(func(c *Call) error {
			x := c.Tensor(0)
			f := types[x.Type]
			if f == nil {
				return c.TypeError(0)
			}
			axes, err := IntsOf(c.Tensor(1))
			if err != nil {
				return err
			}
			if len(axes) != 1 {
				return c.ShapeError(1, "one axis")
			}
			axis, err := Axis(axes[0], x.Rank())
			if err != nil {
				return err
			}
			y, err := outputOverAny(c, x.Type, x.Shape, 0)
			if err == nil && y.Len() > 0 {
				f(c, y, layoutAt(x.Shape, axis), a)
			}
			return err
		}), n.Err()
	}
}

// cumulate returns the implementation that combines elements by f from start.
func cumulate[T number](start T, f func(a, b T) T) func(c *Call, y *onnx.Tensor, l axisLayout, a cumulation) {
	return func(c *Call, y *onnx.Tensor, l axisLayout, a cumulation) {
		dst, src := onnx.View[T](y), onnx.View[T](c.Tensor(0))
		c.Parallel(l.outer*l.inner, l.lineGrain(), func(from, to int) {
			for i := from; i < to; i++ {
				at, step := l.line(i), l.inner
				if a.reverse {
					at, step = at+(l.size-1)*step, -step
				}
				sum := start
				for range l.size {
					before := sum
					sum = f(sum, src[at])
					if a.exclusive {
						dst[at] = before
					} else {
						dst[at] = sum
					}
					at += step
				}
			}
		})
	}
}
