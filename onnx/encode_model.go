package onnx

import (
	"maps"
	"slices"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// Encoding starts from what was decoded, if anything, and replaces what the
// types of this package show. Fields that the file did not have stay absent
// while they are empty, so that an unchanged model is written as it was.

// encoder turns the types of this package into protobuf messages, which share
// their memory.
type encoder struct {
	// external takes the data of big initializers; nil keeps all inside.
	external *externalWriter
}

func (e *encoder) model(m *Model) *pb.ModelProto {
	p := &pb.ModelProto{}
	if m.proto != nil {
		*p = *m.proto
	}
	fresh := m.proto == nil
	p.IrVersion = keepInt(p.IrVersion, m.IRVersion, fresh)
	p.ProducerName = keepString(p.ProducerName, m.Producer)
	p.ProducerVersion = keepString(p.ProducerVersion, m.ProducerVersion)
	p.Domain = keepString(p.Domain, m.Domain)
	p.ModelVersion = keepInt(p.ModelVersion, m.Version, false)
	p.DocString = keepString(p.DocString, m.Doc)
	p.OpsetImport = encodeOpsets(p.OpsetImport, m.Opsets)
	p.MetadataProps = encodeProperties(p.MetadataProps, m.Metadata)
	p.Graph = e.graph(m.Graph)
	for _, f := range m.Functions {
		p.Functions = append(p.Functions, e.function(f))
	}
	return p
}

func (e *encoder) graph(g *Graph) *pb.GraphProto {
	p := &pb.GraphProto{}
	if g.proto != nil {
		*p = *g.proto
	}
	p.Name = keepString(p.Name, g.Name)
	p.DocString = keepString(p.DocString, g.Doc)
	p.MetadataProps = encodeProperties(p.MetadataProps, g.Metadata)
	p.Input = encodeValueInfos(g.Inputs)
	p.Output = encodeValueInfos(g.Outputs)
	p.ValueInfo = encodeValueInfos(g.ValueInfos)
	for _, t := range g.Initializers {
		if s := unchangedSparse(t); s != nil {
			p.SparseInitializer = append(p.SparseInitializer, s)
			continue
		}
		p.Initializer = append(p.Initializer, e.initializer(t))
	}
	p.Node = e.nodes(g.Nodes)
	return p
}

// initializer encodes a tensor, whose data may go outside the file.
func (e *encoder) initializer(t *Tensor) *pb.TensorProto {
	p := encodeTensor(t)
	if e.external != nil {
		e.external.take(p, t)
	}
	return p
}

func (e *encoder) nodes(nodes []*Node) []*pb.NodeProto {
	var list []*pb.NodeProto
	for _, n := range nodes {
		list = append(list, e.node(n))
	}
	return list
}

func (e *encoder) node(n *Node) *pb.NodeProto {
	p := &pb.NodeProto{}
	if n.proto != nil {
		*p = *n.proto
	}
	p.Name = keepString(p.Name, n.Name)
	p.OpType = keepString(p.OpType, n.Op)
	p.Domain = keepDomain(p.Domain, n.Domain)
	p.Overload = keepString(p.Overload, n.Overload)
	p.DocString = keepString(p.DocString, n.Doc)
	p.MetadataProps = encodeProperties(p.MetadataProps, n.Metadata)
	p.Input, p.Output = n.Inputs, n.Outputs
	for i := range n.Attrs {
		p.Attribute = append(p.Attribute, e.attribute(&n.Attrs[i]))
	}
	return p
}

func (e *encoder) function(f *Function) *pb.FunctionProto {
	p := &pb.FunctionProto{}
	if f.proto != nil {
		*p = *f.proto
	}
	p.Name = keepString(p.Name, f.Name)
	p.Domain = keepDomain(p.Domain, f.Domain)
	p.Overload = keepString(p.Overload, f.Overload)
	p.DocString = keepString(p.DocString, f.Doc)
	p.MetadataProps = encodeProperties(p.MetadataProps, f.Metadata)
	p.OpsetImport = encodeOpsets(p.OpsetImport, f.Opsets)
	p.Input, p.Output, p.Attribute = f.Inputs, f.Outputs, f.Attributes
	for i := range f.Defaults {
		p.AttributeProto = append(p.AttributeProto, e.attribute(&f.Defaults[i]))
	}
	p.Node = e.nodes(f.Nodes)
	return p
}

// keepString returns the field for v: absent if v is empty and old was absent.
func keepString(old *string, v string) *string {
	if v == "" && (old == nil || *old != "") {
		return nil
	}
	if old != nil && *old == v {
		return old
	}
	return &v
}

// keepDomain is keepString for domains, whose empty name has two spellings.
func keepDomain(old *string, v string) *string {
	if old != nil && plainDomain(*old) == v {
		return old
	}
	return keepString(nil, v)
}

// keepInt returns the field for v: absent if v is 0 and old was absent, unless
// the field must be there.
func keepInt(old *int64, v int64, must bool) *int64 {
	if v == 0 && old == nil && !must {
		return nil
	}
	return &v
}

// encodeOpsets returns old with the versions of opsets, without the domains
// that are not in it and followed by those that are not in old.
func encodeOpsets(old []*pb.OperatorSetIdProto, opsets map[string]int) []*pb.OperatorSetIdProto {
	var list []*pb.OperatorSetIdProto
	left := maps.Clone(opsets)
	for _, o := range old {
		domain := plainDomain(o.GetDomain())
		version, ok := opsets[domain]
		if !ok {
			continue
		}
		delete(left, domain)
		c := *o
		c.Version = keepInt(o.Version, int64(version), false)
		list = append(list, &c)
	}
	for _, domain := range slices.Sorted(maps.Keys(left)) {
		version := int64(left[domain])
		list = append(list, &pb.OperatorSetIdProto{Domain: &domain, Version: &version})
	}
	return list
}

// encodeProperties returns the entries for props, old itself if it says the same.
func encodeProperties(old []*pb.StringStringEntryProto, props []Property) []*pb.StringStringEntryProto {
	if slices.Equal(decodeProperties(old), props) {
		return old
	}
	var list []*pb.StringStringEntryProto
	for _, p := range props {
		list = append(list, &pb.StringStringEntryProto{Key: &p.Key, Value: &p.Value})
	}
	return list
}
