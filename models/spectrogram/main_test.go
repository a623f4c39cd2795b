package main

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/kcompress/kcompress/fit"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
	"github.com/kcompress/kcompress/runtime/compact"
)

// The model computes what its definition says, by sums in float64; its transform
// and its filter bank are recognised; and the outputs stay.
func TestSpectrogram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := write(path); err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	signal := onnx.NewTensor(onnx.Float32, 1, frame+2*hop+17)
	for i := range signal.Float32s() {
		signal.Float32s()[i] = float32(r.NormFloat64())
	}
	before := run(t, m, signal)
	for f := range 3 {
		want := logMel(signal.Float32s()[f*hop:][:frame])
		for b, v := range want {
			if got := float64(before.Float32s()[f*bands+b]); math.Abs(got-v) > 1e-3 {
				t.Fatalf("frame %d, band %d: %v, want %v", f, b, got, v)
			}
		}
	}
	fitted, err := fit.Run(context.Background(), m, fit.Options{Weights: compact.INT8, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	exact := 0
	for _, l := range fitted.Report.Layers {
		if l.Method == "exact" {
			exact++
		}
	}
	if exact != 2 {
		t.Errorf("%d layers are recognised, want the transform and the filter bank: %+v", exact, fitted.Report.Layers)
	}
	after := run(t, fitted.Model, signal)
	for i, v := range before.Float32s() {
		if d := math.Abs(float64(after.Float32s()[i] - v)); d > 1e-3 {
			t.Fatalf("element %d is %v, was %v", i, after.Float32s()[i], v)
		}
	}
}

func run(t *testing.T, m *onnx.Model, signal *onnx.Tensor) *onnx.Tensor {
	t.Helper()
	s, err := runtime.New(m, runtime.WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), map[string]*onnx.Tensor{"signal": signal})
	if err != nil {
		t.Fatal(err)
	}
	return out["log_mel"]
}

// logMel is the definition, without a matrix.
func logMel(x []float32) []float64 {
	power := make([]float64, bins)
	for k := range power {
		re, im := 0.0, 0.0
		for j, v := range x {
			window := math.Pow(math.Sin(math.Pi*float64(j)/frame), 2)
			angle := 2 * math.Pi * float64(k) * float64(j) / frame
			re += window * float64(v) * math.Cos(angle)
			im += window * float64(v) * math.Sin(angle)
		}
		power[k] = re*re + im*im
	}
	bank := filterBank().Float32s()
	y := make([]float64, bands)
	for b := range y {
		sum := 1e-6
		for k, p := range power {
			sum += p * float64(bank[k*bands+b])
		}
		y[b] = math.Log(sum)
	}
	return y
}
