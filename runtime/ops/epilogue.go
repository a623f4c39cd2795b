package ops

import (
	"math"

	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// Epilogue is what a kernel does to its result while it is still in the cache:
// the work of nodes that follow, which the runtime has fused into this one. The
// order is bias, residual, activation. MatMul, Gemm, Conv and chains with
// constant float32 weights take one; see [FusesEpilogue].
type Epilogue struct {
	// Bias has an element for each column of the result (for each channel of
	// a Conv), or is nil.
	Bias []float32
	// Residual is the input of the node that is added, which has the shape of
	// the result; 0 for none.
	Residual int
	// Activation is nil for none.
	Activation *Activation
	// Shuffle is the number of blocks of a channel shuffle at the end, for a Conv
	// whose groups each lie in one block; 0 for none.
	Shuffle int
}

// IsZero reports whether there is nothing to do.
func (e Epilogue) IsZero() bool {
	return e.Bias == nil && e.Residual == 0 && e.Activation == nil && e.Shuffle == 0
}

// Activation is an elementwise function on float32.
type Activation struct {
	// Kind is None where package gemm does not know the function.
	Kind gemm.Activation
	// Apply computes it; dst may be src.
	Apply func(dst, src []float32)
}

// ActivationOf returns the function that a node of ai.onnx applies to its
// first input, nil if it is none of those that can be fused.
func ActivationOf(n *Node) *Activation {
	if n.Domain != "" {
		return nil
	}
	switch n.Op {
	case "Relu":
		return &Activation{gemm.Relu, vec.Relu}
	case "Sigmoid":
		return &Activation{gemm.Sigmoid, vec.Sigmoid}
	case "Tanh":
		return &Activation{gemm.Tanh, vec.Tanh}
	case "Gelu":
		if n.Text("approximate", "none") == "tanh" {
			return &Activation{gemm.GeluTanh, vec.GeluTanh}
		}
		return &Activation{gemm.Gelu, vec.Gelu}
	case "Swish":
		if n.Float("alpha", 1) == 1 {
			return &Activation{gemm.Silu, vec.Silu}
		}
	case "LeakyRelu":
		return &Activation{Apply: leakyFloat32(n.Float("alpha", 0.01))}
	case "HardSigmoid":
		alpha, beta := n.Float("alpha", 0.2), n.Float("beta", 0.5)
		return &Activation{Apply: func(dst, src []float32) { hardSigmoidFloat32(dst, src, alpha, beta) }}
	case "HardSwish":
		return &Activation{Apply: hardSwishFloat32}
	case "Mish":
		return &Activation{Apply: mishFloat32}
	case "Clip":
		return clipActivation(n)
	}
	return nil
}

// clipActivation is Clip with constant limits, as attributes up to version 10
// and as inputs from then on.
func clipActivation(n *Node) *Activation {
	low, high := float32(math.Inf(-1)), float32(math.Inf(1))
	if n.Opset < 11 {
		low, high = n.Float("min", low), n.Float("max", high)
	}
	for i, limit := range []*float32{&low, &high} {
		if n.Opset < 11 || !n.Has(i+1) {
			continue
		}
		t := n.Constant(i + 1)
		if !isFloat32(t) || t.Len() != 1 {
			return nil
		}
		*limit = t.Float32s()[0]
	}
	return &Activation{Apply: func(dst, src []float32) { vec.Clamp(dst, src, low, high) }}
}

// FusesShuffle reports whether a Conv with the given epilogue can do a channel
// shuffle of that many blocks: its filters end up at equal distances.
func FusesShuffle(n *Node, blocks int) bool {
	w, group := n.Constant(1), n.Int("group", 1)
	return n.Op == "Conv" && FusesEpilogue(n, false) && n.After.Residual == 0 && n.After.Shuffle == 0 &&
		blocks > 1 && group%blocks == 0 && w.Shape[0]%group == 0
}

// FusesEpilogue reports whether the kernel of a node takes an epilogue, with a
// bias if bias is set.
func FusesEpilogue(n *Node, bias bool) bool {
	switch {
	case n.Domain == "" && n.Op == "MatMul":
		w := n.Constant(1)
		return isFloat32(w) && w.Rank() == 2
	case n.Domain == "" && n.Op == "Gemm":
		w, c := n.Constant(1), n.Constant(2)
		if !isFloat32(w) || w.Rank() != 2 || n.Bool("transA", false) {
			return false
		}
		columns := w.Shape[1]
		if n.Bool("transB", false) {
			columns = w.Shape[0]
		}
		return !n.Has(2) || !bias && isFloat32(c) && isRow(c.Shape, columns)
	case n.Domain == "" && n.Op == "Conv":
		w := n.Constant(1)
		return isFloat32(w) && w.Rank() > 2 && !(bias && n.Has(2)) && (!n.Has(2) || isFloat32(n.Constant(2)))
	case isChain(n):
		for _, t := range n.Constants[1:] {
			if t == nil {
				return false
			}
		}
		return true
	}
	return false
}

// rowEpilogue is an Epilogue for a result that is a matrix.
type rowEpilogue struct {
	gemm.Epilogue
	// residual is a matrix like the result, or nil.
	residual []float32
	// apply is what the product leaves to be done at the end, or nil.
	apply func(dst, src []float32)
}

// rows returns the epilogue for the result y, whose rows have the given
// activations in the kernel of the product.
func (e *Epilogue) rows(c *Call, y *onnx.Tensor) (r rowEpilogue, err error) {
	r.Bias = e.Bias
	if e.Residual > 0 {
		x := c.Tensor(e.Residual)
		if !isFloat32(x) || !sameShape(x.Shape, y.Shape) {
			return r, c.ShapeError(e.Residual, "the shape of the result")
		}
		r.residual = x.Float32s()
	}
	if e.Activation != nil {
		if r.residual == nil && e.Activation.Kind != gemm.None {
			r.Activation = e.Activation.Kind
		} else {
			r.apply = e.Activation.Apply
		}
	}
	return r, nil
}

// finish does for rows fromRow to toRow and columns from to to of dst what the
// product has left.
func (r rowEpilogue) finish(dst []float32, stride, fromRow, toRow, from, to int) {
	if r.residual == nil && r.apply == nil {
		return
	}
	for i := fromRow; i < toRow; i++ {
		row := dst[i*stride+from : i*stride+to]
		if r.residual != nil {
			vec.Add(row, row, r.residual[i*stride+from:i*stride+to])
		}
		if r.apply != nil {
			r.apply(row, row)
		}
	}
}
