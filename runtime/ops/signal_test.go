package ops

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// naiveTransform is the definition of the discrete Fourier transform.
func naiveTransform(x []complex128, inverse bool) []complex128 {
	n, sign := len(x), -1.0
	if inverse {
		sign = 1
	}
	y := make([]complex128, n)
	for k := range y {
		for j, v := range x {
			y[k] += v * cmplx.Rect(1, sign*2*math.Pi*float64(k*j%n)/float64(n))
		}
		if inverse {
			y[k] /= complex(float64(n), 0)
		}
	}
	return y
}

func randomLine(r *rand.Rand, n int) []complex128 {
	x := make([]complex128, n)
	for i := range x {
		x[i] = complex(r.NormFloat64(), r.NormFloat64())
	}
	return x
}

func TestFourierAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := 1; n <= 70; n++ {
		f := newFourier(n)
		scratch := make([]complex128, f.workspace())
		for _, inverse := range []bool{false, true} {
			x := randomLine(r, n)
			want := naiveTransform(x, inverse)
			f.transform(x, scratch, inverse)
			for k := range x {
				if cmplx.Abs(x[k]-want[k]) > 1e-12*float64(n) {
					t.Fatalf("n=%d inverse=%v bin %d: got %v, want %v", n, inverse, k, x[k], want[k])
				}
			}
		}
	}
}

func TestFourierLargePrimeRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	f := newFourier(10007)
	x := randomLine(r, f.n)
	y, scratch := slices.Clone(x), make([]complex128, f.workspace())
	f.transform(y, scratch, false)
	f.transform(y, scratch, true)
	for i := range x {
		if cmplx.Abs(x[i]-y[i]) > 1e-10 {
			t.Fatalf("point %d: %v became %v", i, x[i], y[i])
		}
	}
}

// dftCase is a DFT along axis 1 of [2, size, 3, components], padded or cut to
// length points.
func TestDFTAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for _, size := range []int{1, 4, 7, 12} {
		for _, length := range []int{0, 1, 5, 8, 15} {
			for _, components := range []int{1, 2} {
				for _, inverse := range []int{0, 1} {
					checkDFT(t, r, size, length, components, inverse)
				}
			}
		}
	}
}

func checkDFT(t *testing.T, r *rand.Rand, size, length, components, inverse int) {
	t.Helper()
	x := randomFloats(r, -1, 1, 2, size, 3, components)
	n := size
	var lengthInput *onnx.Tensor
	if length > 0 {
		n, lengthInput = length, onnx.Scalar(int64(length))
	}
	old := quantNode{op: "DFT", opset: 17, attrs: []onnx.Attribute{intAttr("axis", 1), intAttr("inverse", inverse)}}.must(t, x, lengthInput)
	y := quantNode{op: "DFT", opset: 20, attrs: []onnx.Attribute{intAttr("inverse", inverse)}, threads: 3}.must(t, x, lengthInput, onnx.Scalar(int64(-3)))
	if !slices.Equal(y.Shape, []int{2, n, 3, 2}) || !slices.Equal(y.Float32s(), old.Float32s()) {
		t.Fatalf("got shape %v, or the versions differ", y.Shape)
	}
	for outer := range 2 {
		for inner := range 3 {
			line := make([]complex128, n)
			for k := range min(n, size) {
				at := ((outer*size+k)*3 + inner) * components
				line[k] = complex(float64(x.Float32s()[at]), 0)
				if components == 2 {
					line[k] += complex(0, float64(x.Float32s()[at+1]))
				}
			}
			for k, want := range naiveTransform(line, inverse == 1) {
				at := ((outer*n+k)*3 + inner) * 2
				got := complex(float64(y.Float32s()[at]), float64(y.Float32s()[at+1]))
				if cmplx.Abs(got-want) > 1e-5 {
					t.Fatalf("size %d length %d: bin %d is %v, want %v", size, length, k, got, want)
				}
			}
		}
	}
}

func TestOnesidedDFTRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	onesided := intAttr("onesided", 1)
	for n := 1; n < 20; n++ {
		x := randomFloats(r, -1, 1, 3, n, 1)
		length := onnx.Scalar(int64(n))
		half := quantNode{op: "DFT", opset: 20, attrs: []onnx.Attribute{onesided}}.must(t, x)
		if !slices.Equal(half.Shape, []int{3, n/2 + 1, 2}) {
			t.Fatalf("n=%d: one-sided shape %v", n, half.Shape)
		}
		back := quantNode{op: "DFT", opset: 20, attrs: []onnx.Attribute{onesided, intAttr("inverse", 1)}}.must(t, half, length)
		if !slices.Equal(back.Shape, x.Shape) {
			t.Fatalf("n=%d: came back with shape %v", n, back.Shape)
		}
		for i, v := range back.Float32s() {
			if math.Abs(float64(v-x.Float32s()[i])) > 1e-6 {
				t.Fatalf("n=%d element %d: %v came back as %v", n, i, x.Float32s()[i], v)
			}
		}
	}
}

func TestSTFTAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	const length, frame, step = 50, 12, 5
	x, window := randomFloats(r, -1, 1, 2, length, 1), randomFloats(r, 0, 1, frame)
	y := quantNode{op: "STFT", opset: 17, threads: 3}.must(t, x, onnx.Scalar(int64(step)), window)
	frames := 1 + (length-frame)/step
	if !slices.Equal(y.Shape, []int{2, frames, frame/2 + 1, 2}) {
		t.Fatalf("shape %v", y.Shape)
	}
	for i := range 2 * frames {
		line := make([]complex128, frame)
		for k := range line {
			line[k] = complex(float64(x.Float32s()[i/frames*length+i%frames*step+k])*float64(window.Float32s()[k]), 0)
		}
		for k, want := range naiveTransform(line, false)[:frame/2+1] {
			at := (i*(frame/2+1) + k) * 2
			got := complex(float64(y.Float32s()[at]), float64(y.Float32s()[at+1]))
			if cmplx.Abs(got-want) > 1e-5 {
				t.Fatalf("frame %d bin %d: got %v, want %v", i, k, got, want)
			}
		}
	}
}

func TestSignalsRefuse(t *testing.T) {
	one, zero := onnx.Scalar(int64(1)), onnx.Scalar(int64(0))
	signal := onnx.NewTensor(onnx.Float32, 1, 8, 1)
	for _, c := range []struct {
		node   quantNode
		inputs []*onnx.Tensor
	}{
		{quantNode{op: "DFT", opset: 20}, []*onnx.Tensor{onnx.NewTensor(onnx.Float32, 4)}},
		{quantNode{op: "DFT", opset: 20}, []*onnx.Tensor{onnx.NewTensor(onnx.Float32, 4, 3)}},
		{quantNode{op: "DFT", opset: 20}, []*onnx.Tensor{signal, zero}},
		{quantNode{op: "DFT", opset: 20}, []*onnx.Tensor{signal, onnx.Scalar(int64(-1))}},
		{quantNode{op: "DFT", opset: 20}, []*onnx.Tensor{signal, nil, onnx.Scalar(int64(2))}},
		{quantNode{op: "DFT", opset: 20}, []*onnx.Tensor{signal, nil, onnx.Scalar(int64(3))}},
		{quantNode{op: "STFT", opset: 17}, []*onnx.Tensor{signal, zero, nil, one}},
		{quantNode{op: "STFT", opset: 17}, []*onnx.Tensor{signal, one, nil, zero}},
		{quantNode{op: "STFT", opset: 17}, []*onnx.Tensor{signal, one, nil, onnx.Scalar(int64(9))}},
		{quantNode{op: "STFT", opset: 17}, []*onnx.Tensor{signal, one}},
		{quantNode{op: "HannWindow", opset: 17}, []*onnx.Tensor{onnx.Scalar(int64(-1))}},
		{quantNode{op: "HannWindow", opset: 17}, []*onnx.Tensor{onnx.NewTensor(onnx.Int64, 2)}},
	} {
		if _, err := c.node.evaluate(c.inputs...); err == nil {
			t.Errorf("%s of %v was accepted", c.node.op, c.inputs)
		}
	}
}

func TestWindows(t *testing.T) {
	for op, ends := range map[string]float32{"HannWindow": 0, "HammingWindow": 4.0 / 46, "BlackmanWindow": 0} {
		for _, n := range []int{1, 2, 9, 16} {
			symmetric := quantNode{op: op, opset: 17, attrs: []onnx.Attribute{intAttr("periodic", 0)}}.must(t, onnx.Scalar(int32(n))).Float32s()
			if len(symmetric) != n {
				t.Fatalf("%s of %d points has %d", op, n, len(symmetric))
			}
			for i := range symmetric {
				if math.Abs(float64(symmetric[i]-symmetric[n-1-i])) > 1e-6 {
					t.Errorf("%s of %d points is not symmetric: %v", op, n, symmetric)
				}
			}
			if n > 1 && math.Abs(float64(symmetric[0]-ends)) > 1e-6 {
				t.Errorf("%s begins with %v, want %v", op, symmetric[0], ends)
			}
			if n > 2 && n%2 == 1 && math.Abs(float64(symmetric[n/2]-1)) > 1e-6 {
				t.Errorf("%s has the peak %v", op, symmetric[n/2])
			}
			// A periodic window is the symmetric one of one more point.
			periodic := quantNode{op: op, opset: 17}.must(t, onnx.Scalar(int64(n))).Float32s()
			longer := quantNode{op: op, opset: 17, attrs: []onnx.Attribute{intAttr("periodic", 0)}}.must(t, onnx.Scalar(int64(n+1))).Float32s()
			if !slices.Equal(periodic, longer[:n]) {
				t.Errorf("%s of %d points: %v, want %v", op, n, periodic, longer[:n])
			}
		}
	}
}

func TestMelWeightMatrix(t *testing.T) {
	mel := func(bands, length, rate int64, low, high float32) ([]*onnx.Tensor, error) {
		return quantNode{op: "MelWeightMatrix", opset: 17}.evaluate(onnx.Scalar(bands), onnx.Scalar(length), onnx.Scalar(rate), onnx.Scalar(low), onnx.Scalar(high))
	}
	out, err := mel(20, 512, 16000, 60, 7000)
	if err != nil {
		t.Fatal(err)
	}
	y := out[0]
	if !slices.Equal(y.Shape, []int{257, 20}) {
		t.Fatalf("shape %v", y.Shape)
	}
	for band := range 20 {
		peaks, turns, last := 0, 0, float32(0)
		for bin := range 257 {
			v := y.Float32s()[bin*20+band]
			if v < 0 || v > 1 {
				t.Fatalf("weight %v", v)
			}
			if v == 1 {
				peaks++
			}
			if v < last && turns == 0 {
				turns = 1
			}
			if v > last && turns == 1 {
				t.Fatalf("band %d rises again at bin %d", band, bin)
			}
			last = v
		}
		if peaks != 1 {
			t.Errorf("band %d has %d peaks of 1", band, peaks)
		}
	}
	for _, bad := range [][3]int64{{20, 512, 0}, {-1, 512, 16000}, {20, -2, 16000}} {
		if _, err := mel(bad[0], bad[1], bad[2], 60, 7000); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
	if _, err := mel(20, 512, 16000, 60, 15000); err == nil {
		t.Error("a band above half of the sample rate was accepted")
	}
}
