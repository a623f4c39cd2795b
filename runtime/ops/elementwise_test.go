package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/pool"
	"pgregory.net/rapid"
)

// runOn builds the kernel of a node and runs it once on the given inputs,
// nil for an absent one.
func runOn(threads int, n *Node, in ...*onnx.Tensor) ([]onnx.Value, error) {
	op := Lookup(n.Domain, n.Op, n.Opset)
	values := make([]onnx.Value, len(in))
	n.Inputs = make([]string, len(in))
	for i, t := range in {
		if t != nil {
			values[i] = t
			n.Inputs[i] = "x"
		}
	}
	if len(n.Outputs) == 0 {
		n.Outputs = []string{"y"}
	}
	k, err := op.Build(n)
	if err != nil {
		return nil, err
	}
	c := &Call{In: values, Out: make([]onnx.Value, len(n.Outputs))}
	if threads > 1 {
		p := pool.New(threads)
		defer p.Close()
		c.Pool = p
	}
	return c.Out, k(c)
}

// node returns a node of the ai.onnx domain.
func node(op string, opset int, attrs ...onnx.Attribute) *Node {
	return &Node{Node: &onnx.Node{Op: op, Attrs: attrs}, Opset: opset}
}

func floatAttr(name string, v float32) onnx.Attribute {
	return onnx.Attribute{Name: name, Kind: onnx.AttrFloat, Float: v}
}

// drawFloats draws a float32 tensor of a shape, with some special values.
func drawFloats(t *rapid.T, shape []int) *onnx.Tensor {
	x := onnx.NewTensor(onnx.Float32, shape...)
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.Inf(1)), float32(math.NaN())}
	seed := rapid.IntRange(0, 1<<20).Draw(t, "seed")
	for i := range x.Float32s() {
		seed = (seed*1103515245 + 12345) & math.MaxInt32
		if seed>>8%16 == 0 {
			x.Float32s()[i] = special[seed>>12%len(special)]
			continue
		}
		x.Float32s()[i] = float32(seed>>10%2000)/100 - 10
	}
	return x
}

// sameFloat compares two numbers up to a relative error of the given size.
func sameFloat(got, want, tolerance float64) bool {
	if math.IsNaN(want) || math.IsNaN(got) {
		return math.IsNaN(want) && math.IsNaN(got)
	}
	return got == want || math.Abs(got-want) <= tolerance*math.Max(1, math.Abs(want))
}

// TestBinaryBroadcast compares the float32 operators with their definition at
// every element, over random broadcast shapes, with one and with three threads.
func TestBinaryBroadcast(t *testing.T) {
	operators := map[string]func(a, b float64) float64{
		"Add": func(a, b float64) float64 { return a + b },
		"Sub": func(a, b float64) float64 { return a - b },
		"Mul": func(a, b float64) float64 { return a * b },
		"Div": func(a, b float64) float64 { return a / b },
		"Pow": math.Pow,
	}
	for name, f := range operators {
		rapid.Check(t, func(t *rapid.T) {
			out, shapes := drawBroadcast(t, 2)
			a, b := drawFloats(t, shapes[0]), drawFloats(t, shapes[1])
			one, err := runOn(1, node(name, 13), a, b)
			if err != nil {
				t.Fatal(err)
			}
			three, err := runOn(3, node(name, 13), a, b)
			if err != nil {
				t.Fatal(err)
			}
			y := one[0].(*onnx.Tensor)
			if out = out[len(out)-len(y.Shape):]; !slices.Equal(y.Shape, out) {
				t.Fatalf("shape %v, want %v", y.Shape, out)
			}
			if !slices.Equal(y.Raw(), three[0].(*onnx.Tensor).Raw()) {
				t.Fatalf("three threads differ from one")
			}
			for i, got := range y.Float32s() {
				x, z := a.Float32s()[elementAt(i, out, a.Shape)], b.Float32s()[elementAt(i, out, b.Shape)]
				if want := float32(f(float64(x), float64(z))); !sameFloat(float64(got), float64(want), 1e-6) {
					t.Fatalf("%s(%g, %g) = %g, want %g", name, x, z, got, want)
				}
			}
		})
	}
}

// TestLargeBinary runs over more elements than one thread takes at a time.
func TestLargeBinary(t *testing.T) {
	for _, shapes := range [][2][]int{{{300, 257}, {300, 257}}, {{300, 257}, {257}}, {{300, 257}, {300, 1}}, {{300, 257}, {}}, {{}, {300, 257}}, {{5, 1, 257}, {60, 1}}} {
		a, b := onnx.NewTensor(onnx.Float32, shapes[0]...), onnx.NewTensor(onnx.Float32, shapes[1]...)
		for i := range a.Float32s() {
			a.Float32s()[i] = float32(i%1013) / 7
		}
		for i := range b.Float32s() {
			b.Float32s()[i] = float32(i%611) - 300
		}
		one, err := runOn(1, node("Sub", 14), a, b)
		if err != nil {
			t.Fatal(err)
		}
		three, err := runOn(3, node("Sub", 14), a, b)
		if err != nil {
			t.Fatal(err)
		}
		y := one[0].(*onnx.Tensor)
		if !slices.Equal(y.Raw(), three[0].(*onnx.Tensor).Raw()) {
			t.Errorf("%v: three threads differ from one", shapes)
		}
		for i, got := range y.Float32s() {
			if want := a.Float32s()[elementAt(i, y.Shape, a.Shape)] - b.Float32s()[elementAt(i, y.Shape, b.Shape)]; got != want {
				t.Fatalf("%v element %d: %g, want %g", shapes, i, got, want)
			}
		}
	}
}

func TestLegacyBroadcast(t *testing.T) {
	a := onnx.FromSlice([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	row, column := onnx.FromSlice([]float32{10, 20, 30}, 3), onnx.FromSlice([]float32{10, 20}, 2)
	for _, x := range []struct {
		b     *onnx.Tensor
		attrs []onnx.Attribute
		want  []float32 // nil for an error
	}{
		{row, []onnx.Attribute{intAttr("broadcast", 1)}, []float32{11, 22, 33, 14, 25, 36}},
		{row, []onnx.Attribute{intAttr("broadcast", 1), intAttr("axis", 1)}, []float32{11, 22, 33, 14, 25, 36}},
		{column, []onnx.Attribute{intAttr("broadcast", 1), intAttr("axis", 0)}, []float32{11, 12, 13, 24, 25, 26}},
		{onnx.Scalar[float32](1), []onnx.Attribute{intAttr("broadcast", 1)}, []float32{2, 3, 4, 5, 6, 7}},
		{column, []onnx.Attribute{intAttr("broadcast", 1)}, nil},
		{row, nil, nil},
		{row, []onnx.Attribute{intAttr("broadcast", 1), intAttr("axis", 2)}, nil},
	} {
		out, err := runOn(1, node("Add", 6, x.attrs...), a, x.b)
		if (err != nil) != (x.want == nil) {
			t.Errorf("%v %v: error %v", x.b, x.attrs, err)
			continue
		}
		if err == nil && !slices.Equal(out[0].(*onnx.Tensor).Float32s(), x.want) {
			t.Errorf("%v %v: got %v, want %v", x.b, x.attrs, out[0].(*onnx.Tensor).Float32s(), x.want)
		}
	}
}

func TestIntegerDivision(t *testing.T) {
	a := onnx.FromSlice([]int32{7, -7, 7, -7, 5, math.MinInt32}, 6)
	b := onnx.FromSlice([]int32{2, 2, -2, -2, 0, -1}, 6)
	for _, x := range []struct {
		op    string
		attrs []onnx.Attribute
		want  []int32
	}{
		{"Div", nil, []int32{3, -3, -3, 3, 0, math.MinInt32}},
		{"Mod", nil, []int32{1, 1, -1, -1, 0, 0}},
		{"Mod", []onnx.Attribute{intAttr("fmod", 1)}, []int32{1, -1, 1, -1, 0, 0}},
	} {
		out, err := runOn(1, node(x.op, 14, x.attrs...), a, b)
		if err != nil {
			t.Fatal(err)
		}
		if got := onnx.View[int32](out[0].(*onnx.Tensor)); !slices.Equal(got, x.want) {
			t.Errorf("%s %v: got %v, want %v", x.op, x.attrs, got, x.want)
		}
	}
}

// TestWrongTypes checks that types that do not fit give errors.
func TestWrongTypes(t *testing.T) {
	f, i, s := onnx.NewTensor(onnx.Float32, 2), onnx.NewTensor(onnx.Int32, 2), onnx.NewTensor(onnx.String, 2)
	for _, x := range []struct {
		op string
		in []*onnx.Tensor
	}{
		{"Add", []*onnx.Tensor{f, i}}, {"Add", []*onnx.Tensor{s, s}}, {"And", []*onnx.Tensor{f, f}}, {"Sqrt", []*onnx.Tensor{i}},
		{"Pow", []*onnx.Tensor{f, s}}, {"Pow", []*onnx.Tensor{s, f}}, {"Equal", []*onnx.Tensor{f, s}}, {"Add", []*onnx.Tensor{f, onnx.NewTensor(onnx.Float32, 3)}},
		{"Relu", []*onnx.Tensor{s}}, {"BitwiseAnd", []*onnx.Tensor{f, f}},
	} {
		if _, err := runOn(1, node(x.op, 20), x.in...); err == nil {
			t.Errorf("%s of %v: no error", x.op, x.in)
		}
	}
}
