package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// numberReader returns a function that gives element i of a tensor of any real
// type as a float64: exact but for integers beyond 2^53.
func numberReader(t *onnx.Tensor) (func(i int) float64, error) {
	switch t.Type {
	case onnx.Float32:
		return readNumbers(onnx.View[float32](t)), nil
	case onnx.Float64:
		return readNumbers(onnx.View[float64](t)), nil
	case onnx.Int8:
		return readNumbers(onnx.View[int8](t)), nil
	case onnx.Int16:
		return readNumbers(onnx.View[int16](t)), nil
	case onnx.Int32:
		return readNumbers(onnx.View[int32](t)), nil
	case onnx.Int64:
		return readNumbers(onnx.View[int64](t)), nil
	case onnx.Uint8, onnx.Bool:
		return readNumbers(onnx.View[uint8](t)), nil
	case onnx.Uint16:
		return readNumbers(onnx.View[uint16](t)), nil
	case onnx.Uint32:
		return readNumbers(onnx.View[uint32](t)), nil
	case onnx.Uint64:
		return readNumbers(onnx.View[uint64](t)), nil
	case onnx.Float16, onnx.BFloat16:
		return readNumbers(widen(t).Float32s()), nil
	}
	return nil, fmt.Errorf("%v is not a type of real numbers", t.Type)
}

func readNumbers[T realNumber](values []T) func(i int) float64 {
	return func(i int) float64 { return float64(values[i]) }
}

// wholeNumber returns the only element of a tensor of any real type, rounded
// towards zero.
func wholeNumber(t *onnx.Tensor) (int, error) {
	if t == nil || t.Len() != 1 {
		return 0, fmt.Errorf("expected one number, got %v", t)
	}
	if t.Type == onnx.Int64 {
		return int(t.Int64s()[0]), nil
	}
	read, err := numberReader(t)
	if err != nil {
		return 0, err
	}
	v := read(0)
	if math.IsNaN(v) || v < -1<<62 || v > 1<<62 {
		return 0, fmt.Errorf("%v is out of range", v)
	}
	return int(v), nil
}

// wholeNumbers returns the elements of a tensor of any real type as integers,
// rounded towards zero; what an int does not hold becomes an error.
func wholeNumbers(t *onnx.Tensor) ([]int, error) {
	if t.Type == onnx.Int64 || t.Type == onnx.Int32 {
		return IntsOf(t)
	}
	read, err := numberReader(t)
	if err != nil {
		return nil, err
	}
	ints := make([]int, t.Len())
	for i := range ints {
		v := read(i)
		if math.IsNaN(v) || v < -1<<62 || v > 1<<62 {
			return nil, fmt.Errorf("%v is out of range", v)
		}
		ints[i] = int(v)
	}
	return ints, nil
}
