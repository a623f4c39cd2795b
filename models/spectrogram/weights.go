package main

import (
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// basis returns the cosines and the sines of the Fourier transform of a frame
// under a Hann window, each [bins, 1, frame].
func basis() (real, imaginary *onnx.Tensor) {
	real, imaginary = onnx.NewTensor(onnx.Float32, bins, 1, frame), onnx.NewTensor(onnx.Float32, bins, 1, frame)
	for k := range bins {
		for j := range frame {
			window := 0.5 - 0.5*math.Cos(2*math.Pi*float64(j)/frame)
			sin, cos := math.Sincos(2 * math.Pi * float64(k*j%frame) / frame)
			real.Float32s()[k*frame+j] = float32(window * cos)
			imaginary.Float32s()[k*frame+j] = float32(-window * sin)
		}
	}
	return real, imaginary
}

// filterBank returns triangles that are evenly spaced on the mel scale,
// [bins, bands].
func filterBank() *onnx.Tensor {
	mel := func(hertz float64) float64 { return 2595 * math.Log10(1+hertz/700) }
	hertz := func(mel float64) float64 { return 700 * (math.Pow(10, mel/2595) - 1) }
	edge := func(i int) float64 { return hertz(mel(sampleRate/2) * float64(i) / (bands + 1)) }
	t := onnx.NewTensor(onnx.Float32, bins, bands)
	for b := range bands {
		low, centre, high := edge(b), edge(b+1), edge(b+2)
		for k := range bins {
			f := float64(k) * sampleRate / frame
			t.Float32s()[k*bands+b] = float32(max(0, min((f-low)/(centre-low), (high-f)/(high-centre))))
		}
	}
	return t
}
