package onnx

import "github.com/kcompress/kcompress/onnx/internal/pb"

// sparse expands a SparseTensorProto and keeps the message for writing.
//
// Its values are a 1-D tensor of the nonzero elements, its indices say where
// they belong: [NNZ] positions in row-major order, or [NNZ,rank] coordinates,
// ascending without repetition in both cases.
func (d *decoder) sparse(p *pb.SparseTensorProto) (*Tensor, error) {
	if p.Values == nil {
		return nil, fail(ErrMalformed, "sparse tensor without values")
	}
	values, err := d.tensor(p.Values)
	if err != nil {
		return nil, err
	}
	indices := NewTensor(Int64, 0)
	if p.Indices != nil {
		if indices, err = d.tensor(p.Indices); err != nil {
			return nil, err
		}
	}
	shape := make([]int, len(p.Dims))
	for i, n := range p.Dims {
		shape[i] = int(n)
	}
	n, err := Elements(shape)
	if err != nil {
		return nil, &Error{Err: ErrMalformed, Reason: err.Error()}
	}
	width := 16
	if values.Type != String {
		width = (values.Type.Bits() + 7) / 8
	}
	if n > d.sparseLeft/width {
		return nil, &Error{Err: ErrLimit, Reason: "sparse tensor of shape " + shapeString(shape) + " is too big to expand",
			Remedy: "raise the limit for sparse tensors if the model is trusted"}
	}
	d.sparseLeft -= n * width
	positions, err := sparsePositions(values, indices, shape, n)
	if err != nil {
		return nil, err
	}
	x := NewTensor(values.Type, shape...)
	x.Name = values.Name
	for i, at := range positions {
		copyElement(x, at, values, i)
	}
	x.stored = &stored{sparse: d.keepSparse(p, values, indices)}
	return x, nil
}

// keepSparse returns p with external data moved into it.
func (d *decoder) keepSparse(p *pb.SparseTensorProto, values, indices *Tensor) *pb.SparseTensorProto {
	kept := *p
	if p.Values.GetDataLocation() == pb.TensorProto_EXTERNAL {
		kept.Values = encodeTensor(values)
	}
	if p.Indices.GetDataLocation() == pb.TensorProto_EXTERNAL {
		kept.Indices = encodeTensor(indices)
	}
	return &kept
}

// sparsePositions returns the row-major positions of the values of a sparse
// tensor with n elements.
func sparsePositions(values, indices *Tensor, shape []int, n int) ([]int, error) {
	count, rank := values.Len(), len(shape)
	switch {
	case values.Rank() != 1:
		return nil, fail(ErrMalformed, "values of a sparse tensor have shape %s, not one axis", shapeString(values.Shape))
	case indices.Type != Int64:
		return nil, fail(ErrMalformed, "indices of a sparse tensor are %v, not int64", indices.Type)
	case indices.Len() == count && indices.Rank() == 1:
	case indices.Rank() == 2 && indices.Shape[0] == count && indices.Shape[1] == rank:
	default:
		return nil, fail(ErrMalformed, "indices of a sparse tensor have shape %s for %d values and %d axes", shapeString(indices.Shape), count, rank)
	}
	axes := shape
	if indices.Rank() == 1 {
		axes = []int{n}
	}
	positions := make([]int, count)
	last := -1
	for i := range positions {
		at, ok := rowMajor(indices.Int64s()[i*len(axes):(i+1)*len(axes)], axes)
		if !ok || at <= last {
			return nil, fail(ErrMalformed, "index %d of a sparse tensor is outside of shape %s or not in ascending order", i, shapeString(shape))
		}
		positions[i], last = at, at
	}
	return positions, nil
}

// rowMajor returns the position of the element with the given coordinates, and
// whether the shape, that of an existing tensor, has such an element.
func rowMajor(coordinates []int64, shape []int) (int, bool) {
	at := 0
	for i, c := range coordinates {
		if c < 0 || c >= int64(shape[i]) {
			return 0, false
		}
		at = at*shape[i] + int(c)
	}
	return at, true
}

// copyElement sets element i of x to element j of y, of the same type.
func copyElement(x *Tensor, i int, y *Tensor, j int) {
	switch bits := x.Type.Bits(); {
	case x.Type == String:
		x.Strings[i] = y.Strings[j]
	case bits < 8:
		per := 8 / bits
		mask := byte(1<<bits - 1)
		v := y.raw[j/per] >> (j % per * bits) & mask
		x.raw[i/per] = x.raw[i/per]&^(mask<<(i%per*bits)) | v<<(i%per*bits)
	default:
		width := bits / 8
		copy(x.raw[i*width:(i+1)*width], y.raw[j*width:])
	}
}
