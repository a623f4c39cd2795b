package ops

import (
	"math"
	"slices"
	"sort"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

// drawLines draws a float32 tensor of at least one axis and one of its axes.
func drawLines(t *rapid.T) (x *onnx.Tensor, axis int) {
	rank := rapid.IntRange(1, 4).Draw(t, "rank")
	shape := rapid.SliceOfN(rapid.SampledFrom([]int{1, 2, 3, 5, 17}), rank, rank).Draw(t, "shape")
	return drawFloats(t, shape), rapid.IntRange(0, rank-1).Draw(t, "axis")
}

// lineOf returns the elements along the axis that have the other indices of
// element flat, and the index of that element among them.
func lineOf(x []float32, shape []int, axis, flat int) (line []float64, index int) {
	inner := 1
	for _, s := range shape[axis+1:] {
		inner *= s
	}
	index = flat / inner % shape[axis]
	for k := range shape[axis] {
		line = append(line, float64(x[flat+(k-index)*inner]))
	}
	return line, index
}

// negated returns the axis as it is counted from the end, for some ranks.
func negated(axis, rank int) int {
	if rank%2 == 0 {
		return axis - rank
	}
	return axis
}

// onThreads runs a node on one and on three threads and checks that the
// results have the same bits.
func onThreads(t tester, n *Node, in ...*onnx.Tensor) []onnx.Value {
	t.Helper()
	one, err := runOn(1, n, in...)
	if err != nil {
		t.Fatal(err)
	}
	three, err := runOn(3, n, in...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range one {
		if !slices.Equal(one[i].(*onnx.Tensor).Raw(), three[i].(*onnx.Tensor).Raw()) {
			t.Fatalf("%s: three threads differ from one", n.Op)
		}
	}
	return one
}

func TestSoftmaxes(t *testing.T) {
	definitions := map[string]func(line []float64, i int) float64{
		"Softmax":    func(x []float64, i int) float64 { return math.Exp(x[i]-slices.Max(x)) / expSumOf(x) },
		"LogSoftmax": func(x []float64, i int) float64 { return x[i] - slices.Max(x) - math.Log(expSumOf(x)) },
		"Hardmax":    func(x []float64, i int) float64 { return truth[float64](slices.Index(x, slices.Max(x)) == i) },
	}
	for name, definition := range definitions {
		rapid.Check(t, func(t *rapid.T) {
			x, axis := drawLines(t)
			for i, v := range x.Float32s() { // special values are tested apart
				if v != v || math.IsInf(float64(v), 0) {
					x.Float32s()[i] = 3
				}
			}
			y := onThreads(t, node(name, 13, intAttr("axis", negated(axis, x.Rank()))), x)[0].(*onnx.Tensor)
			flat := onThreads(t, node(name, 11, intAttr("axis", axis)), x)[0].(*onnx.Tensor)
			rows := product(x.Shape[:axis])
			for i := range x.Float32s() {
				line, index := lineOf(x.Float32s(), x.Shape, axis, i)
				if want := definition(line, index); !sameFloat(float64(y.Float32s()[i]), want, 1e-5) {
					t.Fatalf("%s of %v along %d: element %d is %g, want %g", name, x.Shape, axis, i, y.Float32s()[i], want)
				}
				line, index = lineOf(x.Float32s(), []int{rows, x.Len() / rows}, 1, i)
				if want := definition(line, index); !sameFloat(float64(flat.Float32s()[i]), want, 1e-5) {
					t.Fatalf("%s-11 of %v from %d: element %d is %g, want %g", name, x.Shape, axis, i, flat.Float32s()[i], want)
				}
			}
		})
	}
}

func expSumOf(x []float64) float64 {
	top := slices.Max(x)
	return sumOfAll(mapped(x, func(v float64) float64 { return math.Exp(v - top) }))
}

// TestArg compares with a search by numpy's rules: the first or last largest
// element, NaN above all.
func TestArg(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, axis := drawLines(t)
		last := rapid.IntRange(0, 1).Draw(t, "last")
		name := rapid.SampledFrom([]string{"ArgMax", "ArgMin"}).Draw(t, "op")
		y := onThreads(t, node(name, 13, intAttr("axis", axis), intAttr("select_last_index", last)), x)[0].(*onnx.Tensor)
		at := 0
		for i := range x.Float32s() {
			line, index := lineOf(x.Float32s(), x.Shape, axis, i)
			if index != 0 {
				continue
			}
			position := at
			at++
			best := argDefinition(line, name == "ArgMin", last == 1)
			if got := y.Int64s()[position]; got != int64(best) {
				t.Fatalf("%s of %v: %d, want %d", name, line, got, best)
			}
		}
	})
}

func argDefinition(line []float64, smallest, last bool) int {
	key := func(v float64) float64 {
		switch {
		case v != v:
			return math.Inf(1)
		case smallest:
			return -v
		}
		return v
	}
	best := 0
	for i, v := range line {
		bothNaN, isNaN, wasNaN := v != v && line[best] != line[best], v != v, line[best] != line[best]
		switch {
		case bothNaN:
			if last {
				best = i
			}
		case isNaN:
			best = i
		case wasNaN:
		case key(v) > key(line[best]) || last && v == line[best]:
			best = i
		}
	}
	return best
}

func TestTopK(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, axis := drawLines(t)
		k := rapid.IntRange(0, x.Shape[axis]).Draw(t, "k")
		largest := rapid.IntRange(0, 1).Draw(t, "largest")
		n := node("TopK", 11, intAttr("axis", negated(axis, x.Rank())), intAttr("largest", largest))
		n.Outputs = []string{"values", "indices"}
		out := onThreads(t, n, x, onnx.FromSlice([]int64{int64(k)}, 1))
		values, indices := out[0].(*onnx.Tensor), out[1].(*onnx.Tensor)
		for i := range values.Float32s() {
			line, rank := lineOf(values.Float32s(), values.Shape, axis, i)
			first := i - rank*product(x.Shape[axis+1:])
			outer, inner := first/max(1, k*product(x.Shape[axis+1:])), first%product(x.Shape[axis+1:])
			source, _ := lineOf(x.Float32s(), x.Shape, axis, outer*x.Shape[axis]*product(x.Shape[axis+1:])+inner)
			order := make([]int, len(source))
			for j := range order {
				order[j] = j
			}
			sort.SliceStable(order, func(a, b int) bool {
				va, vb := source[order[a]], source[order[b]]
				if largest == 1 {
					va, vb = vb, va
				}
				return va < vb || vb != vb && va == va
			})
			if got := indices.Int64s()[i]; got != int64(order[rank]) || !sameFloat(line[rank], source[order[rank]], 0) {
				t.Fatalf("TopK of %v: place %d is %g from %d, want %d", source, rank, line[rank], got, order[rank])
			}
		}
	})
}

func TestTopKErrors(t *testing.T) {
	x := onnx.NewTensor(onnx.Float32, 2, 3)
	for _, k := range []int64{-1, 4, math.MaxInt64} {
		if _, err := runOn(1, node("TopK", 11), x, onnx.FromSlice([]int64{k}, 1)); err == nil {
			t.Errorf("k = %d of 3: no error", k)
		}
	}
}

func TestCumulative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, axis := drawLines(t)
		exclusive, reverse := rapid.IntRange(0, 1).Draw(t, "exclusive"), rapid.IntRange(0, 1).Draw(t, "reverse")
		for _, name := range []string{"CumSum", "CumProd"} {
			n := node(name, 26, intAttr("exclusive", exclusive), intAttr("reverse", reverse))
			y := onThreads(t, n, x, onnx.Scalar(int64(negated(axis, x.Rank()))))[0].(*onnx.Tensor)
			for i, got := range y.Float32s() {
				line, index := lineOf(x.Float32s(), x.Shape, axis, i)
				if reverse == 1 {
					slices.Reverse(line)
					index = len(line) - 1 - index
				}
				part := line[:index+1-exclusive]
				want, scale := sumOfAll(part), sumOfAll(mapped(part, math.Abs))
				if name == "CumProd" {
					want = 1
					for _, v := range part {
						want *= v
					}
					scale = 1
				}
				if !sameFloat(float64(got), want, 1e-5*math.Max(1, scale)) {
					t.Fatalf("%s of %v, element %d: %g, want %g", name, line, index, got, want)
				}
			}
		}
	})
}

func TestDet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(0, 5).Draw(t, "m")
		x := onnx.NewTensor(onnx.Float64, 2, m, m)
		for i := range onnx.View[float64](x) {
			onnx.View[float64](x)[i] = float64(rapid.IntRange(-3, 3).Draw(t, "element"))
		}
		y := onThreads(t, node("Det", 11), x)[0].(*onnx.Tensor)
		for i, got := range onnx.View[float64](y) {
			if want := cofactors(onnx.View[float64](x)[i*m*m:(i+1)*m*m], m); math.Abs(got-want) > 1e-8 {
				t.Fatalf("got %g, want %g", got, want)
			}
		}
	})
}

// cofactors is the determinant by expansion along the first row.
func cofactors(a []float64, m int) float64 {
	if m == 0 {
		return 1
	}
	sum, sign := 0.0, 1.0
	for column := range m {
		var minor []float64
		for i := 1; i < m; i++ {
			for j := range m {
				if j != column {
					minor = append(minor, a[i*m+j])
				}
			}
		}
		sum += sign * a[column] * cofactors(minor, m-1)
		sign = -sign
	}
	return sum
}
