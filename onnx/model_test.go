package onnx

import (
	"bytes"
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
