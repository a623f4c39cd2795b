package onnx

import "github.com/kcompress/kcompress/onnx/internal/pb"

// encodeSparse returns the sparse form of t: the one that it was expanded
// from, or its nonzero elements with their row-major positions.
func encodeSparse(t *Tensor) *pb.SparseTensorProto {
	if p := unchangedSparse(t); p != nil {
		return p
	}
	zero := NewTensor(t.Type, 1)
	var positions []int64
	for i := range t.Len() {
		if !sameElement(t, i, zero, 0) {
			positions = append(positions, int64(i))
		}
	}
	values := NewTensor(t.Type, len(positions))
	values.Name = t.Name
	for i, at := range positions {
		copyElement(values, i, t, int(at))
	}
	p := &pb.SparseTensorProto{Values: encodeTensor(values), Indices: encodeTensor(FromSlice(positions, len(positions)))}
	for _, n := range t.Shape {
		p.Dims = append(p.Dims, int64(n))
	}
	return p
}

// sameElement reports whether element i of x has the bits of element j of y,
// of the same type.
func sameElement(x *Tensor, i int, y *Tensor, j int) bool {
	if x.Type == String {
		return x.Strings[i] == y.Strings[j]
	}
	a, b := NewTensor(x.Type, 1), NewTensor(x.Type, 1)
	copyElement(a, 0, x, i)
	copyElement(b, 0, y, j)
	return string(a.raw) == string(b.raw)
}
