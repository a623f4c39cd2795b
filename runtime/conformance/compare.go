package conformance

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// Tolerance says how far a floating-point number may be from the expected one:
// |got - want| <= Absolute + Relative*|want|.
type Tolerance struct {
	Relative, Absolute float64
	// integers makes Absolute hold for integer outputs too, which are to be
	// equal otherwise.
	integers bool
}

// SuiteTolerance is the one of the ONNX backend test suite.
var SuiteTolerance = Tolerance{Relative: 1e-3, Absolute: 1e-7}

// Compare returns an error that says where got differs from want.
func Compare(got, want onnx.Value, tol Tolerance) error {
	switch want := want.(type) {
	case *onnx.Tensor:
		t, ok := got.(*onnx.Tensor)
		if !ok {
			return fmt.Errorf("got %T, expected a tensor", got)
		}
		return compareTensors(t, want, tol)
	case *onnx.Sequence:
		s, ok := got.(*onnx.Sequence)
		if !ok {
			return fmt.Errorf("got %T, expected a sequence", got)
		}
		if len(s.Values) != len(want.Values) {
			return fmt.Errorf("got a sequence of %d, expected %d", len(s.Values), len(want.Values))
		}
		for i := range want.Values {
			if err := Compare(s.Values[i], want.Values[i], tol); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
		return nil
	case *onnx.Optional:
		return compareOptionals(got, want, tol)
	case *onnx.Map:
		m, ok := got.(*onnx.Map)
		if !ok {
			return fmt.Errorf("got %T, expected a map", got)
		}
		if err := compareTensors(m.Keys, want.Keys, tol); err != nil {
			return fmt.Errorf("keys: %w", err)
		}
		return compareTensors(m.Values, want.Values, tol)
	case nil:
		if got != nil {
			return fmt.Errorf("got %T, expected nothing", got)
		}
		return nil
	}
	return fmt.Errorf("can not compare %T", want)
}

func compareOptionals(got onnx.Value, want *onnx.Optional, tol Tolerance) error {
	if o, ok := got.(*onnx.Optional); ok {
		got = o.Value
	}
	if (got == nil) != (want.Value == nil) {
		return fmt.Errorf("presence of the optional differs")
	}
	if got == nil {
		return nil
	}
	return Compare(got, want.Value, tol)
}

func compareTensors(got, want *onnx.Tensor, tol Tolerance) error {
	if got.Type != want.Type || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("got %v, expected %v", got, want)
	}
	switch want.Type {
	case onnx.String:
		for i, s := range want.Strings {
			if got.Strings[i] != s {
				return fmt.Errorf("element %d is %q, expected %q", i, got.Strings[i], s)
			}
		}
		return nil
	case onnx.Complex64:
		return firstDifference(onnx.View[complex64](got), onnx.View[complex64](want), func(a, b complex64) bool {
			return cmplx.Abs(complex128(a-b)) <= tol.Absolute+tol.Relative*cmplx.Abs(complex128(b))
		})
	case onnx.Complex128:
		return firstDifference(onnx.View[complex128](got), onnx.View[complex128](want), func(a, b complex128) bool {
			return cmplx.Abs(a-b) <= tol.Absolute+tol.Relative*cmplx.Abs(b)
		})
	}
	if !want.Type.IsFloat() {
		if string(got.Raw()) != string(want.Raw()) {
			return integerDifference(got, want, tol)
		}
		return nil
	}
	a, err := got.ConvertTo(onnx.Float64)
	if err != nil {
		return err
	}
	b, err := want.ConvertTo(onnx.Float64)
	if err != nil {
		return err
	}
	return firstDifference(onnx.View[float64](a), onnx.View[float64](b), func(a, b float64) bool { return closeTo(a, b, tol) })
}

func closeTo(a, b float64, tol Tolerance) bool {
	if math.IsNaN(b) || math.IsInf(b, 0) {
		return a == b || math.IsNaN(a) && math.IsNaN(b)
	}
	return math.Abs(a-b) <= tol.Absolute+tol.Relative*math.Abs(b)
}

// firstDifference reports how many elements differ and which one is first.
func firstDifference[T comparable](got, want []T, same func(a, b T) bool) error {
	count, first := 0, 0
	for i := range want {
		if !same(got[i], want[i]) {
			if count == 0 {
				first = i
			}
			count++
		}
	}
	if count == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d elements differ, the first at %d: %v, expected %v", count, len(want), first, got[first], want[first])
}

func integerDifference(got, want *onnx.Tensor, tol Tolerance) error {
	a, errA := got.ConvertTo(onnx.Int64)
	b, errB := want.ConvertTo(onnx.Int64)
	if errA != nil || errB != nil {
		return fmt.Errorf("elements of %v differ", want)
	}
	return firstDifference(a.Int64s(), b.Int64s(), func(a, b int64) bool {
		return a == b || tol.integers && math.Abs(float64(a)-float64(b)) <= tol.Absolute
	})
}
