package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

// waves returns a tensor of numbers between -1 and 1 that depend on seed.
func waves(seed int, shape ...int) *onnx.Tensor {
	x := onnx.NewTensor(onnx.Float32, shape...)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(math.Sin(float64(i*(seed%7+1)) + float64(seed)))
	}
	return x
}

// inDouble returns a float32 tensor as float64.
func inDouble(x *onnx.Tensor) *onnx.Tensor {
	if x == nil {
		return nil
	}
	return onnx.FromSlice(convertFloats[float64](x.Float32s()), x.Shape...)
}

// wantNear compares a float tensor with numbers.
func wantNear(t tester, got *onnx.Tensor, want []float64, tolerance float64) {
	t.Helper()
	values, ok := asFloats[float64](got)
	if !ok || len(values) != len(want) {
		t.Fatalf("got %v, expected %d numbers", got, len(want))
	}
	for i, w := range want {
		if !sameFloat(values[i], w, tolerance) {
			t.Fatalf("element %d of %v is %v, expected %v", i, got, values[i], w)
		}
	}
}

// checkFloatNode runs a node in float32 with one thread and with three, which
// must give the same bits, with its inputs from constantFrom on known at
// build, and in float64; it compares every result with want. It returns the
// first.
func checkFloatNode(t tester, n *Node, want []float64, in ...*onnx.Tensor) *onnx.Tensor {
	t.Helper()
	var first *onnx.Tensor
	for i, variant := range []struct {
		threads         int
		constant, wider bool
		tolerance       float64
	}{{threads: 1, tolerance: 1e-4}, {threads: 3, tolerance: 1e-4}, {threads: 3, constant: true, tolerance: 1e-4}, {threads: 1, wider: true, tolerance: 1e-8}} {
		run := &Node{Node: n.Node, Opset: n.Opset}
		inputs := slices.Clone(in)
		if variant.wider {
			for k, x := range inputs {
				if x != nil && x.Type == onnx.Float32 {
					inputs[k] = inDouble(x)
				}
			}
		}
		if variant.constant {
			run.Constants = slices.Clone(inputs)
			run.Constants[0] = nil
		}
		out, err := runOn(variant.threads, run, inputs...)
		if err != nil {
			t.Fatalf("variant %d: %v", i, err)
		}
		y := out[0].(*onnx.Tensor)
		wantNear(t, y, want, variant.tolerance)
		if i == 0 {
			first = y
		} else if i == 1 && !slices.Equal(first.Raw(), y.Raw()) {
			t.Fatal("one and three threads give different bits")
		}
	}
	return first
}

func TestMatMulBroadcastsLeadingAxes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 9)
		m, k, n := size.Draw(t, "m"), size.Draw(t, "k"), size.Draw(t, "n")
		var a, b, whole []int
		for range rapid.IntRange(0, 2).Draw(t, "leading") {
			s := rapid.IntRange(1, 3).Draw(t, "axis")
			whole = append(whole, s)
			for _, part := range []*[]int{&a, &b} {
				if rapid.Bool().Draw(t, "full") {
					*part = append(*part, s)
				} else {
					*part = append(*part, 1)
				}
			}
		}
		x, y := waves(1, append(a, m, k)...), waves(2, append(b, k, n)...)
		out, err := broadcastShapes(a, b)
		if err != nil {
			t.Fatal(err)
		}
		var want []float64
		eachIndex(append(slices.Clone(out), m, n), func(index []int) {
			left, right := slices.Clone(index), slices.Clone(index)
			for i := range whole {
				left[i], right[i] = index[i]%a[i], index[i]%b[i]
			}
			var sum float64
			for p := range k {
				left[len(whole)+1], right[len(whole)] = p, p
				sum += float64(x.Float32s()[at(x.Shape, left)]) * float64(y.Float32s()[at(y.Shape, right)])
			}
			want = append(want, sum)
		})
		checkFloatNode(t, node("MatMul", 13), want, x, y)
	})
}

func TestMatMulOfManySizes(t *testing.T) {
	for _, s := range [][3]int{{1, 300, 1000}, {70, 129, 65}, {3, 1, 17}, {200, 64, 64}} {
		m, k, n := s[0], s[1], s[2]
		a, b := waves(3, m, k), waves(4, k, n)
		want := make([]float64, m*n)
		for i := range m {
			for j := range n {
				for p := range k {
					want[i*n+j] += float64(a.Float32s()[i*k+p]) * float64(b.Float32s()[p*n+j])
				}
			}
		}
		checkFloatNode(t, node("MatMul", 9), want, a, b)
	}
}

func TestMatMulOfVectors(t *testing.T) {
	row, column := counting(3), counting(3)
	wantShape(t, run1(t, testNode("MatMul", 13, 2, 1), row, column))
	wantShape(t, run1(t, testNode("MatMul", 13, 2, 1), row, counting(3, 4)), 4)
	wantShape(t, run1(t, testNode("MatMul", 13, 2, 1), counting(5, 2, 3), column), 5, 2)
	wantNear(t, run1(t, testNode("MatMul", 13, 2, 1), row, column), []float64{5}, 0)
	ints := onnx.FromSlice([]uint32{1, 2, 3, 4}, 2, 2)
	if got := onnx.View[uint32](run1(t, testNode("MatMul", 13, 2, 1), ints, ints)); !slices.Equal(got, []uint32{7, 10, 15, 22}) {
		t.Errorf("the square of %v is %v", []uint32{1, 2, 3, 4}, got)
	}
	empty := run1(t, testNode("MatMul", 13, 2, 1), onnx.NewTensor(onnx.Float32, 2, 0), onnx.NewTensor(onnx.Float32, 0, 3))
	wantNear(t, empty, make([]float64, 6), 0)
}

func TestGemm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 40)
		m, k, n := size.Draw(t, "m"), size.Draw(t, "k"), size.Draw(t, "n")
		transA, transB := rapid.IntRange(0, 1).Draw(t, "transA"), rapid.IntRange(0, 1).Draw(t, "transB")
		alpha, beta := float32(rapid.IntRange(-2, 2).Draw(t, "alpha")), float32(rapid.IntRange(-2, 2).Draw(t, "beta"))
		a, b := waves(5, m, k), waves(6, k, n)
		if transA == 1 {
			a = waves(5, k, m)
		}
		if transB == 1 {
			b = waves(6, n, k)
		}
		bias := waves(7, rapid.SampledFrom([][]int{{}, {1}, {n}, {1, n}, {m, 1}, {m, n}}).Draw(t, "bias")...)
		var want []float64
		for i := range m {
			for j := range n {
				var sum float64
				for p := range k {
					left, right := i*k+p, p*n+j
					if transA == 1 {
						left = p*m + i
					}
					if transB == 1 {
						right = j*k + p
					}
					sum += float64(a.Float32s()[left]) * float64(b.Float32s()[right])
				}
				c := bias.Float32s()[broadcastIndex(i*n+j, []int{m, n}, bias.Shape)]
				want = append(want, float64(alpha)*sum+float64(beta)*float64(c))
			}
		}
		g := node("Gemm", 13, intAttr("transA", transA), intAttr("transB", transB), floatAttr("alpha", alpha), floatAttr("beta", beta))
		checkFloatNode(t, g, want, a, b, bias)
	})
}

func TestProductsRefuseWrongShapes(t *testing.T) {
	for _, c := range []struct {
		op string
		in []*onnx.Tensor
	}{
		{"MatMul", []*onnx.Tensor{counting(2, 3), counting(4, 2)}},
		{"MatMul", []*onnx.Tensor{counting(), counting(1, 2)}},
		{"MatMul", []*onnx.Tensor{counting(2, 2, 3), counting(3, 3, 2)}},
		{"Gemm", []*onnx.Tensor{counting(2, 3), counting(2, 3)}},
		{"Gemm", []*onnx.Tensor{counting(2, 3), counting(3, 2), counting(3)}},
		{"Gemm", []*onnx.Tensor{counting(2, 3, 1), counting(3, 2)}},
	} {
		if _, err := runOn(1, node(c.op, 13), c.in...); err == nil {
			t.Errorf("%s of %v: no error", c.op, c.in)
		}
	}
}

// TestConstantsOf16Bits compares the operators that prepare constant weights
// with themselves in float32, on float16 inputs.
func TestConstantsOf16Bits(t *testing.T) {
	for _, c := range []struct {
		n  *Node
		in []*onnx.Tensor
	}{
		{node("MatMul", 13), []*onnx.Tensor{waves(1, 3, 20), waves(2, 20, 33)}},
		{node("Gemm", 13, intAttr("transB", 1)), []*onnx.Tensor{waves(1, 3, 20), waves(2, 33, 20), waves(3, 33)}},
		{node("Conv", 11), []*onnx.Tensor{waves(1, 1, 4, 6), waves(2, 20, 4, 3), waves(3, 20)}},
		{node("LSTM", 14), []*onnx.Tensor{waves(1, 3, 2, 5), waves(2, 1, 24, 5), waves(3, 1, 24, 6)}},
	} {
		half, single := make([]*onnx.Tensor, len(c.in)), make([]*onnx.Tensor, len(c.in))
		for i, x := range c.in {
			var err error
			if half[i], err = x.ConvertTo(onnx.Float16); err != nil {
				t.Fatal(err)
			}
			single[i] = widen(half[i])
		}
		want, err := runOn(1, &Node{Node: c.n.Node, Opset: c.n.Opset}, single...)
		if err != nil {
			t.Fatal(err)
		}
		constants := append([]*onnx.Tensor{nil}, half[1:]...)
		got, err := runOn(1, &Node{Node: c.n.Node, Opset: c.n.Opset, Constants: constants}, half...)
		if err != nil {
			t.Fatal(err)
		}
		if y := got[0].(*onnx.Tensor); y.Type != onnx.Float16 {
			t.Errorf("%s of float16 gives %v", c.n.Op, y)
		} else {
			wantNear(t, y, convertFloats[float64](want[0].(*onnx.Tensor).Float32s()), 1e-3)
		}
	}
}
