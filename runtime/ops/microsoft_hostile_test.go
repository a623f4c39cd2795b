package ops

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// tightFrame gives memory from the heap, but little of it.
type tightFrame struct{}

const tightLimit = 8 << 20

func (tightFrame) Output(_ *Call, _ int, t onnx.DType, shape []int) (*onnx.Tensor, error) {
	return onnx.NewTensor(t, shape...), nil
}
func (tightFrame) Reuse(*Call, int, int) *onnx.Tensor { return nil }
func (tightFrame) Alias(c *Call, _, in, from int, shape []int) *onnx.Tensor {
	return PartOf(c.Tensor(in), from, shape)
}
func (tightFrame) Scratch(_ *Call, bytes int) ([]byte, error) {
	if bytes < 0 || bytes > tightLimit {
		return nil, errors.New("scratch memory exceeds the limit")
	}
	return onnx.AlignedBytes(bytes), nil
}
func (tightFrame) Captured(string) (onnx.Value, bool) { return nil, false }
func (tightFrame) Limit() int                         { return tightLimit }

// build returns the node of a case and the values of its inputs.
func (g goldenCase) build() (*Node, []onnx.Value) {
	n := &Node{Node: &onnx.Node{Op: g.node.op, Domain: g.node.domain, Attrs: g.node.attrs}, Opset: g.node.opset}
	values := make([]onnx.Value, len(g.inputs))
	for i, t := range g.inputs {
		name, info, constant := "", Info{}, (*onnx.Tensor)(nil)
		if t != nil {
			values[i], name = t, fmt.Sprint("in", i)
			info = UnknownShape(t.Type)
			info.Type.HasShape = true
			for _, s := range t.Shape {
				info.Type.Shape = append(info.Type.Shape, onnx.Dim{Size: s})
			}
			if g.node.constants[i] {
				constant = t
			}
		}
		n.Inputs, n.Constants, n.Types = append(n.Inputs, name), append(n.Constants, constant), append(n.Types, info)
	}
	for i := range g.node.outputs {
		n.Outputs = append(n.Outputs, fmt.Sprint("out", i))
	}
	return n, values
}

// survives builds, infers and runs a case and returns what a panic says.
func (g goldenCase) survives() (panicked error) {
	defer func() {
		if r := recover(); r != nil {
			panicked = fmt.Errorf("%v\n%s", r, debug.Stack())
		}
	}()
	op := Lookup(g.node.domain, g.node.op, g.node.opset)
	if len(g.inputs) < op.MinInputs {
		return nil // the session refuses this, and absent ones below
	}
	for i := range op.MinInputs {
		if g.inputs[i] == nil {
			return nil
		}
	}
	n, values := g.build()
	if op.Infer != nil {
		_, _ = op.Infer(n, n.Types)
	}
	kernel, err := op.Build(n)
	if err != nil || n.Err() != nil {
		return nil
	}
	c := NewCall(context.Background(), values, g.node.outputs)
	c.Frame = tightFrame{}
	_ = kernel(c)
	return nil
}

// twisted returns variants of a tensor that no well-meaning model has.
func twisted(t *onnx.Tensor) []*onnx.Tensor {
	variants := []*onnx.Tensor{
		nil, onnx.NewTensor(t.Type), onnx.NewTensor(t.Type, 0), onnx.NewTensor(t.Type, 2, 0, 3), onnx.NewTensor(t.Type, 7),
		onnx.NewTensor(t.Type, append([]int{1}, t.Shape...)...), onnx.NewTensor(t.Type, append([]int{2}, t.Shape...)...),
		onnx.NewTensor(onnx.Float32, t.Shape...), onnx.NewTensor(onnx.Float64, t.Shape...), onnx.NewTensor(onnx.Float16, t.Shape...),
		onnx.NewTensor(onnx.Int64, t.Shape...), onnx.NewTensor(onnx.String, t.Shape...), onnx.NewTensor(onnx.Int4, t.Shape...), onnx.NewTensor(onnx.Uint8, t.Shape...),
	}
	for a := range t.Shape {
		shape := append([]int(nil), t.Shape...)
		shape[a]++
		variants = append(variants, onnx.NewTensor(t.Type, shape...))
		shape[a] = 0
		variants = append(variants, onnx.NewTensor(t.Type, shape...))
	}
	for _, value := range []int32{-1, 1, math.MinInt32, math.MaxInt32} {
		if t.Type == onnx.Int32 {
			v := onnx.NewTensor(t.Type, t.Shape...)
			for i := range onnx.View[int32](v) {
				onnx.View[int32](v)[i] = value
			}
			variants = append(variants, v)
		}
	}
	return variants
}

// Nodes that make no sense may give any error, but must not panic.
func TestMicrosoftOperatorsDoNotPanic(t *testing.T) {
	for _, g := range goldenCases() {
		check := func(g goldenCase) {
			constants := g.node.constants
			for _, constant := range []bool{false, true} {
				if !constant {
					g.node.constants = make([]bool, len(constants))
				} else {
					g.node.constants = constants
				}
				if err := g.survives(); err != nil {
					t.Errorf("%s with inputs %v, attributes %+v: %v", g.name, g.inputs, g.node.attrs, err)
				}
			}
		}
		for i, in := range g.inputs {
			if in == nil {
				continue
			}
			for _, v := range twisted(in) {
				h := g
				h.inputs = append([]*onnx.Tensor(nil), g.inputs...)
				h.inputs[i] = v
				check(h)
			}
			short := g
			short.inputs = g.inputs[:i]
			check(short)
		}
		for i := range g.node.attrs {
			for _, value := range []int64{-3, -1, 0, 1, 7, 1 << 33, math.MinInt64, math.MaxInt64} {
				h := g
				h.node.attrs = append([]onnx.Attribute(nil), g.node.attrs...)
				a := &h.node.attrs[i]
				a.Int, a.Float, a.String = value, float32(value), "nonsense"
				a.Ints = make([]int64, len(a.Ints))
				for k := range a.Ints {
					a.Ints[k] = value
				}
				check(h)
			}
			h := g
			h.node.attrs = append(append([]onnx.Attribute(nil), g.node.attrs[:i]...), g.node.attrs[i+1:]...)
			check(h)
		}
	}
}
