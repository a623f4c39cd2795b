package ops

import (
	"math"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// FuseQuantized replaces each Conv, MatMul, Gemm and GlobalAveragePool between
// DequantizeLinear and QuantizeLinear nodes by the operator that computes it
// with exact sums of integers: QLinearConv, QLinearMatMul, and QGemm and
// QLinearGlobalAveragePool of com.microsoft. ONNX Runtime does the same, so
// that results become equal to its results, which those of the three nodes are
// to within a step of the quantization only.
//
// nodes are in topological order. constant returns a value that is known at
// load, else nil; keep reports whether a value is needed by others than nodes:
// as an output of the graph, in a subgraph or by a recording. Nodes that
// nothing needs any more are left in the result.
func FuseQuantized(nodes []*onnx.Node, constant func(name string) *onnx.Tensor, keep func(name string) bool) []*onnx.Node {
	f := &quantizedFusion{constant: constant, keep: keep, producers: map[string]*onnx.Node{}, uses: map[string]int{}}
	for _, n := range nodes {
		for _, name := range n.Outputs {
			f.producers[name] = n
		}
		for _, name := range n.Inputs {
			f.uses[name]++
		}
	}
	replaced := map[*onnx.Node]*onnx.Node{}
	for _, n := range nodes {
		if n.Op != "QuantizeLinear" {
			continue
		}
		if fused, dropped := f.fuse(n); fused != nil {
			replaced[n] = fused
			for _, d := range dropped {
				replaced[d] = nil
			}
		}
	}
	var result []*onnx.Node
	for _, n := range nodes {
		by, changed := replaced[n]
		switch {
		case !changed:
			result = append(result, n)
		case by != nil:
			result = append(result, by)
		}
	}
	return result
}

// quantizedFusion is the state of FuseQuantized.
type quantizedFusion struct {
	constant  func(name string) *onnx.Tensor
	keep      func(name string) bool
	producers map[string]*onnx.Node
	uses      map[string]int
}

// quantizedValue is a quantized tensor: the inputs of a DequantizeLinear, or
// the scale and zero point of a QuantizeLinear.
type quantizedValue struct {
	name, scale, zero string
	scales            []float32
	zeros             []int32
	dtype             onnx.DType
	axis              int
}

// fuse returns the node that computes a QuantizeLinear and what comes before
// it, and the nodes that it stands for besides.
func (f *quantizedFusion) fuse(q *onnx.Node) (fused *onnx.Node, dropped []*onnx.Node) {
	y, ok := f.quantized(q)
	if !ok || !isByte(y.dtype) || len(y.scales) != 1 {
		return nil, nil
	}
	n := f.before(q)
	if n != nil && n.Op == "Relu" && n.Domain == "" {
		lowest, _, _ := quantizedRange(y.dtype)
		if y.zeros[0] != lowest {
			return nil, nil
		}
		dropped = append(dropped, n) // the quantized range begins at 0
		n = f.before(n)
	}
	if n == nil || n.Domain != "" {
		return nil, nil
	}
	inputs := f.operands(n)
	if inputs == nil {
		return nil, nil
	}
	fused = &onnx.Node{Name: n.Name, Outputs: q.Outputs, Metadata: n.Metadata}
	switch {
	case n.Op == "Conv":
		fused.Op, fused.Attrs = "QLinearConv", n.Attrs
	case n.Op == "MatMul" && len(n.Inputs) == 2:
		fused.Op = "QLinearMatMul"
	case n.Op == "Gemm":
		fused.Op, fused.Domain, fused.Attrs = "QGemm", microsoft, otherNodeAttrs(n, "beta", "broadcast")
	case n.Op == "GlobalAveragePool":
		fused.Op, fused.Domain = "QLinearGlobalAveragePool", microsoft
	default:
		return nil, nil
	}
	fused.Inputs = f.arrange(n, inputs, y)
	if fused.Inputs == nil {
		return nil, nil
	}
	return fused, append(dropped, n)
}

// before returns the node that makes the first input of n, if n alone uses it.
func (f *quantizedFusion) before(n *onnx.Node) *onnx.Node {
	name := n.Inputs[0]
	if f.uses[name] != 1 || f.keep(name) {
		return nil
	}
	return f.producers[name]
}

// operands returns the quantized values that n takes, nil unless all of its
// inputs come from DequantizeLinear nodes.
func (f *quantizedFusion) operands(n *onnx.Node) []quantizedValue {
	var values []quantizedValue
	for _, name := range n.Inputs {
		d := f.producers[name]
		if d == nil || d.Op != "DequantizeLinear" {
			return nil
		}
		v, ok := f.quantized(d)
		if !ok {
			return nil
		}
		values = append(values, v)
	}
	return values
}

// quantized reads a QuantizeLinear or DequantizeLinear with a constant scale
// and, but for int32, a constant zero point.
func (f *quantizedFusion) quantized(n *onnx.Node) (v quantizedValue, ok bool) {
	if len(n.Inputs) < 2 || n.Domain != "" && n.Domain != microsoft || n.Int("block_size", 0) != 0 || n.Int("output_dtype", 0) != 0 {
		return v, false
	}
	v = quantizedValue{name: n.Inputs[0], scale: n.Inputs[1], dtype: onnx.Int32, axis: int(n.Int("axis", 1))}
	scale := f.known(v.scale)
	if scale == nil || scale.Type != onnx.Float32 || scale.Rank() > 1 || scale.Len() == 0 {
		return v, false
	}
	v.scales, v.zeros = scale.Float32s(), make([]int32, scale.Len())
	if len(n.Inputs) < 3 || n.Inputs[2] == "" {
		return v, true
	}
	v.zero = n.Inputs[2]
	zero := f.known(v.zero)
	if zero == nil || zero.Len() != scale.Len() {
		return v, false
	}
	var err error
	v.dtype = zero.Type
	v.zeros, err = smallInts(zero)
	return v, err == nil
}

// known returns a constant, also behind Identity nodes.
func (f *quantizedFusion) known(name string) *onnx.Tensor {
	for range 16 {
		if t := f.constant(name); t != nil {
			return t
		}
		n := f.producers[name]
		if n == nil || n.Op != "Identity" || n.Domain != "" {
			return nil
		}
		name = n.Inputs[0]
	}
	return nil
}

// arrange returns the inputs of the fused node, nil if n can not be fused.
func (f *quantizedFusion) arrange(n *onnx.Node, in []quantizedValue, y quantizedValue) []string {
	x := in[0]
	if !isByte(x.dtype) || len(x.scales) != 1 {
		return nil
	}
	if n.Op == "GlobalAveragePool" {
		return []string{x.name, x.scale, x.zero, y.scale, y.zero}
	}
	if len(in) < 2 {
		return nil
	}
	w := in[1]
	if !isByte(w.dtype) || len(w.scales) > 1 && w.axis != columnAxis(n) {
		return nil
	}
	inputs := []string{x.name, x.scale, x.zero, w.name, w.scale, w.zero}
	switch n.Op {
	case "MatMul":
		return append(inputs, y.scale, y.zero)
	case "Gemm":
		if n.Float("alpha", 1) != 1 || n.Float("beta", 1) != 1 {
			return nil
		}
	}
	bias := ""
	if len(in) > 2 {
		if !isBiasOf(in[2], x, w) {
			return nil
		}
		bias = in[2].name
	}
	if n.Op == "Gemm" {
		return append(inputs, bias, y.scale, y.zero)
	}
	return append(inputs, y.scale, y.zero, bias)
}

// columnAxis is the axis of a weight whose indices may have scales of their
// own: that of the outputs.
func columnAxis(n *onnx.Node) int {
	if n.Op == "Conv" || n.Op == "Gemm" && n.Int("transB", 0) != 0 {
		return 0
	}
	return 1
}

// isBiasOf reports whether a bias is of int32 with the scale of the products of
// x and w.
func isBiasOf(b, x, w quantizedValue) bool {
	if b.dtype != onnx.Int32 || slices.ContainsFunc(b.zeros, func(z int32) bool { return z != 0 }) || len(b.scales) != len(w.scales) {
		return false
	}
	for i, s := range b.scales {
		want := float64(x.scales[0]) * float64(w.scales[i])
		if math.Abs(float64(s)-want) > 1e-5*want {
			return false
		}
	}
	return true
}
