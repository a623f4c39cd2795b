// Package digits_test checks the sample model and its data as they are in the
// repository.
package digits_test

import (
	"context"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/onnx/npy"
	"github.com/kcompress/kcompress/runtime"
)

// statedRight is how many images of test.npz the model gets right, as README.md
// says. slack allows for images on the brink where a processor rounds otherwise.
const (
	statedRight = 2969
	slack       = 2
)

func TestAccuracy(t *testing.T) {
	session, err := runtime.Open("model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	arrays := readArchive(t, "test.npz")
	images, labels := arrays["image"], arrays["label"].Int64s()
	if images.Shape[0] != len(labels) {
		t.Fatalf("%v images, %d labels", images.Shape, len(labels))
	}
	logits := run(t, session, images)
	classes := logits.Shape[1]
	right := 0
	for i, label := range labels {
		if best(logits.Float32s()[i*classes:(i+1)*classes]) == int(label) {
			right++
		}
	}
	if right < statedRight-slack || right > statedRight+slack {
		t.Errorf("%d of %d images right, README.md says %d", right, len(labels), statedRight)
	}
}

// TestCalibration checks that the calibration data fits the model, has no labels,
// and shares no image with the test data.
func TestCalibration(t *testing.T) {
	arrays := readArchive(t, "calibrate.npz")
	if len(arrays) != 1 || arrays["image"] == nil {
		t.Fatalf("calibrate.npz holds %d arrays, want image alone", len(arrays))
	}
	session, err := runtime.Open("model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if logits := run(t, session, arrays["image"]); logits.Shape[0] != arrays["image"].Shape[0] || logits.NonFinite() > 0 {
		t.Errorf("%v gives %v with %d values that are not finite", arrays["image"], logits, logits.NonFinite())
	}
	seen := map[string]bool{}
	for image := range each(readArchive(t, "test.npz")["image"]) {
		seen[string(image)] = true
	}
	for image := range each(arrays["image"]) {
		if seen[string(image)] {
			t.Fatal("an image is in both calibrate.npz and test.npz")
		}
	}
}

func run(t *testing.T, s *runtime.Session, images *onnx.Tensor) *onnx.Tensor {
	t.Helper()
	outputs, err := s.Run(context.Background(), map[string]*onnx.Tensor{"image": images})
	if err != nil {
		t.Fatal(err)
	}
	return outputs["logits"]
}

func readArchive(t *testing.T, path string) map[string]*onnx.Tensor {
	t.Helper()
	tensors, err := npy.ReadArchive(path)
	if err != nil {
		t.Fatal(err)
	}
	arrays := map[string]*onnx.Tensor{}
	for _, a := range tensors {
		arrays[a.Name] = a
	}
	return arrays
}

// each yields the bytes of one image after the other.
func each(images *onnx.Tensor) func(func([]byte) bool) {
	size := images.Len() / images.Shape[0]
	return func(yield func([]byte) bool) {
		for raw := images.Raw(); len(raw) > 0; raw = raw[size:] {
			if !yield(raw[:size]) {
				return
			}
		}
	}
}

func best(v []float32) int {
	index := 0
	for i := range v {
		if v[i] > v[index] {
			index = i
		}
	}
	return index
}
