package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// qlinearOps holds the operators of com.microsoft that take and give 8-bit
// tensors, each with a scale and a zero point: their inputs are dequantized,
// the operator of ai.onnx is computed in float32, and the result is quantized.
var qlinearOps = []Operator{
	{Domain: microsoft, Name: "QLinearAdd", MinInputs: 2, MaxInputs: 8, Build: qlinear{op: "Add", opset: 14, x: []int{0, 3}, scale: 6}.build, Infer: inferQLinearBroadcast},
	{Domain: microsoft, Name: "QLinearMul", MinInputs: 2, MaxInputs: 8, Build: qlinear{op: "Mul", opset: 14, x: []int{0, 3}, scale: 6}.build, Infer: inferQLinearBroadcast},
	{Domain: microsoft, Name: "QLinearSigmoid", MinInputs: 2, MaxInputs: 5, Build: qlinear{op: "Sigmoid", opset: 13, x: []int{0}, scale: 3}.build, Infer: inferSame},
	{Domain: microsoft, Name: "QLinearLeakyRelu", MinInputs: 2, MaxInputs: 5, Build: qlinear{op: "LeakyRelu", opset: 16, x: []int{0}, scale: 3}.build, Infer: inferSame},
	{Domain: microsoft, Name: "QLinearSoftmax", MinInputs: 2, MaxInputs: 5, Build: buildQLinearSoftmax, Infer: inferSame},
	{Domain: microsoft, Name: "QLinearAveragePool", MinInputs: 2, MaxInputs: 5, Build: qlinear{op: "AveragePool", opset: 19, x: []int{0}, scale: 3}.build, Infer: inferElemOnly},
	{Domain: microsoft, Name: "QLinearGlobalAveragePool", MinInputs: 5, MaxInputs: 5, Build: buildQLinearGlobalPool, Infer: inferElemOnly},
	{Domain: microsoft, Name: "QLinearReduceMean", MinInputs: 2, MaxInputs: 5, Build: qlinear{op: "ReduceMean", opset: 13, x: []int{0}, scale: 3}.build, Infer: inferElemOnly},
	{Domain: microsoft, Name: "QLinearWhere", MinInputs: 3, MaxInputs: 9, Build: qlinear{op: "Where", opset: 16, plain: 1, x: []int{1, 4}, scale: 7}.build},
	{Domain: microsoft, Name: "QLinearConcat", MinInputs: 1, MaxInputs: -1, Build: buildQLinearConcat},
}

// qlinear says which inputs of a quantized operator are what: first the plain
// ones, then the quantized ones (each followed by its scale and zero point) and
// the scale of the output (followed by its zero point).
type qlinear struct {
	op    string
	opset int
	plain int
	x     []int
	scale int
}

func (q qlinear) build(n *Node) (Kernel, error) {
	if err := needInputs(n, q.scale); err != nil {
		return nil, err
	}
	for _, i := range q.x {
		if err := needInputs(n, i, i+1); err != nil {
			return nil, err
		}
	}
	from := make([]int, q.plain+len(q.x))
	for i := range from {
		from[i] = -1
	}
	p, err := newPart(n, q.op, q.opset, 1, otherAttrs(n, "channels_last", "opset"), from...)
	if err != nil {
		return nil, err
	}
	kernel := func(c *Call) error { return q.run(c, p) }
	if n.Bool("channels_last", false) {
		kernel = channelsLast(kernel)
	}
	return kernel, n.Err()
}

func (q qlinear) run(c *Call, p *part) error {
	in := append([]onnx.Value(nil), c.In[:q.plain]...)
	for _, i := range q.x {
		x, err := dequantized(c, i)
		if err != nil {
			return err
		}
		in = append(in, x)
	}
	y, err := p.one(c, in...)
	if err != nil {
		return err
	}
	return quantizeResult(c, y, q.scale, c.Tensor(q.x[0]).Type)
}

// quantizeResult makes output 0 y, quantized with input scale and the zero
// point behind it, which has type t if it is absent.
func quantizeResult(c *Call, y *onnx.Tensor, scale int, t onnx.DType) error {
	s, zero := c.Tensor(scale), c.Tensor(scale+1)
	if s.Len() != 1 {
		return c.ShapeError(scale, "a scalar")
	}
	if zero != nil {
		t = zero.Type
		if zero.Len() != 1 {
			return c.ShapeError(scale+1, "a scalar")
		}
	}
	if !isByte(t) {
		return fmt.Errorf("the zero point of the output is %v, expected 8-bit integers", t)
	}
	values, err := float32sOf(s)
	if err != nil {
		return err
	}
	out, err := c.Output(0, t, y.Shape...)
	if err != nil {
		return err
	}
	return quantizeInts(c, out, y.Float32s(), values, zero, perTensor(y.Len()))
}

// buildQLinearSoftmax is Softmax of the opset version that an attribute names.
func buildQLinearSoftmax(n *Node) (Kernel, error) {
	return qlinear{op: "Softmax", opset: n.Int("opset", 13), x: []int{0}, scale: 3}.build(n)
}

// buildQLinearConcat is Concat; here the scale and zero point of the output
// are the first inputs.
func buildQLinearConcat(n *Node) (Kernel, error) {
	if len(n.Inputs) < 5 || len(n.Inputs)%3 != 2 {
		return nil, fmt.Errorf("has %d inputs, expected 2 and 3 for each tensor", len(n.Inputs))
	}
	q := qlinear{op: "Concat", opset: 13, scale: 0}
	for i := 2; i < len(n.Inputs); i += 3 {
		q.x = append(q.x, i)
	}
	return q.build(n)
}

func inferQLinearBroadcast(_ *Node, in []Info) ([]Info, error) {
	if len(in) < 4 {
		return nil, nil
	}
	y, err := inferBroadcast(elemOf(in[0]), []Info{in[0], in[3]})
	return []Info{y}, err
}

// inferElemOnly infers the element type of input 0 alone.
func inferElemOnly(_ *Node, in []Info) ([]Info, error) {
	return []Info{UnknownShape(elemOf(in[0]))}, nil
}
