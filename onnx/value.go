package onnx

import (
	"github.com/kcompress/kcompress/onnx/internal/pb"
	"github.com/kcompress/kcompress/onnx/internal/wire"
)

// ReadTensorFile reads a file that holds one TensorProto, as the test cases of
// the ONNX backend tests do (input_0.pb, output_0.pb).
func ReadTensorFile(path string) (*Tensor, error) {
	v, err := ReadValueFile(path, Type{Kind: TensorType})
	if err != nil {
		return nil, err
	}
	return v.(*Tensor), nil
}

// ReadValueFile reads a file that holds one value of type t, as DecodeValue does.
func ReadValueFile(path string, t Type) (Value, error) {
	data, err := readModelFile(path, true)
	if err != nil {
		return nil, inFile(err, path)
	}
	v, err := DecodeValue(data, t)
	if err != nil {
		return nil, inFile(err, path)
	}
	return v, nil
}

// DecodeTensor decodes a TensorProto, which may not refer to external data. The
// tensor may alias data.
func DecodeTensor(data []byte) (*Tensor, error) {
	v, err := DecodeValue(data, Type{Kind: TensorType})
	if err != nil {
		return nil, err
	}
	return v.(*Tensor), nil
}

// DecodeValue decodes a value of type t, of which the kind counts: a
// TensorProto (unknown types too), SparseTensorProto, SequenceProto,
// OptionalProto or MapProto. The value may alias data. The bytes do not tell
// their own type: the type of the graph input that they are for does.
func DecodeValue(data []byte, t Type) (Value, error) {
	o := newReadOptions(nil)
	d := newDecoder(len(data), o)
	switch t.Kind {
	case UnknownType, TensorType:
		p := &pb.TensorProto{}
		if err := unmarshal(data, wire.Tensor, p, o); err != nil {
			return nil, err
		}
		return asValue(d.tensor(p))
	case SparseTensorType:
		p := &pb.SparseTensorProto{}
		if err := unmarshal(data, wire.SparseTensor, p, o); err != nil {
			return nil, err
		}
		return asValue(d.sparse(p))
	case SequenceType:
		p := &pb.SequenceProto{}
		if err := unmarshal(data, wire.Sequence, p, o); err != nil {
			return nil, err
		}
		return asValue(d.sequence(p))
	case OptionalType:
		p := &pb.OptionalProto{}
		if err := unmarshal(data, wire.Optional, p, o); err != nil {
			return nil, err
		}
		return asValue(d.optional(p))
	case MapType:
		p := &pb.MapProto{}
		if err := unmarshal(data, wire.Map, p, o); err != nil {
			return nil, err
		}
		return asValue(d.mapValue(p))
	}
	return nil, fail(ErrUnsupported, "value of an opaque type")
}

// asValue keeps a nil pointer from becoming a Value that is not nil.
func asValue[V Value](v V, err error) (Value, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (d *decoder) sequence(p *pb.SequenceProto) (*Sequence, error) {
	s := &Sequence{}
	for _, t := range p.TensorValues {
		if err := s.add(asValue(d.tensor(t))); err != nil {
			return nil, err
		}
	}
	for _, t := range p.SparseTensorValues {
		if err := s.add(asValue(d.sparse(t))); err != nil {
			return nil, err
		}
	}
	for _, v := range p.SequenceValues {
		if err := s.add(asValue(d.sequence(v))); err != nil {
			return nil, err
		}
	}
	for _, v := range p.MapValues {
		if err := s.add(asValue(d.mapValue(v))); err != nil {
			return nil, err
		}
	}
	for _, v := range p.OptionalValues {
		if err := s.add(asValue(d.optional(v))); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add appends a value unless there is an error, which it returns.
func (s *Sequence) add(v Value, err error) error {
	if err != nil {
		return err
	}
	if t, ok := v.(*Tensor); ok {
		s.Elem = t.Type
	}
	s.Values = append(s.Values, v)
	return nil
}

func (d *decoder) optional(p *pb.OptionalProto) (*Optional, error) {
	var v Value
	var err error
	switch {
	case p.TensorValue != nil:
		v, err = asValue(d.tensor(p.TensorValue))
	case p.SparseTensorValue != nil:
		v, err = asValue(d.sparse(p.SparseTensorValue))
	case p.SequenceValue != nil:
		v, err = asValue(d.sequence(p.SequenceValue))
	case p.MapValue != nil:
		v, err = asValue(d.mapValue(p.MapValue))
	case p.OptionalValue != nil:
		v, err = asValue(d.optional(p.OptionalValue))
	}
	if err != nil {
		return nil, err
	}
	return &Optional{Value: v}, nil
}

// mapValue converts a MapProto, whose values must be tensors of one element,
// one for each key.
func (d *decoder) mapValue(p *pb.MapProto) (*Map, error) {
	m := &Map{Keys: FromSlice(p.Keys, len(p.Keys))}
	if len(p.StringKeys) > 0 {
		if len(p.Keys) > 0 {
			return nil, fail(ErrMalformed, "map with keys of two types")
		}
		keys := make([]string, len(p.StringKeys))
		for i, k := range p.StringKeys {
			keys[i] = string(k)
		}
		m.Keys = FromStrings(keys, len(keys))
	}
	tensors := p.GetValues().GetTensorValues()
	if len(tensors) != m.Keys.Len() {
		return nil, fail(ErrMalformed, "map with %d keys and %d values", m.Keys.Len(), len(tensors))
	}
	for i, t := range tensors {
		v, err := d.tensor(t)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			m.Values = NewTensor(v.Type, len(tensors))
		}
		if v.Type != m.Values.Type || v.Len() != 1 {
			return nil, fail(ErrUnsupported, "map whose values are not single elements of one type")
		}
		copyElement(m.Values, i, v, 0)
	}
	if m.Values == nil {
		m.Values = NewTensor(Float32, 0)
	}
	return m, nil
}

// EncodeTensor returns t as an encoded TensorProto.
func EncodeTensor(t *Tensor) []byte {
	data, err := encodeTensor(t).Marshal()
	if err != nil {
		panic(err) // no message of ours has fields that can not be encoded
	}
	return data
}
