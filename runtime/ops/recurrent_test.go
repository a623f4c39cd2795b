package ops

import (
	"math"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

// drawnRecurrent is a random recurrent node with its inputs in the order of the
// standard; those that are absent are nil.
type drawnRecurrent struct {
	op                                             string
	gates, steps, batch, input, hidden, directions int
	reverse                                        bool // of the first direction
	clip                                           float64
	linearBeforeReset, inputForget                 bool
	in                                             []*onnx.Tensor
}

func drawRecurrent(t *rapid.T, op string, gates int) drawnRecurrent {
	size := rapid.IntRange(1, 5)
	v := drawnRecurrent{op: op, gates: gates, steps: size.Draw(t, "steps"), batch: size.Draw(t, "batch"), input: size.Draw(t, "input"),
		hidden: rapid.SampledFrom([]int{1, 3, 16, 20}).Draw(t, "hidden"), directions: rapid.IntRange(1, 2).Draw(t, "directions")}
	v.reverse = v.directions == 1 && rapid.Bool().Draw(t, "reverse")
	v.clip = rapid.SampledFrom([]float64{0, 0.5}).Draw(t, "clip")
	v.linearBeforeReset = op == "GRU" && rapid.Bool().Draw(t, "linear_before_reset")
	v.inputForget = op == "LSTM" && rapid.Bool().Draw(t, "input_forget")
	rows := gates * v.hidden
	v.in = []*onnx.Tensor{waves(1, v.steps, v.batch, v.input), waves(2, v.directions, rows, v.input), waves(3, v.directions, rows, v.hidden), nil, nil, nil}
	maybe := func(i int, x *onnx.Tensor) {
		for len(v.in) <= i {
			v.in = append(v.in, nil)
		}
		if rapid.Bool().Draw(t, "optional input") {
			v.in[i] = x
		}
	}
	maybe(recurrentB, waves(4, v.directions, 2*rows))
	maybe(recurrentH, waves(5, v.directions, v.batch, v.hidden))
	lengths := onnx.NewTensor(onnx.Int32, v.batch)
	for b := range v.batch {
		onnx.View[int32](lengths)[b] = int32(rapid.IntRange(0, v.steps).Draw(t, "length"))
	}
	maybe(recurrentLengths, lengths)
	if op == "LSTM" {
		maybe(recurrentC, waves(6, v.directions, v.batch, v.hidden))
		maybe(recurrentP, waves(7, v.directions, 3*v.hidden))
	}
	return v
}

func (v drawnRecurrent) attributes() []onnx.Attribute {
	direction := map[int]string{1: "forward", 2: "bidirectional"}[v.directions]
	if v.reverse {
		direction = "reverse"
	}
	attributes := []onnx.Attribute{textAttr("direction", direction), intAttr("hidden_size", v.hidden)}
	if v.clip > 0 {
		attributes = append(attributes, floatAttr("clip", float32(v.clip)))
	}
	if v.linearBeforeReset {
		attributes = append(attributes, intAttr("linear_before_reset", 1))
	}
	if v.inputForget {
		attributes = append(attributes, intAttr("input_forget", 1))
	}
	return attributes
}

// value returns element i of an optional input, else 0.
func (v drawnRecurrent) value(input, i int) float64 {
	if input >= len(v.in) || v.in[input] == nil {
		return 0
	}
	return float64(v.in[input].Float32s()[i])
}

// expected computes Y by the equations of the standard, one number at a time.
func (v drawnRecurrent) expected() []float64 {
	y := make([]float64, v.steps*v.directions*v.batch*v.hidden)
	for d := range v.directions {
		for b := range v.batch {
			length := v.steps
			if v.in[recurrentLengths] != nil {
				length = int(onnx.View[int32](v.in[recurrentLengths])[b])
			}
			h, cell := make([]float64, v.hidden), make([]float64, v.hidden)
			for j := range v.hidden {
				h[j] = v.value(recurrentH, (d*v.batch+b)*v.hidden+j)
				cell[j] = v.value(recurrentC, (d*v.batch+b)*v.hidden+j)
			}
			for s := range length {
				t := s
				if d == 1 || v.reverse {
					t = length - 1 - s
				}
				h = v.next(d, b, t, h, cell)
				copy(y[((t*v.directions+d)*v.batch+b)*v.hidden:], h)
			}
		}
	}
	return y
}

// next returns the next hidden state, and changes the cell.
func (v drawnRecurrent) next(d, b, t int, h, cell []float64) []float64 {
	clip := func(x float64) float64 {
		if v.clip > 0 {
			return math.Max(-v.clip, math.Min(v.clip, x))
		}
		return x
	}
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-clip(x))) }
	rows := v.gates * v.hidden
	fromX := func(gate, j int) float64 {
		row := d*rows + gate*v.hidden + j
		sum := v.value(recurrentB, d*2*rows+gate*v.hidden+j)
		for i := range v.input {
			sum += v.value(recurrentX, (t*v.batch+b)*v.input+i) * v.value(recurrentW, row*v.input+i)
		}
		return sum
	}
	fromH := func(gate, j int, state []float64) float64 {
		row := d*rows + gate*v.hidden + j
		sum := v.value(recurrentB, d*2*rows+rows+gate*v.hidden+j)
		for i, s := range state {
			sum += s * v.value(recurrentR, row*v.hidden+i)
		}
		return sum
	}
	peephole := func(p, j int) float64 { return v.value(recurrentP, (d*3+p)*v.hidden+j) * cell[j] }
	next := make([]float64, v.hidden)
	reset := make([]float64, v.hidden)
	for j := range h {
		reset[j] = 0
		if v.op == "GRU" {
			reset[j] = sigmoid(fromX(1, j)+fromH(1, j, h)) * h[j]
		}
	}
	for j := range h {
		switch v.op {
		case "RNN":
			next[j] = math.Tanh(clip(fromX(0, j) + fromH(0, j, h)))
		case "GRU":
			z, r := sigmoid(fromX(0, j)+fromH(0, j, h)), sigmoid(fromX(1, j)+fromH(1, j, h))
			candidate := fromX(2, j) + fromH(2, j, reset)
			if v.linearBeforeReset {
				candidate = fromX(2, j) + r*fromH(2, j, h)
			}
			next[j] = (1-z)*math.Tanh(clip(candidate)) + z*h[j]
		case "LSTM":
			i, f := sigmoid(fromX(0, j)+fromH(0, j, h)+peephole(0, j)), sigmoid(fromX(2, j)+fromH(2, j, h)+peephole(2, j))
			if v.inputForget {
				f = 1 - i
			}
			cell[j] = f*cell[j] + i*math.Tanh(clip(fromX(3, j)+fromH(3, j, h)))
			next[j] = sigmoid(fromX(1, j)+fromH(1, j, h)+peephole(1, j)) * math.Tanh(cell[j])
		}
	}
	return next
}

func TestRecurrentOperatorsFollowTheirEquations(t *testing.T) {
	for op, gates := range map[string]int{"RNN": 1, "LSTM": 4, "GRU": 3} {
		t.Run(op, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				v := drawRecurrent(t, op, gates)
				y := checkFloatNode(t, node(op, 14, v.attributes()...), v.expected(), v.in...)
				wantShape(t, y, v.steps, v.directions, v.batch, v.hidden)
			})
		})
	}
}

// swapAxes returns x with two axes exchanged.
func swapAxes(t tester, x *onnx.Tensor, order ...int) *onnx.Tensor {
	if x == nil {
		return nil
	}
	return run1(t, testNode("Transpose", 13, 1, 1, intsAttr("perm", order...)), x)
}

// TestBatchFirstLayout compares layout 1 with transposed inputs and outputs of
// layout 0, all outputs.
func TestBatchFirstLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawRecurrent(t, "LSTM", 4)
		values := func(in []*onnx.Tensor) []onnx.Value {
			list := make([]onnx.Value, len(in))
			for i, x := range in {
				if x != nil {
					list[i] = x
				}
			}
			return list
		}
		plain, err := runNode(testNode("LSTM", 14, len(v.in), 3, v.attributes()...), values(v.in)...)
		if err != nil {
			t.Fatal(err)
		}
		in := append([]*onnx.Tensor(nil), v.in...)
		for _, i := range []int{recurrentX, recurrentH, recurrentC} {
			in[i] = swapAxes(t, in[i], 1, 0, 2)
		}
		batchFirst, err := runNode(testNode("LSTM", 14, len(in), 3, append(v.attributes(), intAttr("layout", 1))...), values(in)...)
		if err != nil {
			t.Fatal(err)
		}
		for i, order := range [][]int{{2, 0, 1, 3}, {1, 0, 2}, {1, 0, 2}} {
			want := swapAxes(t, plain[i].(*onnx.Tensor), order...)
			wantShape(t, batchFirst[i].(*onnx.Tensor), want.Shape...)
			wantNear(t, batchFirst[i].(*onnx.Tensor), convertFloats[float64](want.Float32s()), 0)
		}
	})
}

func TestActivationsOfRecurrentOperators(t *testing.T) {
	for name, want := range map[string]func(x float64) float64{
		"Relu": func(x float64) float64 { return math.Max(0, x) }, "tanh": math.Tanh,
		"Sigmoid": func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, "Affine": func(x float64) float64 { return 2*x + 3 },
		"LeakyRelu":       func(x float64) float64 { return math.Max(x, 0) + 2*math.Min(x, 0) },
		"ThresholdedRelu": func(x float64) float64 { return map[bool]float64{true: x}[x >= 2] },
		"ScaledTanh":      func(x float64) float64 { return 2 * math.Tanh(3*x) },
		"HardSigmoid":     func(x float64) float64 { return math.Min(1, math.Max(0, 2*x+3)) },
		"Elu":             func(x float64) float64 { return math.Max(x, 0) + 2*(math.Exp(math.Min(x, 0))-1) },
		"Softsign":        func(x float64) float64 { return x / (1 + math.Abs(x)) },
		"Softplus":        func(x float64) float64 { return math.Log(1 + math.Exp(x)) },
	} {
		x := onnx.FromSlice([]float32{-3, -1.2, -0.5, 0, 0.25, 1, 2.5}, 1, 7, 1)
		one, zero := onnx.FromSlice([]float32{1}, 1, 1, 1), onnx.NewTensor(onnx.Float32, 1, 1, 1)
		var results []float64
		for _, v := range x.Float32s() {
			results = append(results, want(float64(v)))
		}
		activations := onnx.Attribute{Name: "activations", Kind: onnx.AttrStrings, Strings: []string{name}}
		alpha := onnx.Attribute{Name: "activation_alpha", Kind: onnx.AttrFloats, Floats: []float32{2}}
		beta := onnx.Attribute{Name: "activation_beta", Kind: onnx.AttrFloats, Floats: []float32{3}}
		checkFloatNode(t, node("RNN", 14, activations, alpha, beta), results, x, one, zero)
	}
}
