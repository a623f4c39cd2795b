package main

import (
	"archive/zip"
	"io"
	"math/rand/v2"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/onnx/npy"
)

// dataset is a set of images [n, 1, 28, 28] with their digits [n].
type dataset struct {
	images []uint8
	labels []int64
}

// The sets differ in the stream of random numbers that they are drawn from.
const (
	trainSet = iota + 1
	calibrateSet
	testSet
)

// generate draws n images. Each is a pure function of (seed, set, its index).
func generate(seed, set uint64, n int) dataset {
	d := dataset{make([]uint8, n*side*side), make([]int64, n)}
	parallel(n, func(from, to int) {
		for i := from; i < to; i++ {
			r := rand.New(rand.NewPCG(seed, set<<32+uint64(i)))
			d.labels[i] = r.Int64N(10)
			image := render(r, int(d.labels[i]))
			copy(d.images[i*side*side:], image[:])
		}
	})
	return d
}

// imageTensor returns the images under the name of the model's input.
func (d dataset) imageTensor() *onnx.Tensor {
	t := onnx.FromSlice(d.images, len(d.labels), 1, side, side)
	t.Name = "image"
	return t
}

// labelTensor returns the digits.
func (d dataset) labelTensor() *onnx.Tensor {
	t := onnx.FromSlice(d.labels, len(d.labels))
	t.Name = "label"
	return t
}

// saveArchive writes tensors as a compressed .npz file.
func saveArchive(path string, tensors ...*onnx.Tensor) error {
	return onnx.WriteFile(path, func(w io.Writer) error {
		z := zip.NewWriter(w)
		for _, t := range tensors {
			f, err := z.Create(t.Name + ".npy") // Create compresses
			if err != nil {
				return err
			}
			if err := npy.Write(f, t); err != nil {
				return err
			}
		}
		return z.Close()
	})
}
