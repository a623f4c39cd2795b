package runtime

import (
	"github.com/kcompress/kcompress/onnx"
)

// Half-precision models are computed in float32: between operators that work in
// float32 anyway, float16 values are kept as float32, and rounded only where
// something else needs them. That saves two conversions for each operator, and
// gives the results that ONNX Runtime gives on a CPU, which does the same.

// inFloat32 lists operators of ai.onnx that give for float32 inputs what they
// give for float16 ones, but for rounding, and whose float inputs and only
// output have one type.
var inFloat32 = map[string]bool{
	"Conv": true, "ConvTranspose": true, "MatMul": true, "Gemm": true,
	"BatchNormalization": true, "InstanceNormalization": true, "LRN": true,
	"Relu": true, "LeakyRelu": true, "Elu": true, "Selu": true, "PRelu": true, "Sigmoid": true, "HardSigmoid": true,
	"HardSwish": true, "Tanh": true, "Softplus": true, "Softsign": true, "Erf": true, "Gelu": true,
	"Softmax": true, "LogSoftmax": true,
	"Add": true, "Sub": true, "Mul": true, "Div": true, "Pow": true, "Sqrt": true, "Exp": true, "Log": true, "Neg": true, "Abs": true, "Reciprocal": true,
	"MaxPool": true, "AveragePool": true, "GlobalAveragePool": true, "GlobalMaxPool": true, "ReduceMean": true, "ReduceSum": true,
	"Concat": true, "Reshape": true, "Transpose": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true, "Identity": true, "Dropout": true,
}

// widen returns the node with its float16 inputs and its output replaced by
// float32 values, where that is possible.
func (sc *scope) widen(n expandedNode) (expandedNode, error) {
	if n.Domain != "" || !inFloat32[n.Op] || len(n.Outputs) == 0 || n.Outputs[0] == "" {
		return n, nil
	}
	for _, out := range n.Outputs[1:] {
		if out != "" {
			return n, nil
		}
	}
	halves := 0
	for _, name := range n.Inputs {
		if name == "" {
			continue
		}
		t, err := sc.elementType(name)
		switch {
		case err != nil:
			return n, nil // add will say what is wrong
		case t == onnx.Float16:
			halves++
		case t.IsFloat() || t == onnx.Undefined:
			return n, nil
		}
	}
	if halves == 0 {
		return n, nil
	}
	copied := *n.Node
	copied.Inputs = append([]string(nil), n.Inputs...)
	for i, name := range n.Inputs {
		if name == "" {
			continue
		}
		if t, _ := sc.elementType(name); t != onnx.Float16 {
			continue
		}
		wide, err := sc.wideValue(n, name)
		if err != nil {
			return n, err
		}
		copied.Inputs[i] = wide
	}
	wide := wideName(n.Outputs[0])
	if sc.wide == nil {
		sc.wide = map[string]wideHalf{}
	}
	sc.wide[n.Outputs[0]] = wideHalf{wide, n}
	copied.Outputs = []string{wide}
	if copied.Name == "" {
		copied.Name = nodeName(n.Node)
	}
	n.Node = &copied
	return n, nil
}

// wideHalf is a float16 value that is kept as float32 under another name.
type wideHalf struct {
	name string
	by   expandedNode
}

func wideName(name string) string { return name + "\x00float32" }

// elementType is the type that a value has in the model.
func (sc *scope) elementType(name string) (onnx.DType, error) {
	if _, ok := sc.wide[name]; ok {
		return onnx.Float16, nil
	}
	slot, err := sc.resolve(name)
	if err != nil {
		return onnx.Undefined, err
	}
	return sc.infos[slot].Type.Elem, nil
}

// wideValue returns the name of the float32 form of a float16 value.
func (sc *scope) wideValue(n expandedNode, name string) (string, error) {
	if half, ok := sc.wide[name]; ok {
		return half.name, nil
	}
	wide := wideName(name)
	if _, made := sc.program.names[wide]; made {
		return wide, nil
	}
	return wide, sc.addCast(n, name, wide, onnx.Float32)
}

// narrow rounds a value that is kept as float32 to the float16 that it is in
// the model.
func (sc *scope) narrow(name string, half wideHalf) error {
	touched := sc.touched // a subgraph that is being compiled may ask for it
	err := sc.addCast(half.by, half.name, name, onnx.Float16)
	sc.touched = touched
	return err
}

func (sc *scope) addCast(n expandedNode, from, to string, t onnx.DType) error {
	n.Node = &onnx.Node{Name: nodeName(n.Node), Op: "Cast", Inputs: []string{from}, Outputs: []string{to}, Attrs: []onnx.Attribute{onnx.IntAttr("to", int64(t))}}
	return sc.add(n)
}
