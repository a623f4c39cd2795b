package ops

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/kcompress/kcompress/onnx"
)

// castStrings converts from or to strings (Cast-9).
func castStrings(c *Call, to onnx.DType, options []onnx.ConvertOption) error {
	x := c.Tensor(0)
	if to == onnx.String {
		return printNumbers(c, x)
	}
	var y *onnx.Tensor
	var err error
	if to.IsInteger() && to != onnx.Uint64 {
		y, err = parseAll(x, parseInteger)
	} else if to == onnx.Uint64 {
		y, err = parseAll(x, parseUnsigned)
	} else {
		y, err = parseAll(x, parseFloat)
	}
	if err != nil {
		return err
	}
	if y, err = y.ConvertTo(to, options...); err != nil {
		return err
	}
	c.Set(0, y)
	return nil
}

// parseAll applies parse to every string.
func parseAll[T onnx.Element](x *onnx.Tensor, parse func(string) (T, error)) (*onnx.Tensor, error) {
	values := make([]T, len(x.Strings))
	for i, s := range x.Strings {
		v, err := parse(strings.TrimSpace(s))
		if err != nil {
			return nil, fmt.Errorf("element %d, %.40q, is not a number", i, s)
		}
		values[i] = v
	}
	return onnx.FromSlice(values, x.Shape...), nil
}

// parseFloat takes plain and scientific numbers, INF and NaN in any case.
// Numbers beyond the range are infinite.
func parseFloat(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && math.IsInf(v, 0) {
		return v, nil
	}
	return v, err
}

// parseInteger takes integers, and floats rounded towards zero.
func parseInteger(s string) (int64, error) {
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		return v, nil
	}
	v, err := parseFloat(s)
	if err != nil || !(v >= math.MinInt64 && v < 1<<63) {
		return 0, strconv.ErrRange
	}
	return int64(v), nil
}

// parseUnsigned is parseInteger for numbers up to 2^64-1.
func parseUnsigned(s string) (uint64, error) {
	if v, err := strconv.ParseUint(s, 10, 64); err == nil {
		return v, nil
	}
	v, err := parseInteger(s)
	return uint64(v), err
}

// printNumbers sets output 0 to the numbers of x as strings.
func printNumbers(c *Call, x *onnx.Tensor) error {
	y, err := c.Output(0, onnx.String, x.Shape...)
	if err != nil {
		return err
	}
	switch {
	case x.Type == onnx.Float64:
		printFloats(y.Strings, onnx.View[float64](x), 64)
	case x.Type.IsFloat():
		wide, err := x.ConvertTo(onnx.Float32)
		if err != nil {
			return err
		}
		printFloats(y.Strings, wide.Float32s(), 32)
	case x.Type == onnx.Uint64:
		for i, v := range onnx.View[uint64](x) {
			y.Strings[i] = strconv.FormatUint(v, 10)
		}
	default:
		wide, err := x.ConvertTo(onnx.Int64)
		if err != nil {
			return err
		}
		for i, v := range wide.Int64s() {
			y.Strings[i] = strconv.FormatInt(v, 10)
		}
	}
	return nil
}

// printFloats writes the shortest plain decimal that stands for each number.
func printFloats[T float](dst []string, src []T, bits int) {
	for i, v := range src {
		switch f := float64(v); {
		case math.IsInf(f, 1):
			dst[i] = "INF"
		case math.IsInf(f, -1):
			dst[i] = "-INF"
		default:
			dst[i] = strconv.FormatFloat(f, 'f', -1, bits)
		}
	}
}
