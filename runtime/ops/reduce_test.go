package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

// reduceDefinitions gives each reduction of float32 in float64.
var reduceDefinitions = map[string]func(x []float64) float64{
	"ReduceSum":  sumOfAll,
	"ReduceMean": func(x []float64) float64 { return sumOfAll(x) / float64(len(x)) },
	"ReduceMax": func(x []float64) float64 {
		m := math.Inf(-1)
		for _, v := range x {
			m = max(m, v)
		}
		return m
	},
	"ReduceMin": func(x []float64) float64 {
		m := math.Inf(1)
		for _, v := range x {
			m = min(m, v)
		}
		return m
	},
	"ReduceProd": func(x []float64) float64 {
		p := 1.0
		for _, v := range x {
			p *= v
		}
		return p
	},
	"ReduceL1":        func(x []float64) float64 { return sumOfAll(mapped(x, math.Abs)) },
	"ReduceL2":        func(x []float64) float64 { return math.Sqrt(sumOfAll(mapped(x, square))) },
	"ReduceSumSquare": func(x []float64) float64 { return sumOfAll(mapped(x, square)) },
	"ReduceLogSum":    func(x []float64) float64 { return math.Log(sumOfAll(x)) },
	"ReduceLogSumExp": func(x []float64) float64 { return math.Log(sumOfAll(mapped(x, math.Exp))) },
}

func square(v float64) float64 { return v * v }

func sumOfAll(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}

func mapped(x []float64, f func(float64) float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return y
}

// reducedGroups returns, for each element of the result of a reduction, the elements
// that go into it, found by counting through all indices.
func reducedGroups(x []float32, shape []int, reduced []bool) [][]float64 {
	kept := 1
	for i, s := range shape {
		if !reduced[i] {
			kept *= s
		}
	}
	g := make([][]float64, kept)
	for flat, v := range x {
		rest, step, at := flat, 1, 0
		for i := len(shape) - 1; i >= 0; i-- {
			if !reduced[i] {
				at += rest % shape[i] * step
				step *= shape[i]
			}
			rest /= shape[i]
		}
		g[at] = append(g[at], float64(v))
	}
	return g
}

func TestReductions(t *testing.T) {
	for name, definition := range reduceDefinitions {
		rapid.Check(t, func(t *rapid.T) {
			rank := rapid.IntRange(0, 4).Draw(t, "rank")
			shape := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 2, 3, 7, 19}), rank, rank).Draw(t, "shape")
			reduced := rapid.SliceOfN(rapid.Bool(), rank, rank).Draw(t, "reduced")
			x := drawFloats(t, shape)
			compareReduction(t, name, definition, x, reduced, rapid.Bool().Draw(t, "keepdims"))
		})
	}
}

// TestLongReductions reduces more than one thread takes at a time, and more
// columns than are computed side by side.
func TestLongReductions(t *testing.T) {
	for _, x := range []struct {
		shape   []int
		reduced []bool
	}{{[]int{40000}, []bool{true}}, {[]int{70, 600}, []bool{true, false}}, {[]int{70, 600}, []bool{false, true}}, {[]int{5, 40, 7, 300}, []bool{false, true, false, true}}, {[]int{5, 40, 7, 300}, []bool{true, false, true, false}}} {
		data := onnx.NewTensor(onnx.Float32, x.shape...)
		for i := range data.Float32s() {
			data.Float32s()[i] = 1 + float32(i*7919%1000)/1e4
		}
		for name, definition := range reduceDefinitions {
			if name != "ReduceProd" { // overflows
				compareReduction(t, name, definition, data, x.reduced, true)
			}
		}
	}
}

func compareReduction(t tester, name string, definition func([]float64) float64, x *onnx.Tensor, reduced []bool, keepDims bool) {
	t.Helper()
	var axes []int64
	for i, r := range reduced {
		if r && i%2 == 0 {
			axes = append(axes, int64(i))
		} else if r {
			axes = append(axes, int64(i-len(reduced)))
		}
	}
	n := node(name, 18, intAttr("keepdims", int(truth[int64](keepDims))), intAttr("noop_with_empty_axes", 1))
	axesTensor := onnx.FromSlice(axes, len(axes))
	one, err := runOn(1, n, x, axesTensor)
	if err != nil {
		t.Fatal(err)
	}
	three, err := runOn(3, n, x, axesTensor)
	if err != nil {
		t.Fatal(err)
	}
	y := one[0].(*onnx.Tensor)
	if want := reducedShape(x.Shape, reduced, 1, keepDims); !slices.Equal(y.Shape, want) {
		t.Fatalf("%s of %v over %v: shape %v, want %v", name, x.Shape, axes, y.Shape, want)
	}
	if !slices.Equal(y.Raw(), three[0].(*onnx.Tensor).Raw()) {
		t.Fatalf("%s of %v over %v: three threads differ from one", name, x.Shape, axes)
	}
	for i, group := range reducedGroups(x.Float32s(), x.Shape, reduced) {
		want, scale := definition(group), sumOfAll(mapped(group, math.Abs))/math.Max(1, math.Abs(definition(group)))
		if got := float64(y.Float32s()[i]); !sameFloat(got, float64(float32(want)), 1e-5*math.Max(1, scale)) {
			t.Fatalf("%s of %v over %v: element %d is %g, want %g", name, x.Shape, axes, i, got, want)
		}
	}
}

func TestReduceAxes(t *testing.T) {
	x := onnx.FromSlice([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	axis0 := onnx.FromSlice([]int64{0}, 1)
	for _, c := range []struct {
		opset int
		attrs []onnx.Attribute
		in    []*onnx.Tensor
		want  []float32 // nil for an error
	}{
		{1, []onnx.Attribute{intsAttr("axes", 0)}, []*onnx.Tensor{x}, []float32{5, 7, 9}},
		{12, nil, []*onnx.Tensor{x}, []float32{21}},
		{13, nil, []*onnx.Tensor{x, axis0}, []float32{5, 7, 9}},
		{13, []onnx.Attribute{intAttr("noop_with_empty_axes", 1)}, []*onnx.Tensor{x}, []float32{1, 2, 3, 4, 5, 6}},
		{13, nil, []*onnx.Tensor{x, onnx.NewTensor(onnx.Int64, 0)}, []float32{21}},
		{13, nil, []*onnx.Tensor{x, onnx.FromSlice([]int64{0, -2}, 2)}, nil},
		{13, nil, []*onnx.Tensor{x, onnx.FromSlice([]int64{2}, 1)}, nil},
		{13, nil, []*onnx.Tensor{x, onnx.FromSlice([]float32{0}, 1)}, nil},
	} {
		out, err := runOn(1, node("ReduceSum", c.opset, c.attrs...), c.in...)
		if (err != nil) != (c.want == nil) {
			t.Errorf("opset %d %v: error %v", c.opset, c.in, err)
		} else if err == nil && !slices.Equal(out[0].(*onnx.Tensor).Float32s(), c.want) {
			t.Errorf("opset %d %v: got %v, want %v", c.opset, c.in, out[0].(*onnx.Tensor).Float32s(), c.want)
		}
	}
}

// TestReduceIntegers compares integer reductions with loops over int64.
func TestReduceIntegers(t *testing.T) {
	x := onnx.FromSlice([]int32{3, -4, 12, 0, 5, -6}, 2, 3)
	for name, want := range map[string][]int32{
		"ReduceSum": {11, -1}, "ReduceMean": {3, 0}, "ReduceMax": {12, 5}, "ReduceMin": {-4, -6},
		"ReduceProd": {-144, 0}, "ReduceL1": {19, 11}, "ReduceL2": {13, 7}, "ReduceSumSquare": {169, 61},
	} {
		out, err := runOn(1, node(name, 11, intsAttr("axes", -1), intAttr("keepdims", 0)), x)
		if err != nil {
			t.Fatal(err)
		}
		if got := onnx.View[int32](out[0].(*onnx.Tensor)); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// TestLogSumExpRange checks that large elements do not overflow and that
// special values come out as the formula says.
func TestLogSumExpRange(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		x    []float32
		want float64
	}{
		{[]float32{1000, 1000}, 1000 + math.Ln2}, {[]float32{-1000, -1000}, -1000 + math.Ln2}, {[]float32{-inf, -inf}, math.Inf(-1)},
		{[]float32{-inf, 3}, 3}, {[]float32{inf, 1, -inf}, math.Inf(1)}, {[]float32{1, inf, inf}, math.Inf(1)},
		{[]float32{nan, 1}, math.NaN()}, {[]float32{1, nan, -inf, 2}, math.NaN()}, {[]float32{-inf, nan, -inf}, math.NaN()}, {nil, math.Inf(-1)},
	} {
		out, err := runOn(1, node("ReduceLogSumExp", 13, intAttr("keepdims", 0)), onnx.FromSlice(c.x, len(c.x)))
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(out[0].(*onnx.Tensor).Float32s()[0]); !sameFloat(got, c.want, 1e-6) {
			t.Errorf("%v: got %g, want %g", c.x, got, c.want)
		}
	}
}
