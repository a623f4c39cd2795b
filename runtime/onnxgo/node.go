package onnxgo

import (
	"fmt"

	onnxgo "github.com/owulveryck/onnx-go"
	"gorgonia.org/tensor"
)

var (
	_ onnxgo.Namer       = (*Node)(nil)
	_ onnxgo.DataCarrier = (*Node)(nil)
)

// Node is a node of the graph, which stands for a value of the model: an input,
// an initializer or the output of an operator. Nodes of one name stand for the
// same value.
type Node struct {
	backend *Backend
	id      int64
	added   bool
	typed   bool // SetTensor was called while onnx-go decoded the model
	value   *value
}

// value is a named value of the model.
type value struct {
	name string
	// first and last are positions in Backend.nodes of nodes with this name.
	first, last int
	producer    *operation
	consumed    bool
	// tensor is what SetTensor was called with last: a placeholder of zeros,
	// an initializer, or an input.
	tensor tensor.Tensor
	// placeholder is what it was called with while the model was decoded.
	placeholder tensor.Tensor
	// typed: SetTensor was called while the model was decoded.
	typed bool
	// constant: that was with an initializer, for certain; see model.go.
	constant bool
	// fed: SetTensor was called after the model was decoded.
	fed bool
	// requested: GetTensor asked for it, although it is not known as an output.
	requested bool
	result    tensor.Tensor
}

// ID returns the number of the node in the graph.
func (n *Node) ID() int64 { return n.id }

// GetName returns the name of the value. It is empty for an optional input or
// output that is absent.
func (n *Node) GetName() string { return n.value.name }

// SetName makes n stand for the value of that name.
func (n *Node) SetName(name string) {
	b := n.backend
	position := int(n.id - firstID)
	if v, ok := b.values[name]; ok {
		v.last = position
		n.value = v
		return
	}
	n.value = &value{name: name, first: position, last: position}
	b.values[name] = n.value
}

// SetTensor gives an input its value, or replaces an initializer. It keeps t,
// which is read by each Run. An initializer is read by the first Run alone: set
// it again if its elements change. Values that an operator computes can not be
// set.
//
// Elements of another type than the file states for the input are converted if
// that changes none of them, such as []int to int32; otherwise Run fails.
func (n *Node) SetTensor(t tensor.Tensor) error {
	b, v := n.backend, n.value
	if b.decoding {
		b.decodedTensor(n, t)
		return nil
	}
	if v.producer != nil {
		return fmt.Errorf("value %q is computed by operator %s and can not be set", v.name, v.producer.name)
	}
	if v.name == "" {
		return fmt.Errorf("an absent value can not be set")
	}
	if t == nil {
		return fmt.Errorf("value %q can not be set to nil", v.name)
	}
	if !v.fed || b.roles().constant[v] {
		b.changed()
	}
	v.tensor, v.fed = t, true
	return nil
}

// GetTensor returns the result of the last Run for a value that an operator
// computes, or else what SetTensor was called with; nil if there is neither.
//
// The runtime computes no inner value that nobody wants. The first call for one
// makes it compute the graph once more, with the inputs of the last Run; later
// runs have the value at once.
func (n *Node) GetTensor() tensor.Tensor {
	b, v := n.backend, n.value
	if v.producer == nil || v.name == "" || b.inputs == nil {
		return v.tensor
	}
	if v.result == nil {
		v.requested = true
		b.changed()
		if b.prepare() != nil || b.compute() != nil {
			return nil
		}
	}
	return v.result
}
