package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

// TestMersenne compares with published numbers: the 10000th of seed 5489 is in
// the C++ standard (std::mt19937), the others are what numpy.random.seed(0)
// gives in many places.
func TestMersenne(t *testing.T) {
	m := newMersenne(5489)
	var last uint32
	for range 10000 {
		last = m.uint32()
	}
	if last != 4123659995 {
		t.Errorf("number 10000 is %d, want 4123659995", last)
	}
	m = newMersenne(0)
	for _, want := range []float64{0.5488135039273248, 0.7151893663724195, 0.6027633760716439} {
		if got := m.uniform(); got != want {
			t.Errorf("uniform: got %v, want %v", got, want)
		}
	}
	m = newMersenne(0)
	for _, want := range []float64{1.764052345967664, 0.4001572083672233, 0.9787379841057392} {
		if got := m.normal(); math.Abs(got-want) > 1e-15 {
			t.Errorf("normal: got %v, want %v", got, want)
		}
	}
}

// sampleMoments returns mean and standard deviation.
func sampleMoments(x *onnx.Tensor) (mean, deviation float64) {
	for _, v := range x.Float32s() {
		mean += float64(v) / float64(x.Len())
	}
	for _, v := range x.Float32s() {
		deviation += square(float64(v)-mean) / float64(x.Len())
	}
	return mean, math.Sqrt(deviation)
}

func TestRandomMoments(t *testing.T) {
	like := onnx.NewTensor(onnx.Float32, 100, 300)
	seed := floatAttr("seed", 7)
	for _, c := range []struct {
		n               *Node
		in              []*onnx.Tensor
		mean, deviation float64
	}{
		{node("RandomNormal", 22, seed, intsAttr("shape", 30000), floatAttr("mean", 5), floatAttr("scale", 2)), nil, 5, 2},
		{node("RandomUniform", 22, seed, intsAttr("shape", 30000), floatAttr("low", -1), floatAttr("high", 3)), nil, 1, 4 / math.Sqrt(12)},
		{node("RandomNormalLike", 22, seed), []*onnx.Tensor{like}, 0, 1},
		{node("RandomUniformLike", 22, seed), []*onnx.Tensor{like}, 0.5, 1 / math.Sqrt(12)},
	} {
		first, err := runOn(1, c.n, c.in...)
		if err != nil {
			t.Fatal(err)
		}
		y := first[0].(*onnx.Tensor)
		mean, deviation := sampleMoments(y)
		if math.Abs(mean-c.mean) > 0.05 || math.Abs(deviation-c.deviation) > 0.05 {
			t.Errorf("%s: mean %g, deviation %g; want %g and %g", c.n.Op, mean, deviation, c.mean, c.deviation)
		}
		again, err := runOn(3, c.n, c.in...)
		if err != nil || !slices.Equal(again[0].(*onnx.Tensor).Raw(), y.Raw()) {
			t.Errorf("%s: the seed does not fix the numbers (%v)", c.n.Op, err)
		}
	}
}

func TestRandomWithoutSeed(t *testing.T) {
	n := node("RandomUniform", 22, intsAttr("shape", 64))
	a, errA := runOn(1, n)
	b, errB := runOn(1, n)
	if errA != nil || errB != nil || slices.Equal(a[0].(*onnx.Tensor).Raw(), b[0].(*onnx.Tensor).Raw()) {
		t.Errorf("two runs without a seed gave the same numbers (%v, %v)", errA, errB)
	}
}

func TestBernoulliAndMultinomial(t *testing.T) {
	const n = 20000
	for _, p := range []float32{0, 0.2, 0.7, 1} {
		x := onnx.NewTensor(onnx.Float32, n)
		for i := range x.Float32s() {
			x.Float32s()[i] = p
		}
		out, err := runOn(1, node("Bernoulli", 22, floatAttr("seed", 3)), x)
		if err != nil {
			t.Fatal(err)
		}
		if mean, _ := sampleMoments(out[0].(*onnx.Tensor)); math.Abs(mean-float64(p)) > 0.02*float64(p) {
			t.Errorf("probability %g: mean %g", p, mean)
		}
	}
	logits := onnx.FromSlice([]float32{float32(math.Log(3)), 0, float32(math.Inf(-1)), 0, 0, 0, 0, 1000}, 2, 4)
	out, err := runOn(1, node("Multinomial", 7, floatAttr("seed", 3), intAttr("sample_size", n), intAttr("dtype", int(onnx.Int64))), logits)
	if err != nil {
		t.Fatal(err)
	}
	var counts [2][4]float64
	for i, class := range out[0].(*onnx.Tensor).Int64s() {
		counts[i/n][class] += 1.0 / n
	}
	for row, want := range [2][4]float64{{0.6, 0.2, 0, 0.2}, {0, 0, 0, 1}} {
		for class := range want {
			if math.Abs(counts[row][class]-want[class]) > 0.02*want[class] {
				t.Errorf("row %d: shares %v, want %v", row, counts[row], want)
			}
		}
	}
}

func TestDropoutModes(t *testing.T) {
	x := onnx.NewTensor(onnx.Float32, 10000)
	for i := range x.Float32s() {
		x.Float32s()[i] = 2
	}
	truthTensor := onnx.FromSlice([]bool{true})
	for _, c := range []struct {
		n    *Node
		in   []*onnx.Tensor
		mask onnx.DType
		kept float64
	}{
		{node("Dropout", 22, intAttr("seed", 1)), []*onnx.Tensor{x, onnx.Scalar[float32](0.25), truthTensor}, onnx.Bool, 0.75},
		{node("Dropout", 22), []*onnx.Tensor{x, onnx.Scalar[float32](0.25)}, onnx.Bool, 1},
		{node("Dropout", 10, floatAttr("ratio", 0.25)), []*onnx.Tensor{x}, onnx.Bool, 1},
		{node("Dropout", 7), []*onnx.Tensor{x}, onnx.Float32, 1},
		{node("Dropout", 6, intAttr("is_test", 1)), []*onnx.Tensor{x}, onnx.Float32, 1},
		{node("Dropout", 1, floatAttr("ratio", 0.25)), []*onnx.Tensor{x}, onnx.Float32, 0.75},
	} {
		c.n.Outputs = []string{"y", "mask"}
		out, err := runOn(1, c.n, c.in...)
		if err != nil {
			t.Fatal(err)
		}
		y, mask := out[0].(*onnx.Tensor), out[1].(*onnx.Tensor)
		kept := 0.0
		for _, v := range y.Float32s() {
			switch {
			case v != 0 && math.Abs(float64(v)*c.kept-2) > 1e-6:
				t.Fatalf("opset %d: kept element %g", c.n.Opset, v)
			case v != 0:
				kept += 1.0 / float64(x.Len())
			}
		}
		if math.Abs(kept-c.kept) > 0.02 || mask.Type != c.mask {
			t.Errorf("opset %d: %g kept, mask %v; want %g and %v", c.n.Opset, kept, mask.Type, c.kept, c.mask)
		}
	}
	if _, err := runOn(1, node("Dropout", 22), x, onnx.Scalar[float32](1), truthTensor); err == nil {
		t.Error("ratio 1: no error")
	}
}
