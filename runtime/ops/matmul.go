package ops

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/onnx"
)

// matrixProducts holds MatMul (ai.onnx 1, 9, 13) and Gemm (see gemm.go). The
// versions of MatMul differ in their element types only.
var matrixProducts = []Operator{
	{Name: "MatMul", MinInputs: 2, MaxInputs: 2, Build: buildMatMul, Infer: inferMatMul},
	{Name: "Gemm", MinInputs: 2, MaxInputs: 3, Build: buildGemm, Infer: inferGemm},
}

// matMulNode is a MatMul node.
type matMulNode struct {
	wide wideConstants
	// weight is a constant right matrix, packed, else nil.
	weight *gemm.Packed
	after  Epilogue
	// last is the plan of the last run, which the next one with inputs of the
	// same shapes uses again.
	last atomic.Pointer[matMulPlan]
}

// matMulPlan is a matMulShape with the shapes of the inputs that it is for.
type matMulPlan struct {
	matMulShape
	left, right []int
}

// buildMatMul packs a constant right matrix once.
func buildMatMul(n *Node) (Kernel, error) {
	v := &matMulNode{wide: widenConstants(n), after: n.After}
	if b := v.wide.of(n, 1); b != nil && (b.Rank() == 1 || b.Rank() == 2) {
		rows, columns := b.Shape[0], 1
		if b.Rank() == 2 {
			columns = b.Shape[1]
		}
		v.weight = gemm.Pack(b.Float32s(), rows, columns, false)
	}
	return v.run, nil
}

// plan returns the shapes of the products.
func (v *matMulNode) plan(a, b []int) (*matMulPlan, error) {
	if p := v.last.Load(); p != nil && slices.Equal(p.left, a) && slices.Equal(p.right, b) {
		return p, nil
	}
	p := &matMulPlan{left: slices.Clone(a), right: slices.Clone(b)}
	var err error
	if p.matMulShape, err = matMulShapes(p.left, p.right); err != nil {
		return nil, err
	}
	v.last.Store(p)
	return p, nil
}

func (v *matMulNode) run(c *Call) error {
	a, b := c.Tensor(0), c.Tensor(1)
	if a.Type != b.Type {
		return typesDiffer(a, b)
	}
	if isHalf(a.Type) {
		return v.wide.run(c, v.run)
	}
	p, err := v.plan(a.Shape, b.Shape)
	if err != nil {
		return err
	}
	s := p.matMulShape
	y, err := c.Output(0, a.Type, s.out...)
	if err != nil {
		return err
	}
	switch a.Type {
	case onnx.Float32:
		if v.weight != nil {
			e, err := v.after.rows(c, y)
			if err == nil {
				multiplyPacked(c, v.weight, y.Float32s(), s.n, a.Float32s(), s.k, s.batches*s.m, e)
			}
			return err
		}
		multiplyBatches[float32](c, s, y, a, b)
	case onnx.Float64:
		multiplyBatches[float64](c, s, y, a, b)
	case onnx.Int32:
		multiplyBatches[int32](c, s, y, a, b)
	case onnx.Int64:
		multiplyBatches[int64](c, s, y, a, b)
	case onnx.Uint32:
		multiplyBatches[uint32](c, s, y, a, b)
	case onnx.Uint64:
		multiplyBatches[uint64](c, s, y, a, b)
	default:
		return c.TypeError(0)
	}
	return nil
}

// matMulShape says what products a MatMul is made of: one of [m,k] by [k,n]
// for each index of the broadcast leading axes.
type matMulShape struct {
	m, n, k int
	batches int
	// batch, a and b are the leading axes of the output and of the inputs.
	batch, a, b []int
	out         []int
}

// matMulShapes follows numpy.matmul: an input of rank 1 is a row on the left
// and a column on the right, and its axis is dropped from the output.
func matMulShapes(a, b []int) (s matMulShape, err error) {
	if len(a) == 0 || len(b) == 0 {
		return s, fmt.Errorf("shapes %v and %v: scalars can not be multiplied as matrices", a, b)
	}
	s.m, s.n = 1, 1
	s.k = a[len(a)-1]
	inner := b[0]
	if len(a) > 1 {
		s.a, s.m = a[:len(a)-2], a[len(a)-2]
	}
	if len(b) > 1 {
		s.b, s.n, inner = b[:len(b)-2], b[len(b)-1], b[len(b)-2]
	}
	if s.k != inner {
		return s, fmt.Errorf("shapes %v and %v do not fit: the inner sizes %d and %d differ", a, b, s.k, inner)
	}
	if s.batch, err = broadcastShapes(s.a, s.b); err != nil {
		return s, err
	}
	if s.batches, err = onnx.Elements(s.batch); err != nil {
		return s, err
	}
	s.out = append(s.out, s.batch...)
	if len(a) > 1 {
		s.out = append(s.out, s.m)
	}
	if len(b) > 1 {
		s.out = append(s.out, s.n)
	}
	return s, nil
}

// multiplyBatches computes all products, split over threads by batch and by
// blocks of rows.
func multiplyBatches[T number](c *Call, s matMulShape, y, a, b *onnx.Tensor) {
	av, bv, yv := onnx.View[T](a), onnx.View[T](b), onnx.View[T](y)
	if len(yv) == 0 {
		return
	}
	if sizeOf(s.b) == 1 && sizeOf(s.a) == s.batches { // one right matrix: one product
		s.m, s.batches = s.m*s.batches, 1
		s.batch, s.a, s.b = nil, nil, nil
	}
	c.Used("unpacked", s.batches*s.m*s.n*s.k)
	rows := min(s.m, rowsPerRange(s.n*s.k))
	blocks := (s.m + rows - 1) / rows
	grain := max(1, rangeWork/max(1, rows*s.n*s.k))
	w := batchesWork[T]{&s, yv, av, bv, rows, blocks}
	if c.Pool.Threads() > 1 {
		own := s // so that the other way needs no memory
		w.shape = &own
		c.Parallel(s.batches*blocks, grain, w.part)
		return
	}
	w.part(0, s.batches*blocks)
}

// batchesWork is a number of products to be done in parts: blocks of rows of
// each.
type batchesWork[T number] struct {
	shape        *matMulShape
	y, a, b      []T
	rows, blocks int
}

func (w batchesWork[T]) part(from, to int) {
	s := w.shape
	for i := from; i < to; i++ {
		batch, first := i/w.blocks, i%w.blocks*w.rows
		left := w.a[(broadcastIndex(batch, s.batch, s.a)*s.m+first)*s.k:]
		right := w.b[broadcastIndex(batch, s.batch, s.b)*s.k*s.n:]
		matrixProduct(w.y[(batch*s.m+first)*s.n:], s.n, matrix[T]{data: left, stride: s.k}, matrix[T]{data: right, stride: s.n},
			min(w.rows, s.m-first), s.n, s.k, false)
	}
}

// broadcastIndex returns the index into an array of shape part that element i
// of shape whole takes its value from, where part broadcasts to whole.
func broadcastIndex(i int, whole, part []int) int {
	index, step := 0, 1
	for d := 1; d <= len(part); d++ {
		size := whole[len(whole)-d]
		if s := part[len(part)-d]; s != 1 {
			index += i % size * step
			step *= s
		}
		i /= size
	}
	return index
}

func inferMatMul(_ *Node, in []Info) ([]Info, error) {
	a, b := in[0].Type, in[1].Type
	if !a.HasShape || !b.HasShape || len(a.Shape) == 0 || len(b.Shape) == 0 {
		return []Info{UnknownShape(a.Elem)}, nil
	}
	var left, right, tail []onnx.Dim
	if r := len(a.Shape); r > 1 {
		left, tail = a.Shape[:r-2], append(tail, a.Shape[r-2])
	}
	if r := len(b.Shape); r > 1 {
		right, tail = b.Shape[:r-2], append(tail, b.Shape[r-1])
	}
	batch, err := broadcastDims(left, right)
	if err != nil {
		return nil, err
	}
	return []Info{TensorInfo(a.Elem, append(batch, tail...))}, nil
}
