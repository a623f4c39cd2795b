package ops

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// extremes returns an 8-bit tensor of its smallest and largest values mostly,
// so that sums are as large as they can be.
func extremes(r *rand.Rand, t onnx.DType, shape ...int) (*onnx.Tensor, []int32) {
	lo, hi, _ := quantizedRange(t)
	values := make([]int32, size(shape))
	for i := range values {
		values[i] = hi
		if r.IntN(50) == 0 {
			values[i] = lo + r.Int32N(hi-lo+1)
		}
	}
	return intTensor(t, values, shape...), values
}

// naiveIntegerMatMul is the definition of MatMulInteger for one matrix.
func naiveIntegerMatMul(a, b []int32, m, k, n int, aZero, bZero func(i int) int32) []int32 {
	y := make([]int32, m*n)
	for i := range m {
		for j := range n {
			for p := range k {
				y[i*n+j] += (a[i*k+p] - aZero(i)) * (b[p*n+j] - bZero(j))
			}
		}
	}
	return y
}

func zeroAt(zeros []int32) func(int) int32 {
	return func(i int) int32 {
		if len(zeros) == 0 {
			return 0
		}
		return zeros[i%len(zeros)]
	}
}

func TestMatMulIntegerIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	bytes := []onnx.DType{onnx.Uint8, onnx.Int8}
	for _, s := range [][3]int{{1, 1, 1}, {1, 300, 5}, {3, 0, 4}, {0, 4, 4}, {2, 2500, 33}, {7, 65, 16}, {30, 515, 3}} {
		m, k, n := s[0], s[1], s[2]
		for trial := range 8 {
			aType, bType := bytes[trial&1], bytes[trial>>1&1]
			make := randomInts
			if trial >= 4 {
				make = extremes
			}
			a, av := make(r, aType, m, k)
			b, bv := make(r, bType, k, n)
			zeroShapes := [][2][]int{{{}, {1}}, {{m}, {n}}, {{1}, {}}, {{m, 1}, {1, n}}}[trial%4]
			az, azv := randomInts(r, aType, zeroShapes[0]...)
			bz, bzv := randomInts(r, bType, zeroShapes[1]...)
			want := naiveIntegerMatMul(av, bv, m, k, n, zeroAt(azv), zeroAt(bzv))
			for _, constant := range []bool{false, true} {
				y := quantNode{op: "MatMulInteger", opset: 10, constants: []bool{false, constant, false, constant}, threads: 3}.must(t, a, b, az, bz)
				if !slices.Equal(onnx.View[int32](y), want) || !slices.Equal(y.Shape, []int{m, n}) {
					t.Fatalf("%v by %v of %v, constant %v: got %v", aType, bType, s, constant, y)
				}
			}
		}
	}
}

func TestMatMulIntegerBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const m, k, n = 3, 5, 4
	for _, c := range []struct{ a, b, aZero, bZero, out []int }{
		{[]int{2, 3, m, k}, []int{k, n}, []int{2, 3, m, 1}, []int{n}, []int{2, 3, m, n}},
		{[]int{2, 3, m, k}, []int{2, 1, k, n}, []int{1}, []int{2, 1, 1, n}, []int{2, 3, m, n}},
		{[]int{m, k}, []int{2, k, n}, []int{m}, []int{2, 1, n}, []int{2, m, n}},
		{[]int{k}, []int{2, k, n}, nil, nil, []int{2, n}},
		{[]int{2, m, k}, []int{k}, nil, nil, []int{2, m}},
	} {
		a, av := randomInts(r, onnx.Uint8, c.a...)
		b, bv := randomInts(r, onnx.Int8, c.b...)
		var az, bz *onnx.Tensor
		var azv, bzv []int32
		if c.aZero != nil {
			az, azv = randomInts(r, onnx.Uint8, c.aZero...)
			bz, bzv = randomInts(r, onnx.Int8, c.bZero...)
		}
		y := quantNode{op: "MatMulInteger", opset: 10}.must(t, a, b, az, bz)
		if !slices.Equal(y.Shape, c.out) {
			t.Fatalf("%v by %v: shape %v, want %v", c.a, c.b, y.Shape, c.out)
		}
		s, err := matMulShapes(c.a, c.b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.batches {
			ai, bi := broadcastIndex(i, s.batch, s.a), broadcastIndex(i, s.batch, s.b)
			want := naiveIntegerMatMul(av[ai*s.m*k:], bv[bi*k*s.n:], s.m, k, s.n,
				func(row int) int32 { return zeroAt(azv)(ai*s.m + row) }, func(column int) int32 { return zeroAt(bzv)(bi*s.n + column) })
			if got := onnx.View[int32](y)[i*s.m*s.n:][:s.m*s.n]; !slices.Equal(got, want) {
				t.Fatalf("%v by %v, matrix %d: got %v, want %v", c.a, c.b, i, got, want)
			}
		}
	}
}

func TestIntegerProductsRefuse(t *testing.T) {
	u8 := func(shape ...int) *onnx.Tensor { return onnx.NewTensor(onnx.Uint8, shape...) }
	i8 := func(shape ...int) *onnx.Tensor { return onnx.NewTensor(onnx.Int8, shape...) }
	for i, inputs := range [][]*onnx.Tensor{
		{u8(2, 3), u8(4, 2)}, {u8(2, 3), u8()}, {u8(), u8(3)},
		{u8(2, 3), u8(3, 2), u8(3)}, {u8(2, 3), u8(3, 2), nil, u8(3)},
		{u8(2, 3), u8(3, 2), i8()}, {u8(2, 3), u8(3, 2), nil, i8()},
		{onnx.NewTensor(onnx.Float32, 2, 3), u8(3, 2)}, {u8(2, 3), onnx.NewTensor(onnx.Int32, 3, 2)},
	} {
		for _, constant := range []bool{false, true} {
			if _, err := (quantNode{op: "MatMulInteger", opset: 10, constants: []bool{false, constant, false, constant}}).evaluate(inputs...); err == nil {
				t.Errorf("case %d was accepted: %v", i, inputs)
			}
		}
	}
	for i, inputs := range [][]*onnx.Tensor{
		{u8(1, 2, 5), u8(3, 1, 2)}, {u8(1, 2), u8(3, 2)}, {u8(1, 2, 5), u8(3, 2, 2), u8(2)},
		{u8(1, 2, 5), u8(3, 2, 2), nil, u8(2)}, {u8(1, 2, 5), u8(3, 2, 2), i8()}, {u8(1, 2, 5), onnx.NewTensor(onnx.Float32, 3, 2, 2)},
	} {
		if _, err := (quantNode{op: "ConvInteger", opset: 10}).evaluate(inputs...); err == nil {
			t.Errorf("convolution %d was accepted: %v", i, inputs)
		}
	}
}

// integerConvCase is a two-dimensional convolution.
type integerConvCase struct {
	channels, filters, group    int
	kernel, stride, dilate, pad int
}

func (s integerConvCase) attrs() []onnx.Attribute {
	return []onnx.Attribute{
		intAttr("group", s.group), intsAttr("strides", s.stride, s.stride), intsAttr("dilations", s.dilate, s.dilate),
		intsAttr("pads", s.pad, s.pad, s.pad, s.pad),
	}
}

// naive is the definition of ConvInteger for images of height by width.
func (s integerConvCase) naive(x, w []int32, images, height, width int, xZero int32, wZero func(int) int32) (y []int32, outH, outW int) {
	reach := (s.kernel-1)*s.dilate + 1
	outH, outW = (height+2*s.pad-reach)/s.stride+1, (width+2*s.pad-reach)/s.stride+1
	inner := s.channels / s.group
	for n := range images {
		for f := range s.filters {
			for oy := range outH {
				for ox := range outW {
					var sum int32
					for c := range inner {
						for ky := range s.kernel {
							for kx := range s.kernel {
								iy, ix := oy*s.stride-s.pad+ky*s.dilate, ox*s.stride-s.pad+kx*s.dilate
								if iy < 0 || ix < 0 || iy >= height || ix >= width {
									continue
								}
								channel := f/(s.filters/s.group)*inner + c
								sum += (x[((n*s.channels+channel)*height+iy)*width+ix] - xZero) *
									(w[((f*inner+c)*s.kernel+ky)*s.kernel+kx] - wZero(f))
							}
						}
					}
					y = append(y, sum)
				}
			}
		}
	}
	return y, outH, outW
}

var integerConvCases = []integerConvCase{
	{3, 5, 1, 3, 1, 1, 1}, {4, 4, 4, 3, 2, 1, 1}, {6, 4, 2, 2, 1, 2, 0}, {200, 6, 1, 3, 2, 1, 0}, {1, 8, 1, 1, 1, 1, 0},
}

func TestConvIntegerIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for _, s := range integerConvCases {
		for _, wType := range []onnx.DType{onnx.Uint8, onnx.Int8} {
			x, xv := extremes(r, onnx.Uint8, 2, s.channels, 7, 6)
			w, wv := extremes(r, wType, s.filters, s.channels/s.group, s.kernel, s.kernel)
			zero, zeros := randomInts(r, onnx.Uint8)
			wZero, wZeros := randomInts(r, wType, s.filters)
			want, outH, outW := s.naive(xv, wv, 2, 7, 6, zeros[0], zeroAt(wZeros))
			for _, constant := range []bool{false, true} {
				y := quantNode{op: "ConvInteger", opset: 10, attrs: s.attrs(), constants: []bool{false, constant, false, constant}, threads: 3}.must(t, x, w, zero, wZero)
				if !slices.Equal(y.Shape, []int{2, s.filters, outH, outW}) || !slices.Equal(onnx.View[int32](y), want) {
					t.Fatalf("%+v, weight %v: got %v", s, wType, y)
				}
			}
		}
	}
}

func TestQLinearConv(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, s := range integerConvCases {
		for _, yType := range []onnx.DType{onnx.Uint8, onnx.Int8} {
			x, xv := randomInts(r, yType, 2, s.channels, 7, 6)
			w, wv := randomInts(r, onnx.Int8, s.filters, s.channels/s.group, s.kernel, s.kernel)
			xZero, xZeros := randomInts(r, yType)
			wZero := onnx.NewTensor(onnx.Int8, s.filters)
			yZero, yZeros := randomInts(r, yType)
			xScale, wScale := randomFloats(r, 0.01, 0.1), randomFloats(r, 0.01, 0.1, s.filters)
			yScale := randomFloats(r, 0.5, 2)
			bias := intTensor(onnx.Int32, []int32{-700, 12, 3000, 0, 5, 1, 2, 3}[:s.filters], s.filters)
			sums, _, _ := s.naive(xv, wv, 2, 7, 6, xZeros[0], zeroAt(nil))
			y := quantNode{op: "QLinearConv", opset: 10, attrs: s.attrs(), threads: 3}.must(t, x, xScale, xZero, w, wScale, wZero, yScale, yZero, bias)
			got, _ := smallInts(y)
			lo, hi, _ := quantizedRange(yType)
			plane := len(sums) / 2 / s.filters
			for i, sum := range sums {
				f := i / plane % s.filters
				v := float64(sum+onnx.View[int32](bias)[f]) * float64(xScale.Float32s()[0]) * float64(wScale.Float32s()[f]) / float64(yScale.Float32s()[0])
				want := min(max(v+float64(yZeros[0]), float64(lo)), float64(hi))
				if math.Abs(float64(got[i])-want) > 0.5001 {
					t.Fatalf("%+v element %d: got %d, want %v", s, i, got[i], want)
				}
			}
		}
	}
}

func TestQLinearMatMul(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	const m, k, n = 5, 40, 7
	for _, dtype := range []onnx.DType{onnx.Uint8, onnx.Int8} {
		for _, perRow := range []bool{false, true} {
			aShape, bShape := []int{}, []int{1}
			if perRow {
				aShape, bShape = []int{m}, []int{n}
			}
			a, av := randomInts(r, dtype, m, k)
			b, bv := randomInts(r, dtype, k, n)
			aZero, aZeros := randomInts(r, dtype, aShape...)
			bZero, bZeros := randomInts(r, dtype, bShape...)
			yZero, yZeros := randomInts(r, dtype)
			aScale, bScale := randomFloats(r, 0.01, 0.1, aShape...), randomFloats(r, 0.01, 0.1, bShape...)
			yScale := randomFloats(r, 0.5, 1)
			sums := naiveIntegerMatMul(av, bv, m, k, n, zeroAt(aZeros), zeroAt(bZeros))
			y := quantNode{op: "QLinearMatMul", opset: 21}.must(t, a, aScale, aZero, b, bScale, bZero, yScale, yZero)
			got, _ := smallInts(y)
			lo, hi, _ := quantizedRange(dtype)
			for i, sum := range sums {
				v := float64(sum) * float64(aScale.Float32s()[i/n%aScale.Len()]) * float64(bScale.Float32s()[i%n%bScale.Len()]) / float64(yScale.Float32s()[0])
				want := min(max(v+float64(yZeros[0]), float64(lo)), float64(hi))
				if math.Abs(float64(got[i])-want) > 0.5001 {
					t.Fatalf("%v element %d: got %d, want %v", dtype, i, got[i], want)
				}
			}
		}
	}
}

func TestQLinearMatMulFloat8(t *testing.T) {
	one := onnx.Scalar(float32(1))
	half := func(values ...float32) *onnx.Tensor {
		x, err := onnx.FromSlice(values, len(values)).ConvertTo(onnx.Float8E4M3FN)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	zero := half(0)
	a, b := half(1, 2, -3, 0.5), half(4, 0.25, 1, -2)
	y := quantNode{op: "QLinearMatMul", opset: 21}.must(t, a.Reshaped(2, 2), one, zero, b.Reshaped(2, 2), one, zero, one, zero)
	values, err := float32sOf(y)
	if err != nil {
		t.Fatal(err)
	}
	// 1*4+2*1, 1*.25-2*2 (-3.75), -3*4+.5 (-11.5, a tie of -11 and -12), -.75-1 (-1.75)
	if got, want := fmt.Sprint(values), "[6 -3.75 -12 -1.75]"; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDynamicQuantizeMatMul(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	const m, k, n = 4, 30, 6
	x := randomFloats(r, -2, 3, m, k)
	w, wv := randomInts(r, onnx.Int8, k, n)
	scale, bias := randomFloats(r, 0.01, 0.02, n), randomFloats(r, -1, 1, n)
	q, err := quantNode{op: "DynamicQuantizeLinear", opset: 11, outputs: 3}.evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	fused := quantNode{domain: microsoft, op: "DynamicQuantizeMatMul"}.must(t, x, w, scale, nil, bias)
	split := quantNode{domain: microsoft, op: "MatMulIntegerToFloat"}.must(t, q[0], w, q[1], scale, q[2], nil, bias)
	if !slices.Equal(fused.Float32s(), split.Float32s()) {
		t.Fatalf("got %v and %v", fused.Float32s(), split.Float32s())
	}
	for i, got := range fused.Float32s() {
		want := float64(bias.Float32s()[i%n])
		for p := range k {
			want += float64(x.Float32s()[i/n*k+p]) * float64(wv[p*n+i%n]) * float64(scale.Float32s()[i%n])
		}
		// Each input is off by at most half a step of the quantization.
		if bound := 0.5 * 5.0 / 255 * k * 128 * 0.02; math.Abs(float64(got)-want) > bound {
			t.Errorf("element %d: got %v, want %v", i, got, want)
		}
	}
}
