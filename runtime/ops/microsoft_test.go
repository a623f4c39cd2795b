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
