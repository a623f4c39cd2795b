package ops

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// goBody is a subgraph written in Go.
type goBody func(in []onnx.Value) []onnx.Value

// Run implements Body.
func (b goBody) Run(_ *Call, in []onnx.Value) ([]onnx.Value, error) { return b(in), nil }

// bodyNode returns a node with a body of the given number of inputs and of
// float32 outputs.
func bodyNode(op string, opset, inputs, outputs, bodyInputs, bodyOutputs int, body goBody, attrs ...onnx.Attribute) *Node {
	g := &onnx.Graph{Inputs: make([]onnx.ValueInfo, bodyInputs)}
	for range bodyOutputs {
		g.Outputs = append(g.Outputs, onnx.ValueInfo{Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true}})
	}
	attrs = append(attrs, onnx.Attribute{Name: "body", Kind: onnx.AttrGraph, Graph: g})
	n := testNode(op, opset, inputs, outputs, attrs...)
	n.Compile = func(*onnx.Graph) (Body, error) { return body, nil }
	return n
}

// addStep is a body of a scan: state += element, and the new state is also the
// element of the output.
func addStep(in []onnx.Value) []onnx.Value {
	a, b := in[0].(*onnx.Tensor), in[1].(*onnx.Tensor)
	sum := onnx.NewTensor(onnx.Float32, a.Shape...)
	for i := range sum.Float32s() {
		sum.Float32s()[i] = a.Float32s()[i] + b.Float32s()[i]
	}
	return []onnx.Value{sum, sum}
}

func TestLoopCountsAndStops(t *testing.T) {
	// The state doubles; the loop ends when it reaches 100.
	body := func(in []onnx.Value) []onnx.Value {
		v := in[2].(*onnx.Tensor).Float32s()[0] * 2
		return []onnx.Value{onnx.Scalar(v < 100), onnx.Scalar(v), onnx.Scalar(v)}
	}
	for _, c := range []struct {
		trips  onnx.Value
		cond   onnx.Value
		states []float32
	}{
		{onnx.Scalar(int64(3)), nil, []float32{6, 12, 24}},
		{onnx.Scalar(int64(7)), nil, []float32{6, 12, 24, 48, 96, 192, 384}}, // the condition is not used
		{nil, onnx.Scalar(true), []float32{6, 12, 24, 48, 96, 192}},
		{onnx.Scalar(int64(100)), onnx.Scalar(true), []float32{6, 12, 24, 48, 96, 192}},
		{nil, onnx.Scalar(false), nil},
		{onnx.Scalar(int64(-2)), nil, nil},
	} {
		out, err := runNode(bodyNode("Loop", 16, 3, 2, 3, 3, body), c.trips, c.cond, onnx.Scalar(float32(3)))
		if err != nil {
			t.Fatal(err)
		}
		last := float32(3)
		if len(c.states) > 0 {
			last = c.states[len(c.states)-1]
		}
		if got := out[0].(*onnx.Tensor).Float32s()[0]; got != last {
			t.Errorf("final state %v, expected %v", got, last)
		}
		if got := out[1].(*onnx.Tensor); !slices.Equal(got.Float32s(), c.states) || got.Shape[0] != len(c.states) {
			t.Errorf("scan output %v %v, expected %v", got, got.Float32s(), c.states)
		}
	}
}

func TestEndlessLoopCanBeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	count := 0
	n := bodyNode("Loop", 16, 2, 0, 2, 1, func([]onnx.Value) []onnx.Value {
		if count++; count == 10 {
			cancel()
		}
		return []onnx.Value{onnx.Scalar(true)}
	})
	kernel, err := Lookup("", "Loop", 16).Build(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := kernel(NewCall(ctx, []onnx.Value{nil, nil}, 0)); err == nil || count != 10 {
		t.Errorf("error %v after %d iterations", err, count)
	}
}

func TestLoopsAreNotComputedAtLoad(t *testing.T) {
	for _, name := range []string{"If", "Loop", "Scan", "SequenceMap"} {
		if !Lookup("", name, 20).Random {
			t.Errorf("%s may be folded: a model with an endless loop would hang when opened", name)
		}
	}
}

// TestScanAxesAndDirections compares with sums over slices.
func TestScanAxesAndDirections(t *testing.T) {
	x := counting(2, 3, 4) // time is axis 1
	for _, reversed := range []int{0, 1} {
		for _, outReversed := range []int{0, 1} {
			n := bodyNode("Scan", 11, 2, 2, 2, 2, addStep, intAttr("num_scan_inputs", 1), intsAttr("scan_input_axes", 1),
				intsAttr("scan_output_axes", -1), intsAttr("scan_input_directions", reversed), intsAttr("scan_output_directions", outReversed))
			out, err := runNode(n, onnx.NewTensor(onnx.Float32, 2, 4), x)
			if err != nil {
				t.Fatal(err)
			}
			y := out[1].(*onnx.Tensor)
			wantShape(t, y, 2, 4, 3)
			eachIndex([]int{2, 4}, func(index []int) {
				sum := float32(0)
				for step := range 3 {
					from, to := step, step
					if reversed == 1 {
						from = 2 - step
					}
					if outReversed == 1 {
						to = 2 - step
					}
					sum += x.Float32s()[(index[0]*3+from)*4+index[1]]
					if got := y.Float32s()[(index[0]*4+index[1])*3+to]; got != sum {
						t.Errorf("element %v of step %d is %v, expected %v", index, step, got, sum)
					}
				}
				if got := out[0].(*onnx.Tensor).Float32s()[index[0]*4+index[1]]; got != sum {
					t.Errorf("final state %v is %v, expected %v", index, got, sum)
				}
			})
		}
	}
}

func TestScan8StopsAtTheLengthOfEachSample(t *testing.T) {
	x := onnx.FromSlice([]float32{1, 2, 3, 10, 20, 30}, 2, 3, 1)
	n := bodyNode("Scan", 8, 3, 2, 2, 2, addStep, intAttr("num_scan_inputs", 1))
	out, err := runNode(n, int64s(2, 3), onnx.NewTensor(onnx.Float32, 2, 1), x)
	if err != nil {
		t.Fatal(err)
	}
	if got := out[0].(*onnx.Tensor).Float32s(); !slices.Equal(got, []float32{3, 60}) {
		t.Errorf("final states %v", got)
	}
	if got := out[1].(*onnx.Tensor).Float32s(); !slices.Equal(got, []float32{1, 3, 0, 10, 30, 60}) {
		t.Errorf("scan output %v", got)
	}
}

func TestScanOutputsMustKeepTheirShape(t *testing.T) {
	size := 0
	n := bodyNode("Loop", 16, 2, 1, 2, 2, func([]onnx.Value) []onnx.Value {
		size++
		return []onnx.Value{onnx.Scalar(true), counting(size)}
	})
	if _, err := runNode(n, onnx.Scalar(int64(2)), nil); err == nil || !strings.Contains(err.Error(), "first iteration") {
		t.Errorf("error %v", err)
	}
}

func TestScanOutputsAreBounded(t *testing.T) {
	n := bodyNode("Loop", 16, 2, 1, 2, 2, func([]onnx.Value) []onnx.Value {
		return []onnx.Value{onnx.Scalar(true), counting(1000)}
	})
	kernel, err := Lookup("", "Loop", 16).Build(n)
	if err != nil {
		t.Fatal(err)
	}
	c := NewCall(context.Background(), []onnx.Value{onnx.Scalar(int64(1 << 60)), nil}, 1)
	c.Frame = &limitedFrame{}
	if err := kernel(c); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("error %v", err)
	}
}

// limitedFrame allows tensors of a megabyte.
type limitedFrame struct{ reusingFrame }

func (*limitedFrame) Limit() int { return 1 << 20 }

func TestIfCompilesOnlyTheBranchThatIsTaken(t *testing.T) {
	graph := func(name string) onnx.Attribute {
		return onnx.Attribute{Name: name, Kind: onnx.AttrGraph, Graph: &onnx.Graph{Name: name, Outputs: make([]onnx.ValueInfo, 1)}}
	}
	for _, known := range []bool{false, true} {
		n := testNode("If", 16, 1, 1, graph("then_branch"), graph("else_branch"))
		var compiled []string
		n.Compile = func(g *onnx.Graph) (Body, error) {
			compiled = append(compiled, g.Name)
			return goBody(func([]onnx.Value) []onnx.Value { return []onnx.Value{onnx.FromStrings([]string{g.Name})} }), nil
		}
		condition := onnx.Scalar(false)
		if known {
			n.Constants = []*onnx.Tensor{condition}
		}
		if got := run1(t, n, condition).Strings[0]; got != "else_branch" {
			t.Errorf("took %s", got)
		}
		if known != (len(compiled) == 1) {
			t.Errorf("compiled %v", compiled)
		}
	}
}
