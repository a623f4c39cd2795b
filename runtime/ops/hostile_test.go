package ops_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// smallFrame gives memory from the heap, but little of it.
type smallFrame struct{}

const smallLimit = 8 << 20

func (smallFrame) Output(_ *ops.Call, _ int, t onnx.DType, shape []int) (*onnx.Tensor, error) {
	return onnx.NewTensor(t, shape...), nil
}
func (smallFrame) Reuse(*ops.Call, int, int) *onnx.Tensor { return nil }
func (smallFrame) Alias(c *ops.Call, _, in, from int, shape []int) *onnx.Tensor {
	return ops.PartOf(c.Tensor(in), from, shape)
}
func (smallFrame) Scratch(_ *ops.Call, bytes int) ([]byte, error) {
	if bytes < 0 || bytes > smallLimit {
		return nil, errors.New("scratch memory exceeds the limit")
	}
	return onnx.AlignedBytes(bytes), nil
}
func (smallFrame) Captured(string) (onnx.Value, bool) { return nil, false }
func (smallFrame) Limit() int                         { return smallLimit }

// attempt builds and runs a node and infers its outputs. Errors are fine; it
// returns what a panic says.
func attempt(op *ops.Operator, node *onnx.Node, opset int, inputs []onnx.Value, constants bool) (panicked error) {
	defer func() {
		if r := recover(); r != nil {
			panicked = fmt.Errorf("%v\n%s", r, debug.Stack())
		}
	}()
	n := &ops.Node{Node: node, Opset: opset}
	for i, v := range inputs {
		t, _ := v.(*onnx.Tensor)
		if v == nil && i < op.MinInputs || v != nil && t == nil && !op.Values {
			return nil // the session refuses this
		}
		info := inputInfo(v, i, knowShapes, nil)
		if constants {
			info.Const = t
		}
		n.Types = append(n.Types, info)
		n.Constants = append(n.Constants, info.Const)
	}
	if op.Infer != nil {
		_, _ = op.Infer(n, n.Types)
	}
	kernel, err := op.Build(n)
	if err != nil || n.Err() != nil {
		return nil
	}
	c := ops.NewCall(context.Background(), inputs, len(node.Outputs))
	c.Frame = smallFrame{}
	_ = kernel(c)
	return nil
}

// hostileTensors returns variants of an input that no well-meaning model has.
func hostileTensors(t *onnx.Tensor) []onnx.Value {
	variants := []onnx.Value{
		nil,
		onnx.NewTensor(t.Type),
		onnx.NewTensor(t.Type, 0),
		onnx.NewTensor(t.Type, 2, 0, 3),
		onnx.NewTensor(t.Type, append([]int{1}, t.Shape...)...),
		onnx.NewTensor(t.Type, append([]int{3}, t.Shape...)...),
		onnx.NewTensor(onnx.Float32, t.Shape...),
		onnx.NewTensor(onnx.Int64, t.Shape...),
		onnx.NewTensor(onnx.String, t.Shape...),
		onnx.NewTensor(onnx.Int4, t.Shape...),
		onnx.NewTensor(onnx.Complex64, t.Shape...),
		&onnx.Sequence{Elem: t.Type},
		&onnx.Optional{},
	}
	for a := range t.Shape {
		shape := append([]int(nil), t.Shape...)
		shape[a]++
		variants = append(variants, onnx.NewTensor(t.Type, shape...), onnx.NewTensor(t.Type, t.Shape[a]))
		shape[a] = 0
		variants = append(variants, onnx.NewTensor(t.Type, shape...))
	}
	for _, value := range []int64{-1, 0, 1, 1 << 33, math.MinInt64, math.MaxInt64} {
		switch t.Type {
		case onnx.Int64:
			v := onnx.NewTensor(t.Type, t.Shape...)
			for i := range v.Int64s() {
				v.Int64s()[i] = value
			}
			variants = append(variants, v)
		case onnx.Float32:
			v := onnx.NewTensor(t.Type, t.Shape...)
			for i := range v.Float32s() {
				v.Float32s()[i] = float32(value)
			}
			variants = append(variants, v)
		}
	}
	if t.Type == onnx.Float32 {
		v := onnx.NewTensor(t.Type, t.Shape...)
		for i := range v.Float32s() {
			v.Float32s()[i] = float32(math.NaN())
		}
		variants = append(variants, v)
	}
	return variants
}

// hostileNodes returns variants of a node with senseless attributes and too
// few outputs or inputs.
func hostileNodes(node *onnx.Node) []*onnx.Node {
	var variants []*onnx.Node
	add := func(change func(n *onnx.Node)) {
		n := *node
		n.Attrs = append([]onnx.Attribute(nil), node.Attrs...)
		change(&n)
		variants = append(variants, &n)
	}
	add(func(n *onnx.Node) { n.Attrs = nil })
	add(func(n *onnx.Node) { n.Outputs = append(append([]string(nil), n.Outputs...), "more") })
	for i, a := range node.Attrs {
		add(func(n *onnx.Node) { n.Attrs = append(n.Attrs[:i:i], n.Attrs[i+1:]...) })
		add(func(n *onnx.Node) { n.Attrs[i].String = "nonsense" })
		add(func(n *onnx.Node) { n.Attrs[i].Kind = onnx.AttrStrings })
		add(func(n *onnx.Node) { n.Attrs[i].Tensor = nil })
		add(func(n *onnx.Node) { n.Attrs[i].Ints = nil; n.Attrs[i].Floats = nil; n.Attrs[i].Strings = nil })
		add(func(n *onnx.Node) {
			if len(a.Ints) > 0 {
				n.Attrs[i].Ints = a.Ints[1:]
			}
		})
		for _, value := range []int64{-3, -1, 0, 1, 7, 1 << 33, math.MinInt64, math.MaxInt64} {
			add(func(n *onnx.Node) {
				n.Attrs[i].Int = value
				n.Attrs[i].Float = float32(value)
				n.Attrs[i].Ints = append([]int64(nil), a.Ints...)
				for k := range n.Attrs[i].Ints {
					n.Attrs[i].Ints[k] = value
				}
			})
		}
	}
	return variants
}

// TestHostileNodesDoNotPanic runs variants of the cases of the suite that make
// no sense: any error is fine, a panic is not.
func TestHostileNodesDoNotPanic(t *testing.T) {
	perOperator := map[string]int{}
	runs := 0
	check := func(c *suiteCase, node *onnx.Node, inputs []onnx.Value) bool {
		for _, constants := range []bool{false, true} {
			runs++
			if err := attempt(c.op, node, c.opset, inputs, constants); err != nil {
				t.Errorf("%s: attributes %+v, inputs %v: %v", c.name, node.Attrs, inputs, err)
				return false
			}
		}
		return true
	}
	for _, c := range suiteCases(t) {
		name := c.node.Op
		if hasGraph(c.node) || perOperator[name] >= 6 || c.op.Build == nil {
			continue
		}
		perOperator[name]++
		ok := true
		for i, v := range c.inputs {
			x, isTensor := v.(*onnx.Tensor)
			if !isTensor {
				continue
			}
			for _, variant := range hostileTensors(x) {
				inputs := append([]onnx.Value(nil), c.inputs...)
				inputs[i] = variant
				ok = ok && check(&c, c.node, inputs)
			}
		}
		for _, node := range hostileNodes(c.node) {
			ok = ok && check(&c, node, c.inputs)
		}
	}
	t.Logf("%d runs of %d operators", runs, len(perOperator))
}

func hasGraph(n *onnx.Node) bool {
	for _, a := range n.Attrs {
		if a.Graph != nil {
			return true
		}
	}
	return false
}
