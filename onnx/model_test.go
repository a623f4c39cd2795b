package onnx

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// sameModel compares what the types of this package show, tensors bit by bit.
var sameModel = cmp.Options{
	cmpopts.IgnoreUnexported(Model{}, Graph{}, Node{}, Attribute{}, Function{}, ValueInfo{}, Type{}),
	cmpopts.EquateEmpty(),
	cmpopts.EquateNaNs(),
	cmp.Comparer(sameTensor),
}

func sameTensor(a, b *Tensor) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Name == b.Name && a.Type == b.Type && slices.Equal(a.Shape, b.Shape) &&
		bytes.Equal(a.raw, b.raw) && slices.Equal(a.Strings, b.Strings)
}

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

func TestModelRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel(t)
		if err := m.Check(); err != nil {
			t.Fatalf("the model made here is not valid: %v", err)
		}
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		read, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := read.Check(); err != nil {
			t.Fatalf("not valid after reading: %v", err)
		}
		if diff := cmp.Diff(m, read, sameModel); diff != "" {
			t.Fatalf("written and read (-, +):\n%s", diff)
		}
		for _, c := range []*Model{read, read.Clone()} {
			again, err := c.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(data, again) {
				t.Fatal("writing what was read gives other bytes")
			}
		}
	})
}

// TestCloneSharesNoStructure changes every part of a clone and looks whether
// the model changed.
func TestCloneSharesNoStructure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel(t)
		before, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		c := m.Clone()
		c.Opsets["new"] = 1
		for i := range c.Metadata {
			c.Metadata[i].Key = "changed"
		}
		spoilGraph(c.Graph)
		for _, f := range c.Functions {
			f.Inputs[0], f.Outputs[0], f.Attributes[0] = "changed", "changed", "changed"
			f.Defaults[0].Int++
			f.Opsets["new"] = 1
			spoilNodes(f.Nodes)
		}
		after, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, after) {
			t.Fatal("changing a clone changed the model")
		}
	})
}

func spoilGraph(g *Graph) {
	for i := range g.Inputs {
		v := &g.Inputs[i]
		v.Name = "changed"
		for j := range v.Type.Shape {
			v.Type.Shape[j].Size = 77
		}
		if v.Type.Of != nil {
			v.Type.Of.Kind = OpaqueType
		}
	}
	for i := range g.Initializers {
		g.Initializers[i] = Scalar(float32(1))
	}
	for i := range g.Outputs {
		g.Outputs[i].Name = "changed"
	}
	spoilNodes(g.Nodes)
}

func spoilNodes(nodes []*Node) {
	for _, n := range nodes {
		n.Op = "Changed"
		for i := range n.Inputs {
			n.Inputs[i] = "changed"
		}
		for i := range n.Attrs {
			a := &n.Attrs[i]
			for j := range a.Ints {
				a.Ints[j]++
			}
			for j := range a.Tensors {
				a.Tensors[j] = Scalar(float32(1))
			}
			if a.Type != nil {
				a.Type.Elem = Bool
			}
		}
		for _, g := range n.Subgraphs() {
			spoilGraph(g)
		}
	}
}

// TestUnknownFieldsAreKept writes fields of which this package knows nothing,
// and those that it does not show.
func TestUnknownFieldsAreKept(t *testing.T) {
	p := smallModel()
	unknown := []byte{0xf8, 0x7f, 0x2a}
	text := "text"
	p.XXX_unrecognized = unknown
	p.TrainingInfo = []*pb.TrainingInfoProto{{Algorithm: &pb.GraphProto{Name: &text}}}
	p.Configuration = []*pb.DeviceConfigurationProto{{Name: &text}}
	p.Graph.XXX_unrecognized = unknown
	p.Graph.QuantizationAnnotation = []*pb.TensorAnnotation{{TensorName: &text}}
	p.Graph.Input[0].MetadataProps = []*pb.StringStringEntryProto{{Key: &text}}
	p.Graph.Input[0].Type.Denotation = &text
	p.Graph.Initializer[0].DocString = &text
	p.Graph.Initializer[0].MetadataProps = []*pb.StringStringEntryProto{{Value: &text}}
	n := p.Graph.Node[0]
	n.XXX_unrecognized = unknown
	n.DeviceConfigurations = []*pb.NodeDeviceConfigurationProto{{ConfigurationId: &text}}
	n.Attribute = []*pb.AttributeProto{{Name: &text, DocString: &text, XXX_unrecognized: unknown, Type: pb.AttributeProto_INT.Enum()}}
	empty, long := "", "ai.onnx"
	p.OpsetImport[0].Domain = &empty
	n.Domain = &long
	data, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Graph.Nodes[0].Domain; got != "" {
		t.Errorf("domain ai.onnx is read as %q", got)
	}
	again, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, again) {
		t.Errorf("% x\nis written as\n% x", data, again)
	}
}

// smallModel returns the message of a valid model: y = Add(x, w).
func smallModel() *pb.ModelProto {
	ir, version := int64(8), int64(17)
	x, w, y, add := "x", "w", "y", "Add"
	elem := int32(Float32)
	raw := pb.Bytes(bytesOf([]float32{1, float32(math.Pi)}))
	return &pb.ModelProto{
		IrVersion:   &ir,
		OpsetImport: []*pb.OperatorSetIdProto{{Version: &version}},
		Graph: &pb.GraphProto{
			Node: []*pb.NodeProto{{OpType: &add, Input: []string{x, w}, Output: []string{y}}},
			Input: []*pb.ValueInfoProto{{Name: &x, Type: &pb.TypeProto{
				Value: &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{ElemType: &elem}}}}},
			Initializer: []*pb.TensorProto{{Name: &w, DataType: &elem, Dims: []int64{2}, RawData: &raw}},
			Output:      []*pb.ValueInfoProto{{Name: &y}},
		},
	}
}

// TestEditedModel changes a model that was read and looks at what is written.
func TestEditedModel(t *testing.T) {
	data, err := smallModel().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	m.Opsets[""], m.Opsets["kcompress"] = 21, 1
	m.Producer = "kcompress"
	m.Graph.Inputs[0].Type.Shape, m.Graph.Inputs[0].Type.HasShape = []Dim{{Size: 2}}, true
	m.Graph.Initializers[0] = FromSlice([]float64{1, 2}, 2)
	m.Graph.Initializers[0].Name = "w"
	m.Graph.Nodes[0].SetAttr(IntsAttr("axes", 1, 2))
	m.Graph.Nodes[0].SetAttr(IntAttr("axis", 0))
	m.Graph.Nodes[0].RemoveAttr("axes")
	out, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := Decode(out)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, read, sameModel, cmpopts.IgnoreFields(Model{}, "Path")); diff != "" {
		t.Errorf("edited and read (-, +):\n%s", diff)
	}
	var p pb.ModelProto
	if err := p.Unmarshal(out); err != nil {
		t.Fatal(err)
	}
	if a := p.Graph.Node[0].Attribute; len(a) != 1 || a[0].I == nil || *a[0].I != 0 {
		t.Errorf("an attribute of 0 must be written, got %v", a)
	}
}
