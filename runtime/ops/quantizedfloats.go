package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// floatsOf returns the elements of a numeric tensor as float32, without a copy
// where they are.
func floatsOf(t *onnx.Tensor) ([]float32, error) {
	switch t.Type {
	case onnx.Float32:
		return t.Float32s(), nil
	case onnx.Float16, onnx.BFloat16:
		return widen(t).Float32s(), nil
	}
	ints, err := smallInts(t)
	if err != nil {
		return nil, err
	}
	floats := make([]float32, len(ints))
	for i, v := range ints {
		floats[i] = float32(v)
	}
	return floats, nil
}

// storeFloats writes floats to y, rounded to its element type.
func storeFloats(y *onnx.Tensor, floats []float32) error {
	switch y.Type {
	case onnx.Float32:
		copy(y.Float32s(), floats)
	case onnx.Float16, onnx.BFloat16:
		narrow(onnx.View[uint16](y), floats, y.Type)
	default:
		return fmt.Errorf("can not store floats as %v", y.Type)
	}
	return nil
}

// storeSmallFloats writes floats to y of a float8 or float4 type.
func storeSmallFloats(y *onnx.Tensor, floats []float32, saturate bool) error {
	return fmt.Errorf("quantizing to %v is not there yet", y.Type)
}

// storeNumbers writes numbers to y, converted to its element type; fractions
// are cut off for integers.
func storeNumbers(y *onnx.Tensor, values []float64) error {
	switch y.Type {
	case onnx.Float32:
		storeAs(onnx.View[float32](y), values)
	case onnx.Float64:
		storeAs(onnx.View[float64](y), values)
	case onnx.Int8:
		storeAs(onnx.View[int8](y), values)
	case onnx.Int16:
		storeAs(onnx.View[int16](y), values)
	case onnx.Int32:
		storeAs(onnx.View[int32](y), values)
	case onnx.Int64:
		storeAs(onnx.View[int64](y), values)
	case onnx.Uint8:
		storeAs(onnx.View[uint8](y), values)
	case onnx.Uint16:
		storeAs(onnx.View[uint16](y), values)
	case onnx.Uint32:
		storeAs(onnx.View[uint32](y), values)
	case onnx.Uint64:
		storeAs(onnx.View[uint64](y), values)
	case onnx.Float16, onnx.BFloat16:
		floats := make([]float32, len(values))
		storeAs(floats, values)
		return storeFloats(y, floats)
	default:
		return fmt.Errorf("can not store numbers as %v", y.Type)
	}
	return nil
}

func storeAs[T float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](dst []T, values []float64) {
	for i, v := range values {
		dst[i] = T(v)
	}
}
