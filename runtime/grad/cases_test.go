package grad_test

import (
	"math/rand/v2"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// derivativeCase is one node to differentiate: float inputs of the given
// shapes are parameters, then come constants.
type derivativeCase struct {
	op     string
	opset  int
	domain string
	attrs  []onnx.Attribute
	shapes [][]int
	// fixed are inputs after those of shapes that are not differentiated; nil
	// is an absent one. fixedFirst puts them before.
	fixed      []*onnx.Tensor
	fixedFirst bool
	// fixedSecond puts them after the first input.
	fixedSecond bool
	outputs     int // 0 means 1
	// low and high bound the values of the inputs; both 0 mean -1 to 1.
	low, high float64
	// absent holds the places of inputs that are left out.
	absent map[int]bool
	// frozen inputs are constants, not parameters.
	frozen map[int]bool
	node   *onnx.Node // instead of op, domain and attrs
}

func ints(v ...int64) *onnx.Tensor { return onnx.FromSlice(v, len(v)) }

func intsAttr(name string, v ...int64) []onnx.Attribute {
	return []onnx.Attribute{onnx.IntsAttr(name, v...)}
}

func intAttr(name string, v int64) []onnx.Attribute {
	return []onnx.Attribute{onnx.IntAttr(name, v)}
}

func floatAttr(name string, v float32) []onnx.Attribute {
	return []onnx.Attribute{onnx.FloatAttr(name, v)}
}

// shapes is a list of shapes of inputs.
func shapes(s ...[]int) [][]int { return s }

// derivativeCases is the one list of what is checked.
func derivativeCases() []derivativeCase {
	var cases []derivativeCase
	for _, op := range []string{"Identity", "Neg", "Abs", "Exp", "Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Tanh", "Sigmoid", "Erf", "Relu",
		"Softplus", "Softsign", "Mish", "HardSwish", "Gelu", "LeakyRelu", "ThresholdedRelu", "Elu", "Celu", "Selu", "HardSigmoid"} {
		cases = append(cases, derivativeCase{op: op, shapes: shapes([]int{3, 37}), low: -4, high: 4})
	}
	for _, op := range []string{"Sqrt", "Log", "Reciprocal"} {
		cases = append(cases, derivativeCase{op: op, shapes: shapes([]int{40}), low: 0.5, high: 3})
	}
	cases = append(cases,
		derivativeCase{op: "Gelu", attrs: []onnx.Attribute{onnx.StringAttr("approximate", "tanh")}, shapes: shapes([]int{50}), low: -4, high: 4},
		derivativeCase{op: "Swish", opset: 24, attrs: floatAttr("alpha", 1.5), shapes: shapes([]int{50}), low: -4, high: 4},
		derivativeCase{op: "Elu", attrs: floatAttr("alpha", 0.7), shapes: shapes([]int{50}), low: -4, high: 4},
		derivativeCase{op: "Celu", attrs: floatAttr("alpha", 0.7), shapes: shapes([]int{50}), low: -4, high: 4},
		derivativeCase{op: "LeakyRelu", attrs: floatAttr("alpha", 0.3), shapes: shapes([]int{50})},
		derivativeCase{op: "Clip", shapes: shapes([]int{60}), fixed: []*onnx.Tensor{onnx.Scalar(float32(-0.5)), onnx.Scalar(float32(0.25))}},
		derivativeCase{op: "Cast", attrs: intAttr("to", int64(onnx.Float32)), shapes: shapes([]int{5})},
	)
	pairs := [][][]int{
		shapes([]int{4, 5}, []int{4, 5}), shapes([]int{4, 5}, []int{5}), shapes([]int{4, 5}, nil), shapes([]int{3, 1}, []int{2, 1, 4}),
		shapes([]int{2, 3, 4}, []int{3, 1}), shapes([]int{1, 3, 4}, []int{5, 1, 4}), shapes([]int{33, 7, 6}, []int{7, 6}), shapes([]int{40, 3, 2, 5}, []int{3, 1, 5}),
	}
	for _, op := range []string{"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Mean", "Sum"} {
		for i, p := range pairs {
			if i >= 6 && (op == "Min" || op == "Max") {
				continue // so many values that some nearly tie, where there is no derivative
			}
			cases = append(cases, derivativeCase{op: op, shapes: p, low: 0.5, high: 2})
		}
	}
	cases = append(cases,
		derivativeCase{op: "Sum", shapes: shapes([]int{3, 4}, []int{4}, []int{3, 1})},
		derivativeCase{op: "Max", shapes: shapes([]int{3, 4}, []int{4}, []int{3, 1})},
		derivativeCase{op: "Pow", shapes: shapes([]int{4, 5}), fixed: []*onnx.Tensor{onnx.Scalar(float32(2))}},
		derivativeCase{op: "Pow", shapes: shapes([]int{4, 5}), fixed: []*onnx.Tensor{onnx.Scalar(int64(3))}},
		derivativeCase{op: "Where", shapes: shapes([]int{3, 4}, []int{4}), fixed: []*onnx.Tensor{onnx.FromSlice([]bool{true, false, true}, 3, 1)}, fixedFirst: true},
		derivativeCase{op: "Where", shapes: shapes([]int{1}, []int{2, 3}), fixed: []*onnx.Tensor{onnx.FromSlice([]bool{true, false, true}, 3)}, fixedFirst: true},
	)
	cases = append(cases,
		derivativeCase{op: "PRelu", shapes: shapes([]int{2, 3, 4}, []int{3, 1})},
		derivativeCase{op: "PRelu", shapes: shapes([]int{30}, []int{1})},
		derivativeCase{op: "ScatterND", shapes: shapes([]int{4, 3}, []int{3, 3}), fixed: []*onnx.Tensor{onnx.FromSlice([]int64{1, -1, 1}, 3, 1)}, fixedSecond: true},
		derivativeCase{op: "ScatterND", shapes: shapes([]int{4, 3}, []int{2}), fixed: []*onnx.Tensor{onnx.FromSlice([]int64{1, 2, 3, 0}, 2, 2)}, fixedSecond: true},
	)
	cases = append(cases, productCases()...)
	cases = append(cases, normCases()...)
	cases = append(cases, windowCases()...)
	cases = append(cases, recurrentCases()...)
	cases = append(cases, reduceCases()...)
	return append(cases, shapeCases()...)
}

func productCases() []derivativeCase {
	var cases []derivativeCase
	for _, s := range [][][]int{
		shapes([]int{3, 4}, []int{4, 5}), shapes([]int{4}, []int{4, 5}), shapes([]int{3, 4}, []int{4}), shapes([]int{4}, []int{4}),
		shapes([]int{2, 3, 4}, []int{4, 5}), shapes([]int{2, 3, 4}, []int{2, 4, 5}), shapes([]int{2, 1, 3, 4}, []int{1, 3, 4, 2}),
		shapes([]int{3, 4}, []int{6, 4, 2}), shapes([]int{1, 3, 4}, []int{2, 4, 2}), shapes([]int{2, 4}, []int{3, 2, 4, 5}), shapes([]int{2, 20, 17}, []int{17, 33}),
	} {
		cases = append(cases, derivativeCase{op: "MatMul", shapes: s})
	}
	for transA := range int64(2) {
		for transB := range int64(2) {
			a, b := []int{3, 4}, []int{4, 5}
			if transA == 1 {
				a = []int{4, 3}
			}
			if transB == 1 {
				b = []int{5, 4}
			}
			attrs := []onnx.Attribute{onnx.IntAttr("transA", transA), onnx.IntAttr("transB", transB), onnx.FloatAttr("alpha", 0.5), onnx.FloatAttr("beta", 1.5)}
			for _, c := range [][]int{{5}, {3, 5}, {3, 1}, {1}} {
				cases = append(cases, derivativeCase{op: "Gemm", attrs: attrs, shapes: shapes(a, b, c)})
			}
		}
	}
	for _, text := range []string{"1x8x8x1", "1x4x4x2,2x4x4x1", "1x2x2x4,2x2x2x2,4x2x2x1,4x2x2x1,2x2x2x2,1x2x2x4", "1x3x8x1,1x7x3x1"} {
		d, err := butterfly.ParseDesign(text)
		if err != nil {
			panic(err)
		}
		d.In, d.Out = d.Patterns[0].Columns(), d.Patterns[len(d.Patterns)-1].Rows()
		cases = append(cases, chainCase(d, []int{5}), chainCase(d, []int{2, 70}))
		d.In, d.Out = d.In-1, d.Out-2
		cases = append(cases, chainCase(d, []int{9}))
	}
	cases = append(cases, gatherChainCase())
	return cases
}

func chainCase(d butterfly.Design, lead []int) derivativeCase {
	c := derivativeCase{node: compact.ChainNode(d, compact.FP32, "", 0), shapes: shapes(append(append([]int(nil), lead...), d.In))}
	for _, p := range d.Patterns {
		c.shapes = append(c.shapes, []int{p.A, p.D, p.B, p.C})
	}
	return c
}

// gatherChainCase repeats, drops and zeroes features before a factor.
func gatherChainCase() derivativeCase {
	d := butterfly.Design{In: 5, Out: 4, Patterns: []butterfly.Pattern{butterfly.GatherPattern(6, 6, 2), {A: 2, B: 2, C: 3, D: 1}}}
	return derivativeCase{
		node:        compact.ChainNode(d, compact.FP32, "", 0),
		shapes:      shapes([]int{7, 5}, []int{2, 1, 2, 3}),
		fixed:       []*onnx.Tensor{onnx.FromSlice([]int32{3, 0, 3, 5, 1, 2, 2, 2, 4, 1, 5, 5}, 12)},
		fixedSecond: true,
	}
}

func normCases() []derivativeCase {
	cases := []derivativeCase{
		{op: "Softmax", shapes: shapes([]int{3, 4, 5})},
		{op: "Softmax", attrs: intAttr("axis", 1), shapes: shapes([]int{3, 4, 5})},
		{op: "Softmax", opset: 11, attrs: intAttr("axis", 1), shapes: shapes([]int{3, 4, 5})},
		{op: "LogSoftmax", shapes: shapes([]int{3, 4, 5})},
		{op: "LogSoftmax", attrs: intAttr("axis", 0), shapes: shapes([]int{3, 4})},
		{op: "LayerNormalization", shapes: shapes([]int{3, 4, 50}, []int{50}, []int{50})},
		{op: "LayerNormalization", shapes: shapes([]int{40, 6}, []int{6})},
		{op: "LayerNormalization", attrs: intAttr("axis", 1), shapes: shapes([]int{3, 4, 5}, []int{4, 5}, []int{4, 5})},
		{op: "RMSNormalization", opset: 23, shapes: shapes([]int{3, 4, 5}, []int{5})},
		{op: "InstanceNormalization", shapes: shapes([]int{2, 3, 4, 5}, []int{3}, []int{3})},
		{op: "GroupNormalization", opset: 18, attrs: intAttr("num_groups", 2), shapes: shapes([]int{3, 4, 5}, []int{2}, []int{2})},
		{op: "GroupNormalization", opset: 21, attrs: intAttr("num_groups", 2), shapes: shapes([]int{3, 4, 5}, []int{4}, []int{4})},
	}
	statistics := []*onnx.Tensor{onnx.FromSlice([]float32{0.1, -0.2, 0.3}, 3), onnx.FromSlice([]float32{0.5, 1, 2}, 3)}
	return append(cases,
		derivativeCase{op: "BatchNormalization", shapes: shapes([]int{2, 3, 4, 5}, []int{3}, []int{3}), fixed: statistics},
		derivativeCase{op: "BatchNormalization", opset: 9, shapes: shapes([]int{6, 3}, []int{3}, []int{3}), fixed: statistics})
}

func reduceCases() []derivativeCase {
	var cases []derivativeCase
	for _, op := range []string{"ReduceSum", "ReduceMean", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMin"} {
		cases = append(cases,
			derivativeCase{op: op, shapes: shapes([]int{3, 4, 5}), fixed: []*onnx.Tensor{ints(1)}, low: 0.5, high: 2},
			derivativeCase{op: op, attrs: intAttr("keepdims", 0), shapes: shapes([]int{3, 4, 5}), fixed: []*onnx.Tensor{ints(-1, 0)}, low: 0.5, high: 2},
			derivativeCase{op: op, shapes: shapes([]int{3, 4}), low: 0.5, high: 2},
			derivativeCase{op: op, opset: 11, attrs: intsAttr("axes", -1), shapes: shapes([]int{3, 4}), low: 0.5, high: 2})
	}
	return cases
}

func shapeCases() []derivativeCase {
	cases := []derivativeCase{
		{op: "Reshape", shapes: shapes([]int{3, 4}), fixed: []*onnx.Tensor{ints(2, -1)}},
		{op: "Flatten", shapes: shapes([]int{3, 2, 2})},
		{op: "Squeeze", shapes: shapes([]int{3, 1, 2}), fixed: []*onnx.Tensor{ints(1)}},
		{op: "Unsqueeze", shapes: shapes([]int{3, 2}), fixed: []*onnx.Tensor{ints(0, 3)}},
		{op: "Dropout", shapes: shapes([]int{3, 2})},
		{op: "Expand", shapes: shapes([]int{3, 1}), fixed: []*onnx.Tensor{ints(2, 3, 4)}},
		{op: "Expand", shapes: shapes([]int{1, 6}), fixed: []*onnx.Tensor{ints(40, 6)}},
		{op: "Concat", attrs: intAttr("axis", 1), shapes: shapes([]int{2, 3, 2}, []int{2, 1, 2}, []int{2, 4, 2})},
		{op: "Concat", attrs: intAttr("axis", -1), shapes: shapes([]int{3}, []int{2})},
		{op: "Split", opset: 17, attrs: intAttr("axis", 1), shapes: shapes([]int{2, 5, 2}), fixed: []*onnx.Tensor{ints(2, 3)}, outputs: 2},
		{op: "Slice", shapes: shapes([]int{4, 6}), fixed: []*onnx.Tensor{ints(1, 5), ints(4, -7), ints(0, 1), ints(1, -2)}},
		{op: "Gather", shapes: shapes([]int{5, 3}), fixed: []*onnx.Tensor{onnx.FromSlice([]int64{4, 0, 4, -1}, 2, 2)}},
		{op: "Gather", attrs: intAttr("axis", 1), shapes: shapes([]int{2, 5, 3}), fixed: []*onnx.Tensor{ints(4, 0, 4)}},
		{op: "Gather", attrs: intAttr("axis", 1), shapes: shapes([]int{2, 5, 3}), fixed: []*onnx.Tensor{onnx.Scalar(int64(2))}},
		{op: "GatherElements", attrs: intAttr("axis", 1), shapes: shapes([]int{2, 3}), fixed: []*onnx.Tensor{onnx.FromSlice([]int64{2, 2, 0, 1}, 2, 2)}},
		{op: "GatherND", shapes: shapes([]int{2, 3}), fixed: []*onnx.Tensor{onnx.FromSlice([]int64{0, 1, 1, 2, 0, 1}, 3, 2)}},
		{op: "Tile", shapes: shapes([]int{2, 3}), fixed: []*onnx.Tensor{ints(2, 2)}},
		{op: "Pad", shapes: shapes([]int{2, 3}), fixed: []*onnx.Tensor{ints(1, 0, 0, 2), onnx.Scalar(float32(3))}},
		{op: "Pad", attrs: []onnx.Attribute{onnx.StringAttr("mode", "reflect")}, shapes: shapes([]int{4, 3}), fixed: []*onnx.Tensor{ints(1, 2, 2, 0)}},
		{op: "Pad", attrs: []onnx.Attribute{onnx.StringAttr("mode", "edge")}, shapes: shapes([]int{4, 3}), fixed: []*onnx.Tensor{ints(-1, 2, 2, 0)}},
		{op: "DepthToSpace", attrs: intAttr("blocksize", 2), shapes: shapes([]int{1, 8, 2, 3})},
		{op: "SpaceToDepth", attrs: intAttr("blocksize", 2), shapes: shapes([]int{1, 2, 4, 6})},
		{op: "Resize", opset: 13, attrs: []onnx.Attribute{onnx.StringAttr("coordinate_transformation_mode", "asymmetric"), onnx.StringAttr("nearest_mode", "floor")}, shapes: shapes([]int{1, 2, 3, 2}), fixed: []*onnx.Tensor{nil, onnx.FromSlice([]float32{1, 1, 2, 1.5}, 4)}},
		{op: "Trilu", attrs: intAttr("upper", 0), shapes: shapes([]int{2, 4, 5})},
		{op: "Compress", attrs: intAttr("axis", 1), shapes: shapes([]int{2, 3}), fixed: []*onnx.Tensor{onnx.FromSlice([]bool{true, false, true}, 3)}},
	}
	for _, perm := range [][]int64{{0, 2, 1, 3}, {0, 2, 3, 1}, {3, 2, 1, 0}, {1, 0, 3, 2}, {0, 1, 2, 3}, {0, 1, 3, 2}} {
		cases = append(cases, derivativeCase{op: "Transpose", attrs: intsAttr("perm", perm...), shapes: shapes([]int{2, 3, 4, 5})})
	}
	return append(cases, derivativeCase{op: "Transpose", shapes: shapes([]int{7, 20})})
}

// random returns numbers that are not within 0.01 of each other or of the
// corners of the activations, where derivatives do not exist.
func random(r *rand.Rand, n int, low, high float64) []float64 {
	if low == 0 && high == 0 {
		low, high = -1, 1
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = low + (high-low)*(float64(i)+0.4+0.2*r.Float64())/float64(n)
	}
	r.Shuffle(n, func(i, j int) { x[i], x[j] = x[j], x[i] })
	return x
}

func windowCases() []derivativeCase {
	attrs := func(kernel, strides, pads []int64, more ...onnx.Attribute) []onnx.Attribute {
		return append([]onnx.Attribute{onnx.IntsAttr("kernel_shape", kernel...), onnx.IntsAttr("strides", strides...), onnx.IntsAttr("pads", pads...)}, more...)
	}
	dilated, grouped := onnx.IntsAttr("dilations", 2, 1), onnx.IntAttr("group", 2)
	same := func(upper string, strides ...int64) []onnx.Attribute {
		return []onnx.Attribute{onnx.StringAttr("auto_pad", upper), onnx.IntsAttr("strides", strides...), onnx.IntsAttr("kernel_shape", 3, 2)}
	}
	cases := []derivativeCase{
		{op: "Conv", shapes: shapes([]int{2, 3, 5, 6}, []int{4, 3, 3, 2}, []int{4})},
		{op: "Conv", shapes: shapes([]int{20, 2, 3, 3}, []int{3, 2, 2, 2})},
		{op: "Conv", attrs: attrs([]int64{3, 2}, []int64{2, 1}, []int64{1, 0, 2, 1}, dilated, grouped), shapes: shapes([]int{2, 4, 7, 6}, []int{6, 2, 3, 2}, []int{6})},
		{op: "Conv", attrs: same("SAME_UPPER", 2, 3), shapes: shapes([]int{1, 2, 5, 6}, []int{3, 2, 3, 2})},
		{op: "Conv", attrs: same("SAME_LOWER", 1, 1), shapes: shapes([]int{1, 2, 5, 6}, []int{3, 2, 3, 2})},
		{op: "Conv", attrs: attrs([]int64{3}, []int64{2}, []int64{4, 3}), shapes: shapes([]int{2, 3, 5}, []int{4, 3, 3}, []int{4})},
		{op: "Conv", attrs: attrs([]int64{2, 2, 2}, []int64{1, 2, 1}, []int64{0, 1, 0, 1, 0, 1}), shapes: shapes([]int{1, 2, 3, 4, 3}, []int{2, 2, 2, 2, 2})},
		{op: "ConvTranspose", shapes: shapes([]int{2, 3, 4, 3}, []int{3, 4, 3, 2}, []int{4})},
		{op: "ConvTranspose", attrs: attrs([]int64{3, 2}, []int64{2, 3}, []int64{1, 0, 0, 1}, dilated, grouped, onnx.IntsAttr("output_padding", 1, 0)), shapes: shapes([]int{2, 4, 3, 4}, []int{4, 3, 3, 2}, []int{6})},
		{op: "ConvTranspose", attrs: same("SAME_LOWER", 2, 2), shapes: shapes([]int{1, 2, 3, 4}, []int{2, 3, 3, 2})},
		{op: "GlobalAveragePool", shapes: shapes([]int{2, 3, 4, 5})},
		{op: "GlobalMaxPool", shapes: shapes([]int{2, 3, 4, 5})},
		{op: "AveragePool", attrs: same("SAME_UPPER", 2, 1), shapes: shapes([]int{1, 2, 5, 6})},
		{op: "AveragePool", attrs: attrs([]int64{3, 2}, []int64{2, 2}, []int64{1, 1, 1, 0}, onnx.IntAttr("count_include_pad", 1)), shapes: shapes([]int{2, 3, 5, 6})},
	}
	for _, op := range []string{"MaxPool", "AveragePool"} {
		for _, ceil := range []int64{0, 1} {
			cases = append(cases, derivativeCase{op: op, attrs: attrs([]int64{3, 2}, []int64{2, 2}, []int64{1, 1, 1, 0}, onnx.IntAttr("ceil_mode", ceil)), shapes: shapes([]int{2, 3, 6, 6})})
		}
		cases = append(cases, derivativeCase{op: op, attrs: attrs([]int64{2}, []int64{1}, []int64{0, 1}), shapes: shapes([]int{2, 3, 7})})
	}
	return cases
}

// recurrentCases has X [4,3,5], and states of 6.
func recurrentCases() []derivativeCase {
	var cases []derivativeCase
	for op, gates := range map[string]int{"RNN": 1, "GRU": 3, "LSTM": 4} {
		for direction, d := range map[string]int{"forward": 1, "reverse": 1, "bidirectional": 2} {
			attrs := []onnx.Attribute{onnx.IntAttr("hidden_size", 6), onnx.StringAttr("direction", direction)}
			c := derivativeCase{op: op, attrs: attrs, outputs: 2, absent: map[int]bool{4: true}}
			c.shapes = shapes([]int{4, 3, 5}, []int{d, gates * 6, 5}, []int{d, gates * 6, 6}, []int{d, 2 * gates * 6}, []int{d, 3, 6})
			if op == "LSTM" {
				c.outputs, c.shapes = 3, append(c.shapes, []int{d, 3, 6})
			}
			cases = append(cases, c)
			if op == "GRU" {
				c.attrs = append(attrs[:2:2], onnx.IntAttr("linear_before_reset", 1))
				cases = append(cases, c)
			}
		}
		lengths := derivativeCase{op: op, attrs: []onnx.Attribute{onnx.IntAttr("hidden_size", 6), onnx.StringAttr("direction", "bidirectional")}, outputs: 2}
		lengths.shapes = shapes([]int{4, 3, 5}, []int{2, gates * 6, 5}, []int{2, gates * 6, 6}, []int{2, 2 * gates * 6})
		lengths.fixed = []*onnx.Tensor{onnx.FromSlice([]int32{2, 4, 1}, 3)}
		cases = append(cases, lengths)
		cases = append(cases, derivativeCase{op: op, attrs: intAttr("hidden_size", 6), shapes: shapes([]int{4, 3, 5}, []int{1, gates * 6, 5}, []int{1, gates * 6, 6})})
	}
	return cases
}
