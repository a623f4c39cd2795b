package onnxgo

import (
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/kcompress/kcompress/onnx"
)

// onnx-go does not say which values are inputs, initializers or outputs of the
// model. It makes nodes in a fixed order, though: first one for each input,
// inner value with a stated type, and output of the file, in this order, each
// followed at once by SetTensor with zeros of the stated shape (symbolic sizes
// left out). Then come the initializers: SetTensor on the node of that name, or
// on a new one. Edges and operators follow. Hence:
//
//   - SetTensor on a node that has a tensor, or is not the newest: an
//     initializer for certain (decodedTensor).
//   - The last node with a type that is computed by an operator, has the name
//     of an earlier node, or is an initializer for certain: the last output, or
//     it comes before that. Nodes after it are initializers, those before it
//     that are neither computed nor initializers are inputs (findRoles).

// roles tells what the values that no operator computes are.
type roles struct {
	inputs   []*value // in the order of the file
	constant map[*value]bool
}

// decodedTensor notes a call of SetTensor while onnx-go decodes the model.
func (b *Backend) decodedTensor(n *Node, t tensor.Tensor) {
	b.changed()
	newest := b.nodes[len(b.nodes)-1]
	if n.typed || n != newest {
		n.value.constant = true
	}
	n.typed, n.value.typed = true, true
	n.value.tensor, n.value.placeholder = t, t
}

func (b *Backend) roles() *roles {
	if b.known == nil {
		b.known = b.findRoles()
	}
	return b.known
}

func (b *Backend) findRoles() *roles {
	lastOutput := -1
	for _, v := range b.values {
		if v.typed && (v.producer != nil || v.first != v.last || v.constant) {
			lastOutput = max(lastOutput, v.last)
		}
	}
	r := &roles{constant: map[*value]bool{}}
	for i, n := range b.nodes {
		v := n.value
		switch {
		case !n.added || v.producer != nil || v.first != i || v.name == "":
		case v.constant, v.typed && lastOutput >= 0 && i > lastOutput:
			r.constant[v] = true
		case v.typed, v.fed, i < lastOutput:
			r.inputs = append(r.inputs, v)
		}
	}
	return r
}

// outputs returns the values that the runtime is to compute. The outputs of the
// file are the last computed values with a type; those before them may be inner
// values, which GetTensor asks for if they are not. With random operators all
// values are computed at once, since they would be others later.
func (b *Backend) outputs() []*value {
	random := slices.ContainsFunc(b.operations, (*operation).random)
	var chosen, loose []*value
	var last *value
	for i, n := range b.nodes {
		v := n.value
		if v.producer == nil || v.first != i {
			continue
		}
		if v.typed && (last == nil || v.last > last.last) {
			last = v
		}
		switch {
		case random, v.requested, v.typed && !v.consumed:
			chosen = append(chosen, v)
		case !v.consumed:
			loose = append(loose, v)
		}
	}
	if last != nil && !slices.Contains(chosen, last) {
		chosen = append(chosen, last)
	}
	if len(chosen) == 0 {
		return loose // the file states no types of outputs
	}
	return chosen
}

// random reports whether op gives other values each time.
func (op *operation) random() bool {
	switch op.name {
	case "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli":
		return true
	case "Dropout": // input 2 is training_mode (opset 12)
		return len(op.inputs) > 2
	}
	return false
}

// model returns the graph as a model and the values of its inputs, in order.
func (b *Backend) model() (*onnx.Model, []*value, error) {
	if b.failure != nil {
		return nil, nil, b.failure
	}
	if len(b.operations) == 0 {
		return nil, nil, fmt.Errorf("the graph has no operators")
	}
	r := b.roles()
	inputs, err := b.usedInputs(r)
	if err != nil {
		return nil, nil, err
	}
	g := &onnx.Graph{Name: "onnx-go"}
	for _, v := range inputs {
		t, err := v.elementType()
		if err != nil {
			return nil, nil, fmt.Errorf("input %q: %w", v.name, err)
		}
		g.Inputs = append(g.Inputs, tensorInfo(v.name, t))
	}
	for _, n := range b.nodes {
		if v := n.value; r.constant[v] && v.consumed && b.nodes[v.first] == n {
			t, err := toONNX(v.tensor)
			if err != nil {
				return nil, nil, fmt.Errorf("initializer %q: %w", v.name, err)
			}
			t.Name = v.name
			g.Initializers = append(g.Initializers, t)
		}
	}
	for _, v := range b.outputs() {
		g.Outputs = append(g.Outputs, tensorInfo(v.name, onnx.Undefined))
	}
	opsets := b.opsets()
	for _, op := range b.operations {
		g.Nodes = append(g.Nodes, op.node())
	}
	m := &onnx.Model{IRVersion: 7, Producer: "onnx-go", Opsets: opsets, Graph: g}
	if err := g.Sort(); err != nil {
		return nil, nil, err
	}
	return m, inputs, m.Check()
}

// elementType returns the element type that the file states for an input, or
// that of the present tensor if it states none.
func (v *value) elementType() (onnx.DType, error) {
	stated := v.tensor
	if v.placeholder != nil {
		stated = v.placeholder
	}
	t, err := toONNX(stated)
	if err != nil {
		return onnx.Undefined, err
	}
	return t.Type, nil
}

// usedInputs returns the inputs that operators read. It fails on values that
// are neither computed nor set, naming all of them.
func (b *Backend) usedInputs(r *roles) ([]*value, error) {
	var used []*value
	for _, v := range r.inputs {
		if v.consumed {
			used = append(used, v)
		}
	}
	var missing []string
	for _, op := range b.operations {
		for _, v := range op.inputs {
			known := v.name == "" || v.producer != nil || r.constant[v] || v.fed || op.standIn(v)
			if !known && !slices.Contains(missing, v.name) {
				missing = append(missing, v.name)
			}
		}
	}
	if missing != nil {
		return nil, fmt.Errorf("no tensor has been set for %q", missing)
	}
	return used, nil
}

// standIn reports whether v is the input that onnx-go makes up for an operator
// that has none, such as Constant: a node named after the operator, without a
// type.
func (op *operation) standIn(v *value) bool {
	return len(op.inputs) == 1 && !v.typed && !v.fed && v.producer == nil && strings.HasSuffix(v.name, "/input")
}

// node returns op as a node of the runtime's model.
func (op *operation) node() *onnx.Node {
	n := &onnx.Node{Op: op.name, Domain: domainOf(op.name), Attrs: op.attributes}
	for _, v := range op.outputs {
		n.Outputs = append(n.Outputs, v.name)
	}
	for _, v := range op.inputs {
		if !op.standIn(v) {
			n.Inputs = append(n.Inputs, v.name)
		}
	}
	return n
}

// tensorInfo declares a tensor of any shape.
func tensorInfo(name string, t onnx.DType) onnx.ValueInfo {
	return onnx.ValueInfo{Name: name, Type: onnx.Type{Kind: onnx.TensorType, Elem: t}}
}
