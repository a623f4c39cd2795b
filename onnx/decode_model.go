package onnx

import (
	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// model converts a decoded ModelProto.
func (d *decoder) model(p *pb.ModelProto) (*Model, error) {
	if p.Graph == nil {
		return nil, &Error{Err: ErrMalformed, Reason: "no graph in the file", Remedy: "is it an ONNX model?"}
	}
	m := &Model{
		IRVersion:       p.GetIrVersion(),
		Producer:        p.GetProducerName(),
		ProducerVersion: p.GetProducerVersion(),
		Domain:          p.GetDomain(),
		Version:         p.GetModelVersion(),
		Doc:             p.GetDocString(),
		Metadata:        decodeProperties(p.MetadataProps),
	}
	var err error
	if m.Opsets, err = decodeOpsets(p.OpsetImport); err != nil {
		return nil, err
	}
	if m.Graph, err = d.graph(p.Graph); err != nil {
		return nil, err
	}
	for _, f := range p.Functions {
		fn, err := d.function(f)
		if err != nil {
			return nil, err
		}
		m.Functions = append(m.Functions, fn)
	}
	if err := d.inlineTraining(p.TrainingInfo); err != nil {
		return nil, err
	}
	kept := *p
	kept.Graph, kept.Functions = nil, nil
	m.proto = &kept
	return m, nil
}

// graph converts a GraphProto. Nodes are sorted if they are not; where cycles
// make that impossible they stay as they are, for Check to report.
func (d *decoder) graph(p *pb.GraphProto) (*Graph, error) {
	g := &Graph{
		Name:       p.GetName(),
		Doc:        p.GetDocString(),
		Inputs:     decodeValueInfos(p.Input),
		Outputs:    decodeValueInfos(p.Output),
		ValueInfos: decodeValueInfos(p.ValueInfo),
		Metadata:   decodeProperties(p.MetadataProps),
	}
	for _, t := range p.Initializer {
		tensor, err := d.tensor(t)
		if err != nil {
			return nil, inValue(err, t.GetName())
		}
		g.Initializers = append(g.Initializers, tensor)
	}
	for _, s := range p.SparseInitializer {
		tensor, err := d.sparse(s)
		if err != nil {
			return nil, inValue(err, s.GetValues().GetName())
		}
		g.Initializers = append(g.Initializers, tensor)
	}
	var err error
	if g.Nodes, err = d.nodes(p.Node); err != nil {
		return nil, err
	}
	_ = g.Sort()
	kept := *p
	kept.Node, kept.Initializer, kept.SparseInitializer = nil, nil, nil
	kept.Input, kept.Output, kept.ValueInfo = nil, nil, nil
	g.proto = &kept
	return g, nil
}

func (d *decoder) nodes(list []*pb.NodeProto) ([]*Node, error) {
	var nodes []*Node
	for _, p := range list {
		n, err := d.node(p)
		if err != nil {
			return nil, inNode(err, n)
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// node converts a NodeProto. It returns the node with an error too, without
// all of its attributes, so that the error can name it.
func (d *decoder) node(p *pb.NodeProto) (*Node, error) {
	n := &Node{
		Name:     p.GetName(),
		Op:       p.GetOpType(),
		Domain:   plainDomain(p.GetDomain()),
		Overload: p.GetOverload(),
		Inputs:   p.Input,
		Outputs:  p.Output,
		Doc:      p.GetDocString(),
		Metadata: decodeProperties(p.MetadataProps),
	}
	attrs, err := d.attributes(p.Attribute)
	if err != nil {
		return n, err
	}
	n.Attrs = attrs
	kept := *p
	kept.Input, kept.Output, kept.Attribute = nil, nil, nil
	n.proto = &kept
	return n, nil
}

func (d *decoder) function(p *pb.FunctionProto) (*Function, error) {
	f := &Function{
		Name:       p.GetName(),
		Domain:     plainDomain(p.GetDomain()),
		Overload:   p.GetOverload(),
		Doc:        p.GetDocString(),
		Inputs:     p.Input,
		Outputs:    p.Output,
		Attributes: p.Attribute,
		Metadata:   decodeProperties(p.MetadataProps),
	}
	var err error
	if f.Opsets, err = decodeOpsets(p.OpsetImport); err != nil {
		return nil, inValue(err, f.Name)
	}
	if f.Defaults, err = d.attributes(p.AttributeProto); err != nil {
		return nil, inValue(err, f.Name)
	}
	if f.Nodes, err = d.nodes(p.Node); err != nil {
		return nil, inValue(err, f.Name)
	}
	if sorted, err := sortNodes(f.Nodes); err == nil {
		f.Nodes = sorted
	}
	kept := *p
	kept.Input, kept.Output, kept.Attribute, kept.AttributeProto, kept.Node = nil, nil, nil, nil, nil
	f.proto = &kept
	return f, nil
}

// plainDomain returns "" for ai.onnx, its other name, and other domains as they are.
func plainDomain(domain string) string {
	if domain == "ai.onnx" {
		return ""
	}
	return domain
}

// decodeOpsets returns the version of each domain.
func decodeOpsets(list []*pb.OperatorSetIdProto) (map[string]int, error) {
	opsets := make(map[string]int, len(list))
	for _, p := range list {
		domain, version := plainDomain(p.GetDomain()), int(p.GetVersion())
		if old, ok := opsets[domain]; ok && old != version {
			return nil, fail(ErrInvalid, "operator set %q is imported in versions %d and %d", domain, old, version)
		}
		opsets[domain] = version
	}
	return opsets, nil
}

func decodeProperties(list []*pb.StringStringEntryProto) []Property {
	var props []Property
	for _, p := range list {
		props = append(props, Property{Key: p.GetKey(), Value: p.GetValue()})
	}
	return props
}

// inlineTraining moves external data of the training graphs, which are kept as
// they are, into them: the model may be saved elsewhere.
func (d *decoder) inlineTraining(list []*pb.TrainingInfoProto) error {
	for _, info := range list {
		for _, g := range []*pb.GraphProto{info.Initialization, info.Algorithm} {
			if err := d.inlineGraph(g); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *decoder) inlineGraph(g *pb.GraphProto) error {
	tensors := g.GetInitializer()
	for _, s := range g.GetSparseInitializer() {
		tensors = append(tensors, s.Values, s.Indices)
	}
	for _, n := range g.GetNode() {
		for _, a := range n.Attribute {
			tensors = append(append(tensors, a.T), a.Tensors...)
			for _, s := range append(a.SparseTensors, a.SparseTensor) {
				tensors = append(tensors, s.GetValues(), s.GetIndices())
			}
			for _, sub := range append(a.Graphs, a.G) {
				if err := d.inlineGraph(sub); err != nil {
					return err
				}
			}
		}
	}
	for _, t := range tensors {
		if t.GetDataLocation() != pb.TensorProto_EXTERNAL {
			continue
		}
		x, err := d.tensor(t)
		if err != nil {
			return inValue(err, t.GetName())
		}
		raw := pb.Bytes(x.raw)
		t.RawData, t.DataLocation, t.ExternalData = &raw, nil, nil
	}
	return nil
}
