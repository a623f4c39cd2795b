package factorise

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/onnx/npy"
)

// sharedModel is a trained 784-1024-1024-10 classifier beside the repository.
const sharedModel = "../../../shared/bench/mnist-mlp"

// trainedLayer is the first dense layer of the shared model, with the second
// moment (times a number, which does not matter) of its calibration images,
// normalised as the model does it.
func trainedLayer(t *testing.T) Layer {
	t.Helper()
	path := filepath.Join(sharedModel, "model.onnx")
	if _, err := os.Stat(path); err != nil {
		t.Skip("the trained model beside the repository is not there: ", err)
	}
	model, err := onnx.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	l := Layer{In: 784, Out: 1024, Moment: make([]float64, 784*784)}
	for _, tensor := range model.Graph.Initializers {
		if len(tensor.Shape) == 2 && tensor.Shape[0] == l.Out && tensor.Shape[1] == l.In {
			l.Weight = append(l.Weight, tensor.Float32s()...)
		}
	}
	images, err := npy.ReadArchive(filepath.Join(sharedModel, "calibrate.npz"))
	if err != nil {
		t.Fatal(err)
	}
	pixels := images[0].Raw()
	const count = 1000
	x := make([]float32, count*l.In)
	for i := range x {
		x[i] = (float32(pixels[i])/255 - 0.1307) / 0.3081
	}
	gemm.SymmetricUpdate(l.Moment, x, count, l.In, 0, l.In)
	return l
}

// The bounds are what the first experiments on this layer reached with 700
// full steps (BB* radix 4: 0.31, radix 32: 0.155); low rank of the size of the
// last design must lose to it.
func TestTrainedLayer(t *testing.T) {
	l := trainedLayer(t)
	p := newProblem(t, l)
	must := design(t)
	blast := must(Blast(784, 1024, 8, 40))
	low, err := p.LowRank(blast.Values() / (784 + 1024))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		design butterfly.Design
		bound  float64
	}{
		{must(butterfly.Kaleidoscope(784, 1024, 1, 1, 4)), 0.31},
		{must(butterfly.Visits(784, 1024, []int{28, 28}, []int{32, 32}, []int{32, 32}, butterfly.TwoSided(2))), 0.155},
		{blast, low.Error},
	} {
		got := fit(t, p, c.design, Options{Steps: 250})
		t.Logf("%v: error %.4f in %v", c.design, got.Error, got.Duration)
		if got.Error >= c.bound {
			t.Errorf("%v: error %.4f, want less than %.4f", c.design, got.Error, c.bound)
		}
	}
}
