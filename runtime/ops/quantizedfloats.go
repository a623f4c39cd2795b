package ops

import (
	"github.com/kcompress/kcompress/onnx"
)

// float32sOf returns the elements of a numeric tensor as float32, without a copy
// where they are.
func float32sOf(t *onnx.Tensor) ([]float32, error) {
	f, err := t.ConvertTo(onnx.Float32)
	if err != nil {
		return nil, err
	}
	return f.Float32s(), nil
}

// storeRounded writes floats to y, rounded to its element type.
func storeRounded(y *onnx.Tensor, floats []float32, opts ...onnx.ConvertOption) error {
	return storeConverted(y, onnx.FromSlice(floats, y.Shape...), opts...)
}

// storeNumbers writes numbers to y, converted to its element type; fractions
// are cut off for integers.
func storeNumbers(y *onnx.Tensor, values []float64) error {
	return storeConverted(y, onnx.FromSlice(values, y.Shape...))
}

func storeConverted(y, x *onnx.Tensor, opts ...onnx.ConvertOption) error {
	converted, err := x.ConvertTo(y.Type, opts...)
	if err != nil {
		return err
	}
	copy(y.Raw(), converted.Raw())
	return nil
}
