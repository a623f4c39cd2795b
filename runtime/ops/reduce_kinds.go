package ops

import (
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// fold returns the reduction that adds each element to the value by f.
func fold[T, A any](start A, f func(value A, x T) A, finish func(A, int) T) reduction[T, A] {
	return reduction[T, A]{
		start: start,
		row: func(value A, x []T) A {
			for _, v := range x {
				value = f(value, v)
			}
			return value
		},
		column: func(values []A, x []T) {
			for i, v := range x {
				values[i] = f(values[i], v)
			}
		},
		finish: finish,
	}
}

// withRow replaces the row function by a faster one.
func (r reduction[T, A]) withRow(row func(value A, x []T) A) reduction[T, A] {
	r.row = row
	return r
}

// withColumn replaces the column function by a faster one.
func (r reduction[T, A]) withColumn(column func(values []A, x []T)) reduction[T, A] {
	r.column = column
	return r
}

// Values of floats are added up in float64, those of integers wrap around in
// their own type.

func sumFold[T, A number]() reduction[T, A] {
	return fold(0, func(value A, x T) A { return value + A(x) }, func(value A, _ int) T { return T(value) }).withColumn(sumColumn[T, A])
}

func sumColumn[T, A number](values []A, x []T) {
	values = values[:len(x)]
	for i, v := range x {
		values[i] += A(v)
	}
}

func sumRow(value float64, x []float32) float64 { return value + float64(vec.Sum(x)) }

var sumTypes = reduceTypes{
	onnx.Float32: reduceOver(sumFold[float32, float64]().withRow(sumRow)), onnx.Float64: reduceOver(sumFold[float64, float64]()),
	onnx.Int32: reduceOver(sumFold[int32, int32]()), onnx.Int64: reduceOver(sumFold[int64, int64]()),
	onnx.Uint32: reduceOver(sumFold[uint32, uint32]()), onnx.Uint64: reduceOver(sumFold[uint64, uint64]()),
}

// averageOf divides; the mean of nothing is NaN, or 0 for integers.
func averageOf[T, A number](value A, count int) T {
	if count == 0 && T(1)/2 == 0 {
		return 0
	}
	return T(value / A(count))
}

func meanFold[T, A number]() reduction[T, A] {
	r := sumFold[T, A]()
	r.finish = averageOf[T, A]
	return r
}

var meanTypes = reduceTypes{
	onnx.Float32: reduceOver(meanFold[float32, float64]().withRow(sumRow)), onnx.Float64: reduceOver(meanFold[float64, float64]()),
	onnx.Int32: reduceOver(meanFold[int32, int64]()), onnx.Int64: reduceOver(meanFold[int64, int64]()),
	onnx.Uint32: reduceOver(meanFold[uint32, uint64]()), onnx.Uint64: reduceOver(meanFold[uint64, uint64]()),
}

func itself[T any](value T, _ int) T { return value }

func maxFold[T number](lowest T) reduction[T, T]  { return fold(lowest, larger[T], itself[T]) }
func minFold[T number](highest T) reduction[T, T] { return fold(highest, lesser[T], itself[T]) }

func maxRow(value float32, x []float32) float32 { return max(value, vec.Max(x)) }
func minRow(value float32, x []float32) float32 { return min(value, vec.Min(x)) }
func maxColumn(values, x []float32)             { vec.Maximum(values, values, x) }
func minColumn(values, x []float32)             { vec.Minimum(values, values, x) }

var maxTypes = reduceTypes{
	onnx.Float32: reduceOver(maxFold(float32(math.Inf(-1))).withRow(maxRow).withColumn(maxColumn)),
	onnx.Float64: reduceOver(maxFold(math.Inf(-1))),
	onnx.Int8:    reduceOver(maxFold[int8](math.MinInt8)), onnx.Int32: reduceOver(maxFold[int32](math.MinInt32)), onnx.Int64: reduceOver(maxFold[int64](math.MinInt64)),
	onnx.Uint8: reduceOver(maxFold[uint8](0)), onnx.Uint32: reduceOver(maxFold[uint32](0)), onnx.Uint64: reduceOver(maxFold[uint64](0)),
	onnx.Bool: reduceOver(fold(false, func(value, x bool) bool { return value || x }, itself[bool])),
}

var minTypes = reduceTypes{
	onnx.Float32: reduceOver(minFold(float32(math.Inf(1))).withRow(minRow).withColumn(minColumn)),
	onnx.Float64: reduceOver(minFold(math.Inf(1))),
	onnx.Int8:    reduceOver(minFold[int8](math.MaxInt8)), onnx.Int32: reduceOver(minFold[int32](math.MaxInt32)), onnx.Int64: reduceOver(minFold[int64](math.MaxInt64)),
	onnx.Uint8: reduceOver(minFold[uint8](math.MaxUint8)), onnx.Uint32: reduceOver(minFold[uint32](math.MaxUint32)), onnx.Uint64: reduceOver(minFold[uint64](math.MaxUint64)),
	onnx.Bool: reduceOver(fold(true, func(value, x bool) bool { return value && x }, itself[bool])),
}

func prodFold[T, A number]() reduction[T, A] {
	return fold(1, func(value A, x T) A { return value * A(x) }, func(value A, _ int) T { return T(value) })
}

var prodTypes = reduceTypes{
	onnx.Float32: reduceOver(prodFold[float32, float64]()), onnx.Float64: reduceOver(prodFold[float64, float64]()),
	onnx.Int32: reduceOver(prodFold[int32, int32]()), onnx.Int64: reduceOver(prodFold[int64, int64]()),
	onnx.Uint32: reduceOver(prodFold[uint32, uint32]()), onnx.Uint64: reduceOver(prodFold[uint64, uint64]()),
}

// l1Fold adds up absolute values.
func l1Fold[T, A number]() reduction[T, A] {
	return fold(0, func(value A, x T) A {
		if x < 0 {
			return value - A(x)
		}
		return value + A(x)
	}, func(value A, _ int) T { return T(value) })
}

var l1Types = reduceTypes{
	onnx.Float32: reduceOver(l1Fold[float32, float64]()), onnx.Float64: reduceOver(l1Fold[float64, float64]()),
	onnx.Int32: reduceOver(l1Fold[int32, int32]()), onnx.Int64: reduceOver(l1Fold[int64, int64]()),
	onnx.Uint32: reduceOver(l1Fold[uint32, uint32]()), onnx.Uint64: reduceOver(l1Fold[uint64, uint64]()),
}

func sumSquareFold[T, A number](finish func(A, int) T) reduction[T, A] {
	return fold(0, func(value A, x T) A { return value + A(x)*A(x) }, finish)
}

func sumSquareRow(value float64, x []float32) float64 { return value + float64(vec.Dot(x, x)) }

func toType[T, A number](value A, _ int) T { return T(value) }

var sumSquareTypes = reduceTypes{
	onnx.Float32: reduceOver(sumSquareFold(toType[float32, float64]).withRow(sumSquareRow)), onnx.Float64: reduceOver(sumSquareFold(toType[float64, float64])),
	onnx.Int32: reduceOver(sumSquareFold(toType[int32, int32])), onnx.Int64: reduceOver(sumSquareFold(toType[int64, int64])),
	onnx.Uint32: reduceOver(sumSquareFold(toType[uint32, uint32])), onnx.Uint64: reduceOver(sumSquareFold(toType[uint64, uint64])),
}

func rootOf[T number](value float64, _ int) T { return T(math.Sqrt(value)) }

var l2Types = reduceTypes{
	onnx.Float32: reduceOver(sumSquareFold(rootOf[float32])), onnx.Float64: reduceOver(sumSquareFold(rootOf[float64])),
	onnx.Int32: reduceOver(sumSquareFold(rootOf[int32])), onnx.Int64: reduceOver(sumSquareFold(rootOf[int64])),
	onnx.Uint32: reduceOver(sumSquareFold(rootOf[uint32])), onnx.Uint64: reduceOver(sumSquareFold(rootOf[uint64])),
}

func logSumFold[T number]() reduction[T, float64] {
	r := sumFold[T, float64]()
	r.finish = func(value float64, _ int) T { return T(math.Log(value)) }
	return r
}

var logSumTypes = reduceTypes{
	onnx.Float32: reduceOver(logSumFold[float32]()), onnx.Float64: reduceOver(logSumFold[float64]()),
	onnx.Int32: reduceOver(logSumFold[int32]()), onnx.Int64: reduceOver(logSumFold[int64]()),
	onnx.Uint32: reduceOver(logSumFold[uint32]()), onnx.Uint64: reduceOver(logSumFold[uint64]()),
}

// expSum is the sum of e^x over some elements: sum e^largest. Taking off the
// largest element keeps it from overflowing.
type expSum struct{ largest, sum float64 }

func (s expSum) add(x float64) expSum {
	switch {
	case x <= s.largest && !math.IsInf(s.largest, 0):
		return expSum{s.largest, s.sum + math.Exp(x-s.largest)}
	case x == s.largest: // both infinite: e^x counts once more
		return expSum{x, s.sum + 1}
	case x < s.largest: // s is +Inf
		return s
	case math.IsInf(s.largest, -1):
		return expSum{x, s.sum*0 + 1} // e^-Inf is 0; NaN stays
	}
	return expSum{x, s.sum*math.Exp(s.largest-x) + 1} // also for NaN
}

func (s expSum) log() float64 {
	switch {
	case s.sum != s.sum:
		return s.sum
	case s.sum == 0 || math.IsInf(s.largest, 0):
		return s.largest
	}
	return s.largest + math.Log(s.sum)
}

func logSumExpFold[T number]() reduction[T, expSum] {
	return fold(expSum{largest: math.Inf(-1)},
		func(value expSum, x T) expSum { return value.add(float64(x)) },
		func(value expSum, _ int) T { return T(value.log()) })
}

var logSumExpTypes = reduceTypes{
	onnx.Float32: reduceOver(logSumExpFold[float32]()), onnx.Float64: reduceOver(logSumExpFold[float64]()),
	onnx.Int32: reduceOver(logSumExpFold[int32]()), onnx.Int64: reduceOver(logSumExpFold[int64]()),
	onnx.Uint32: reduceOver(logSumExpFold[uint32]()), onnx.Uint64: reduceOver(logSumExpFold[uint64]()),
}
