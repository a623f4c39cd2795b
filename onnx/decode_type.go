package onnx

import "github.com/kcompress/kcompress/onnx/internal/pb"

func decodeValueInfos(list []*pb.ValueInfoProto) []ValueInfo {
	var infos []ValueInfo
	for _, p := range list {
		infos = append(infos, ValueInfo{Name: p.GetName(), Type: decodeType(p.Type), Doc: p.GetDocString(), proto: p})
	}
	return infos
}

// decodeType converts a TypeProto, which may be nil. Negative axis sizes, which
// some exporters write, are unknown sizes.
func decodeType(p *pb.TypeProto) Type {
	t := Type{proto: p}
	switch v := p.GetValue().(type) {
	case *pb.TypeProto_TensorType:
		t.Kind, t.Elem = TensorType, DType(v.TensorType.GetElemType())
		t.Shape, t.HasShape = decodeShape(v.TensorType.Shape)
	case *pb.TypeProto_SparseTensorType:
		t.Kind, t.Elem = SparseTensorType, DType(v.SparseTensorType.GetElemType())
		t.Shape, t.HasShape = decodeShape(v.SparseTensorType.Shape)
	case *pb.TypeProto_SequenceType:
		t.Kind, t.Of = SequenceType, decodeInner(v.SequenceType.ElemType)
	case *pb.TypeProto_OptionalType:
		t.Kind, t.Of = OptionalType, decodeInner(v.OptionalType.ElemType)
	case *pb.TypeProto_MapType:
		t.Kind, t.Elem, t.Of = MapType, DType(v.MapType.GetKeyType()), decodeInner(v.MapType.ValueType)
	case *pb.TypeProto_OpaqueType:
		t.Kind = OpaqueType
	}
	return t
}

// decodeInner returns the type inside another type, of unknown kind where the
// file does not say.
func decodeInner(p *pb.TypeProto) *Type {
	t := decodeType(p)
	return &t
}

func decodeShape(p *pb.TensorShapeProto) ([]Dim, bool) {
	if p == nil {
		return nil, false
	}
	var shape []Dim
	for _, d := range p.Dim {
		dim := Dim{Size: -1}
		switch v := d.Value.(type) {
		case *pb.TensorShapeProto_Dimension_DimValue:
			dim.Size = int(max(v.DimValue, -1))
		case *pb.TensorShapeProto_Dimension_DimParam:
			dim.Symbol = v.DimParam
		}
		shape = append(shape, dim)
	}
	return shape, true
}

// Equal reports whether two types say the same.
func (t Type) Equal(u Type) bool {
	if t.Kind != u.Kind || t.Elem != u.Elem || t.HasShape != u.HasShape || len(t.Shape) != len(u.Shape) {
		return false
	}
	for i, d := range t.Shape {
		if d != u.Shape[i] {
			return false
		}
	}
	if t.Of == nil || u.Of == nil {
		return t.Of == nil && u.Of == nil
	}
	return t.Of.Equal(*u.Of)
}
