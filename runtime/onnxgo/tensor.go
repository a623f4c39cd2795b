package onnxgo

import (
	"bytes"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/kcompress/kcompress/onnx"
)

// toONNX returns t as a tensor of the runtime. It shares the elements of dense
// tensors in row-major order and copies all others (slices, transposed and
// column-major tensors, compressed sparse ones). The Go types int and uint
// become int64 and uint64. It fails on masked tensors, and on elements that are
// not in memory that Go can read or of a type that ONNX does not have.
func toONNX(t tensor.Tensor) (*onnx.Tensor, error) {
	dense, ok := t.(*tensor.Dense)
	if sparse, isSparse := t.(*tensor.CS); isSparse && sparse != nil {
		dense, ok = sparse.Dense(), true
	}
	if !ok || dense == nil {
		return nil, fmt.Errorf("tensors of type %T are not supported", t)
	}
	if !dense.IsNativelyAccessible() {
		return nil, fmt.Errorf("the elements are not in memory that Go can read")
	}
	if dense.IsMasked() && dense.Size() > 0 {
		return nil, fmt.Errorf("masked tensors are not supported")
	}
	switch dense.Dtype() {
	case tensor.Float32:
		return shared[float32](dense)
	case tensor.Float64:
		return shared[float64](dense)
	case tensor.Int8:
		return shared[int8](dense)
	case tensor.Int16:
		return shared[int16](dense)
	case tensor.Int32:
		return shared[int32](dense)
	case tensor.Int64:
		return shared[int64](dense)
	case tensor.Uint8:
		return shared[uint8](dense)
	case tensor.Uint16:
		return shared[uint16](dense)
	case tensor.Uint32:
		return shared[uint32](dense)
	case tensor.Uint64:
		return shared[uint64](dense)
	case tensor.Bool:
		return shared[bool](dense)
	case tensor.Complex64:
		return shared[complex64](dense)
	case tensor.Complex128:
		return shared[complex128](dense)
	case tensor.Int:
		return widened[int, int64](dense)
	case tensor.Uint:
		return widened[uint, uint64](dense)
	case tensor.String:
		values, shape, err := rowMajor[string](dense)
		if err != nil {
			return nil, err
		}
		return onnx.FromStrings(values, shape...), nil
	}
	return nil, fmt.Errorf("elements of type %v are not supported", dense.Dtype())
}

func shared[T onnx.Element](t *tensor.Dense) (*onnx.Tensor, error) {
	values, shape, err := rowMajor[T](t)
	if err != nil {
		return nil, err
	}
	return onnx.FromSlice(values, shape...), nil
}

func widened[From int | uint, To int64 | uint64](t *tensor.Dense) (*onnx.Tensor, error) {
	values, shape, err := rowMajor[From](t)
	if err != nil {
		return nil, err
	}
	wide := make([]To, len(values))
	for i, v := range values {
		wide[i] = To(v)
	}
	return onnx.FromSlice(wide, shape...), nil
}

// exactly returns t with elements of another type, if all of them have the same
// value in it.
func exactly(t *onnx.Tensor, to onnx.DType) (*onnx.Tensor, error) {
	if t.Type == to {
		return t, nil
	}
	mismatch := fmt.Errorf("has elements of type %v, and the model takes %v", t.Type, to)
	there, err := t.ConvertTo(to)
	if err != nil {
		return nil, mismatch
	}
	back, err := there.ConvertTo(t.Type)
	if err != nil || !bytes.Equal(back.Raw(), t.Raw()) {
		return nil, mismatch
	}
	return there, nil
}

// rowMajor returns the shape of t and its elements in row-major order, copied
// if they are in memory in another order.
func rowMajor[T any](t *tensor.Dense) ([]T, []int, error) {
	shape := slices.Clone([]int(t.Shape()))
	n, err := onnx.Elements(shape)
	if err != nil {
		return nil, nil, err
	}
	if n == 0 {
		return nil, shape, nil
	}
	var data []T
	switch d := t.Data().(type) {
	case []T:
		data = d
	case T: // of a tensor that gorgonia takes for a scalar
		data = []T{d}
	default:
		return nil, nil, fmt.Errorf("elements are held as %T", d)
	}
	strides := t.Strides()
	if n == 1 && len(data) > 0 || len(data) == n && isRowMajor(shape, strides) {
		return data[:n:n], shape, nil
	}
	if len(strides) != len(shape) {
		return nil, nil, fmt.Errorf("shape %v has strides %v", shape, strides)
	}
	return gather(data, shape, strides, n)
}

// isRowMajor reports whether strides, in elements, are those of a tensor of
// that shape whose elements are stored in row-major order without gaps.
func isRowMajor(shape, strides []int) bool {
	if len(strides) != len(shape) {
		return false
	}
	size := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 && strides[i] != size {
			return false
		}
		size *= shape[i]
	}
	return true
}

// gather copies n elements of the given shape and strides, in row-major order.
func gather[T any](data []T, shape, strides []int, n int) ([]T, []int, error) {
	values := make([]T, n)
	index := make([]int, len(shape))
	offset := 0
	for i := range values {
		if offset < 0 || offset >= len(data) {
			return nil, nil, fmt.Errorf("shape %v and strides %v reach beyond %d elements", shape, strides, len(data))
		}
		values[i] = data[offset]
		for axis := len(shape) - 1; axis >= 0; axis-- {
			index[axis]++
			offset += strides[axis]
			if index[axis] < shape[axis] {
				break
			}
			offset -= index[axis] * strides[axis]
			index[axis] = 0
		}
	}
	return values, shape, nil
}

// fromONNX returns t as a tensor of gorgonia, over the same elements; float16
// and bfloat16, which gorgonia does not have, become float32.
func fromONNX(t *onnx.Tensor) (tensor.Tensor, error) {
	switch t.Type {
	case onnx.Float32:
		return dense(onnx.View[float32](t), t.Shape)
	case onnx.Float64:
		return dense(onnx.View[float64](t), t.Shape)
	case onnx.Int8:
		return dense(onnx.View[int8](t), t.Shape)
	case onnx.Int16:
		return dense(onnx.View[int16](t), t.Shape)
	case onnx.Int32:
		return dense(onnx.View[int32](t), t.Shape)
	case onnx.Int64:
		return dense(onnx.View[int64](t), t.Shape)
	case onnx.Uint8:
		return dense(onnx.View[uint8](t), t.Shape)
	case onnx.Uint16:
		return dense(onnx.View[uint16](t), t.Shape)
	case onnx.Uint32:
		return dense(onnx.View[uint32](t), t.Shape)
	case onnx.Uint64:
		return dense(onnx.View[uint64](t), t.Shape)
	case onnx.Bool:
		return dense(onnx.View[bool](t), t.Shape)
	case onnx.Complex64:
		return dense(onnx.View[complex64](t), t.Shape)
	case onnx.Complex128:
		return dense(onnx.View[complex128](t), t.Shape)
	case onnx.String:
		return dense(t.Strings, t.Shape)
	case onnx.Float16, onnx.BFloat16:
		wide, err := t.ConvertTo(onnx.Float32)
		if err != nil {
			return nil, err
		}
		return fromONNX(wide)
	}
	return nil, fmt.Errorf("tensors of gorgonia can not hold %v", t.Type)
}

func dense[T any](values []T, shape []int) (tensor.Tensor, error) {
	if len(shape) == 0 {
		return tensor.New(tensor.FromScalar(values[0])), nil
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values)), nil
}
