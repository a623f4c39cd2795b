package ops

import (
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"pgregory.net/rapid"
)

// TestWhere compares with the definition over random broadcast shapes and all
// widths of elements.
func TestWhere(t *testing.T) {
	types := []onnx.DType{onnx.Uint8, onnx.Float16, onnx.Float32, onnx.Int64, onnx.Complex128, onnx.String}
	rapid.Check(t, func(t *rapid.T) {
		out, shapes := drawBroadcast(t, 3)
		dtype := rapid.SampledFrom(types).Draw(t, "type")
		condition := onnx.NewTensor(onnx.Bool, shapes[0]...)
		for i := range onnx.View[bool](condition) {
			onnx.View[bool](condition)[i] = i%3 != 1
		}
		x, y := numberedTensor(dtype, shapes[1], 1), numberedTensor(dtype, shapes[2], 101)
		z := onThreads(t, node("Where", 16), condition, x, y)[0].(*onnx.Tensor)
		if out = out[len(out)-z.Rank():]; !slices.Equal(z.Shape, out) || z.Type != dtype {
			t.Fatalf("got %v, want shape %v", z, out)
		}
		for i := range z.Len() {
			source, at := y, elementAt(i, out, y.Shape)
			if onnx.View[bool](condition)[elementAt(i, out, condition.Shape)] {
				source, at = x, elementAt(i, out, x.Shape)
			}
			if elementText(z, i) != elementText(source, at) {
				t.Fatalf("element %d is %q, want %q", i, elementText(z, i), elementText(source, at))
			}
		}
	})
}

// numberedTensor returns a tensor whose elements all differ.
func numberedTensor(dtype onnx.DType, shape []int, first int) *onnx.Tensor {
	x := onnx.NewTensor(dtype, shape...)
	for i := range x.Len() {
		if dtype == onnx.String {
			x.Strings[i] = string(rune(first + i))
		} else {
			width := dtype.Bits() / 8
			x.Raw()[i*width], x.Raw()[(i+1)*width-1] = byte(first+i), byte(first+i)
		}
	}
	return x
}

// elementText returns the bytes of an element.
func elementText(x *onnx.Tensor, i int) string {
	if x.Type == onnx.String {
		return x.Strings[i]
	}
	width := x.Type.Bits() / 8
	return string(x.Raw()[i*width : (i+1)*width])
}

// TestVariadic compares Min, Max, Sum and Mean of up to four inputs with their
// definition at every element.
func TestVariadic(t *testing.T) {
	definitions := map[string]func(values []float64) float64{
		"Sum":  sumOfAll,
		"Mean": func(v []float64) float64 { return sumOfAll(v) / float64(len(v)) },
		"Max":  reduceDefinitions["ReduceMax"],
		"Min":  reduceDefinitions["ReduceMin"],
	}
	for name, definition := range definitions {
		rapid.Check(t, func(t *rapid.T) {
			out, shapes := drawBroadcast(t, rapid.IntRange(1, 4).Draw(t, "inputs"))
			var in []*onnx.Tensor
			for _, s := range shapes {
				in = append(in, drawFloats(t, s))
			}
			y := onThreads(t, node(name, 13), in...)[0].(*onnx.Tensor)
			if out = out[len(out)-y.Rank():]; !slices.Equal(y.Shape, out) {
				t.Fatalf("shape %v, want %v", y.Shape, out)
			}
			for i, got := range y.Float32s() {
				var values []float64
				for _, x := range in {
					values = append(values, float64(x.Float32s()[elementAt(i, out, x.Shape)]))
				}
				if want := definition(values); !sameFloat(float64(got), want, 1e-5) {
					t.Fatalf("%s of %v is %g, want %g", name, values, got, want)
				}
			}
		})
	}
}

// TestVariadicKeepsInputs checks that one tensor given several times is not
// overwritten on the way.
func TestVariadicKeepsInputs(t *testing.T) {
	x := onnx.FromSlice([]float32{1, 2}, 2)
	out, err := runOn(1, node("Sum", 13), x, x, x)
	if err != nil || !slices.Equal(out[0].(*onnx.Tensor).Float32s(), []float32{3, 6}) || x.Float32s()[0] != 1 {
		t.Errorf("got %v, %v; the input is %v", out[0].(*onnx.Tensor).Float32s(), err, x.Float32s())
	}
	if _, err := runOn(1, node("Sum", 7), x, onnx.FromSlice([]float32{1})); err == nil {
		t.Error("Sum-7 of different shapes: no error")
	}
}

func TestClip(t *testing.T) {
	x := onnx.FromSlice([]int32{-5, 0, 5}, 3)
	low, high := onnx.Scalar[int32](-1), onnx.Scalar[int32](2)
	for _, c := range []struct {
		in   []*onnx.Tensor
		want []int32 // nil for an error
	}{
		{[]*onnx.Tensor{x, low, high}, []int32{-1, 0, 2}}, {[]*onnx.Tensor{x, nil, high}, []int32{-5, 0, 2}}, {[]*onnx.Tensor{x, low}, []int32{-1, 0, 5}},
		{[]*onnx.Tensor{x, high, low}, []int32{-1, -1, -1}}, // max wins
		{[]*onnx.Tensor{x, onnx.NewTensor(onnx.Int32, 2)}, nil}, {[]*onnx.Tensor{x, onnx.Scalar[float32](0)}, nil},
	} {
		out, err := runOn(1, node("Clip", 13), c.in...)
		if (err != nil) != (c.want == nil) || err == nil && !slices.Equal(onnx.View[int32](out[0].(*onnx.Tensor)), c.want) {
			t.Errorf("%v: got %v, %v; want %v", c.in, out, err, c.want)
		}
	}
}

func TestCrop(t *testing.T) {
	x := onnx.NewTensor(onnx.Float32, 1, 2, 3, 4)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i)
	}
	out, err := runOn(1, node("Crop", 1, intsAttr("border", 1, 0, 1, 1)), x)
	if err != nil || !slices.Equal(out[0].(*onnx.Tensor).Float32s(), []float32{1, 2, 5, 6, 13, 14, 17, 18}) {
		t.Errorf("border: got %v, %v", out, err)
	}
	out, err = runOn(1, node("Crop", 1, intsAttr("border", 2, 1, 0, 0), intsAttr("scale", 1, 2)), x)
	if err != nil || !slices.Equal(out[0].(*onnx.Tensor).Float32s(), []float32{6, 7, 18, 19}) {
		t.Errorf("scale: got %v, %v", out, err)
	}
	for _, n := range []*Node{
		node("Crop", 1, intsAttr("border", 3, 0, 3, 0)), node("Crop", 1, intsAttr("border", -1, 0, 0, 0)),
		node("Crop", 1, intsAttr("border", 0, 0, 0, 0), intsAttr("scale", 4, 1)), node("Crop", 1, intsAttr("border", 1)),
	} {
		if _, err := runOn(1, n, x); err == nil {
			t.Errorf("%v: no error", n.Attrs)
		}
	}
	out, err = runOn(1, node("ImageScaler", 1, floatAttr("scale", 2), onnx.Attribute{Name: "bias", Kind: onnx.AttrFloats, Floats: []float32{1, -1}}), x)
	if err != nil || out[0].(*onnx.Tensor).Float32s()[11] != 23 || out[0].(*onnx.Tensor).Float32s()[12] != 23 {
		t.Errorf("ImageScaler: got %v, %v", out, err)
	}
}
