package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// microsoftProducts holds the fused matrix products of com.microsoft:
// FusedMatMul (and its old name TransposeMatMul), FusedGemm, GemmFastGelu, and
// MatMulNBits (see matmulnbits.go).
var microsoftProducts = []Operator{
	{Domain: microsoft, Name: "FusedMatMul", MinInputs: 2, MaxInputs: 2, Build: buildFusedMatMul, Infer: inferFusedMatMul},
	{Domain: microsoft, Name: "TransposeMatMul", MinInputs: 2, MaxInputs: 2, Build: buildFusedMatMul, Infer: inferFusedMatMul},
	{Domain: microsoft, Name: "FusedMatMulActivation", MinInputs: 2, MaxInputs: 2, Build: buildFusedMatMul, Infer: inferFusedMatMul},
	{Domain: microsoft, Name: "FusedGemm", MinInputs: 2, MaxInputs: 3, Build: buildFusedGemm, Infer: inferGemm},
	{Domain: microsoft, Name: "GemmFastGelu", MinInputs: 2, MaxInputs: 3, Build: buildGemmFastGelu, Infer: inferMatMul},
	{Domain: microsoft, Name: "MatMulNBits", MinInputs: 3, MaxInputs: 6, Build: buildMatMulNBits, Infer: inferMatMulNBits},
}

// fusedMatMul is FusedMatMul: alpha A' B', where A' and B' are A and B with
// their axes moved and then their last two axes exchanged.
type fusedMatMul struct {
	alpha          float32
	transA, transB bool
	// batchA moves axis 0 of A behind all but the last axis, batchB that of B.
	batchA, batchB bool
	product        *part
	activation     func(y []float32)
}

func buildFusedMatMul(n *Node) (Kernel, error) {
	v := &fusedMatMul{
		alpha: n.Float("alpha", 1), transA: n.Bool("transA", false), transB: n.Bool("transB", false),
		batchA: n.Bool("transBatchA", false), batchB: n.Bool("transBatchB", false),
	}
	activation, err := fusedActivation(n)
	if err != nil {
		return nil, err
	}
	v.activation = activation
	// A constant B is arranged and scaled once.
	weight := n.Constant(1)
	if weight != nil && weight.Type == onnx.Float32 {
		if weight, err = v.arranged(weight, v.transB, v.batchB); err != nil {
			return nil, err
		}
		weight = onnx.FromSlice(scaled(weight.Float32s(), v.alpha), weight.Shape...)
	} else {
		weight = nil
	}
	same := *n
	if weight != nil {
		same.Constants = []*onnx.Tensor{nil, weight}
	}
	from := 1
	if weight == nil {
		from = -1
	}
	if v.product, err = newPart(&same, "MatMul", 13, 1, nil, -1, from); err != nil {
		return nil, err
	}
	return func(c *Call) error { return v.run(c, weight) }, n.Err()
}

func (v *fusedMatMul) run(c *Call, weight *onnx.Tensor) error {
	a, err := v.arranged(c.Tensor(0), v.transA, v.batchA)
	if err != nil {
		return err
	}
	alpha := float32(1)
	if weight == nil {
		alpha = v.alpha
		if weight, err = v.arranged(c.Tensor(1), v.transB, v.batchB); err != nil {
			return err
		}
	}
	y, err := v.product.finish(c, a, weight)
	if err != nil {
		return err
	}
	if err := scaleInPlace(c, y, alpha); err != nil {
		return err
	}
	return applyActivation(c, v.activation, y)
}

// scaleInPlace multiplies a result by a factor.
func scaleInPlace(c *Call, y *onnx.Tensor, factor float32) error {
	if factor == 1 {
		return nil
	}
	switch y.Type {
	case onnx.Float32:
		for i, v := range y.Float32s() {
			y.Float32s()[i] = v * factor
		}
	case onnx.Float64:
		values := onnx.View[float64](y)
		for i, v := range values {
			values[i] = v * float64(factor)
		}
	case onnx.Float16, onnx.BFloat16:
		values := widen(y).Float32s()
		for i, v := range values {
			values[i] = v * factor
		}
		narrow(onnx.View[uint16](y), values, y.Type)
	default:
		return c.TypeError(0)
	}
	return nil
}

// arranged returns x with axis 0 moved behind all but the last axis (batch) and
// its last two axes exchanged (trans).
func (v *fusedMatMul) arranged(x *onnx.Tensor, trans, batch bool) (*onnx.Tensor, error) {
	rank := x.Rank()
	if rank < 2 || !trans && !batch { // a vector has nothing to exchange
		return x, nil
	}
	order := make([]int, rank)
	for i := range order {
		order[i] = i
	}
	if batch {
		copy(order, order[1:rank-1])
		order[rank-2] = 0
	}
	if trans {
		order[rank-1], order[rank-2] = order[rank-2], order[rank-1]
	}
	return permuted(x, order)
}

// permuted returns a copy of x whose axis i is axis order[i] of x.
func permuted(x *onnx.Tensor, order []int) (*onnx.Tensor, error) {
	perm := make([]int64, len(order))
	for i, o := range order {
		perm[i] = int64(o)
	}
	p, err := newPart(&Node{Node: &onnx.Node{}}, "Transpose", 13, 1, []onnx.Attribute{onnx.IntsAttr("perm", perm...)}, -1)
	if err != nil {
		return nil, err
	}
	return p.one(&Call{}, x)
}

func inferFusedMatMul(n *Node, in []Info) ([]Info, error) {
	a, b := in[0], in[1]
	a.Type.Shape = arrangedDims(a.Type.Shape, n.Bool("transA", false), n.Bool("transBatchA", false))
	b.Type.Shape = arrangedDims(b.Type.Shape, n.Bool("transB", false), n.Bool("transBatchB", false))
	return inferMatMul(n, []Info{a, b})
}

func arrangedDims(shape []onnx.Dim, trans, batch bool) []onnx.Dim {
	rank := len(shape)
	if rank < 2 {
		return shape
	}
	shape = slices.Clone(shape)
	if batch {
		first := shape[0]
		copy(shape, shape[1:rank-1])
		shape[rank-2] = first
	}
	if trans {
		shape[rank-1], shape[rank-2] = shape[rank-2], shape[rank-1]
	}
	return shape
}

func buildFusedGemm(n *Node) (Kernel, error) {
	activation, err := fusedActivation(n)
	if err != nil {
		return nil, err
	}
	gemm, err := newPart(n, "Gemm", 13, 1, otherAttrs(n, "activation"), 0, 1, 2)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		y, err := gemm.finish(c, c.Tensor(0), c.Tensor(1), c.Tensor(2))
		if err != nil {
			return err
		}
		return applyActivation(c, activation, y)
	}, nil
}

// buildGemmFastGelu is FastGelu(X W + bias).
func buildGemmFastGelu(n *Node) (Kernel, error) {
	product, err := newPart(n, "MatMul", 13, 1, nil, 0, 1)
	if err != nil {
		return nil, err
	}
	gelu, err := buildBiasGelu("tanh")(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		x, err := product.one(c, c.Tensor(0), c.Tensor(1))
		if err != nil {
			return err
		}
		inner := part{name: "FastGelu", kernel: gelu, outputs: 1}
		if _, err = inner.finish(c, x, c.Tensor(2)); err != nil {
			return fmt.Errorf("after the product: %w", err)
		}
		return nil
	}, nil
}
