package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/onnx/npy"
)

// makeData writes inputs of the test model: mkdata KIND FILE [SAMPLES [SEED]].
// The labels of the kind "labelled" are the classes that forward finds best.
func makeData(args []string) error {
	kind, path := args[0], args[1]
	samples, seed := 256, 1
	for i, to := range []*int{&samples, &seed} {
		if len(args) > 2+i {
			n, err := strconv.Atoi(args[2+i])
			if err != nil {
				return err
			}
			*to = n
		}
	}
	x := randomInputs(samples, uint64(seed))
	arrays := []*onnx.Tensor{x}
	switch kind {
	case "unlabelled":
	case "npy":
		return npy.WriteFile(path, x)
	case "pb":
		return os.WriteFile(path, onnx.EncodeTensor(x), 0o644)
	case "labelled":
		arrays = append(arrays, labelsOf(x))
	case "mirrored":
		arrays[0] = named("x", onnx.FromSlice(x.Float32s()[:samples/2*testSizes[1]], samples/2, testSizes[1]))
	case "misnamed":
		x.Name = "y"
	case "narrow":
		arrays[0] = named("x", onnx.NewTensor(onnx.Float32, samples, 3))
	case "nan":
		x.Float32s()[3] = float32(math.NaN())
	default:
		return fmt.Errorf("mkdata: unknown kind %q", kind)
	}
	return npy.WriteArchiveFile(path, arrays)
}

func randomInputs(samples int, seed uint64) *onnx.Tensor {
	r := rand.New(rand.NewPCG(seed, 3))
	x := named("x", onnx.NewTensor(onnx.Float32, samples, testSizes[0]))
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(r.NormFloat64())
	}
	return x
}

func labelsOf(x *onnx.Tensor) *onnx.Tensor {
	labels := named("label", onnx.NewTensor(onnx.Int64, x.Shape[0]))
	for i := range labels.Int64s() {
		scores := forward(x.Float32s()[i*testSizes[0] : (i+1)*testSizes[0]])
		labels.Int64s()[i] = int64(slices.Index(scores, slices.Max(scores)))
	}
	return labels
}

// makeCases writes a folder in the layout of the ONNX suite: mkcases DIR
// STATUS..., one case for each status that it must get.
func makeCases(args []string) error {
	for _, status := range args[1:] {
		dir := filepath.Join(args[0], "case_"+status)
		set := filepath.Join(dir, "test_data_set_0")
		if err := os.MkdirAll(set, 0o755); err != nil {
			return err
		}
		kind := "mlp"
		if status == "skipped" {
			kind = "unsupported"
		}
		if err := makeModel([]string{kind, filepath.Join(dir, "model.onnx")}); err != nil {
			return err
		}
		x := randomInputs(1, 5)
		y := onnx.NewTensor(onnx.Float32, 1, 10)
		for i, v := range forward(x.Float32s()) {
			y.Float32s()[i] = float32(v)
		}
		if status == "failed" {
			y.Float32s()[9]++
		}
		for name, t := range map[string]*onnx.Tensor{"input_0.pb": x, "output_0.pb": y} {
			if err := os.WriteFile(filepath.Join(set, name), onnx.EncodeTensor(t), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
