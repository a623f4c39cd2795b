package onnx

import (
	"bytes"
	"slices"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

func encodeValueInfos(infos []ValueInfo) []*pb.ValueInfoProto {
	var list []*pb.ValueInfoProto
	for _, v := range infos {
		p := &pb.ValueInfoProto{}
		if v.proto != nil {
			*p = *v.proto
		}
		p.Name = keepString(p.Name, v.Name)
		p.DocString = keepString(p.DocString, v.Doc)
		if p.Type == nil || p.Type != v.Type.proto || !decodeType(p.Type).Equal(v.Type) {
			p.Type = encodeType(v.Type)
		}
		list = append(list, p)
	}
	return list
}

// encodeType returns the message for t: nil for an unknown type, and the
// message that t was decoded from if t still says the same.
func encodeType(t Type) *pb.TypeProto {
	if t.proto != nil && decodeType(t.proto).Equal(t) {
		return t.proto
	}
	p := &pb.TypeProto{}
	if t.proto != nil {
		p.Denotation, p.XXX_unrecognized = t.proto.Denotation, t.proto.XXX_unrecognized
	}
	elem := int32(t.Elem)
	switch t.Kind {
	case TensorType:
		p.Value = &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{ElemType: &elem, Shape: encodeShape(t)}}
	case SparseTensorType:
		p.Value = &pb.TypeProto_SparseTensorType{SparseTensorType: &pb.TypeProto_SparseTensor{ElemType: &elem, Shape: encodeShape(t)}}
	case SequenceType:
		p.Value = &pb.TypeProto_SequenceType{SequenceType: &pb.TypeProto_Sequence{ElemType: encodeInner(t.Of)}}
	case OptionalType:
		p.Value = &pb.TypeProto_OptionalType{OptionalType: &pb.TypeProto_Optional{ElemType: encodeInner(t.Of)}}
	case MapType:
		p.Value = &pb.TypeProto_MapType{MapType: &pb.TypeProto_Map{KeyType: &elem, ValueType: encodeInner(t.Of)}}
	case OpaqueType:
		p.Value = &pb.TypeProto_OpaqueType{OpaqueType: &pb.TypeProto_Opaque{}}
	default:
		return nil
	}
	return p
}

func encodeInner(t *Type) *pb.TypeProto {
	if t == nil {
		return nil
	}
	return encodeType(*t)
}

func encodeShape(t Type) *pb.TensorShapeProto {
	if !t.HasShape {
		return nil
	}
	p := &pb.TensorShapeProto{}
	for _, d := range t.Shape {
		dim := &pb.TensorShapeProto_Dimension{}
		switch {
		case d.Symbol != "":
			dim.Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: d.Symbol}
		case d.Known():
			dim.Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d.Size)}
		}
		p.Dim = append(p.Dim, dim)
	}
	return p
}

// attribute returns the message for a. The value is written even if it is
// zero, as the standard asks, unless the file that a comes from left it out.
func (e *encoder) attribute(a *Attribute) *pb.AttributeProto {
	old := a.proto
	if old == nil {
		kind := pb.AttributeProto_AttributeType(a.Kind)
		old = &pb.AttributeProto{Type: &kind, F: new(float32), I: new(int64), S: []byte{}}
	}
	p := &pb.AttributeProto{
		Name: keepString(old.Name, a.Name), RefAttrName: keepString(old.RefAttrName, a.RefName),
		DocString: old.DocString, Type: old.Type, XXX_unrecognized: old.XXX_unrecognized,
	}
	if old.Type != nil {
		kind := pb.AttributeProto_AttributeType(a.Kind)
		p.Type = &kind
	}
	if a.RefName == "" {
		e.attributeValue(p, a, old)
	}
	return p
}

func (e *encoder) attributeValue(p *pb.AttributeProto, a *Attribute, old *pb.AttributeProto) {
	switch a.Kind {
	case AttrFloat:
		if old.F != nil || a.Float != 0 {
			p.F = &a.Float
		}
	case AttrInt:
		p.I = keepInt(old.I, a.Int, false)
	case AttrString:
		if old.S != nil || a.String != "" {
			p.S = []byte(a.String)
		}
	case AttrTensor:
		p.T = encodeTensor(a.Tensor)
	case AttrSparse:
		p.SparseTensor = encodeSparse(a.Tensor)
	case AttrGraph:
		p.G = e.graph(a.Graph)
	case AttrType:
		p.Tp = encodeInner(a.Type)
	case AttrFloats:
		p.Floats = a.Floats
	case AttrInts:
		p.Ints = a.Ints
	default:
		e.attributeLists(p, a)
	}
}

func (e *encoder) attributeLists(p *pb.AttributeProto, a *Attribute) {
	switch a.Kind {
	case AttrStrings:
		for _, s := range a.Strings {
			p.Strings = append(p.Strings, []byte(s))
		}
	case AttrTensors:
		for _, t := range a.Tensors {
			p.Tensors = append(p.Tensors, encodeTensor(t))
		}
	case AttrSparses:
		for _, t := range a.Tensors {
			p.SparseTensors = append(p.SparseTensors, encodeSparse(t))
		}
	case AttrGraphs:
		for _, g := range a.Graphs {
			p.Graphs = append(p.Graphs, e.graph(g))
		}
	case AttrTypes:
		for _, t := range a.Types {
			p.TypeProtos = append(p.TypeProtos, encodeInner(t))
		}
	}
}

// encodeTensor returns the message for t, with the elements where the file
// that t comes from has them, or in raw_data.
func encodeTensor(t *Tensor) *pb.TensorProto {
	p := &pb.TensorProto{}
	typed := t.Type == String
	if t.stored != nil && t.stored.proto != nil {
		*p = *t.stored.proto
		typed = typed || t.stored.typed
	}
	for _, n := range t.Shape {
		p.Dims = append(p.Dims, int64(n))
	}
	if p.DataType == nil || *p.DataType != int32(t.Type) {
		dtype := int32(t.Type)
		p.DataType = &dtype
	}
	p.Name = keepString(p.Name, t.Name)
	if !typed {
		raw := pb.Bytes(t.raw)
		p.RawData = &raw
		return p
	}
	encodeTyped(p, t)
	return p
}

// encodeTyped sets the field of p for the type of t.
func encodeTyped(p *pb.TensorProto, t *Tensor) {
	switch t.Type {
	case Float32, Complex64:
		p.FloatData = sliceOf[float32](t.raw)
	case Float64, Complex128:
		p.DoubleData = sliceOf[float64](t.raw)
	case Int64:
		p.Int64Data = t.Int64s()
	case Uint64:
		p.Uint64Data = View[uint64](t)
	case Int32:
		p.Int32Data = View[int32](t)
	case Uint32:
		p.Uint64Data = widen[uint64](View[uint32](t))
	case Int16:
		p.Int32Data = widen[int32](View[int16](t))
	case Uint16, Float16, BFloat16:
		p.Int32Data = widen[int32](View[uint16](t))
	case Int8:
		p.Int32Data = widen[int32](View[int8](t))
	case String:
		p.StringData = make([][]byte, len(t.Strings))
		for i, s := range t.Strings {
			p.StringData[i] = []byte(s)
		}
	default:
		p.Int32Data = widen[int32](t.raw)
	}
}

// widen converts integers to a wider type.
func widen[To int32 | uint64, From int8 | int16 | uint8 | uint16 | uint32](values []From) []To {
	wide := make([]To, len(values))
	for i, v := range values {
		wide[i] = To(v)
	}
	return wide
}

// unchangedSparse returns the sparse form that t was expanded from, nil if
// there is none or t was changed since.
func unchangedSparse(t *Tensor) *pb.SparseTensorProto {
	if t.stored == nil || t.stored.sparse == nil || t.stored.sparse.Values.GetName() != t.Name {
		return nil
	}
	d := decoder{sparseLeft: max(16*t.Len(), t.Bytes())}
	x, err := d.sparse(t.stored.sparse)
	if err != nil || x.Type != t.Type || !slices.Equal(x.Shape, t.Shape) || !bytes.Equal(x.raw, t.raw) || !slices.Equal(x.Strings, t.Strings) {
		return nil
	}
	return t.stored.sparse
}
