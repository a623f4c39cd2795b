package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// microsoftActivations holds the activation functions of com.microsoft: Gelu
// and QuickGelu, and those with a bias along the last axis, BiasGelu and
// FastGelu (the tanh form of Gelu).
var microsoftActivations = []Operator{
	{Domain: microsoft, Name: "Gelu", MinInputs: 1, MaxInputs: 1, Build: buildGelu, Infer: inferSame},
	{Domain: microsoft, Name: "QuickGelu", MinInputs: 1, MaxInputs: 1, Build: buildQuickGelu, Infer: inferSame},
	{Domain: microsoft, Name: "BiasGelu", MinInputs: 2, MaxInputs: 2, Build: buildBiasGelu("none"), Infer: inferSame},
	{Domain: microsoft, Name: "FastGelu", MinInputs: 1, MaxInputs: 2, Build: buildBiasGelu("tanh"), Infer: inferSame},
}

// buildQuickGelu is x sigmoid(alpha x).
func buildQuickGelu(n *Node) (Kernel, error) {
	alpha := float64(n.Float("alpha", 1.702))
	return unaryKernel(float64Unary(func(x float64) float64 { return x * sigmoid(alpha*x) })), n.Err()
}

// buildBiasGelu is Gelu(x + bias) in the form that approximate names; the bias
// may be absent.
func buildBiasGelu(approximate string) func(n *Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		gelu, err := newPart(n, "Gelu", 20, 1, []onnx.Attribute{onnx.StringAttr("approximate", approximate)}, -1)
		if err != nil {
			return nil, err
		}
		add, err := newPart(n, "Add", 14, 1, nil, 0, 1)
		if err != nil {
			return nil, err
		}
		return func(c *Call) error {
			x, bias := c.Tensor(0), c.Tensor(1)
			if bias == nil {
				_, err := gelu.finish(c, x)
				return err
			}
			if x.Rank() == 0 || bias.Rank() != 1 || bias.Shape[0] != x.Shape[x.Rank()-1] {
				return c.ShapeError(1, "one element for each of the last axis of input 0")
			}
			sum, err := add.one(c, x, bias)
			if err != nil {
				return err
			}
			_, err = gelu.finish(c, sum)
			return err
		}, nil
	}
}

// fusedActivation returns the function that a fused operator of com.microsoft
// applies in place to its result, as its attributes activation and
// activation_params or activation_alpha, _beta and _gamma say; nil for none.
func fusedActivation(n *Node) (func(y []float32), error) {
	parameters := n.Floats("activation_params")
	for i, name := range []string{"activation_alpha", "activation_beta", "activation_gamma"} {
		if n.HasAttr(name) && len(parameters) == i {
			parameters = append(parameters, n.Float(name, 0))
		}
	}
	parameter := func(i int, missing float32) float32 {
		if i < len(parameters) {
			return parameters[i]
		}
		return missing
	}
	switch name := n.Text("activation", ""); name {
	case "":
		return nil, n.Err()
	case "Relu":
		return func(y []float32) { vec.Relu(y, y) }, n.Err()
	case "Sigmoid":
		return func(y []float32) { vec.Sigmoid(y, y) }, n.Err()
	case "Tanh":
		return func(y []float32) { vec.Tanh(y, y) }, n.Err()
	case "LeakyRelu":
		return inPlace(leakyRelu(parameter(0, 0.01))), n.Err()
	case "Clip":
		low, high := parameter(0, -math.MaxFloat32), parameter(1, math.MaxFloat32)
		return func(y []float32) { vec.Clamp(y, y, low, high) }, n.Err()
	case "HardSigmoid":
		alpha, beta := parameter(0, 0.2), parameter(1, 0.5)
		return inPlace(func(x float32) float32 { return max(0, min(1, alpha*x+beta)) }), n.Err()
	case "HardSwish":
		return inPlace(hardSwish[float32]), n.Err()
	case "Gelu":
		return func(y []float32) { vec.Gelu(y, y) }, n.Err()
	default:
		return nil, fmt.Errorf("activation %q is not supported", name)
	}
}

func inPlace(f func(float32) float32) func(y []float32) {
	return func(y []float32) {
		for i, v := range y {
			y[i] = f(v)
		}
	}
}

func leakyRelu(alpha float32) func(float32) float32 {
	return func(x float32) float32 {
		if x < 0 {
			return alpha * x
		}
		return x
	}
}

// applyActivation applies a fused activation to a float32 result; nil is none.
func applyActivation(c *Call, f func(y []float32), y *onnx.Tensor) error {
	if f == nil {
		return nil
	}
	if y.Type != onnx.Float32 {
		return fmt.Errorf("a fused activation of %v is not supported", y.Type)
	}
	values := y.Float32s()
	c.Parallel(len(values), spanOfTensor, func(from, to int) { f(values[from:to]) })
	return nil
}
