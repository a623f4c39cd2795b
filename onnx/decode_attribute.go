package onnx

import "github.com/kcompress/kcompress/onnx/internal/pb"

func (d *decoder) attributes(list []*pb.AttributeProto) ([]Attribute, error) {
	var attrs []Attribute
	for _, p := range list {
		a, err := d.attribute(p)
		if err != nil {
			return nil, inValue(err, p.GetName())
		}
		attrs = append(attrs, a)
	}
	return attrs, nil
}

// attribute converts an AttributeProto, which may hold values of one kind only.
func (d *decoder) attribute(p *pb.AttributeProto) (Attribute, error) {
	kinds := valueKinds(p)
	kind := AttrKind(p.GetType())
	if kind == AttrUndefined && len(kinds) == 1 {
		kind = kinds[0] // IR version 1 has no type field
	}
	a := Attribute{Name: p.GetName(), Kind: kind, RefName: p.GetRefAttrName()}
	switch {
	case kind < 0 || kind > AttrTypes:
		return a, fail(ErrUnsupported, "attribute of unknown type %d", kind)
	case len(kinds) > 1:
		return a, fail(ErrMalformed, "attribute has values of more than one type")
	case len(kinds) == 1 && kinds[0] != kind:
		return a, fail(ErrMalformed, "attribute of type %d has a value of type %d", kind, kinds[0])
	case len(kinds) == 1 && a.RefName != "":
		return a, fail(ErrMalformed, "attribute refers to %q and has a value too", a.RefName)
	}
	if err := d.attributeValue(&a, p); err != nil {
		return a, err
	}
	kept := *p
	kept.T, kept.G, kept.SparseTensor, kept.Tp = nil, nil, nil, nil
	kept.Floats, kept.Ints, kept.Strings = nil, nil, nil
	kept.Tensors, kept.Graphs, kept.SparseTensors, kept.TypeProtos = nil, nil, nil, nil
	a.proto = &kept
	return a, nil
}

// valueKinds returns the kinds of which p has values.
func valueKinds(p *pb.AttributeProto) []AttrKind {
	var kinds []AttrKind
	for kind, present := range [...]bool{
		AttrFloat: p.F != nil, AttrInt: p.I != nil, AttrString: p.S != nil, AttrTensor: p.T != nil,
		AttrGraph: p.G != nil, AttrSparse: p.SparseTensor != nil, AttrType: p.Tp != nil,
		AttrFloats: len(p.Floats) > 0, AttrInts: len(p.Ints) > 0, AttrStrings: len(p.Strings) > 0,
		AttrTensors: len(p.Tensors) > 0, AttrGraphs: len(p.Graphs) > 0,
		AttrSparses: len(p.SparseTensors) > 0, AttrTypes: len(p.TypeProtos) > 0,
	} {
		if present {
			kinds = append(kinds, AttrKind(kind))
		}
	}
	return kinds
}

// attributeValue sets the value of a from p. Numbers and strings that are
// absent are zero, as writers of proto3 leave zeros out; tensors, graphs and
// types must be there.
func (d *decoder) attributeValue(a *Attribute, p *pb.AttributeProto) (err error) {
	a.Float, a.Int, a.String = p.GetF(), p.GetI(), string(p.S)
	a.Floats, a.Ints = p.Floats, p.Ints
	for _, s := range p.Strings {
		a.Strings = append(a.Strings, string(s))
	}
	if p.Tp != nil {
		a.Type = decodeInner(p.Tp)
	}
	for _, t := range p.TypeProtos {
		a.Types = append(a.Types, decodeInner(t))
	}
	if p.T != nil {
		if a.Tensor, err = d.tensor(p.T); err != nil {
			return err
		}
	}
	if p.SparseTensor != nil {
		if a.Tensor, err = d.sparse(p.SparseTensor); err != nil {
			return err
		}
	}
	if p.G != nil {
		if a.Graph, err = d.graph(p.G); err != nil {
			return err
		}
	}
	if a.RefName == "" && (a.Kind == AttrTensor || a.Kind == AttrSparse) && a.Tensor == nil ||
		a.RefName == "" && (a.Kind == AttrGraph && a.Graph == nil || a.Kind == AttrType && a.Type == nil) {
		return fail(ErrMalformed, "attribute has no value")
	}
	return d.attributeLists(a, p)
}

func (d *decoder) attributeLists(a *Attribute, p *pb.AttributeProto) error {
	for _, t := range p.Tensors {
		x, err := d.tensor(t)
		if err != nil {
			return err
		}
		a.Tensors = append(a.Tensors, x)
	}
	for _, s := range p.SparseTensors {
		x, err := d.sparse(s)
		if err != nil {
			return err
		}
		a.Tensors = append(a.Tensors, x)
	}
	for _, g := range p.Graphs {
		sub, err := d.graph(g)
		if err != nil {
			return err
		}
		a.Graphs = append(a.Graphs, sub)
	}
	return nil
}
