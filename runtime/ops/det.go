package ops

import (
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// determinants is the operator Det (opset versions 11 and 22, which differ in
// element types): the determinant of each matrix of [..., m, m], by Gaussian
// elimination with row pivoting in float64.
var determinants = []Operator{
	{Name: "Det", Since: 11, MinInputs: 1, MaxInputs: 1, Infer: inferDet,
		Build: func(n *Node) (Kernel, error) { return throughFloat32(det), n.Err() }},
}

func det(c *Call) error {
	x := c.Tensor(0)
	rank := x.Rank()
	if rank < 2 || x.Shape[rank-1] != x.Shape[rank-2] {
		return c.ShapeError(0, "square matrices")
	}
	switch x.Type {
	case onnx.Float32:
		return detOver[float32](c, x.Shape[:rank-2], x.Shape[rank-1])
	case onnx.Float64:
		return detOver[float64](c, x.Shape[:rank-2], x.Shape[rank-1])
	}
	return c.TypeError(0)
}

func detOver[T float32 | float64](c *Call, shape []int, m int) error {
	y, err := c.Output(0, c.Tensor(0).Type, shape...)
	if err != nil {
		return err
	}
	dst, src := onnx.View[T](y), onnx.View[T](c.Tensor(0))
	c.Parallel(len(dst), max(1, elementGrain/max(1, m*m)), func(from, to int) {
		work := make([]float64, m*m)
		for i := from; i < to; i++ {
			for j, v := range src[i*m*m : (i+1)*m*m] {
				work[j] = float64(v)
			}
			dst[i] = T(determinant(work, m))
		}
	})
	return nil
}

// determinant returns the determinant of a [m, m], which it overwrites.
func determinant(a []float64, m int) float64 {
	result := 1.0
	for k := range m {
		pivot := k
		for i := k + 1; i < m; i++ {
			if math.Abs(a[i*m+k]) > math.Abs(a[pivot*m+k]) {
				pivot = i
			}
		}
		if pivot != k {
			result = -result
			for j := range m {
				a[k*m+j], a[pivot*m+j] = a[pivot*m+j], a[k*m+j]
			}
		}
		d := a[k*m+k]
		if result *= d; d == 0 {
			return result
		}
		for i := k + 1; i < m; i++ {
			factor := a[i*m+k] / d
			for j := k + 1; j < m; j++ {
				a[i*m+j] -= factor * a[k*m+j]
			}
		}
	}
	return result
}

func inferDet(_ *Node, in []Info) ([]Info, error) {
	if len(in) == 0 {
		return nil, nil
	}
	shape, ok := shapeOf(in[0])
	if !ok || len(shape) < 2 {
		return []Info{UnknownShape(elemOf(in[0]))}, nil
	}
	return []Info{TensorInfo(elemOf(in[0]), shape[:len(shape)-2])}, nil
}
