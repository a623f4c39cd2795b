package compact

import (
	"fmt"
	"reflect"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
)

// bodyBuilder appends standard operators to the body of a function.
type bodyBuilder struct {
	opset int
	nodes []*onnx.Node
	count int
}

func (b *bodyBuilder) add(op string, attrs []onnx.Attribute, inputs ...string) string {
	b.count++
	out := fmt.Sprintf("%s_%d", op, b.count)
	b.nodes = append(b.nodes, &onnx.Node{Op: op, Inputs: inputs, Outputs: []string{out}, Attrs: attrs})
	return out
}

// constant returns integers. Constant gives floats alone before opset 9.
func (b *bodyBuilder) constant(values ...int) string {
	if b.opset < 9 {
		data := make([]float64, len(values))
		for i, v := range values {
			data[i] = float64(v)
		}
		floats := b.add("Constant", []onnx.Attribute{{Name: "value", Kind: onnx.AttrTensor, Tensor: onnx.FromSlice(data, len(data))}})
		return b.add("Cast", cast(onnx.Int64), floats)
	}
	data := make([]int64, len(values))
	for i, v := range values {
		data[i] = int64(v)
	}
	return b.add("Constant", []onnx.Attribute{{Name: "value", Kind: onnx.AttrTensor, Tensor: onnx.FromSlice(data, len(data))}})
}

// slice cuts one axis to from:to. Slice takes its limits as inputs since
// opset 10.
func (b *bodyBuilder) slice(x string, axis, from, to int) string {
	if b.opset < 10 {
		return b.add("Slice", []onnx.Attribute{ints("axes", axis), ints("ends", to), ints("starts", from)}, x)
	}
	return b.add("Slice", nil, x, b.constant(from), b.constant(to), b.constant(axis))
}

// pad appends zeros to the features of x [rows, features]. Pad takes its
// amounts as an input since opset 11.
func (b *bodyBuilder) pad(x string, amount int) string {
	if b.opset < 11 {
		return b.add("Pad", []onnx.Attribute{ints("pads", 0, 0, 0, amount)}, x)
	}
	return b.add("Pad", nil, x, b.constant(0, 0, 0, amount))
}

// gather selects features of x [rows, features] and adds them, p.D at a time.
// ReduceSum takes its axes as an input since opset 13.
func (b *bodyBuilder) gather(x, indexes string, p butterfly.Pattern) string {
	x = b.add("Gather", []onnx.Attribute{{Name: "axis", Kind: onnx.AttrInt, Int: 1}}, x, indexes)
	if p.D == 1 {
		return x
	}
	x = b.add("Reshape", nil, x, b.constant(-1, p.B, p.D))
	keep := onnx.Attribute{Name: "keepdims", Kind: onnx.AttrInt}
	if b.opset < 13 {
		return b.add("ReduceSum", []onnx.Attribute{ints("axes", 2), keep}, x)
	}
	return b.add("ReduceSum", []onnx.Attribute{keep}, x, b.constant(2))
}

func ints(name string, values ...int) onnx.Attribute {
	a := onnx.Attribute{Name: name, Kind: onnx.AttrInts}
	for _, v := range values {
		a.Ints = append(a.Ints, int64(v))
	}
	return a
}

func cast(to onnx.DType) []onnx.Attribute {
	return []onnx.Attribute{{Name: "to", Kind: onnx.AttrInt, Int: int64(to)}}
}

// ChainFunction returns the function of chains of this design, its body written
// for an opset version of ai.onnx from MinOpset on.
//
// Inputs are X [..., In] and then, for each factor, its values [A, D, B, C],
// followed for int8 by scales that broadcast to them; for a gather its indexes.
// The output is [..., Out]. A factor is applied as a batched product of its
// A x D blocks: X as [A, D, C, rows] is multiplied from the left.
func ChainFunction(d butterfly.Design, w Weights, opset int) *onnx.Function {
	f := &onnx.Function{
		Name: FunctionName(d, w), Domain: Domain,
		Doc:        "A K-matrix: the product of butterfly factors with the supports given by the attribute patterns. Written by kcompress, which runs it by a kernel of its own.",
		Inputs:     []string{"X"},
		Outputs:    []string{"Y"},
		Attributes: chainAttributes,
		Opsets:     map[string]int{"": opset},
	}
	b := &bodyBuilder{opset: opset}
	lead := b.slice(b.add("Shape", nil, "X"), 0, 0, -1)
	x := b.add("Reshape", nil, "X", b.constant(-1, d.In))
	features := d.In
	for i, p := range d.Patterns {
		if columns := p.Columns(); columns > features {
			x = b.pad(x, columns-features)
		}
		features = p.Rows()
		values := fmt.Sprintf("F%d", i+1)
		f.Inputs = append(f.Inputs, values)
		if p.IsGather() {
			x = b.gather(x, values, p)
			continue
		}
		if w != FP32 {
			values = b.add("Cast", cast(onnx.Float32), values)
		}
		if w == INT8 {
			scale := fmt.Sprintf("S%d", i+1)
			f.Inputs = append(f.Inputs, scale)
			values = b.add("Mul", nil, values, b.add("Cast", cast(onnx.Float32), scale))
		}
		x = b.add("Reshape", nil, x, b.constant(-1, p.A, p.C, p.D))
		x = b.add("Transpose", []onnx.Attribute{ints("perm", 1, 3, 2, 0)}, x)
		x = b.add("MatMul", nil, values, x)
		x = b.add("Transpose", []onnx.Attribute{ints("perm", 3, 0, 2, 1)}, x)
		x = b.add("Reshape", nil, x, b.constant(-1, p.Rows()))
	}
	if features > d.Out {
		x = b.slice(x, 1, 0, d.Out)
	}
	shape := b.add("Concat", []onnx.Attribute{{Name: "axis", Kind: onnx.AttrInt, Int: 0}}, lead, b.constant(d.Out))
	last := &onnx.Node{Op: "Reshape", Inputs: []string{x, shape}, Outputs: []string{"Y"}}
	if opset >= 14 { // before, a size of 0 copies the size of x: only the first axis may be empty
		last.Attrs = []onnx.Attribute{{Name: "allowzero", Kind: onnx.AttrInt, Int: 1}}
	}
	b.nodes = append(b.nodes, last)
	f.Nodes = b.nodes
	return f
}

// Recognise reports whether the body of f is the one that this package writes
// for the node, so that a kernel may run in its place.
func Recognise(f *onnx.Function, n *onnx.Node) bool {
	if !IsChain(n) {
		return false
	}
	c, err := ReadNode(n)
	if err != nil || f.Name != FunctionName(c.Design, c.Weights) || f.Opsets[""] < MinOpset {
		return false
	}
	want := ChainFunction(c.Design, c.Weights, f.Opsets[""])
	if !reflect.DeepEqual(f.Inputs, want.Inputs) || !reflect.DeepEqual(f.Outputs, want.Outputs) || len(f.Nodes) != len(want.Nodes) {
		return false
	}
	for i := range want.Nodes {
		if !sameNode(f.Nodes[i], want.Nodes[i]) {
			return false
		}
	}
	return true
}

func sameNode(a, b *onnx.Node) bool {
	if a.Op != b.Op || a.Domain != b.Domain || a.Overload != b.Overload || len(a.Attrs) != len(b.Attrs) ||
		!reflect.DeepEqual(a.Inputs, b.Inputs) && len(a.Inputs)+len(b.Inputs) > 0 || !reflect.DeepEqual(a.Outputs, b.Outputs) {
		return false
	}
	for i := range a.Attrs {
		x, y := &a.Attrs[i], &b.Attrs[i]
		if x.Name != y.Name || x.Kind != y.Kind || x.Int != y.Int || x.RefName != y.RefName || len(x.Ints) != len(y.Ints) {
			return false
		}
		for j := range x.Ints {
			if x.Ints[j] != y.Ints[j] {
				return false
			}
		}
		if !sameTensor(x.Tensor, y.Tensor) {
			return false
		}
	}
	return true
}

func sameTensor(a, b *onnx.Tensor) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Type == b.Type && reflect.DeepEqual(a.Shape, b.Shape) && string(a.Raw()) == string(b.Raw())
}

// ChainNode returns a node of the function of this design, without a name,
// inputs and outputs.
func ChainNode(d butterfly.Design, w Weights, source string, relativeError float64) *onnx.Node {
	var patterns []int
	for _, p := range d.Patterns {
		patterns = append(patterns, p.A, p.B, p.C, p.D)
	}
	return &onnx.Node{
		Op: FunctionName(d, w), Domain: Domain,
		Attrs: []onnx.Attribute{
			ints(attrPatterns, patterns...),
			{Name: attrIn, Kind: onnx.AttrInt, Int: int64(d.In)},
			{Name: attrOut, Kind: onnx.AttrInt, Int: int64(d.Out)},
			{Name: attrWeights, Kind: onnx.AttrString, String: string(w)},
			{Name: attrSource, Kind: onnx.AttrString, String: source},
			{Name: attrError, Kind: onnx.AttrFloat, Float: float32(relativeError)},
		},
	}
}
