package ops

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// goldenFile holds what ONNX Runtime 1.30 (CPU, one thread) computes for the
// cases of this file: a line for each output with its name, its type and shape
// and its elements.
const goldenFile = "testdata/microsoft.golden"

// goldenCase is a node with its inputs, compared with ONNX Runtime.
type goldenCase struct {
	name      string
	node      quantNode
	inputs    []*onnx.Tensor
	tolerance float64
}

// goldenInput is an input of a goldenCase.
type goldenInput struct {
	tensor   *onnx.Tensor
	constant bool
}

var absent goldenInput

// fixed makes an input known at Build.
func fixed(in goldenInput) goldenInput {
	in.constant = true
	return in
}

// wave returns n numbers between lo and hi that follow from their indices.
func wave(seed, n int, lo, hi float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(lo + (hi-lo)*(0.5+0.5*math.Sin(float64(i*i%97+seed*13)*1.7+float64(i)*0.61)))
	}
	return v
}

// waveOf is an input of float32.
func waveOf(seed int, lo, hi float64, shape ...int) goldenInput {
	return goldenInput{tensor: onnx.FromSlice(wave(seed, size(shape), lo, hi), shape...)}
}

// bytesOf is an input of 8-bit integers over part of their range.
func bytesOf(t onnx.DType, seed int, part float64, shape ...int) goldenInput {
	lo, hi, _ := quantizedRange(t)
	values := make([]int32, size(shape))
	for i, f := range wave(seed, len(values), float64(lo)*part, float64(hi)*part) {
		values[i] = int32(f)
	}
	return goldenInput{tensor: intTensor(t, values, shape...)}
}

// whole is an input of int32.
func whole(values []int32, shape ...int) goldenInput {
	return goldenInput{tensor: onnx.FromSlice(values, shape...)}
}

func newGolden(name, op string, outputs int, tolerance float64, attrs []onnx.Attribute, inputs ...goldenInput) goldenCase {
	g := goldenCase{name: name, node: quantNode{domain: microsoft, op: op, opset: 1, outputs: outputs, attrs: attrs}, tolerance: tolerance}
	for _, in := range inputs {
		g.inputs = append(g.inputs, in.tensor)
		g.node.constants = append(g.node.constants, in.constant)
	}
	return g
}

func attrsOf(attrs ...onnx.Attribute) []onnx.Attribute { return attrs }

func goldenCases() []goldenCase {
	var cases []goldenCase
	for _, list := range [][]goldenCase{goldenActivations(), goldenProducts(), goldenNorms(), goldenConvs(), goldenQLinear(), goldenOthers(), goldenAttention(), goldenGroupQuery()} {
		cases = append(cases, list...)
	}
	return cases
}

// readGolden returns the lines of the golden file by name.
func readGolden(t *testing.T) map[string][]string {
	t.Helper()
	f, err := os.Open(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := map[string][]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) > 1 {
			lines[fields[0]] = fields[1:]
		}
	}
	return lines
}

func TestMicrosoftOperatorsAsONNXRuntime(t *testing.T) {
	golden := readGolden(t)
	for _, g := range goldenCases() {
		for _, threads := range []int{1, 3} {
			node := g.node
			node.threads = threads
			out, err := node.evaluate(g.inputs...)
			if err != nil {
				t.Errorf("%s: %v", g.name, err)
				continue
			}
			for i, y := range out {
				name := fmt.Sprintf("%s/%d", g.name, i)
				if err := compareGolden(y, golden[name], g.tolerance); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}

// compareGolden compares a tensor with a line of the golden file.
func compareGolden(y *onnx.Tensor, line []string, tolerance float64) error {
	if y == nil || len(line) == 0 || y.String() != line[0] {
		return fmt.Errorf("got %v, want %v", y, line)
	}
	values, err := y.ConvertTo(onnx.Float64)
	if err != nil {
		return err
	}
	for i, v := range onnx.View[float64](values) {
		var want float64
		if _, err := fmt.Sscan(line[1+i], &want); err != nil {
			return err
		}
		if !(math.Abs(v-want) <= tolerance*(1+math.Abs(want))) {
			return fmt.Errorf("element %d is %v, want %v", i, v, want)
		}
	}
	return nil
}

// What inference says of the outputs must be what they turn out to be.
func TestMicrosoftInference(t *testing.T) {
	told := 0
	for _, g := range goldenCases() {
		op := Lookup(g.node.domain, g.node.op, g.node.opset)
		if op.Infer == nil {
			continue
		}
		n, _ := g.build()
		infos, err := op.Infer(n, n.Types)
		if err != nil {
			t.Errorf("%s: %v", g.name, err)
			continue
		}
		out, err := g.node.evaluate(g.inputs...)
		if err != nil {
			t.Errorf("%s: %v", g.name, err)
			continue
		}
		for i := range min(len(infos), len(out)) {
			if elem := elemOf(infos[i]); elem != onnx.Undefined && elem != out[i].Type {
				t.Errorf("%s: output %d is %v, inferred %v", g.name, i, out[i], elem)
			}
			shape, known := shapeOf(infos[i])
			if !known {
				continue
			}
			told++
			fits := len(shape) == out[i].Rank()
			for d := 0; fits && d < len(shape); d++ {
				fits = !shape[d].Known() || shape[d].Size == out[i].Shape[d]
			}
			if !fits {
				t.Errorf("%s: output %d is %v, inferred %v", g.name, i, out[i], shape)
			}
		}
	}
	if told < 40 {
		t.Errorf("inference told only %d shapes", told)
	}
}

// float16 inputs give float16 outputs close to those of float32.
func TestMicrosoftFloat16(t *testing.T) {
	var cases []goldenCase
	for _, list := range [][]goldenCase{goldenActivations(), goldenProducts(), goldenNorms(), goldenAttention(), goldenGroupQuery()} {
		cases = append(cases, list...)
	}
	for _, g := range cases {
		switch g.node.op {
		case "FusedGemm", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QAttention": // float32 only
			continue
		}
		halves := make([]*onnx.Tensor, len(g.inputs))
		for i, in := range g.inputs {
			halves[i] = in
			if in != nil && in.Type == onnx.Float32 {
				halves[i], _ = in.ConvertTo(onnx.Float16)
			}
		}
		want, err := g.node.evaluate(g.inputs...)
		if err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		got, err := g.node.evaluate(halves...)
		if err != nil {
			t.Errorf("%s: %v", g.name, err)
			continue
		}
		for i, w := range want {
			if w.Type != onnx.Float32 {
				continue
			}
			if got[i].Type != onnx.Float16 {
				t.Errorf("%s: output %d is %v", g.name, i, got[i])
				continue
			}
			for e, v := range widen(got[i]).Float32s() {
				if d := math.Abs(float64(v - w.Float32s()[e])); d > 0.02*(1+math.Abs(float64(v))) {
					t.Errorf("%s: output %d element %d is %v, want %v", g.name, i, e, v, w.Float32s()[e])
					break
				}
			}
		}
	}
}
