package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/onnx"
)

// gemmNode is a Gemm node (ai.onnx 1, 6, 7, 9, 11, 13): Y = alpha A' B' + beta C,
// where A' and B' are A and B or their transposes. C is optional from version
// 11 on. Before version 7 broadcasting of C had to be asked for by the
// attribute broadcast; a C that fits is broadcast here in all versions.
type gemmNode struct {
	alpha, beta    float32
	transA, transB bool
	wide           wideConstants
	// weight is alpha B', packed, if B is constant, else nil.
	weight *gemm.Packed
	// bias is beta C if C is constant and a row, and weight is not nil.
	bias  []float32
	after Epilogue
}

func buildGemm(n *Node) (Kernel, error) {
	g := &gemmNode{
		alpha: n.Float("alpha", 1), beta: n.Float("beta", 1),
		transA: n.Bool("transA", false), transB: n.Bool("transB", false),
		wide: widenConstants(n), after: n.After,
	}
	if err := n.Err(); err != nil {
		return nil, err
	}
	if b := g.wide.of(n, 1); b != nil && b.Rank() == 2 {
		k, columns := b.Shape[0], b.Shape[1]
		if g.transB {
			k, columns = columns, k
		}
		g.weight = gemm.Pack(scaled(b.Float32s(), g.alpha), k, columns, g.transB)
		if bias := g.wide.of(n, 2); bias != nil && isRow(bias.Shape, columns) {
			g.bias = scaled(bias.Float32s(), g.beta)
		}
	}
	return func(c *Call) error { return g.run(c) }, nil
}

// scaled returns v times factor, v itself if that is 1.
func scaled(v []float32, factor float32) []float32 {
	if factor == 1 {
		return v
	}
	s := make([]float32, len(v))
	for i, x := range v {
		s[i] = x * factor
	}
	return s
}

// isRow reports whether a tensor of that shape is one row of n elements.
func isRow(shape []int, n int) bool {
	return len(shape) == 1 && shape[0] == n || len(shape) == 2 && shape[0] == 1 && shape[1] == n
}

func (g *gemmNode) run(c *Call) error {
	a, b, bias := c.Tensor(0), c.Tensor(1), c.Tensor(2)
	switch {
	case a.Type != b.Type:
		return typesDiffer(a, b)
	case bias != nil && bias.Type != a.Type:
		return typesDiffer(a, bias)
	case isHalf(a.Type):
		return g.wide.run(c, g.run)
	case a.Rank() != 2:
		return c.ShapeError(0, "a matrix")
	case b.Rank() != 2:
		return c.ShapeError(1, "a matrix")
	}
	m, k := a.Shape[0], a.Shape[1]
	if g.transA {
		m, k = k, m
	}
	inner, n := b.Shape[0], b.Shape[1]
	if g.transB {
		inner, n = n, inner
	}
	if k != inner {
		return fmt.Errorf("shapes %v and %v do not fit: the inner sizes %d and %d differ", a.Shape, b.Shape, k, inner)
	}
	if bias != nil && !broadcastsTo(bias.Shape, []int{m, n}) {
		return c.ShapeError(2, fmt.Sprintf("one that broadcasts to [%d,%d]", m, n))
	}
	y, err := c.Output(0, a.Type, m, n)
	if err != nil {
		return err
	}
	switch a.Type {
	case onnx.Float32:
		if g.weight != nil && !g.transA {
			return g.runPacked(c, y, a, bias)
		}
		gemmOf[float32](c, g, y, a, b, bias)
	case onnx.Float64:
		gemmOf[float64](c, g, y, a, b, bias)
	case onnx.Int32:
		gemmOf[int32](c, g, y, a, b, bias)
	case onnx.Int64:
		gemmOf[int64](c, g, y, a, b, bias)
	case onnx.Uint32:
		gemmOf[uint32](c, g, y, a, b, bias)
	case onnx.Uint64:
		gemmOf[uint64](c, g, y, a, b, bias)
	default:
		return c.TypeError(0)
	}
	return nil
}

// runPacked is the way of a linear layer: constant weight, bias a constant row.
func (g *gemmNode) runPacked(c *Call, y, a, bias *onnx.Tensor) error {
	m, k, n := a.Shape[0], a.Shape[1], y.Shape[1]
	e, err := g.after.rows(c, y)
	if err != nil {
		return err
	}
	if g.bias != nil {
		e.Bias = g.bias
	}
	multiplyPacked(c, g.weight, y.Float32s(), n, a.Float32s(), k, m, e)
	if bias != nil && g.bias == nil {
		addScaled(y.Float32s(), bias.Float32s(), y.Shape, bias.Shape, g.beta)
	}
	return nil
}

func gemmOf[T number](c *Call, g *gemmNode, y, a, b, bias *onnx.Tensor) {
	m, n := y.Shape[0], y.Shape[1]
	k := a.Shape[1]
	if g.transA {
		k = a.Shape[0]
	}
	av, bv, yv := onnx.View[T](a), onnx.View[T](b), onnx.View[T](y)
	c.Used("unpacked", m*n*k)
	c.Parallel(m, rowsPerRange(n*k), func(from, to int) {
		left := matrix[T]{data: av[min(len(av), from*k):], stride: k}
		if g.transA {
			left = matrix[T]{data: av[min(len(av), from):], stride: m, transposed: true}
		}
		right := matrix[T]{data: bv, stride: b.Shape[1], transposed: g.transB}
		matrixProduct(yv[from*n:], n, left, right, to-from, n, k, false)
	})
	if g.alpha != 1 {
		for i, v := range yv {
			yv[i] = T(float64(g.alpha) * float64(v))
		}
	}
	if bias != nil {
		addScaled(yv, onnx.View[T](bias), y.Shape, bias.Shape, g.beta)
	}
}

// addScaled adds factor times src, broadcast from its shape, to the matrix dst.
func addScaled[T number](dst, src []T, shape, from []int, factor float32) {
	if len(dst) == 0 {
		return
	}
	rowStep, columnStep := 0, 0
	if len(from) > 0 && from[len(from)-1] != 1 {
		columnStep = 1
	}
	if len(from) > 1 && from[0] != 1 {
		rowStep = from[1]
	}
	for i := range shape[0] {
		row := dst[i*shape[1] : (i+1)*shape[1]]
		for j := range row {
			v := src[i*rowStep+j*columnStep]
			if factor != 1 {
				v = T(float64(factor) * float64(v))
			}
			row[j] += v
		}
	}
}

func inferGemm(n *Node, in []Info) ([]Info, error) {
	a, b := in[0].Type, in[1].Type
	if len(a.Shape) != 2 || len(b.Shape) != 2 {
		return []Info{UnknownShape(a.Elem)}, nil
	}
	rows, columns := a.Shape[0], b.Shape[1]
	if n.Bool("transA", false) {
		rows = a.Shape[1]
	}
	if n.Bool("transB", false) {
		columns = b.Shape[0]
	}
	return []Info{TensorInfo(a.Elem, []onnx.Dim{rows, columns})}, nil
}
