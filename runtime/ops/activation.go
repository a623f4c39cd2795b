package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// activations is the family of elementwise activation functions. Opset
// versions differ in element types and in the attribute consumed_inputs of
// version 1, which has no meaning here; Selu-1 has other defaults.
var activations = []Operator{
	{Name: "Relu", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildRelu},
	{Name: "Sigmoid", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(floatUnary(vec.Sigmoid, sigmoid))},
	{Name: "Tanh", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(floatUnary(vec.Tanh, math.Tanh))},
	{Name: "Softplus", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(float64Unary(softplus))},
	{Name: "Softsign", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildUnary(softsignTypes)},
	{Name: "Mish", Since: 18, MinInputs: 1, MaxInputs: 1, Infer: inferSame,
		Build: buildUnary(floatUnary(mishFloat32, func(x float64) float64 { return x * math.Tanh(softplus(x)) }))},
	{Name: "Gelu", Since: 20, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildGelu},
	{Name: "Swish", Since: 24, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildSwish},
	{Name: "LeakyRelu", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildLeakyRelu},
	{Name: "ThresholdedRelu", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildThresholdedRelu},
	{Name: "Elu", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildElu},
	{Name: "Selu", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildSelu},
	{Name: "Celu", Since: 12, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildCelu},
	{Name: "HardSigmoid", MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildHardSigmoid},
	{Name: "HardSwish", Since: 14, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildHardSwish},
	{Name: "Shrink", Since: 9, MinInputs: 1, MaxInputs: 1, Infer: inferSame, Build: buildShrink},
	{Name: "PRelu", MinInputs: 2, MaxInputs: 2, Infer: inferSame, Build: buildPRelu},
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// softplus is log(1 + e^x) without overflow.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

var softsignTypes = unaryTypes{onnx.Float32: onEach(softsign[float32]), onnx.Float64: onEach(softsign[float64])}

func softsign[T float](x T) T { return x / (1 + absFloat(x)) }

// buildRelu builds Relu, which takes integers from version 14 on.
func buildRelu(n *Node) (Kernel, error) {
	types := integerUnary(relu, relu, relu, relu, relu, relu, relu, relu)
	types[onnx.Float32], types[onnx.Float64] = overSlices(elementGrain, vec.Relu), onEach(relu[float64])
	return unaryKernel(types), n.Err()
}

func relu[T number](x T) T { return max(x, 0) }

func buildGelu(n *Node) (Kernel, error) {
	switch approximate := n.Text("approximate", "none"); approximate {
	case "none":
		return unaryKernel(floatUnary(vec.Gelu, func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) })), n.Err()
	case "tanh":
		return unaryKernel(floatUnary(vec.GeluTanh, func(x float64) float64 {
			return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		})), n.Err()
	default:
		return nil, fmt.Errorf("attribute approximate is %q, expected none or tanh", approximate)
	}
}

// buildSwish builds Swish: x sigmoid(alpha x).
func buildSwish(n *Node) (Kernel, error) {
	alpha := float64(n.Float("alpha", 1))
	swish := func(x float64) float64 { return x * sigmoid(alpha*x) }
	if alpha == 1 {
		return unaryKernel(floatUnary(vec.Silu, swish)), n.Err()
	}
	return unaryKernel(float64Unary(swish)), n.Err()
}

func buildLeakyRelu(n *Node) (Kernel, error) {
	alpha := n.Float("alpha", 0.01)
	return unaryKernel(unaryTypes{
		onnx.Float32: overSlices(elementGrain, leakyFloat32(alpha)),
		onnx.Float64: onEach(func(x float64) float64 { return leaky(x, float64(alpha)) }),
	}), n.Err()
}

func leaky[T number](x, alpha T) T {
	if x < 0 {
		return alpha * x
	}
	return x
}

// buildThresholdedRelu builds ThresholdedRelu: x where it is above alpha, else 0.
func buildThresholdedRelu(n *Node) (Kernel, error) {
	alpha := float64(n.Float("alpha", 1))
	return unaryKernel(float64Unary(func(x float64) float64 {
		if x > alpha {
			return x
		}
		return 0
	})), n.Err()
}

func buildElu(n *Node) (Kernel, error) {
	return unaryKernel(eluTypes(1, float64(n.Float("alpha", 1)), 1)), n.Err()
}

// buildSelu builds Selu, the defaults of which became more exact in version 6.
func buildSelu(n *Node) (Kernel, error) {
	alpha, gamma := float32(1.67326319217681884765625), float32(1.05070102214813232421875)
	if n.Opset < 6 {
		alpha, gamma = 1.6732, 1.0507
	}
	gamma = n.Float("gamma", gamma)
	return unaryKernel(eluTypes(float64(gamma), float64(gamma)*float64(n.Float("alpha", alpha)), 1)), n.Err()
}

func buildCelu(n *Node) (Kernel, error) {
	alpha := float64(n.Float("alpha", 1))
	return unaryKernel(eluTypes(1, alpha, 1/alpha)), n.Err()
}

// eluTypes is the function slope x for positive x, and
// alpha (e^(rate x) - 1) for others.
func eluTypes(slope, alpha, rate float64) unaryTypes {
	return float64Unary(func(x float64) float64 {
		if x > 0 {
			return slope * x
		}
		return alpha * math.Expm1(rate*x)
	})
}

// buildHardSigmoid builds HardSigmoid: alpha x + beta limited to 0..1.
func buildHardSigmoid(n *Node) (Kernel, error) {
	alpha, beta := n.Float("alpha", 0.2), n.Float("beta", 0.5)
	return unaryKernel(unaryTypes{
		onnx.Float32: overSlices(elementGrain, func(dst, src []float32) { hardSigmoidFloat32(dst, src, alpha, beta) }),
		onnx.Float64: onEach(func(x float64) float64 { return max(0, min(1, float64(alpha)*x+float64(beta))) }),
	}), n.Err()
}

// buildHardSwish builds HardSwish: x times HardSigmoid with alpha 1/6 and
// beta 1/2.
func buildHardSwish(n *Node) (Kernel, error) {
	return unaryKernel(floatUnary(hardSwishFloat32, hardSwish[float64])), n.Err()
}

func hardSwish[T float](x T) T { return x * max(0, min(1, x/6+0.5)) }

// buildShrink builds Shrink: values within lambd of 0 become 0, others move
// towards 0 by bias.
func buildShrink(n *Node) (Kernel, error) {
	s := shrinkage{lambd: float64(n.Float("lambd", 0.5)), bias: float64(n.Float("bias", 0))}
	types := integerUnary(shrink[int8](s), shrink[int16](s), shrink[int32](s), shrink[int64](s),
		shrink[uint8](s), shrink[uint16](s), shrink[uint32](s), shrink[uint64](s))
	return unaryKernel(withFloatUnary(types, shrink[float32](s), shrink[float64](s))), n.Err()
}

type shrinkage struct{ lambd, bias float64 }

func shrink[T number](s shrinkage) func(T) T {
	return func(v T) T {
		switch x := float64(v); {
		case x < -s.lambd:
			return T(x + s.bias)
		case x > s.lambd:
			return T(x - s.bias)
		case x != x:
			return v
		}
		return 0
	}
}

// buildPRelu builds PRelu. The slope is broadcast to x; up to version 6 a
// slope with more than one element has one for each channel, axis 1 of x.
func buildPRelu(n *Node) (Kernel, error) {
	shapes := unidirectional
	if n.Opset < 7 {
		shapes = channelSlope
	}
	kernel := binaryKernel(pairTypes{
		onnx.Float32: onPairs(leaky[float32]), onnx.Float64: onPairs(leaky[float64]),
		onnx.Int32: onPairs(leaky[int32]), onnx.Int64: onPairs(leaky[int64]),
		onnx.Uint32: onPairs(leaky[uint32]), onnx.Uint64: onPairs(leaky[uint64]),
	}, shapes)
	return throughFloat32(kernel), n.Err()
}

// channelSlope is the broadcasting of PRelu-1 and PRelu-6.
func channelSlope(x, slope *onnx.Tensor) ([]int, *onnx.Tensor, error) {
	if slope.Rank() == 1 && x.Rank() > 1 && slope.Len() > 1 {
		shape, err := alignAxis(x.Shape, slope.Shape, 1)
		if err != nil {
			return nil, nil, err
		}
		slope = slope.Reshaped(shape...)
	}
	return unidirectional(x, slope)
}
