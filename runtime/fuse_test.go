package runtime_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// graphBuilder puts small graphs together for tests of fusion.
type graphBuilder struct {
	random *rand.Rand
	graph  *onnx.Graph
	inputs map[string]*onnx.Tensor
	values int
}

func newGraphBuilder(seed uint64) *graphBuilder {
	return &graphBuilder{random: rand.New(rand.NewPCG(seed, 1)), graph: &onnx.Graph{Name: "g"}, inputs: map[string]*onnx.Tensor{}}
}

// tensor returns normal numbers.
func (b *graphBuilder) tensor(shape ...int) *onnx.Tensor {
	t := onnx.NewTensor(onnx.Float32, shape...)
	for i := range t.Float32s() {
		t.Float32s()[i] = float32(b.random.NormFloat64())
	}
	return t
}

func (b *graphBuilder) name(prefix string) string {
	b.values++
	return fmt.Sprint(prefix, b.values)
}

// input declares an input; symbols names axes that are not fixed.
func (b *graphBuilder) input(t *onnx.Tensor, symbols ...string) string {
	name := b.name("input")
	info := onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: t.Type, HasShape: true}}
	for axis, size := range t.Shape {
		d := onnx.Dim{Size: size}
		if axis < len(symbols) && symbols[axis] != "" {
			d = onnx.Dim{Size: -1, Symbol: symbols[axis]}
		}
		info.Type.Shape = append(info.Type.Shape, d)
	}
	b.graph.Inputs = append(b.graph.Inputs, info)
	b.inputs[name] = t
	return name
}

func (b *graphBuilder) constant(t *onnx.Tensor) string {
	t.Name = b.name("constant")
	b.graph.Initializers = append(b.graph.Initializers, t)
	return t.Name
}

func (b *graphBuilder) scalar(v float32) string {
	return b.constant(onnx.FromSlice([]float32{v}))
}

// ints is a constant of int64.
func (b *graphBuilder) ints(v ...int64) string { return b.constant(onnx.FromSlice(v, len(v))) }

// node adds a node with one output and returns its name. Values of attrs are
// int, float32, string or []int64.
func (b *graphBuilder) node(op string, inputs []string, attrs map[string]any) string {
	n := &onnx.Node{Op: op, Name: b.name(op), Inputs: inputs, Outputs: []string{b.name("value")}}
	for name, v := range attrs {
		switch v := v.(type) {
		case int:
			n.SetAttr(onnx.IntAttr(name, int64(v)))
		case float32:
			n.SetAttr(onnx.FloatAttr(name, v))
		case string:
			n.SetAttr(onnx.StringAttr(name, v))
		case []int64:
			n.SetAttr(onnx.IntsAttr(name, v...))
		}
	}
	b.graph.Nodes = append(b.graph.Nodes, n)
	return n.Outputs[0]
}

func (b *graphBuilder) op(name string, inputs ...string) string { return b.node(name, inputs, nil) }

func (b *graphBuilder) output(names ...string) {
	for _, name := range names {
		b.graph.Outputs = append(b.graph.Outputs, onnx.ValueInfo{Name: name})
	}
}

func (b *graphBuilder) model(opset int) *onnx.Model {
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int{"": opset}, Graph: b.graph}
}

// compareFused runs the model fused, and unfused by a recorder that keeps all
// values, compares the outputs, and returns the operators that the fused run
// executed.
func (b *graphBuilder) compareFused(t *testing.T, opset int) []string {
	t.Helper()
	var operators []string
	s, err := runtime.New(b.model(opset), runtime.WithThreads(1), runtime.WithTrace(func(n runtime.NodeTime) { operators = append(operators, n.Node.Op) }))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := s.Run(context.Background(), b.inputs)
	if err != nil {
		t.Fatal(err)
	}
	executed := slices.Clone(operators)
	var all []string
	for _, st := range s.Steps() {
		all = append(all, st.Node.Outputs[0])
	}
	recorder, err := s.Recorder(all)
	if err != nil {
		t.Fatal(err)
	}
	record, err := recorder.Run(context.Background(), b.inputs)
	if err != nil {
		t.Fatal(err)
	}
	defer record.Close()
	for _, info := range b.graph.Outputs {
		want := record.Value(info.Name)
		y := got[info.Name]
		if !slices.Equal(y.Shape, want.Shape) {
			t.Fatalf("output %s has shape %v fused and %v unfused (%v)", info.Name, y.Shape, want.Shape, executed)
		}
		if y.Type != onnx.Float32 {
			if !slices.Equal(y.Raw(), want.Raw()) {
				t.Fatalf("output %s: %v fused and %v unfused (%v)", info.Name, y.Raw(), want.Raw(), executed)
			}
			continue
		}
		for i, w := range want.Float32s() {
			if v := y.Float32s()[i]; math.Abs(float64(v-w)) > 1e-5*max(1, math.Abs(float64(w))) {
				t.Fatalf("output %s, element %d: %v fused and %v unfused (%v)", info.Name, i, v, w, executed)
			}
		}
	}
	return executed
}

func wantOperators(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("ran %v, want %v", got, want)
	}
}

func TestFuseEpilogues(t *testing.T) {
	for _, n := range []int{1, 7, 16, 33} {
		for _, activation := range []string{"Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSwish", "Softplus"} {
			for _, order := range []string{"bias", "bias residual", "residual bias", "residual", ""} {
				t.Run(fmt.Sprint(n, " ", activation, " ", order), func(t *testing.T) {
					b := newGraphBuilder(uint64(n))
					x := b.input(b.tensor(2, 3, 11), "batch", "length")
					residual := b.input(b.tensor(2, 3, n), "batch", "length")
					y := b.op("MatMul", x, b.constant(b.tensor(11, n)))
					want := "MatMul"
					for _, part := range strings.Fields(order) {
						other := residual
						if part == "bias" {
							other = b.constant(b.tensor(n))
						}
						y = b.op("Add", other, y)
						want += "+Add"
					}
					b.output(b.op(activation, y))
					if activation == "Softplus" {
						wantOperators(t, b.compareFused(t, 20), want, activation)
						return
					}
					wantOperators(t, b.compareFused(t, 20), want+"+"+activation)
				})
			}
		}
	}
}

func TestFuseEpilogueKeepsWhatIsRead(t *testing.T) {
	b := newGraphBuilder(1)
	x := b.input(b.tensor(5, 8), "batch")
	y := b.op("MatMul", x, b.constant(b.tensor(8, 9)))
	z := b.op("Add", y, b.constant(b.tensor(9)))
	b.output(b.op("Relu", z), y, b.op("Mul", z, z))
	wantOperators(t, b.compareFused(t, 20), "MatMul", "Add", "Relu", "Mul")
}

// A sum with something that broadcasts the result to another shape is no bias
// and no residual.
func TestFuseEpilogueBroadcast(t *testing.T) {
	for name, shape := range map[string][]int{"column": {5, 1}, "more axes": {2, 1, 9}, "one": {1}, "all": {5, 9}} {
		t.Run(name, func(t *testing.T) {
			b := newGraphBuilder(1)
			x := b.input(b.tensor(5, 8), "batch")
			b.output(b.op("Relu", b.op("Add", b.op("MatMul", x, b.constant(b.tensor(8, 9))), b.constant(b.tensor(shape...)))))
			wantOperators(t, b.compareFused(t, 20), "MatMul", "Add", "Relu")
		})
	}
}

func TestFuseGemm(t *testing.T) {
	for _, bias := range []string{"none", "row", "matrix"} {
		b := newGraphBuilder(3)
		inputs := []string{b.input(b.tensor(5, 8), "batch"), b.constant(b.tensor(9, 8))}
		want := []string{"Gemm+Clip"}
		switch bias {
		case "row":
			inputs = append(inputs, b.constant(b.tensor(9)))
		case "matrix":
			inputs = append(inputs, b.constant(b.tensor(5, 9)))
			want = []string{"Gemm", "Clip"}
		}
		y := b.node("Gemm", inputs, map[string]any{"transB": 1, "alpha": float32(0.5)})
		b.output(b.op("Clip", y, b.scalar(-0.5), b.scalar(0.75)))
		wantOperators(t, b.compareFused(t, 20), want...)
	}
}

func TestFuseConv(t *testing.T) {
	for _, c := range []struct{ group, channels, filters, kernel, stride, size int }{
		{1, 3, 16, 3, 2, 15}, {1, 16, 20, 1, 1, 9}, {8, 8, 8, 3, 1, 12}, {8, 8, 8, 5, 2, 13}, {2, 6, 8, 3, 1, 7}, {1, 32, 32, 3, 1, 3}, {1, 8, 3, 3, 1, 10},
	} {
		for _, bias := range []bool{false, true} {
			t.Run(fmt.Sprint(c, bias), func(t *testing.T) {
				b := newGraphBuilder(4)
				inputs := []string{b.input(b.tensor(2, c.channels, c.size, c.size+1), "batch"), b.constant(b.tensor(c.filters, c.channels/c.group, c.kernel, c.kernel))}
				if bias {
					inputs = append(inputs, b.constant(b.tensor(c.filters)))
				}
				p := int64(c.kernel / 2)
				y := b.node("Conv", inputs, map[string]any{"group": c.group, "strides": []int64{int64(c.stride), int64(c.stride)}, "pads": []int64{p, p, p, p}})
				variance := b.tensor(c.filters)
				for i, v := range variance.Float32s() {
					variance.Float32s()[i] = 2 + v*v
				}
				y = b.op("BatchNormalization", y, b.constant(b.tensor(c.filters)), b.constant(b.tensor(c.filters)), b.constant(b.tensor(c.filters)), b.constant(variance))
				b.output(b.op("LeakyRelu", y))
				wantOperators(t, b.compareFused(t, 20), "Conv+BatchNormalization+LeakyRelu")
			})
		}
	}
}

func TestFuseConvResidual(t *testing.T) {
	b := newGraphBuilder(5)
	x := b.input(b.tensor(1, 6, 5, 9))
	y := b.node("Conv", []string{x, b.constant(b.tensor(6, 6, 3, 3))}, map[string]any{"pads": []int64{1, 1, 1, 1}})
	y = b.op("Add", y, b.constant(b.tensor(1, 6, 1, 1)))
	b.output(b.op("Relu", b.op("Add", x, y)))
	wantOperators(t, b.compareFused(t, 20), "Conv+Add+Add+Relu")
}

// gelus are ways in which exporters write GELU.
var gelus = map[string]func(b *graphBuilder, x string) string{
	"x*(1+erf(x/sqrt 2))*0.5": func(b *graphBuilder, x string) string {
		e := b.op("Add", b.op("Erf", b.op("Div", x, b.scalar(math.Sqrt2))), b.scalar(1))
		return b.op("Mul", b.op("Mul", x, e), b.scalar(0.5))
	},
	"(0.5*x)*(erf(x*0.7071)+1)": func(b *graphBuilder, x string) string {
		e := b.op("Add", b.scalar(1), b.op("Erf", b.op("Mul", x, b.scalar(math.Sqrt2/2))))
		return b.op("Mul", b.op("Mul", b.scalar(0.5), x), e)
	},
	"x*((erf+1)*0.5)": func(b *graphBuilder, x string) string {
		e := b.op("Add", b.op("Erf", b.op("Mul", x, b.scalar(math.Sqrt2/2))), b.scalar(1))
		return b.op("Mul", x, b.op("Mul", e, b.scalar(0.5)))
	},
	"tanh with pow": func(b *graphBuilder, x string) string {
		cube := b.op("Mul", b.op("Pow", x, b.scalar(3)), b.scalar(0.044715))
		th := b.op("Tanh", b.op("Mul", b.op("Add", x, cube), b.scalar(float32(math.Sqrt(2/math.Pi)))))
		return b.op("Mul", b.op("Mul", x, b.scalar(0.5)), b.op("Add", th, b.scalar(1)))
	},
	"tanh with products": func(b *graphBuilder, x string) string {
		square := b.op("Mul", x, x)
		inner := b.op("Add", b.scalar(1), b.op("Mul", square, b.scalar(0.044715)))
		th := b.op("Tanh", b.op("Mul", b.op("Mul", x, b.scalar(float32(math.Sqrt(2/math.Pi)))), inner))
		return b.op("Mul", b.op("Mul", b.op("Add", th, b.scalar(1)), x), b.scalar(0.5))
	},
}

func TestFuseGelu(t *testing.T) {
	for name, write := range gelus {
		t.Run(name, func(t *testing.T) {
			b := newGraphBuilder(6)
			x := b.input(b.tensor(3, 5, 7), "batch")
			b.output(write(b, b.op("Add", b.op("MatMul", x, b.constant(b.tensor(7, 9))), b.constant(b.tensor(9)))))
			wantOperators(t, b.compareFused(t, 17), "MatMul+Add+Gelu")
		})
	}
}

func TestFuseSwish(t *testing.T) {
	b := newGraphBuilder(6)
	x := b.input(b.tensor(1, 4, 6, 6))
	y := b.op("Conv", x, b.constant(b.tensor(5, 4, 3, 3)))
	b.output(b.op("Mul", y, b.op("Sigmoid", y)))
	wantOperators(t, b.compareFused(t, 17), "Conv+Swish")
}

// What only looks like a function is left alone.
func TestFuseFunctionOnlyIfEqual(t *testing.T) {
	for name, write := range map[string]func(b *graphBuilder, x string) string{
		"another constant": func(b *graphBuilder, x string) string {
			e := b.op("Add", b.op("Erf", b.op("Div", x, b.scalar(1.4))), b.scalar(1))
			return b.op("Mul", b.op("Mul", x, e), b.scalar(0.5))
		},
		"the inside is an output": func(b *graphBuilder, x string) string {
			e := b.op("Erf", b.op("Div", x, b.scalar(math.Sqrt2)))
			b.output(e)
			return b.op("Mul", b.op("Mul", x, b.op("Add", e, b.scalar(1))), b.scalar(0.5))
		},
		"a vector for a scalar": func(b *graphBuilder, x string) string {
			e := b.op("Add", b.op("Erf", b.op("Div", x, b.scalar(math.Sqrt2))), b.scalar(1))
			return b.op("Mul", b.op("Mul", x, e), b.constant(b.tensor(7)))
		},
		"another value": func(b *graphBuilder, x string) string {
			return b.op("Mul", b.op("Abs", x), b.op("Sigmoid", x))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newGraphBuilder(7)
			x := b.input(b.tensor(3, 7), "batch")
			b.output(write(b, x))
			for _, op := range b.compareFused(t, 17) {
				if op == "Gelu" || op == "Swish" {
					t.Errorf("fused to %s", op)
				}
			}
		})
	}
}

// norms are ways in which exporters write layer normalisation.
var norms = map[string]func(b *graphBuilder, x, scale, bias string, epsilon float32) string{
	"pow, sqrt, div": func(b *graphBuilder, x, scale, bias string, epsilon float32) string {
		mean := b.node("ReduceMean", []string{x}, map[string]any{"axes": []int64{-1}})
		d := b.op("Sub", x, mean)
		v := b.node("ReduceMean", []string{b.op("Pow", d, b.scalar(2))}, map[string]any{"axes": []int64{-1}})
		n := b.op("Div", d, b.op("Sqrt", b.op("Add", v, b.scalar(epsilon))))
		return b.op("Add", b.op("Mul", n, scale), bias)
	},
	"two differences": func(b *graphBuilder, x, scale, bias string, epsilon float32) string {
		mean := b.node("ReduceMean", []string{x}, map[string]any{"axes": []int64{2}})
		d, e := b.op("Sub", x, mean), b.op("Sub", x, mean)
		v := b.node("ReduceMean", []string{b.op("Mul", e, e)}, map[string]any{"axes": []int64{2}})
		n := b.op("Div", d, b.op("Sqrt", b.op("Add", b.scalar(epsilon), v)))
		return b.op("Add", bias, b.op("Mul", scale, n))
	},
	"scale first": func(b *graphBuilder, x, scale, bias string, epsilon float32) string {
		mean := b.node("ReduceMean", []string{x}, map[string]any{"axes": []int64{-1}})
		d := b.op("Sub", x, mean)
		v := b.node("ReduceMean", []string{b.op("Mul", d, d)}, map[string]any{"axes": []int64{-1}})
		factor := b.op("Mul", b.op("Reciprocal", b.op("Sqrt", b.op("Add", v, b.scalar(epsilon)))), scale)
		return b.op("Add", b.op("Mul", x, factor), b.op("Sub", bias, b.op("Mul", mean, factor)))
	},
}

func TestFuseLayerNorm(t *testing.T) {
	for name, write := range norms {
		for _, epsilon := range []float32{1e-3, 1e-5} {
			t.Run(fmt.Sprint(name, epsilon), func(t *testing.T) {
				b := newGraphBuilder(8)
				x := b.input(b.tensor(3, 5, 37), "batch", "length")
				b.output(write(b, x, b.constant(b.tensor(37)), b.constant(b.tensor(37)), epsilon))
				wantOperators(t, b.compareFused(t, 13), "LayerNormalization")
			})
		}
	}
}

func TestFuseShapes(t *testing.T) {
	b := newGraphBuilder(9)
	x := b.input(b.tensor(3, 5, 8), "batch", "length")
	size := func(axis int64) string {
		d := b.op("Gather", b.op("Shape", x), b.constant(onnx.FromSlice([]int64{axis})))
		return b.op("Unsqueeze", d, b.ints(0))
	}
	shape := func() string {
		return b.node("Concat", []string{size(0), size(1), b.ints(2), b.ints(4)}, map[string]any{"axis": 0})
	}
	first := shape()
	y := b.op("Reshape", b.op("Relu", x), first)
	b.output(b.op("Add", b.op("Reshape", b.op("Tanh", x), shape()), y), first)
	wantOperators(t, b.compareFused(t, 17), "InputDims", "Relu", "Reshape", "Tanh", "Reshape", "Add")
}

// attentionCase is one way to write attention.
type attentionCase struct {
	batch, heads, queries, keys, size int
	mask                              []int // shape, nil for none
	split                             bool  // heads are split off and joined by Transpose
	scale                             string
	cached                            bool // the keys are [batch, heads, keys, size]
}

func TestFuseAttention(t *testing.T) {
	for _, c := range []attentionCase{
		{1, 2, 5, 5, 8, nil, true, "div", false},
		{2, 3, 5, 7, 4, []int{2, 1, 1, 7}, true, "div", false},
		{2, 3, 1, 9, 16, []int{9}, true, "mul", true},
		{2, 2, 33, 65, 16, []int{33, 65}, true, "queries", true},
		{2, 2, 4, 4, 5, []int{2, 2, 4, 4}, false, "keys", true},
		{1, 1, 1, 1, 1, []int{1, 1, 1, 1}, true, "", false},
		{1, 4, 6, 3, 7, []int{3, 1, 6, 1}, true, "div", false}, // the mask makes a batch of 3
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			b := newGraphBuilder(10)
			b.output(c.write(b))
			wantOperators(t, b.compareFused(t, 17), "Attention")
		})
	}
}

func (c attentionCase) write(b *graphBuilder) string {
	transpose := func(x string, perm ...int64) string {
		return b.node("Transpose", []string{x}, map[string]any{"perm": perm})
	}
	heads := func(length int, split bool) (string, bool) {
		if split {
			return b.input(b.tensor(c.batch, length, c.heads, c.size), "batch", "", "heads"), true
		}
		return b.input(b.tensor(c.batch, c.heads, length, c.size), "batch", "heads"), false
	}
	q, split := heads(c.queries, c.split)
	if split {
		q = transpose(q, 0, 2, 1, 3)
	}
	k, split := heads(c.keys, c.split && !c.cached)
	if split {
		k = transpose(k, 0, 2, 3, 1)
	} else {
		k = transpose(k, 0, 1, 3, 2)
	}
	v, split := heads(c.keys, c.split)
	if split {
		v = transpose(v, 0, 2, 1, 3)
	}
	switch c.scale {
	case "queries":
		q = b.op("Mul", q, b.scalar(0.3))
	case "keys":
		q, k = b.op("Mul", q, b.scalar(0.5)), b.op("Mul", b.scalar(0.7), k)
	}
	s := b.op("MatMul", q, k)
	switch c.scale {
	case "div":
		s = b.op("Div", s, b.scalar(3))
	case "mul":
		s = b.op("Mul", b.scalar(0.25), s)
	}
	if c.mask != nil {
		s = b.op("Add", s, b.input(b.tensor(c.mask...)))
	}
	y := b.op("MatMul", b.node("Softmax", []string{s}, map[string]any{"axis": -1}), v)
	if c.split {
		y = transpose(y, 0, 2, 1, 3)
	}
	return y
}

// Attention without a batch of heads.
func TestFuseAttentionRank3(t *testing.T) {
	b := newGraphBuilder(11)
	q, k, v := b.input(b.tensor(2, 5, 8), "batch"), b.input(b.tensor(2, 7, 8), "batch"), b.input(b.tensor(2, 7, 3), "batch")
	s := b.op("MatMul", q, b.node("Transpose", []string{k}, map[string]any{"perm": []int64{0, 2, 1}}))
	s = b.op("Add", s, b.input(b.tensor(2, 1, 7), "batch"))
	b.output(b.op("MatMul", b.op("Softmax", s), v))
	wantOperators(t, b.compareFused(t, 17), "Attention")
}

// Where the order is another, or the scores are read by others, the nodes stay.
func TestFuseAttentionOnlyIfEqual(t *testing.T) {
	for name, change := range map[string]func(b *graphBuilder, s string) string{
		"scale after mask": func(b *graphBuilder, s string) string {
			return b.op("Div", b.op("Add", s, b.input(b.tensor(5, 5))), b.scalar(2))
		},
		"scores are an output": func(b *graphBuilder, s string) string {
			b.output(s)
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newGraphBuilder(12)
			x := b.input(b.tensor(2, 2, 5, 4))
			s := change(b, b.op("MatMul", x, b.node("Transpose", []string{x}, map[string]any{"perm": []int64{0, 1, 3, 2}})))
			b.output(b.op("MatMul", b.op("Softmax", s), x))
			if slices.Contains(b.compareFused(t, 17), "Attention") {
				t.Error("fused")
			}
		})
	}
}

func TestFuseIdentity(t *testing.T) {
	b := newGraphBuilder(13)
	x := b.input(b.tensor(4, 3))
	y := b.op("Identity", b.op("Dropout", b.op("Relu", x)))
	b.output(b.op("Identity", y), b.op("Neg", y))
	wantOperators(t, b.compareFused(t, 17), "Relu", "Identity", "Neg")
}
