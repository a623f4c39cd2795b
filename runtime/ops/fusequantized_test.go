package ops

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// quantizedGraph is x -> DequantizeLinear -> op -> (Relu) -> QuantizeLinear
// with the weight and the bias dequantized too.
type quantizedGraph struct {
	nodes     []*onnx.Node
	constants map[string]*onnx.Tensor
}

func (g *quantizedGraph) add(op string, attrs []onnx.Attribute, output string, inputs ...string) {
	g.nodes = append(g.nodes, &onnx.Node{Op: op, Attrs: attrs, Inputs: inputs, Outputs: []string{output}})
}

func newQuantizedGraph(r *rand.Rand, op string, relu bool, attrs []onnx.Attribute, x, w []int, filters int) *quantizedGraph {
	g := &quantizedGraph{constants: map[string]*onnx.Tensor{}}
	g.constants["x"], _ = randomInts(r, onnx.Uint8, x...)
	g.constants["xScale"], g.constants["xZero"] = onnx.Scalar(float32(0.02)), onnx.Scalar(uint8(100))
	g.add("DequantizeLinear", nil, "xFloat", "x", "xScale", "xZero")
	inputs := []string{"xFloat"}
	if w != nil {
		axis := 0
		if op == "MatMul" {
			axis = 1
		}
		g.constants["w"], _ = randomInts(r, onnx.Int8, w...)
		scale := randomFloats(r, 0.01, 0.03, filters)
		g.constants["wScale"], g.constants["wZero"] = scale, onnx.NewTensor(onnx.Int8, filters)
		g.add("DequantizeLinear", attrsOf(intAttr("axis", axis)), "wFloat", "w", "wScale", "wZero")
		inputs = append(inputs, "wFloat")
		if op != "MatMul" {
			bias, biasScale := onnx.NewTensor(onnx.Int32, filters), onnx.NewTensor(onnx.Float32, filters)
			for i := range filters {
				onnx.View[int32](bias)[i] = r.Int32N(2000) - 1000
				biasScale.Float32s()[i] = 0.02 * scale.Float32s()[i]
			}
			g.constants["b"], g.constants["bScale"] = bias, biasScale
			g.add("DequantizeLinear", attrsOf(intAttr("axis", 0)), "bFloat", "b", "bScale")
			inputs = append(inputs, "bFloat")
		}
	}
	g.add(op, attrs, "y", inputs...)
	last := "y"
	if relu {
		last = "positive"
		g.add("Relu", nil, last, "y")
	}
	zero := uint8(128)
	if relu {
		zero = 0
	}
	g.constants["yScale"], g.constants["yZero"] = onnx.Scalar(float32(0.07)), onnx.Scalar(zero)
	g.add("QuantizeLinear", nil, "q", last, "yScale", "yZero")
	return g
}

func (g *quantizedGraph) fused(keep ...string) []*onnx.Node {
	constant := func(name string) *onnx.Tensor {
		if name == "x" {
			return nil
		}
		return g.constants[name]
	}
	return FuseQuantized(g.nodes, constant, func(name string) bool { return name == "q" || slices.Contains(keep, name) })
}

// run evaluates nodes and returns q.
func (g *quantizedGraph) run(t *testing.T, nodes []*onnx.Node) []int32 {
	t.Helper()
	values := map[string]*onnx.Tensor{}
	for name, v := range g.constants {
		values[name] = v
	}
	for _, n := range nodes {
		var in []*onnx.Tensor
		for _, name := range n.Inputs {
			in = append(in, values[name])
		}
		opset := 13
		if n.Domain == microsoft {
			opset = 1
		}
		values[n.Outputs[0]] = quantNode{domain: n.Domain, op: n.Op, opset: opset, attrs: n.Attrs}.must(t, in...)
	}
	ints, err := smallInts(values["q"])
	if err != nil {
		t.Fatal(err)
	}
	return ints
}

func opsOf(nodes []*onnx.Node) string {
	var names []string
	for _, n := range nodes {
		if n.Op != "DequantizeLinear" {
			names = append(names, n.Op)
		}
	}
	return strings.Join(names, " ")
}

func TestFuseQuantized(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	transB := attrsOf(intAttr("transB", 1))
	for _, c := range []struct {
		op, want string
		relu     bool
		attrs    []onnx.Attribute
		x, w     []int
	}{
		{"Conv", "QLinearConv", true, attrsOf(intsAttr("pads", 1, 1, 1, 1)), []int{2, 3, 6, 5}, []int{4, 3, 3, 3}},
		{"Conv", "QLinearConv", false, nil, []int{1, 3, 6, 5}, []int{4, 3, 1, 1}},
		{"Gemm", "QGemm", true, transB, []int{5, 7}, []int{4, 7}},
		{"MatMul", "QLinearMatMul", false, nil, []int{2, 5, 7}, []int{7, 4}},
		{"GlobalAveragePool", "QLinearGlobalAveragePool", false, nil, []int{2, 3, 5, 5}, nil},
	} {
		g := newQuantizedGraph(r, c.op, c.relu, c.attrs, c.x, c.w, 4)
		fused := g.fused()
		if got := opsOf(fused); got != c.want {
			t.Errorf("%s became %q, want %q", c.op, got, c.want)
			continue
		}
		got, want := g.run(t, fused), g.run(t, g.nodes)
		differ := 0
		for i := range got {
			if d := got[i] - want[i]; d < -1 || d > 1 {
				t.Fatalf("%s element %d: got %d, want %d", c.op, i, got[i], want[i])
			} else if d != 0 {
				differ++
			}
		}
		if differ > 1+len(got)/50 {
			t.Errorf("%s: %d of %d elements differ by a step", c.op, differ, len(got))
		}
	}
}

func TestFuseQuantizedLeavesOthers(t *testing.T) {
	for name, change := range map[string]func(g *quantizedGraph) []*onnx.Node{
		"kept": func(g *quantizedGraph) []*onnx.Node { return g.fused("y") },
		"used twice": func(g *quantizedGraph) []*onnx.Node {
			g.add("Relu", nil, "other", "y")
			return g.fused()[:len(g.nodes)-1]
		},
		"zero of relu": func(g *quantizedGraph) []*onnx.Node { g.constants["yZero"] = onnx.Scalar(uint8(3)); return g.fused() },
		"bias scale":   func(g *quantizedGraph) []*onnx.Node { g.constants["bScale"].Float32s()[2] *= 2; return g.fused() },
		"float scale unknown": func(g *quantizedGraph) []*onnx.Node {
			delete(g.constants, "xScale")
			return g.fused()
		},
		"axis of weight": func(g *quantizedGraph) []*onnx.Node { g.nodes[1].Attrs[0].Int = 1; return g.fused() },
		"zero of bias": func(g *quantizedGraph) []*onnx.Node {
			g.constants["bZero"] = onnx.FromSlice([]int32{0, 1, 0, 0}, 4)
			g.nodes[2].Inputs = append(g.nodes[2].Inputs, "bZero")
			return g.fused()
		},
		"16 bits": func(g *quantizedGraph) []*onnx.Node { g.constants["yZero"] = onnx.Scalar(uint16(0)); return g.fused() },
	} {
		g := newQuantizedGraph(rand.New(rand.NewPCG(9, 9)), "Conv", true, nil, []int{1, 3, 4, 4}, []int{4, 3, 3, 3}, 4)
		if got := opsOf(change(g)); got != "Conv Relu QuantizeLinear" {
			t.Errorf("%s: became %q", name, got)
		}
	}
	if fmt.Sprint(FuseQuantized(nil, nil, nil)) != "[]" {
		t.Error("no nodes became some")
	}
}
