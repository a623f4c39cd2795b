package discover

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// microsoft is the domain of operators that ONNX Runtime's optimiser leaves in
// files.
const microsoft = "com.microsoft"

// integerWeights gives, for operators that take integers as their weights, which
// inputs these are; by domain and operator.
var integerWeights = map[[2]string][]int{
	{"", "QLinearConv"}: {3}, {"", "QLinearMatMul"}: {3}, {"", "MatMulInteger"}: {1}, {"", "ConvInteger"}: {1},
	{microsoft, "QLinearConv"}: {3}, {microsoft, "QGemm"}: {3}, {microsoft, "MatMulIntegerToFloat"}: {1}, {microsoft, "DynamicQuantizeMatMul"}: {1},
	{microsoft, "DynamicQuantizeLSTM"}: {1, 2}, {microsoft, "QAttention"}: {1}, {microsoft, "MatMulNBits"}: {1},
}

// integers records the weights of an operator that takes them as integers.
func (f *finder) integers(n *onnx.Node) {
	for _, i := range integerWeights[[2]string{n.Domain, n.Op}] {
		f.skipped(n, i, "its weight is stored as integers, which the operator takes as they are: kept; fit the float model instead, or one with DequantizeLinear before MatMul and Conv")
	}
}

// microsoftNode records the weights of operators of com.microsoft.
func (f *finder) microsoftNode(n *onnx.Node) {
	switch n.Op {
	case "FusedMatMul":
		f.fusedMatMul(n)
	case "Attention":
		f.attention(n)
	case "FusedGemm", "FusedConv":
		f.skipped(n, 1, "fused with its activation by an optimiser, so it is kept, rounded: fit the model from before the optimiser")
	}
}

// fusedMatMul records a product with its right operand, scaled by alpha.
func (f *finder) fusedMatMul(n *onnx.Node) {
	w := f.constant(n, 1)
	if w == nil || f.constant(n, 0) != nil {
		return
	}
	if w.Rank() != 2 || n.Int("transA", 0) != 0 || n.Int("transBatchA", 0) != 0 || n.Int("transBatchB", 0) != 0 {
		f.skipped(n, 1, fmt.Sprintf("FusedMatMul with a transposed input, or a weight of shape %v", w.Shape))
		return
	}
	o := operand{node: n, input: 0, weight: 1, value: w, out: w.Shape[1], transposed: true, scale: n.Float("alpha", 1)}
	if n.Int("transB", 0) != 0 {
		o.out, o.transposed = w.Shape[0], false
	}
	f.dense(o)
}

// attention records the weight of Attention, which projects its input to queries,
// keys and values. A chain gives these to MultiHeadAttention, which is the same
// without the projection, for some of the masks.
func (f *finder) attention(n *onnx.Node) {
	w := f.constant(n, 1)
	if w == nil || f.constant(n, 0) != nil {
		return
	}
	given := func(i int) bool { return i < len(n.Inputs) && n.Inputs[i] != "" }
	mask := onnx.Type{}
	if given(3) {
		mask = f.session.Type(n.Inputs[3])
	}
	switch {
	case w.Rank() != 2:
		f.skipped(n, 1, fmt.Sprintf("a weight of shape %v", w.Shape))
	case given(4) || given(6) || len(n.Outputs) > 1 && n.Outputs[1] != "":
		f.skipped(n, 1, "Attention with past keys and values, for which there is no operator that takes the projections instead of the weight: kept, rounded")
	case given(3) && (!mask.HasShape || len(mask.Shape) < 2 || len(mask.Shape) > 3):
		f.skipped(n, 1, "Attention with a mask that is not [batch, length] or [batch, length, length]: kept, rounded")
	case n.Int("do_rotary", 0) != 0:
		f.skipped(n, 1, "Attention with rotary positions: kept, rounded")
	default:
		f.dense(operand{node: n, input: 0, weight: 1, value: w, out: w.Shape[1], form: Projected, transposed: true})
	}
}
