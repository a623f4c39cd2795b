package onnxgo

import (
	"fmt"
	"maps"
	"slices"

	onnxgo "github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gorgonia.org/tensor"

	"github.com/kcompress/kcompress/onnx"
)

// edge says that from is computed from to, input number weight of an operator.
type edge struct {
	from, to *value
	weight   float64
}

// operation is one operator of the model, as ApplyOperation was told.
type operation struct {
	name            string
	attributes      []onnx.Attribute // sorted by name
	inputs, outputs []*value
}

// ApplyOperation says that the output nodes are computed by an operator from
// the nodes that they have edges to. It fails on attributes that the standard
// does not have, and on outputs that another operator computes.
func (b *Backend) ApplyOperation(operator onnxgo.Operation, outputs ...graph.Node) error {
	b.decoding = false
	if len(outputs) == 0 {
		return fmt.Errorf("operator %s has no output", operator.Name)
	}
	op := &operation{name: operator.Name}
	for _, n := range outputs {
		own := b.own(n)
		if own == nil {
			return b.failure
		}
		op.outputs = append(op.outputs, own.value)
	}
	var err error
	if op.attributes, err = convertAttributes(operator.Attributes); err != nil {
		return fmt.Errorf("operator %s with output %q: %w", op.name, op.outputs[0].name, err)
	}
	if op.inputs, err = b.takeEdges(op.outputs); err != nil {
		return fmt.Errorf("operator %s with output %q: %w", op.name, op.outputs[0].name, err)
	}
	if err := op.link(); err != nil {
		return err
	}
	b.changed()
	b.operations = append(b.operations, op)
	return nil
}

// link makes op the producer of its outputs and a consumer of its inputs.
func (op *operation) link() error {
	for _, v := range op.outputs {
		if v.name == "" {
			continue // an optional output that is absent
		}
		if v.producer != nil {
			return fmt.Errorf("value %q is computed twice, by %s and by %s", v.name, v.producer.name, op.name)
		}
		v.producer = op
	}
	for _, v := range op.inputs {
		v.consumed = true
	}
	return nil
}

// takeEdges removes the edges from the given outputs and returns the inputs
// that those of the first output tell. onnx-go sets the same edges for all.
func (b *Backend) takeEdges(outputs []*value) ([]*value, error) {
	var first []edge
	rest := b.edges[:0]
	for _, e := range b.edges {
		switch {
		case e.from == outputs[0]:
			first = append(first, e)
		case !slices.Contains(outputs, e.from):
			rest = append(rest, e)
		}
	}
	b.edges = rest
	inputs := make([]*value, len(first))
	count := 0
	for _, e := range first {
		i := int(e.weight)
		if i < 0 || i >= len(first) || float64(i) != e.weight {
			return nil, fmt.Errorf("input number %v where there are %d", e.weight, len(first))
		}
		if inputs[i] != nil && inputs[i] != e.to {
			return nil, fmt.Errorf("input number %d is both %q and %q", i, inputs[i].name, e.to.name)
		}
		inputs[i] = e.to
		count = max(count, i+1)
	}
	// There are fewer inputs than edges if an output is listed twice.
	inputs = inputs[:count]
	if i := slices.Index(inputs, nil); i >= 0 {
		return nil, fmt.Errorf("input number %d is missing", i)
	}
	return inputs, nil
}

func convertAttributes(attributes map[string]any) ([]onnx.Attribute, error) {
	var converted []onnx.Attribute
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a, err := convertAttribute(name, attributes[name])
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
		converted = append(converted, a)
	}
	return converted, nil
}

// convertAttribute takes the Go types that onnx-go makes of attributes.
func convertAttribute(name string, v any) (onnx.Attribute, error) {
	switch v := v.(type) {
	case float32:
		return onnx.FloatAttr(name, v), nil
	case int64:
		return onnx.IntAttr(name, v), nil
	case string:
		return onnx.StringAttr(name, v), nil
	case []float32:
		return onnx.FloatsAttr(name, v...), nil
	case []int64:
		return onnx.IntsAttr(name, v...), nil
	case []string:
		return onnx.StringsAttr(name, v...), nil
	case tensor.Tensor:
		t, err := toONNX(v)
		if err != nil {
			return onnx.Attribute{}, err
		}
		return onnx.TensorAttr(name, t), nil
	}
	return onnx.Attribute{}, fmt.Errorf("has a value of type %T, which no attribute has", v)
}
