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
