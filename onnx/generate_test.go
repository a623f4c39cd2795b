package onnx

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"
)

// anyDType draws an element type.
func anyDType(t *rapid.T) DType { return DType(rapid.IntRange(1, int(Int2)).Draw(t, "type")) }

// anyTensor draws a tensor of any type and shape.
func anyTensor(t *rapid.T, name string) *Tensor {
	shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")
	x := NewTensor(anyDType(t), shape...)
	x.Name = name
	for i := range x.Strings {
		x.Strings[i] = rapid.String().Draw(t, "string")
	}
	for i := range x.raw {
		x.raw[i] = rapid.Byte().Draw(t, "byte")
		if x.Type == Bool {
			x.raw[i] &= 1
		}
	}
	if bits := x.Len() * x.Type.Bits() % 8; bits != 0 {
		x.raw[len(x.raw)-1] &= 1<<bits - 1 // nothing behind the last element
	}
	return x
}

// modelMaker draws the parts of a model, with names that are used once.
type modelMaker struct {
	t      *rapid.T
	names  int
	levels int // of subgraphs that may still come
}

func (m *modelMaker) name(prefix string) string {
	m.names++
	return fmt.Sprint(prefix, m.names)
}

func (m *modelMaker) text() string { return rapid.String().Draw(m.t, "text") }

func (m *modelMaker) count(most int) int { return rapid.IntRange(0, most).Draw(m.t, "count") }

func (m *modelMaker) metadata() []Property {
	var props []Property
	for range m.count(2) {
		props = append(props, Property{m.text(), m.text()})
	}
	return props
}

func (m *modelMaker) typ(depth int) Type {
	kind := TypeKind(rapid.IntRange(0, int(MapType)).Draw(m.t, "kind"))
	switch kind {
	case TensorType:
		t := Type{Kind: kind, Elem: anyDType(m.t), HasShape: rapid.Bool().Draw(m.t, "has shape")}
		for range m.count(3) {
			d := Dim{Size: rapid.IntRange(-1, 5).Draw(m.t, "size")}
			if !d.Known() && t.HasShape && rapid.Bool().Draw(m.t, "symbolic") {
				d.Symbol = m.name("n")
			}
			if t.HasShape {
				t.Shape = append(t.Shape, d)
			}
		}
		return t
	case SequenceType, OptionalType, MapType:
		if depth == 0 {
			return Type{}
		}
		of := m.typ(depth - 1)
		t := Type{Kind: kind, Of: &of}
		if kind == MapType {
			t.Elem = Int64
		}
		return t
	}
	return Type{}
}

func (m *modelMaker) attribute() Attribute {
	a := Attribute{Name: m.name("attr"), Kind: AttrKind(rapid.IntRange(1, int(AttrTypes)).Draw(m.t, "kind"))}
	n := m.count(3)
	switch a.Kind {
	case AttrFloat:
		a.Float = rapid.Float32().Draw(m.t, "f")
	case AttrInt:
		a.Int = rapid.Int64().Draw(m.t, "i")
	case AttrString:
		a.String = m.text()
	case AttrTensor, AttrSparse:
		a.Tensor = anyTensor(m.t, "")
	case AttrGraph:
		a.Graph = m.graph(nil)
	case AttrType:
		t := m.typ(2)
		t.Kind, t.Elem = TensorType, Float32
		t.Of = nil
		a.Type = &t
	case AttrFloats:
		a.Floats = rapid.SliceOfN(rapid.Float32(), n, n).Draw(m.t, "floats")
	case AttrInts:
		a.Ints = rapid.SliceOfN(rapid.Int64(), n, n).Draw(m.t, "ints")
	case AttrStrings:
		a.Strings = rapid.SliceOfN(rapid.String(), n, n).Draw(m.t, "strings")
	case AttrTensors, AttrSparses:
		for range n {
			a.Tensors = append(a.Tensors, anyTensor(m.t, ""))
		}
	case AttrGraphs:
		for range n {
			a.Graphs = append(a.Graphs, m.graph(nil))
		}
	case AttrTypes:
		for range n {
			a.Types = append(a.Types, &Type{Kind: SequenceType, Of: &Type{Kind: TensorType, Elem: Int64}})
		}
	}
	return a
}

// graph draws a valid graph whose nodes may read the values of outer.
func (m *modelMaker) graph(outer []string) *Graph {
	g := &Graph{Name: m.text(), Doc: m.text(), Metadata: m.metadata()}
	values := slices.Clone(outer)
	for range m.count(2) {
		g.Inputs = append(g.Inputs, ValueInfo{Name: m.name("in"), Type: m.typ(2), Doc: m.text()})
		values = append(values, g.Inputs[len(g.Inputs)-1].Name)
	}
	for range m.count(3) {
		x := anyTensor(m.t, m.name("w"))
		g.Initializers = append(g.Initializers, x)
		values = append(values, x.Name)
	}
	if m.levels--; m.levels >= 0 {
		for range m.count(3) {
			g.Nodes = append(g.Nodes, m.node(&values))
		}
	}
	m.levels++
	if len(values) == 0 {
		g.Initializers = []*Tensor{anyTensor(m.t, m.name("w"))}
		values = []string{g.Initializers[0].Name}
	}
	g.Outputs = []ValueInfo{{Name: rapid.SampledFrom(values).Draw(m.t, "output"), Type: m.typ(1)}}
	return g
}

// node draws a node that reads some of values and adds its outputs to them.
func (m *modelMaker) node(values *[]string) *Node {
	n := &Node{Name: m.text(), Op: "Op" + m.text(), Domain: rapid.SampledFrom([]string{"", "kcompress"}).Draw(m.t, "domain"),
		Overload: m.text(), Doc: m.text(), Metadata: m.metadata()}
	for range m.count(2) {
		n.Inputs = append(n.Inputs, rapid.SampledFrom(append([]string{""}, *values...)).Draw(m.t, "input"))
	}
	for range m.count(2) {
		n.Attrs = append(n.Attrs, m.attribute())
	}
	n.Outputs = []string{m.name("v")}
	*values = append(*values, n.Outputs[0])
	return n
}

func (m *modelMaker) function() *Function {
	f := &Function{Name: m.name("F"), Domain: "kcompress", Doc: m.text(), Inputs: []string{"x"},
		Attributes: []string{"alpha"}, Defaults: []Attribute{IntAttr("beta", rapid.Int64().Draw(m.t, "beta"))},
		Opsets: map[string]int{"": 18, "kcompress": 1}, Metadata: m.metadata()}
	values := []string{"x"}
	n := m.node(&values)
	n.Attrs = append(n.Attrs, Attribute{Name: "to", Kind: AttrInt, RefName: "alpha"})
	f.Nodes, f.Outputs = []*Node{n}, n.Outputs
	return f
}

// anyModel draws a valid model.
func anyModel(t *rapid.T) *Model {
	m := modelMaker{t: t, levels: 2}
	model := &Model{
		IRVersion: int64(rapid.IntRange(3, 14).Draw(t, "ir")), Producer: m.text(), ProducerVersion: m.text(),
		Domain: m.text(), Version: rapid.Int64().Draw(t, "version"), Doc: m.text(),
		Opsets: map[string]int{"": 21, "kcompress": 1}, Metadata: m.metadata(), Graph: m.graph(nil),
	}
	for range m.count(2) {
		model.Functions = append(model.Functions, m.function())
	}
	return model
}
