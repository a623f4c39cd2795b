package grad_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
	"github.com/kcompress/kcompress/runtime/grad"
)

// build makes the model of a case with its inputs as initializers of the type.
func (c derivativeCase) build(values [][]float64, t onnx.DType) (m *onnx.Model, parameters []string) {
	node := &onnx.Node{Op: c.op, Domain: c.domain, Attrs: slices.Clone(c.attrs)}
	if c.node != nil {
		node = c.node.Clone()
	}
	for i := range node.Attrs {
		if node.Attrs[i].Name == "to" {
			node.Attrs[i].Int = int64(t)
		}
	}
	g := &onnx.Graph{Name: "case"}
	addFixed := func() {
		for i, x := range c.fixed {
			name := ""
			if x != nil {
				copied := x.Clone()
				if x.Type == onnx.Float32 {
					copied, _ = x.ConvertTo(t)
				}
				name = fmt.Sprintf("fixed%d", i)
				copied.Name = name
				g.Initializers = append(g.Initializers, copied)
			}
			node.Inputs = append(node.Inputs, name)
		}
	}
	if c.fixedFirst {
		addFixed()
	}
	for i, shape := range c.shapes {
		x, err := onnx.FromSlice(values[i], shape...).ConvertTo(t)
		if err != nil {
			panic(err)
		}
		x = x.Clone()
		x.Name = fmt.Sprintf("x%d", i)
		g.Initializers = append(g.Initializers, x)
		if c.absent[len(node.Inputs)] {
			node.Inputs = append(node.Inputs, "")
		}
		node.Inputs = append(node.Inputs, x.Name)
		if !c.frozen[i] {
			parameters = append(parameters, x.Name)
		}
		if i == 0 && c.fixedSecond {
			addFixed()
		}
	}
	if !c.fixedFirst && !c.fixedSecond {
		addFixed()
	}
	for i := range max(1, c.outputs) {
		name := fmt.Sprintf("y%d", i)
		node.Outputs = append(node.Outputs, name)
		g.Outputs = append(g.Outputs, onnx.ValueInfo{Name: name})
	}
	g.Nodes = []*onnx.Node{node}
	opset := c.opset
	if opset == 0 {
		opset = 20
	}
	return &onnx.Model{IRVersion: 10, Opsets: map[string]int{"": opset, compact.Domain: compact.Version, "com.microsoft": 1}, Graph: g}, parameters
}

func (c derivativeCase) name() string {
	op := c.op
	if c.node != nil {
		op = c.node.Op
	}
	name := fmt.Sprint(op, c.shapes)
	for _, a := range c.attrs {
		name += fmt.Sprint(" ", a.Name, "=", a.Int, a.Ints, a.Float, a.String)
	}
	return name
}

// loss is the sum of the outputs weighted by fixed numbers.
func weights(output, n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = math.Sin(float64(1 + i + 100*output))
	}
	return w
}

// oracle computes the loss with the runtime in the given type.
func (c derivativeCase) oracle(t *testing.T, values [][]float64, dtype onnx.DType) (float64, error) {
	t.Helper()
	m, _ := c.build(values, dtype)
	s, err := runtime.New(m, runtime.WithThreads(1))
	if err != nil {
		return 0, err
	}
	defer s.Close()
	out, err := s.Run(context.Background(), nil)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for i := range max(1, c.outputs) {
		y, err := out[fmt.Sprintf("y%d", i)].ConvertTo(onnx.Float64)
		if err != nil {
			return 0, err
		}
		v := onnx.View[float64](y)
		for j, w := range weights(i, len(v)) {
			sum += w * v[j]
		}
	}
	return sum, nil
}

// gradients computes the same gradients with package grad.
func (c derivativeCase) gradients(t *testing.T, values [][]float64, threads int) map[string][]float32 {
	t.Helper()
	m, parameters := c.build(values, onnx.Float32)
	g, err := grad.New(m, parameters, runtime.WithThreads(threads))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if !slices.Equal(g.Parameters(), parameters) {
		t.Fatalf("parameters %v of %v, blocked by %v", g.Parameters(), parameters, g.Blocked())
	}
	inputs := map[string]*onnx.Tensor{}
	for _, name := range parameters {
		inputs[name] = m.Graph.Initializer(name)
	}
	var result map[string][]float32
	for range 2 { // the second time with memory of the first
		p, err := g.Forward(context.Background(), inputs)
		if err != nil {
			t.Fatal(err)
		}
		loss := map[string][]float32{}
		for i := range max(1, c.outputs) {
			name := fmt.Sprintf("y%d", i)
			for _, w := range weights(i, p.Output(name).Len()) {
				loss[name] = append(loss[name], float32(w))
			}
		}
		if result, err = p.Backward(context.Background(), loss); err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	return result
}

// TestDerivatives compares every derivative with central differences of the
// runtime's own forward pass, in float64 where the operator has it.
func TestDerivatives(t *testing.T) {
	for _, c := range derivativeCases() {
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			var values [][]float64
			for _, shape := range c.shapes {
				n := 1
				for _, s := range shape {
					n *= s
				}
				values = append(values, random(r, n, c.low, c.high))
			}
			dtype, h, tolerance := onnx.Float64, 1e-4, 2e-4
			if _, err := c.oracle(t, values, dtype); err != nil {
				dtype, h, tolerance = onnx.Float32, 1.0/64, 4e-3
			}
			got := c.gradients(t, values, 2)
			for name, again := range c.gradients(t, values, 1) {
				if !slices.Equal(got[name], again) {
					t.Errorf("%s: the gradient depends on the number of threads", name)
				}
			}
			c.compare(t, values, got, dtype, h, tolerance)
		})
	}
}

func (c derivativeCase) compare(t *testing.T, values [][]float64, got map[string][]float32, dtype onnx.DType, h, tolerance float64) {
	for i := range c.shapes {
		if c.frozen[i] {
			continue
		}
		g := got[fmt.Sprintf("x%d", i)]
		if len(g) != len(values[i]) {
			t.Fatalf("gradient of %d numbers for input %d of %d", len(g), i, len(values[i]))
		}
		step := max(1, len(g)/60)
		for j := 0; j < len(g); j += step {
			at := values[i][j]
			var f [2]float64
			for k, d := range []float64{h, -h} {
				values[i][j] = at + d
				var err error
				if f[k], err = c.oracle(t, values, dtype); err != nil {
					t.Fatal(err)
				}
			}
			values[i][j] = at
			want := (f[0] - f[1]) / (2 * h)
			if math.Abs(float64(g[j])-want) > tolerance*(1+math.Abs(want)) || math.IsNaN(float64(g[j])) {
				t.Errorf("input %d, element %d: derivative %g, differences give %g", i, j, g[j], want)
				return
			}
		}
	}
}
