package discover

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

func (f *finder) matMul(n *onnx.Node) {
	left, right := f.constant(n, 0), f.constant(n, 1)
	switch {
	case right == nil && left == nil || right != nil && left != nil:
		return
	case right == nil:
		f.leftMatMul(n, left)
		return
	case right.Rank() == 1:
		f.skipped(n, 1, "a vector")
		return
	}
	w := operand{node: n, input: 0, weight: 1, value: right, out: right.Shape[right.Rank()-1], transposed: true}
	if right.Rank() > 2 {
		if batch := right.Len() / max(1, w.out*right.Shape[right.Rank()-2]); batch != 1 {
			f.batched(n, right, batch)
			return
		}
		if x := f.session.Type(n.Inputs[0]); len(x.Shape) < right.Rank() { // the product has more axes than x
			f.skipped(n, 1, fmt.Sprintf("its weight has shape %v, with more axes than its input is known to have", right.Shape))
			return
		}
	}
	f.dense(w)
}

// maxParts bounds the weights of a batched MatMul that are fitted one by one.
const maxParts = 64

// batched records the weights of a MatMul that has one for each index of the last
// axis but two.
func (f *finder) batched(n *onnx.Node, w *onnx.Tensor, parts int) {
	axis := w.Rank() - 3
	x := f.session.Type(n.Inputs[0])
	at := len(x.Shape) - 3
	if w.Shape[axis] != parts || parts > maxParts || at < axis || !x.Shape[at].Known() || x.Shape[at].Size != parts && x.Shape[at].Size != 1 {
		f.skipped(n, 1, fmt.Sprintf("%d weights for a batch, of shape %v, whose inputs are not known to have as many parts in the same place (at most %d)", parts, w.Shape, maxParts))
		return
	}
	size := w.Len() / parts
	for part := range parts {
		value := onnx.NewTensor(w.Type, w.Shape[axis+1], w.Shape[axis+2])
		copy(value.Raw(), w.Raw()[part*size*w.Type.Bits()/8:])
		f.dense(operand{node: n, input: 0, weight: 1, value: value, out: value.Shape[1], form: Batched, transposed: true, rank: len(x.Shape), part: &Part{Weights: w, Index: part, Count: parts, Split: x.Shape[at].Size != 1}})
	}
}

// leftMatMul records a MatMul whose weight is the left operand: y = W x for
// each column of the right one.
func (f *finder) leftMatMul(n *onnx.Node, w *onnx.Tensor) {
	x := f.session.Type(n.Inputs[1])
	switch {
	case w.Rank() < 2 || w.Len() == 0:
		f.skipped(n, 0, "a vector")
	case w.Rank() != 2:
		f.skipped(n, 0, fmt.Sprintf("weights of shape %v on the left", w.Shape))
	case !x.HasShape || len(x.Shape) < 2:
		f.skipped(n, 0, "its weight is on the left, and the number of axes of its input is not known before a run")
	default:
		f.dense(operand{node: n, input: 1, weight: 0, value: w, out: w.Shape[0], form: Columns, rank: len(x.Shape)})
	}
}

func (f *finder) gemm(n *onnx.Node) {
	w := f.constant(n, 1)
	if w == nil || w.Rank() != 2 || f.constant(n, 0) != nil {
		return
	}
	if n.Int("transA", 0) != 0 {
		f.skipped(n, 1, "Gemm with a transposed input")
		return
	}
	o := operand{node: n, input: 0, weight: 1, value: w, out: w.Shape[1], transposed: true, scale: n.Float("alpha", 1)}
	if n.Int("transB", 0) != 0 {
		o.out, o.transposed = w.Shape[0], false
	}
	f.dense(o)
}
