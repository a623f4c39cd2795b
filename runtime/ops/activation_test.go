package ops

import (
	"math"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// unaryDefinitions are the formulas of the standard for operators with the
// default attributes.
var unaryDefinitions = map[string]func(x float64) float64{
	"Relu":            func(x float64) float64 { return max(x, 0) },
	"Sigmoid":         func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"Tanh":            math.Tanh,
	"Softplus":        func(x float64) float64 { return math.Log(1 + math.Exp(x)) },
	"Softsign":        func(x float64) float64 { return x / (1 + math.Abs(x)) },
	"Mish":            func(x float64) float64 { return x * math.Tanh(math.Log(1+math.Exp(x))) },
	"Gelu":            func(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) },
	"Swish":           func(x float64) float64 { return x / (1 + math.Exp(-x)) },
	"LeakyRelu":       func(x float64) float64 { return max(x, 0) + asFloat32(0.01)*min(x, 0) },
	"ThresholdedRelu": func(x float64) float64 { return x * truth[float64](x > 1) },
	"Elu":             func(x float64) float64 { return max(x, 0) + math.Exp(min(x, 0)) - 1 },
	"Selu": func(x float64) float64 {
		return 1.05070102214813232421875 * (max(x, 0) + 1.67326319217681884765625*(math.Exp(min(x, 0))-1))
	},
	"Celu":        func(x float64) float64 { return max(x, 0) + min(0, math.Exp(x)-1) },
	"HardSigmoid": func(x float64) float64 { return max(0, min(1, asFloat32(0.2)*x+0.5)) },
	"HardSwish":   func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) },
	"Shrink":      func(x float64) float64 { return x * truth[float64](math.Abs(x) > 0.5) },
	"Abs":         math.Abs, "Neg": func(x float64) float64 { return -x }, "Floor": math.Floor, "Ceil": math.Ceil,
	"Round": math.RoundToEven, "Exp": math.Exp, "Log": math.Log, "Sqrt": math.Sqrt, "Erf": math.Erf,
	"Reciprocal": func(x float64) float64 { return 1 / x },
	"Sign":       func(x float64) float64 { return truth[float64](x > 0) - truth[float64](x < 0) },
	"Sin":        math.Sin, "Cos": math.Cos, "Tan": math.Tan, "Asin": math.Asin, "Acos": math.Acos, "Atan": math.Atan,
	"Sinh": math.Sinh, "Cosh": math.Cosh, "Asinh": math.Asinh, "Acosh": math.Acosh, "Atanh": math.Atanh,
}

// asFloat32 returns v as the attribute of a node holds it.
func asFloat32(v float32) float64 { return float64(v) }

// TestUnary compares every function with its formula in all float types, over
// more elements than one thread takes at a time. Results are compared with the
// precision of the type.
func TestUnary(t *testing.T) {
	values := onnx.NewTensor(onnx.Float64, 20001)
	for i := range onnx.View[float64](values) {
		onnx.View[float64](values)[i] = float64(i-10000) / 1024
	}
	precision := map[onnx.DType]float64{onnx.Float64: 1e-12, onnx.Float32: 1e-6, onnx.Float16: 1e-3, onnx.BFloat16: 8e-3}
	for name, f := range unaryDefinitions {
		for dtype, tolerance := range precision {
			x, err := values.ConvertTo(dtype)
			if err != nil {
				t.Fatal(err)
			}
			y, err := onThreads(t, node(name, 28), x)[0].(*onnx.Tensor).ConvertTo(onnx.Float64)
			if err != nil {
				t.Fatal(err)
			}
			exact, err := x.ConvertTo(onnx.Float64)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range onnx.View[float64](exact) {
				if got, want := onnx.View[float64](y)[i], f(v); !sameFloat(got, want, tolerance) {
					t.Fatalf("%s(%g) in %v is %g, want %g", name, v, dtype, got, want)
				}
			}
		}
	}
}

// TestUnarySpecial checks infinities and NaN in float32.
func TestUnarySpecial(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for name, want := range map[string][3]float64{ // of Inf, -Inf and NaN
		"Relu": {inf, 0, nan}, "Sigmoid": {1, 0, nan}, "Tanh": {1, -1, nan}, "Softplus": {inf, 0, nan}, "LeakyRelu": {inf, -inf, nan},
		"Elu": {inf, -1, nan}, "HardSigmoid": {1, 0, nan}, "Exp": {inf, 0, nan}, "Abs": {inf, inf, nan}, "Sign": {1, -1, nan}, "Erf": {1, -1, nan},
	} {
		y := onThreads(t, node(name, 22), onnx.FromSlice([]float32{float32(inf), float32(-inf), float32(nan)}, 3))[0].(*onnx.Tensor)
		for i, v := range y.Float32s() {
			if !sameFloat(float64(v), want[i], 1e-6) {
				t.Errorf("%s: got %v, want %v", name, y.Float32s(), want)
			}
		}
	}
}

// TestActivationAttributes checks attributes with values computed by hand.
func TestActivationAttributes(t *testing.T) {
	x := []float32{-2, -0.5, 0, 0.5, 2}
	for _, c := range []struct {
		n    *Node
		want []float64
	}{
		{node("LeakyRelu", 16, floatAttr("alpha", 0.5)), []float64{-1, -0.25, 0, 0.5, 2}},
		{node("LeakyRelu", 16, floatAttr("alpha", 3)), []float64{-6, -1.5, 0, 0.5, 2}},
		{node("ThresholdedRelu", 10, floatAttr("alpha", 0.25)), []float64{0, 0, 0, 0.5, 2}},
		{node("HardSigmoid", 6, floatAttr("alpha", 1), floatAttr("beta", 0.25)), []float64{0, 0, 0.25, 0.75, 1}},
		{node("Shrink", 9, floatAttr("lambd", 1), floatAttr("bias", 0.5)), []float64{-1.5, 0, 0, 0, 1.5}},
		{node("Celu", 12, floatAttr("alpha", 2)), []float64{2 * (math.Exp(-1) - 1), 2 * (math.Exp(-0.25) - 1), 0, 0.5, 2}},
		{node("Elu", 6, floatAttr("alpha", 2)), []float64{2 * (math.Exp(-2) - 1), 2 * (math.Exp(-0.5) - 1), 0, 0.5, 2}},
		{node("Selu", 1), []float64{1.0507 * 1.6732 * (math.Exp(-2) - 1), 1.0507 * 1.6732 * (math.Exp(-0.5) - 1), 0, 1.0507 * 0.5, 1.0507 * 2}},
		{node("Swish", 24, floatAttr("alpha", 2)), []float64{-2 / (1 + math.Exp(4)), -0.5 / (1 + math.E), 0, 0.5 / (1 + math.Exp(-1)), 2 / (1 + math.Exp(-4))}},
		{node("Affine", 1, floatAttr("alpha", 2), floatAttr("beta", 1)), []float64{-3, 0, 1, 2, 5}},
		{node("ScaledTanh", 1, floatAttr("alpha", 2), floatAttr("beta", 0.5)), []float64{2 * math.Tanh(-1), 2 * math.Tanh(-0.25), 0, 2 * math.Tanh(0.25), 2 * math.Tanh(1)}},
		{node("ParametricSoftplus", 1, floatAttr("alpha", 2), floatAttr("beta", 2)), []float64{2 * math.Log(1+math.Exp(-4)), 2 * math.Log(1+math.Exp(-1)), 2 * math.Ln2, 2 * math.Log(1+math.E), 2 * math.Log(1+math.Exp(4))}},
		{node("Clip", 6, floatAttr("min", -1), floatAttr("max", 1)), []float64{-1, -0.5, 0, 0.5, 1}},
		{node("Clip", 6), []float64{-2, -0.5, 0, 0.5, 2}},
	} {
		y := onThreads(t, c.n, onnx.FromSlice(x, len(x)))[0].(*onnx.Tensor)
		for i, v := range y.Float32s() {
			if !sameFloat(float64(v), c.want[i], 1e-6) {
				t.Errorf("%s %v: got %v, want %v", c.n.Op, c.n.Attrs, y.Float32s(), c.want)
				break
			}
		}
	}
}

func TestPRelu(t *testing.T) {
	x := onnx.FromSlice([]float32{-1, 2, -3, -4, 5, -6, -7, -8}, 1, 2, 2, 2)
	channels := onnx.FromSlice([]float32{0.5, 2}, 2)
	for _, c := range []struct {
		opset int
		slope *onnx.Tensor
		want  []float32 // nil for an error
	}{
		{6, channels, []float32{-0.5, 2, -1.5, -2, 5, -12, -14, -16}}, // a slope for each channel
		{9, channels, []float32{-0.5, 2, -1.5, -8, 5, -12, -3.5, -16}},
		{9, channels.Reshaped(2, 1, 1), []float32{-0.5, 2, -1.5, -2, 5, -12, -14, -16}},
		{9, onnx.Scalar[float32](2), []float32{-2, 2, -6, -8, 5, -12, -14, -16}},
		{9, onnx.NewTensor(onnx.Float32, 3), nil},
		{9, onnx.NewTensor(onnx.Float32, 2, 2, 2, 2), nil},
		{6, onnx.NewTensor(onnx.Float32, 3), nil},
	} {
		out, err := runOn(1, node("PRelu", c.opset), x, c.slope)
		if (err != nil) != (c.want == nil) {
			t.Errorf("opset %d, slope %v: error %v", c.opset, c.slope, err)
			continue
		}
		for i, v := range c.want {
			if got := out[0].(*onnx.Tensor).Float32s()[i]; got != v {
				t.Errorf("opset %d, slope %v: element %d is %g, want %g", c.opset, c.slope, i, got, v)
			}
		}
	}
}
