package onnxgo

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/kcompress/kcompress/onnx"
)

// Tensors come back as they were, for all types and shapes.
func TestRoundTrip(t *testing.T) {
	types := []onnx.DType{
		onnx.Float32, onnx.Float64, onnx.Int8, onnx.Int16, onnx.Int32, onnx.Int64,
		onnx.Uint8, onnx.Uint16, onnx.Uint32, onnx.Uint64, onnx.Bool, onnx.Complex64, onnx.Complex128,
	}
	shapes := [][]int{{}, {1}, {1, 1}, {5}, {1, 4}, {4, 1}, {2, 3}, {2, 1, 3}, {2, 3, 4, 5}, {0}, {0, 3}, {2, 0, 3}}
	for _, dtype := range types {
		for _, shape := range shapes {
			x := onnx.NewTensor(dtype, shape...)
			for i := range x.Raw() {
				x.Raw()[i] = byte(i*7) & 1
			}
			there, err := fromONNX(x)
			if err != nil {
				t.Errorf("%v: %v", x, err)
				continue
			}
			if !slices.Equal([]int(there.Shape()), shape) {
				t.Errorf("%v has shape %v in gorgonia", x, there.Shape())
			}
			back, err := toONNX(there)
			if err != nil {
				t.Errorf("%v: %v", x, err)
				continue
			}
			if back.Type != dtype || !slices.Equal(back.Shape, shape) || !slices.Equal(back.Raw(), x.Raw()) {
				t.Errorf("%v came back as %v", x, back)
			}
		}
	}
}

func TestRoundTripOfStrings(t *testing.T) {
	x := onnx.FromStrings([]string{"a", "", "b c"}, 3, 1)
	there, err := fromONNX(x)
	if err != nil {
		t.Fatal(err)
	}
	back, err := toONNX(there)
	if err != nil || !slices.Equal(back.Strings, x.Strings) || !slices.Equal(back.Shape, x.Shape) {
		t.Errorf("got %v %v, error %v", back, back.Strings, err)
	}
}

func TestHalfBecomesFloat(t *testing.T) {
	x := onnx.FromBits(onnx.Float16, []uint16{onnx.Float16Bits(0.5), onnx.Float16Bits(-2)}, 2)
	there, err := fromONNX(x)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "float16", there, 0.5, -2)
}

// Elements are read in row-major order however they are stored: compared with
// At of gorgonia.
func TestStorageOrders(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		shape := make([]int, 1+r.IntN(4))
		for i := range shape {
			shape[i] = 2 + r.IntN(4)
		}
		values := make([]int32, tensor.Shape(shape).TotalSize())
		for i := range values {
			values[i] = r.Int32()
		}
		x := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
		if r.IntN(2) == 0 {
			if err := x.T(r.Perm(len(shape))...); err != nil {
				if _, same := err.(tensor.NoOpError); !same {
					t.Fatal(err)
				}
			}
		} else {
			axis := r.IntN(len(shape))
			slices := make([]tensor.Slice, len(shape))
			slices[axis] = from1{shape[axis]}
			view, err := x.Slice(slices...)
			if err != nil {
				t.Fatal(err)
			}
			x = view.(*tensor.Dense)
		}
		compareWithAt(t, x)
	}
}

func TestColumnMajor(t *testing.T) {
	x := tensor.New(tensor.WithShape(2, 3), tensor.AsFortran([]int32{1, 2, 3, 4, 5, 6}))
	if reflect.DeepEqual(x.Data(), []int32{1, 2, 3, 4, 5, 6}) {
		t.Fatal("the elements are stored in row-major order")
	}
	compareWithAt(t, x)
	expect(t, "column-major", x, 1, 2, 3, 4, 5, 6)
}

func TestCompressedSparse(t *testing.T) {
	x := tensor.CSRFromCoord(tensor.Shape{2, 3}, []int{0, 1, 1}, []int{2, 0, 1}, []float64{1, 2, 3})
	expect(t, "sparse", x, 0, 0, 1, 2, 3, 0)
}

func TestUnusableTensors(t *testing.T) {
	masked := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}, []bool{true, false}))
	pointers := tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]*int{nil, nil}))
	for name, x := range map[string]tensor.Tensor{
		"nil": nil, "nil dense": (*tensor.Dense)(nil), "nil sparse": (*tensor.CS)(nil), "masked": masked, "pointers": pointers,
	} {
		if got, err := toONNX(x); err == nil {
			t.Errorf("%s: got %v, expected an error", name, got)
		}
	}
}

// compareWithAt compares the converted elements of x with those of At.
func compareWithAt(t *testing.T, x *tensor.Dense) {
	t.Helper()
	got, err := toONNX(x)
	if err != nil {
		t.Fatalf("shape %v, strides %v: %v", x.Shape(), x.Strides(), err)
	}
	index := make([]int, len(got.Shape))
	for _, v := range onnx.View[int32](got) {
		want, err := x.At(index...)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, v) {
			t.Fatalf("shape %v, strides %v: element %v is %v, expected %v", x.Shape(), x.Strides(), index, v, want)
		}
		for axis := len(index) - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < got.Shape[axis] {
				break
			}
			index[axis] = 0
		}
	}
}

// from1 is the slice from 1 to end.
type from1 struct{ end int }

func (s from1) Start() int { return 1 }
func (s from1) End() int   { return s.end }
func (s from1) Step() int  { return 1 }
