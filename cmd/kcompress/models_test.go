package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"

	"github.com/kcompress/kcompress/onnx"
)

// The layers of the test model: 64 -> 96 -> 96 -> 10.
var testSizes = []int{64, 96, 96, 10}

// testWeights returns the weights [out, in] and biases of the test model. They
// have what trained weights have: singular values that decay.
func testWeights() (weights, biases [][]float32) {
	r := rand.New(rand.NewPCG(7, 7))
	for i := range testSizes[1:] {
		in, out := testSizes[i], testSizes[i+1]
		w := make([]float32, out*in)
		for k := range 24 {
			u, v := gaussian(r, out), gaussian(r, in)
			size := math.Pow(0.7, float64(k)) / math.Sqrt(float64(in))
			for at := range w {
				w[at] += float32(size * u[at/in] * v[at%in])
			}
		}
		b := make([]float32, out)
		for at := range b {
			b[at] = float32(0.1 * r.NormFloat64())
		}
		weights, biases = append(weights, w), append(biases, b)
	}
	return weights, biases
}

func gaussian(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

// forward computes the scores of the test model in float64, as a check that
// shares no code with the runtime.
func forward(x []float32) []float64 {
	weights, biases := testWeights()
	now := make([]float64, len(x))
	for i, v := range x {
		now[i] = float64(v)
	}
	for l, w := range weights {
		next := make([]float64, len(biases[l]))
		for o := range next {
			next[o] = float64(biases[l][o])
			for i, v := range now {
				next[o] += v * float64(w[o*len(now)+i])
			}
			if l < len(weights)-1 {
				next[o] = max(next[o], 0)
			}
		}
		now = next
	}
	return now
}

func transposed(w []float32, rows, columns int) []float32 {
	t := make([]float32, len(w))
	for i := range rows {
		for j := range columns {
			t[j*rows+i] = w[i*columns+j]
		}
	}
	return t
}

// testModel returns the test model. A layer is a Gemm over [out, in], or, if
// flipped, a MatMul over [in, out] and an Add.
func testModel(flipped bool) *onnx.Model {
	weights, biases := testWeights()
	g := &onnx.Graph{Name: "mlp", Inputs: []onnx.ValueInfo{tensorInfo("x", testSizes[0])}, Outputs: []onnx.ValueInfo{tensorInfo("logits", testSizes[len(testSizes)-1])}}
	now := "x"
	for l, w := range weights {
		in, out := testSizes[l], testSizes[l+1]
		name := fmt.Sprintf("fc%d", l+1)
		bias := named(name+".bias", onnx.FromSlice(biases[l], out))
		if flipped {
			g.Initializers = append(g.Initializers, named(name+".weight", onnx.FromSlice(transposed(w, out, in), in, out)), bias)
			g.Nodes = append(g.Nodes,
				&onnx.Node{Name: name, Op: "MatMul", Inputs: []string{now, name + ".weight"}, Outputs: []string{name + ".product"}},
				&onnx.Node{Name: name + ".add", Op: "Add", Inputs: []string{name + ".product", bias.Name}, Outputs: []string{name + ".out"}})
		} else {
			g.Initializers = append(g.Initializers, named(name+".weight", onnx.FromSlice(w, out, in)), bias)
			g.Nodes = append(g.Nodes, &onnx.Node{Name: name, Op: "Gemm", Inputs: []string{now, name + ".weight", bias.Name}, Outputs: []string{name + ".out"}, Attrs: []onnx.Attribute{onnx.IntAttr("transB", 1)}})
		}
		now = name + ".out"
		if l < len(weights)-1 {
			g.Nodes = append(g.Nodes, &onnx.Node{Name: name + ".relu", Op: "Relu", Inputs: []string{now}, Outputs: []string{name + ".act"}})
			now = name + ".act"
		}
	}
	g.Nodes[len(g.Nodes)-1].Outputs[0] = "logits"
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int{"": 17}, Producer: "test", Graph: g}
}

// tensorInfo is a float32 value [batch, features].
func tensorInfo(name string, features int) onnx.ValueInfo {
	return onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Size: -1, Symbol: "batch"}, {Size: features}}}}
}

func named(name string, t *onnx.Tensor) *onnx.Tensor {
	t.Name = name
	return t
}

// makeModel writes a model: mkmodel KIND FILE.
func makeModel(args []string) error {
	kind, path := args[0], args[1]
	m := testModel(kind == "flipped")
	first := m.Graph.Nodes[0]
	switch kind {
	case "mlp", "flipped":
	case "external":
		return m.Save(path, onnx.WithFileLimit(1000))
	case "unsupported":
		for _, name := range []string{"first", "second"} {
			m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: name, Op: "Frobnicate", Domain: "example", Inputs: []string{"x"}, Outputs: []string{name + ".out"}})
			m.Graph.Outputs = append(m.Graph.Outputs, tensorInfo(name+".out", 1))
		}
		m.Opsets["example"] = 1
	case "nan":
		m.Graph.Initializers[2].Float32s()[5] = float32(math.NaN())
	case "cyclic":
		first.Inputs[0] = "fc1.act"
	case "missing":
		first.Inputs[0] = "nowhere"
	case "control":
		first.Name = "evil\x1b[2Jname"
	case "root":
		m = rootModel()
	case "plain":
		m = plainModel()
	case "mirrored":
		m = mirroredModel()
	case "log": // NaN for scores below zero, as the model is meant
		last := m.Graph.Nodes[len(m.Graph.Nodes)-1]
		last.Outputs[0] = "scores"
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "log", Op: "Log", Inputs: []string{"scores"}, Outputs: []string{"logits"}})
	case "truncated":
		data, err := m.Encode()
		if err != nil {
			return err
		}
		return os.WriteFile(path, data[:len(data)/2], 0o644)
	default:
		return fmt.Errorf("mkmodel: unknown kind %q", kind)
	}
	return m.Save(path)
}

// rootModel computes the square root of sums that are just above zero, and just
// below once their weights are rounded to int8, whatever the input is.
func rootModel() *onnx.Model {
	const in, out = 64, 32
	w := make([]float32, in*out)
	for i, v := range []float32{1, -0.9965, -0.9965, 0.9945} {
		for o := range out {
			w[i*out+o] = v
		}
	}
	zero, one := onnx.Scalar(float32(0)), onnx.Scalar(float32(1))
	g := &onnx.Graph{Name: "root", Inputs: []onnx.ValueInfo{tensorInfo("x", in)}, Outputs: []onnx.ValueInfo{tensorInfo("y", out)},
		Initializers: []*onnx.Tensor{named("w", onnx.FromSlice(w, in, out)), named("zero", zero), named("one", one)},
		Nodes: []*onnx.Node{
			{Name: "mul", Op: "Mul", Inputs: []string{"x", "zero"}, Outputs: []string{"zeros"}},
			{Name: "add", Op: "Add", Inputs: []string{"zeros", "one"}, Outputs: []string{"ones"}},
			{Name: "sum", Op: "MatMul", Inputs: []string{"ones", "w"}, Outputs: []string{"sums"}},
			{Name: "sqrt", Op: "Sqrt", Inputs: []string{"sums"}, Outputs: []string{"y"}},
		}}
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int{"": 17}, Graph: g}
}

// mirroredModel multiplies with the transpose of the first weight of the test
// model, as a decoder does with the weights of a tied encoder.
func mirroredModel() *onnx.Model {
	weights, _ := testWeights()
	in, out := testSizes[1], testSizes[0]
	g := &onnx.Graph{Name: "mirrored", Inputs: []onnx.ValueInfo{tensorInfo("x", in)}, Outputs: []onnx.ValueInfo{tensorInfo("y", out)},
		Initializers: []*onnx.Tensor{named("w", onnx.FromSlice(weights[0], in, out))},
		Nodes:        []*onnx.Node{{Name: "back", Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}}}
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int{"": 17}, Graph: g}
}

// plainModel has no weights.
func plainModel() *onnx.Model {
	g := &onnx.Graph{Name: "plain", Inputs: []onnx.ValueInfo{tensorInfo("x", 4)}, Outputs: []onnx.ValueInfo{tensorInfo("y", 4)},
		Nodes: []*onnx.Node{{Name: "relu", Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}}}
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int{"": 17}, Graph: g}
}
