package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

func checkReduction(reduction string) error {
	switch reduction {
	case "none", "add", "mul", "max", "min":
		return nil
	}
	return fmt.Errorf("reduction %q is not one of none, add, mul, max, min", reduction)
}

// merger returns a function that merges block s of updates into block d of y,
// where a block is n elements: as numpy does, NaN wins over any number and
// truth values are joined by or (add, max) and and (mul, min).
func merger(y, updates *onnx.Tensor, reduction string, n int) (func(d, s int), error) {
	if reduction == "none" {
		return blockCopier(y, updates, n), nil
	}
	switch y.Type {
	case onnx.Float32:
		return mergeNumbers[float32](y, updates, reduction, n), nil
	case onnx.Float64:
		return mergeNumbers[float64](y, updates, reduction, n), nil
	case onnx.Int8:
		return mergeNumbers[int8](y, updates, reduction, n), nil
	case onnx.Int16:
		return mergeNumbers[int16](y, updates, reduction, n), nil
	case onnx.Int32:
		return mergeNumbers[int32](y, updates, reduction, n), nil
	case onnx.Int64:
		return mergeNumbers[int64](y, updates, reduction, n), nil
	case onnx.Uint8:
		return mergeNumbers[uint8](y, updates, reduction, n), nil
	case onnx.Uint16:
		return mergeNumbers[uint16](y, updates, reduction, n), nil
	case onnx.Uint32:
		return mergeNumbers[uint32](y, updates, reduction, n), nil
	case onnx.Uint64:
		return mergeNumbers[uint64](y, updates, reduction, n), nil
	case onnx.Bool:
		logical := map[string]string{"add": "max", "max": "max", "mul": "min", "min": "min"}[reduction]
		return mergeNumbers[uint8](y, updates, logical, n), nil
	case onnx.Float16, onnx.BFloat16:
		return mergeHalves(y, updates, reduction, n), nil
	case onnx.Complex64:
		return mergeComplex[complex64](y, updates, reduction, n)
	case onnx.Complex128:
		return mergeComplex[complex128](y, updates, reduction, n)
	}
	return nil, fmt.Errorf("reduction %s of %v", reduction, y.Type)
}

type realNumber interface {
	~float32 | ~float64 | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// merging returns the function of two numbers that a reduction stands for.
func merging[T realNumber](reduction string) func(a, b T) T {
	switch reduction {
	case "add":
		return func(a, b T) T { return a + b }
	case "mul":
		return func(a, b T) T { return a * b }
	case "max":
		return func(a, b T) T { return max(a, b) }
	}
	return func(a, b T) T { return min(a, b) }
}

func mergeNumbers[T realNumber](y, updates *onnx.Tensor, reduction string, n int) func(d, s int) {
	to, from, f := onnx.View[T](y), onnx.View[T](updates), merging[T](reduction)
	return func(d, s int) {
		to := to[d*n : (d+1)*n]
		for i, v := range from[s*n : (s+1)*n] {
			to[i] = f(to[i], v)
		}
	}
}

// mergeComplex adds or multiplies: complex numbers have no order.
func mergeComplex[T complex64 | complex128](y, updates *onnx.Tensor, reduction string, n int) (func(d, s int), error) {
	f := func(a, b T) T { return a + b }
	switch reduction {
	case "mul":
		f = func(a, b T) T { return a * b }
	case "max", "min":
		return nil, fmt.Errorf("reduction %s of %v", reduction, y.Type)
	}
	to, from := onnx.View[T](y), onnx.View[T](updates)
	return func(d, s int) {
		to := to[d*n : (d+1)*n]
		for i, v := range from[s*n : (s+1)*n] {
			to[i] = f(to[i], v)
		}
	}, nil
}

func mergeHalves(y, updates *onnx.Tensor, reduction string, n int) func(d, s int) {
	to, from, f := onnx.View[uint16](y), onnx.View[uint16](updates), merging[float32](reduction)
	value, bits := onnx.Float16Value, onnx.Float16Bits
	if y.Type == onnx.BFloat16 {
		value = func(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
		bits = onnx.BFloat16Bits
	}
	return func(d, s int) {
		to := to[d*n : (d+1)*n]
		for i, v := range from[s*n : (s+1)*n] {
			to[i] = bits(f(value(to[i]), value(v)))
		}
	}
}
