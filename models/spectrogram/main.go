// Command spectrogram writes a model that is the front end of a speech model, as
// exporters write it: the windowed Fourier basis as the weights of two Conv nodes,
// and the mel filter bank as that of a MatMul.
//
//	go run ./models/spectrogram spectrogram.onnx
package main

import (
	"fmt"
	"os"

	"github.com/kcompress/kcompress/onnx"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: spectrogram MODEL.onnx")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "spectrogram:", err)
		os.Exit(1)
	}
}

func write(path string) error {
	m := model()
	if err := m.Check(); err != nil {
		return err
	}
	data, err := m.Encode()
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// The sizes of the front end: a common choice for speech at 22 kHz.
const (
	sampleRate = 22050
	frame      = 1024 // samples of a frame
	hop        = 256  // samples between frames
	bins       = frame/2 + 1
	bands      = 128 // of the mel scale
)

// model computes log(1e-6 + mel (re^2 + im^2)), [batch, frames, bands], of a
// signal [batch, samples].
func model() *onnx.Model {
	real, imaginary := basis()
	node := func(op string, inputs []string, output string, attrs ...onnx.Attribute) *onnx.Node {
		return &onnx.Node{Name: output, Op: op, Inputs: inputs, Outputs: []string{output}, Attrs: attrs}
	}
	strides := onnx.IntsAttr("strides", hop)
	two, floor, axis := onnx.Scalar(float32(2)), onnx.Scalar(float32(1e-6)), onnx.FromSlice([]int64{1}, 1)
	g := &onnx.Graph{
		Name: "spectrogram",
		Inputs: []onnx.ValueInfo{{Name: "signal", Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true,
			Shape: []onnx.Dim{{Size: -1, Symbol: "batch"}, {Size: -1, Symbol: "samples"}}}}},
		Outputs: []onnx.ValueInfo{{Name: "log_mel", Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32, HasShape: true,
			Shape: []onnx.Dim{{Size: -1, Symbol: "batch"}, {Size: -1, Symbol: "frames"}, {Size: bands}}}}},
		Initializers: []*onnx.Tensor{named("real", real), named("imaginary", imaginary), named("mel", filterBank()), named("two", two), named("floor", floor), named("axis", axis)},
		Nodes: []*onnx.Node{
			node("Unsqueeze", []string{"signal", "axis"}, "channel"),
			node("Conv", []string{"channel", "real"}, "stft_real", strides),
			node("Conv", []string{"channel", "imaginary"}, "stft_imaginary", strides),
			node("Pow", []string{"stft_real", "two"}, "real_power"),
			node("Pow", []string{"stft_imaginary", "two"}, "imaginary_power"),
			node("Add", []string{"real_power", "imaginary_power"}, "power"),
			node("Transpose", []string{"power"}, "frames", onnx.IntsAttr("perm", 0, 2, 1)),
			node("MatMul", []string{"frames", "mel"}, "mel_power"),
			node("Add", []string{"mel_power", "floor"}, "above_floor"),
			node("Log", []string{"above_floor"}, "log_mel"),
		},
	}
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int{"": 17}, Producer: "kcompress models/spectrogram", Graph: g}
}

func named(name string, t *onnx.Tensor) *onnx.Tensor {
	t.Name = name
	return t
}
