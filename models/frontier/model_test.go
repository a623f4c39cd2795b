package main

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/onnx/npy"
	"github.com/kcompress/kcompress/runtime"
)

const (
	features, hidden, classes = 64, 64, 8
	samples                   = 320
	wrongEvery                = 10 // of the labels, one in so many is not the model's answer
)

// files are a small classifier of bytes, data for it, and a peer that takes
// float32.
type files struct{ model, peer, data, test string }

func newFiles(t *testing.T) files {
	t.Helper()
	dir := t.TempDir()
	f := files{filepath.Join(dir, "model.onnx"), filepath.Join(dir, "peer.onnx"), filepath.Join(dir, "data.npz"), filepath.Join(dir, "test.npz")}
	r := rand.New(rand.NewPCG(3, 5))
	weights := []*onnx.Tensor{random(r, "w1", features, hidden), random(r, "w2", hidden, classes)}
	save(t, f.model, classifier(onnx.Uint8, weights))
	save(t, f.peer, classifier(onnx.Float32, weights))
	writeArrays(t, f.data, images(r))
	test := images(r)
	writeArrays(t, f.test, test, labels(t, f.model, test))
	return f
}

func random(r *rand.Rand, name string, shape ...int) *onnx.Tensor {
	w := onnx.NewTensor(onnx.Float32, shape...)
	for i := range w.Float32s() {
		w.Float32s()[i] = float32(r.NormFloat64() / 8)
	}
	w.Name = name
	return w
}

// classifier takes x [batch, 2, 32]: bytes, which it normalises to (x-100)/50 and
// (x-120)/60, or numbers that are normalised already.
func classifier(input onnx.DType, weights []*onnx.Tensor) *onnx.Model {
	value := func(name string, elem onnx.DType, sizes ...int) onnx.ValueInfo {
		shape := []onnx.Dim{{Size: -1, Symbol: "batch"}}
		for _, n := range sizes {
			shape = append(shape, onnx.Dim{Size: n})
		}
		return onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: elem, HasShape: true, Shape: shape}}
	}
	named := func(name string, t *onnx.Tensor) *onnx.Tensor { t.Name = name; return t }
	g := &onnx.Graph{Name: "classifier", Inputs: []onnx.ValueInfo{value("x", input, 2, 32)}, Outputs: []onnx.ValueInfo{value("logits", onnx.Float32, classes)}}
	g.Initializers = append([]*onnx.Tensor{named("flat", onnx.FromSlice([]int64{0, features}, 2))}, weights...)
	node := func(op, output string, inputs ...string) {
		g.Nodes = append(g.Nodes, &onnx.Node{Name: output, Op: op, Inputs: inputs, Outputs: []string{output}})
	}
	last := "x"
	if input == onnx.Uint8 {
		g.Initializers = append(g.Initializers, named("mean", onnx.FromSlice([]float32{100, 120}, 2, 1)), named("deviation", onnx.FromSlice([]float32{50, 60}, 2, 1)))
		g.Nodes = append(g.Nodes, &onnx.Node{Name: "cast", Op: "Cast", Inputs: []string{"x"}, Outputs: []string{"wide"}, Attrs: []onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float32))}})
		node("Sub", "centred", "wide", "mean")
		node("Div", "normal", "centred", "deviation")
		last = "normal"
	}
	node("Reshape", "row", last, "flat")
	node("MatMul", "h", "row", "w1")
	node("Relu", "a", "h")
	node("MatMul", "logits", "a", "w2")
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int{"": 17}, Graph: g}
}

func images(r *rand.Rand) *onnx.Tensor {
	x := onnx.NewTensor(onnx.Uint8, samples, 2, 32)
	for i := range x.Raw() {
		x.Raw()[i] = byte(r.IntN(256))
	}
	x.Name = "x"
	return x
}

// labels are the answers of a model, but for one in wrongEvery.
func labels(t *testing.T, model string, x *onnx.Tensor) *onnx.Tensor {
	t.Helper()
	s, err := runtime.Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	y, err := s.Run(t.Context(), map[string]*onnx.Tensor{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	scores, out := y["logits"].Float32s(), onnx.NewTensor(onnx.Int64, samples)
	for i := range samples {
		row, best := scores[i*classes:(i+1)*classes], 0
		for k, v := range row {
			if v > row[best] {
				best = k
			}
		}
		if i%wrongEvery == 0 {
			best = (best + 1) % classes
		}
		out.Int64s()[i] = int64(best)
	}
	out.Name = "label"
	return out
}

func save(t *testing.T, path string, m *onnx.Model) {
	t.Helper()
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
}

func writeArrays(t *testing.T, path string, arrays ...*onnx.Tensor) {
	t.Helper()
	if err := npy.WriteArchiveFile(path, arrays); err != nil {
		t.Fatal(err)
	}
}
