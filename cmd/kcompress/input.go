package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/onnx/npy"
)

// readInputs reads the flags --input.
func readInputs(texts []string) (map[string]*onnx.Tensor, error) {
	feeds := map[string]*onnx.Tensor{}
	for _, text := range texts {
		name, t, err := readInput(text)
		if err != nil {
			return nil, err
		}
		if feeds[name] != nil {
			return nil, usage(fmt.Errorf("--input %s is given twice", name))
		}
		feeds[name] = t
	}
	return feeds, nil
}

// readInput reads NAME=FILE, or NAME=type[sizes] for random numbers.
func readInput(text string) (string, *onnx.Tensor, error) {
	name, source, ok := strings.Cut(text, "=")
	if !ok || name == "" || source == "" {
		return "", nil, usage(fmt.Errorf("--input %q is not of the form NAME=FILE", text))
	}
	if t, isRandom, err := randomInput(source); isRandom {
		return name, t, usage(err)
	}
	t, err := readTensor(source, name)
	if err != nil {
		return "", nil, coded(exitFailure, fmt.Errorf("input %q: %w", name, err))
	}
	return name, t, nil
}

func readTensor(path, name string) (*onnx.Tensor, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".npy":
		return npy.ReadFile(path)
	case ".pb":
		return onnx.ReadTensorFile(path)
	case ".npz":
		arrays, err := npy.ReadArchive(path)
		if err != nil {
			return nil, err
		}
		if len(arrays) == 1 {
			return arrays[0], nil
		}
		for _, t := range arrays {
			if t.Name == name {
				return t, nil
			}
		}
		return nil, fmt.Errorf("%s has no array of that name", path)
	default:
		return nil, fmt.Errorf("%s: unknown kind of file %q: use .npy, .npz or .pb", path, ext)
	}
}

var randomForm = regexp.MustCompile(`^([a-z0-9]+)\[([0-9, ]*)\]$`)

// randomInput reads a form such as float32[1,3,32,32]: a tensor of that type
// and shape with seeded random elements.
func randomInput(text string) (t *onnx.Tensor, isRandom bool, err error) {
	m := randomForm.FindStringSubmatch(text)
	if m == nil {
		return nil, false, nil
	}
	dtype, err := onnx.ParseDType(m[1])
	if err != nil {
		return nil, true, err
	}
	info := onnx.ValueInfo{Name: text, Type: onnx.Type{Kind: onnx.TensorType, Elem: dtype, HasShape: true}}
	for _, field := range strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(field)
		if err != nil {
			return nil, true, fmt.Errorf("%q: %w", text, err)
		}
		info.Type.Shape = append(info.Type.Shape, onnx.Dim{Size: n})
	}
	d, err := calibrate.Random([]onnx.ValueInfo{info}, 1, 1, 1)
	if err != nil {
		return nil, true, err
	}
	return d.Batches[0][text], true, nil
}

// benchInputs returns inputs for every input of a model: those given by the
// user, and random ones with the size 1 for symbols for the rest.
func benchInputs(inputs []onnx.ValueInfo, given []string) (map[string]*onnx.Tensor, error) {
	feeds, err := readInputs(given)
	if err != nil {
		return nil, err
	}
	for _, info := range inputs {
		if feeds[info.Name] != nil {
			continue
		}
		d, err := calibrate.Random([]onnx.ValueInfo{info}, 1, 1, 1)
		if err != nil {
			return nil, usage(fmt.Errorf("%w: give it with --input %s=FILE or --input %s=float32[1,2,3]", err, info.Name, info.Name))
		}
		feeds[info.Name] = d.Batches[0][info.Name]
	}
	return feeds, nil
}
