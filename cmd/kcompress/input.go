package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/kcompress/kcompress/fit/calibrate"
	"github.com/kcompress/kcompress/onnx"
)

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
	feeds := map[string]*onnx.Tensor{}
	for _, text := range given {
		name, t, err := readInput(text)
		if err != nil {
			return nil, err
		}
		feeds[name] = t
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
