// Package calibrate runs a model on calibration inputs and keeps what the
// fitter needs: the second moment of the input of every dense layer.
package calibrate

import (
	"fmt"
	"math"
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
// axis; it is cut into batches, of one sample where the model wants exactly
// one. A folder holds .npz files, each one batch as the model takes it.
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
		d.Batches = append(d.Batches, arrays)
		d.Samples += samplesOf(arrays, inputs)
	}
	return d, nil
}

func loadFile(path string, inputs []onnx.ValueInfo) (*Data, error) {
	arrays, err := readArrays(path, inputs)
	if err != nil {
		return nil, err
	}
	samples := samplesOf(arrays, inputs)
	size, err := batchFor(inputs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d := &Data{Samples: samples}
	for name, t := range arrays {
		if t.Rank() == 0 || t.Shape[0] != samples {
			return nil, fmt.Errorf("%s: array %q has shape %v, expected %d samples along the first axis", path, name, t.Shape, samples)
		}
	}
	for from := 0; from+min(size, 1) <= samples; from += size {
		to := min(from+size, samples)
		if fixed := fixedBatch(inputs); fixed > 0 && to-from != fixed {
			break // the model takes whole batches only
		}
		batch := map[string]*onnx.Tensor{}
		for name, t := range arrays {
			batch[name] = rows(t, from, to)
		}
		d.Batches = append(d.Batches, batch)
	}
	return d, nil
}

// fixedBatch returns the first size that the model asks for, 0 if it is free.
func fixedBatch(inputs []onnx.ValueInfo) int {
	for _, info := range inputs {
		if info.Type.HasShape && len(info.Type.Shape) > 0 && info.Type.Shape[0].Known() {
			return info.Type.Shape[0].Size
		}
	}
	return 0
}

func batchFor(inputs []onnx.ValueInfo) (int, error) {
	if n := fixedBatch(inputs); n > 0 {
		return n, nil
	}
	for _, info := range inputs {
		if info.Type.HasShape && len(info.Type.Shape) == 0 {
			return 0, fmt.Errorf("input %q is a scalar: give a folder with one .npz file for each run", info.Name)
		}
	}
	return batchSize, nil
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

// Split divides the batches into those to fit on and those held back to
// measure with: about the given share, spread evenly, at least one of each
// where there are two.
func (d *Data) Split(share float64) (fit, held *Data) {
	fit, held = &Data{}, &Data{}
	every := max(2, int(math.Round(1/share)))
	for i, b := range d.Batches {
		part := fit
		if len(d.Batches) > 1 && (i%every == every-1 || len(d.Batches) < every && i == len(d.Batches)-1) {
			part = held
		}
		part.Batches = append(part.Batches, b)
	}
	fit.Samples = d.Samples * len(fit.Batches) / len(d.Batches)
	held.Samples = d.Samples - fit.Samples
	return fit, held
}

// Thin returns at most that many batches, spread evenly.
func (d *Data) Thin(batches int) *Data {
	if len(d.Batches) <= batches {
		return d
	}
	t := &Data{Samples: d.Samples * batches / len(d.Batches)}
	for i := range batches {
		t.Batches = append(t.Batches, d.Batches[i*len(d.Batches)/batches])
	}
	return t
}

// Limit returns batches, spread evenly, with about that many samples; at least
// one batch.
func (d *Data) Limit(samples int) *Data {
	if d.Samples <= samples {
		return d
	}
	return d.Thin(max(1, len(d.Batches)*samples/d.Samples))
}

// FirstSample returns the first sample of a batch, where the model takes one:
// inputs whose first size is free and the same for all are cut to it.
func FirstSample(batch map[string]*onnx.Tensor, inputs []onnx.ValueInfo) map[string]*onnx.Tensor {
	size := -1
	for _, info := range inputs {
		t := batch[info.Name]
		if !info.Type.HasShape || t.Rank() == 0 || info.Type.Shape[0].Known() || size >= 0 && t.Shape[0] != size {
			return batch
		}
		size = t.Shape[0]
	}
	if size < 1 {
		return batch
	}
	sample := map[string]*onnx.Tensor{}
	for name, t := range batch {
		sample[name] = rows(t, 0, 1)
	}
	return sample
}
