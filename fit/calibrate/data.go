// Package calibrate runs a model on calibration inputs and keeps what the
// fitter needs: the second moment of the input of every dense layer.
package calibrate

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/onnx/npy"
)

// Data is a set of unlabelled or labelled inputs in batches.
type Data struct {
	// Batches hold the inputs of the model by name, and whatever else the
	// files hold, such as labels.
	Batches []map[string]*onnx.Tensor
	// Samples is the number of samples in all batches: the sum of the first
	// sizes of the first input.
	Samples int
}

// Batch sizes for a file whose arrays hold all samples along the first axis.
const batchSize = 64

// Load reads calibration or test data for a model that takes the given inputs.
// A .npz file holds one array for each input, with the samples along the first
// axis; it is cut into batches, of as many samples as the model wants where it
// wants a certain number, and what is left over is not used. A folder holds .npz
// files, each one batch as the model takes it. Names, types, shapes and that
// all numbers are finite are checked before anything is run.
func Load(path string, inputs []onnx.ValueInfo) (*Data, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	var d *Data
	if info.IsDir() {
		d, err = loadFolder(path, inputs)
	} else {
		d, err = loadFile(path, inputs)
	}
	if err != nil {
		return nil, err
	}
	if d.Samples == 0 {
		return nil, fmt.Errorf("%s: holds no samples", path)
	}
	return d, nil
}

func loadFolder(dir string, inputs []onnx.ValueInfo) (*Data, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.npz"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: the folder holds no .npz files", dir)
	}
	sort.Strings(files)
	d := &Data{}
	for _, file := range files {
		arrays, err := readArrays(file, inputs)
		if err != nil {
			return nil, err
		}
		if err := checkShapes(arrays, inputs, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		d.Batches = append(d.Batches, arrays)
		d.Samples += samplesOf(arrays, inputs)
	}
	return d, nil
}

func loadFile(path string, inputs []onnx.ValueInfo) (*Data, error) {
	size, fixed, err := batchFor(inputs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	arrays, err := readArrays(path, inputs)
	if err != nil {
		return nil, err
	}
	samples := samplesOf(arrays, inputs)
	for name, t := range arrays {
		if t.Rank() == 0 || t.Shape[0] != samples {
			return nil, fmt.Errorf("%s: array %q has shape %v, expected %d samples along the first axis", path, name, t.Shape, samples)
		}
	}
	if err := checkShapes(arrays, inputs, 1); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if fixed && samples > 0 && samples < size {
		return nil, fmt.Errorf("%s: holds %d samples, the model takes %d at once", path, samples, size)
	}
	d := &Data{}
	for from := 0; from < samples; from += size {
		to := min(from+size, samples)
		if fixed && to-from != size {
			break // the model takes whole batches only
		}
		batch := map[string]*onnx.Tensor{}
		for name, t := range arrays {
			batch[name] = rows(t, from, to)
		}
		d.Batches = append(d.Batches, batch)
		d.Samples = to
	}
	return d, nil
}

// batchFor returns how many samples of a file make a batch, and whether the
// model takes exactly as many. All inputs must agree on it: the samples lie
// along the first axis of each.
func batchFor(inputs []onnx.ValueInfo) (size int, fixed bool, err error) {
	const instead = "give a folder with one .npz file for each run"
	by := ""
	for _, info := range inputs {
		if !info.Type.HasShape {
			continue
		}
		if len(info.Type.Shape) == 0 {
			return 0, false, fmt.Errorf("input %q is a scalar: %s", info.Name, instead)
		}
		first := info.Type.Shape[0]
		if !first.Known() {
			continue
		}
		if first.Size == 0 {
			return 0, false, fmt.Errorf("input %q is empty: %s", info.Name, instead)
		}
		if fixed && size != first.Size {
			return 0, false, fmt.Errorf("inputs %q and %q have first axes of %d and %d: %s", by, info.Name, size, first.Size, instead)
		}
		size, fixed, by = first.Size, true, info.Name
	}
	if !fixed {
		size = batchSize
	}
	return size, fixed, nil
}

// checkShapes compares the arrays with the declared shapes of the inputs, from
// an axis on: ranks, fixed sizes, and that one symbol is one size.
func checkShapes(arrays map[string]*onnx.Tensor, inputs []onnx.ValueInfo, from int) error {
	symbols := map[string]int{}
	for _, info := range inputs {
		t, shape := arrays[info.Name], info.Type.Shape
		if !info.Type.HasShape {
			continue
		}
		if t.Rank() != len(shape) {
			return fmt.Errorf("array %q has shape %v, the model takes %d axes", info.Name, t.Shape, len(shape))
		}
		for axis := from; axis < len(shape); axis++ {
			d, size := shape[axis], t.Shape[axis]
			if d.Known() && d.Size != size {
				return fmt.Errorf("array %q has shape %v, the model takes %d on axis %d", info.Name, t.Shape, d.Size, axis)
			}
			if d.Known() || d.Symbol == "" {
				continue
			}
			if before, seen := symbols[d.Symbol]; seen && before != size {
				return fmt.Errorf("array %q has %d on axis %d, but %q is %d elsewhere", info.Name, size, axis, d.Symbol, before)
			}
			symbols[d.Symbol] = size
		}
	}
	return nil
}

func readArrays(path string, inputs []onnx.ValueInfo) (map[string]*onnx.Tensor, error) {
	archive, err := npy.ReadArchive(path)
	if err != nil {
		return nil, err
	}
	var have []string
	arrays := map[string]*onnx.Tensor{}
	for _, t := range archive {
		arrays[t.Name] = t
		have = append(have, t.Name)
	}
	for _, info := range inputs {
		if k := info.Type.Kind; k != onnx.TensorType && k != onnx.UnknownType {
			return nil, fmt.Errorf("%s: input %q is no tensor: an array can not hold it", path, info.Name)
		}
		t, ok := arrays[info.Name]
		if !ok {
			return nil, fmt.Errorf("%s: there is no array %q for that input of the model (the file has %s)", path, info.Name, strings.Join(have, ", "))
		}
		if t.Type != info.Type.Elem && info.Type.Elem != onnx.Undefined {
			converted, err := convert(t, info.Type.Elem)
			if err != nil {
				return nil, fmt.Errorf("%s: array %q: %w", path, info.Name, err)
			}
			arrays[info.Name] = converted
			t = converted
		}
		if bad := t.NonFinite(); bad > 0 {
			return nil, fmt.Errorf("%s: array %q holds %d NaN or infinite numbers", path, info.Name, bad)
		}
	}
	return arrays, nil
}

// convert changes the element type where no value is lost: float64 to float32,
// and integers that fit.
func convert(t *onnx.Tensor, to onnx.DType) (*onnx.Tensor, error) {
	refuse := fmt.Errorf("is %v, the model takes %v", t.Type, to)
	if t.Type.IsFloat() && to.IsFloat() || t.Type.IsInteger() && to == onnx.Int64 && t.Type != onnx.Uint64 {
		c, err := t.ConvertTo(to)
		if err != nil {
			return nil, refuse
		}
		return c, nil
	}
	if !t.Type.IsInteger() || !to.IsInteger() {
		return nil, refuse
	}
	c, err := t.ConvertTo(to)
	if err != nil {
		return nil, refuse
	}
	back, err := c.ConvertTo(t.Type)
	if err != nil || string(back.Raw()) != string(t.Raw()) {
		return nil, refuse
	}
	return c, nil
}

func samplesOf(arrays map[string]*onnx.Tensor, inputs []onnx.ValueInfo) int {
	if len(inputs) == 0 {
		return 0
	}
	if t := arrays[inputs[0].Name]; t.Rank() > 0 {
		return t.Shape[0]
	}
	return 1
}

// rows returns samples from:to as a view.
func rows(t *onnx.Tensor, from, to int) *onnx.Tensor {
	shape := append([]int{to - from}, t.Shape[1:]...)
	if t.Type == onnx.String {
		each := t.Len() / max(t.Shape[0], 1)
		return onnx.FromStrings(t.Strings[from*each:to*each], shape...)
	}
	each := len(t.Raw()) / max(t.Shape[0], 1)
	v, err := onnx.FromRaw(t.Type, shape, t.Raw()[from*each:to*each])
	if err != nil {
		panic(err) // whole samples of a valid tensor
	}
	return v
}
