package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kcompress/kcompress/onnx/npy"
)

// TestGenerateIsAFunctionOfTheIndex checks that an image depends on the seed, the
// set and its index, and not on how many are drawn.
func TestGenerateIsAFunctionOfTheIndex(t *testing.T) {
	many, few := generate(5, testSet, 40), generate(5, testSet, 7)
	if !bytes.Equal(many.images[:len(few.images)], few.images) || !slices.Equal(many.labels[:7], few.labels) {
		t.Error("the first images change with the number drawn")
	}
	for name, other := range map[string]dataset{
		"seed": generate(6, testSet, 40), "set": generate(5, calibrateSet, 40),
	} {
		if bytes.Equal(many.images, other.images) {
			t.Errorf("another %s gives the same images", name)
		}
	}
}

// TestGenerateGivesTheCommittedData checks that the test data in the repository is
// what this program draws, but for rounding by one level.
func TestGenerateGivesTheCommittedData(t *testing.T) {
	arrays, err := npy.ReadArchive("../test.npz")
	if err != nil {
		t.Fatal(err)
	}
	got := generate(1, testSet, 50)
	for i, v := range got.images {
		if want := int(arrays[0].Raw()[i]); int(v) < want-1 || int(v) > want+1 {
			t.Fatalf("image %d, pixel %d is %d, %d in test.npz", i/(side*side), i%(side*side), v, want)
		}
	}
	if want := arrays[1].Int64s()[:50]; !slices.Equal(got.labels, want) {
		t.Errorf("labels %v, %v in test.npz", got.labels, want)
	}
}

func TestSaveArchive(t *testing.T) {
	d := generate(1, trainSet, 100)
	path := filepath.Join(t.TempDir(), "data.npz")
	if err := saveArchive(path, d.imageTensor(), d.labelTensor()); err != nil {
		t.Fatal(err)
	}
	arrays, err := npy.ReadArchive(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(arrays) != 2 || arrays[0].Name != "image" || arrays[1].Name != "label" {
		t.Fatalf("arrays %v, want image and label", arrays)
	}
	if !slices.Equal(arrays[0].Shape, []int{100, 1, side, side}) || !bytes.Equal(arrays[0].Raw(), d.images) || !slices.Equal(arrays[1].Int64s(), d.labels) {
		t.Error("the arrays read differ from those written")
	}
	if info, err := os.Stat(path); err != nil || info.Size() >= int64(len(d.images)) {
		t.Errorf("the archive is not compressed: %v, %v", info, err)
	}
}
