package conformance

import (
	"context"
	"fmt"
	"os"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// Light cases of the ONNX suite are real architectures with constant weights:
// NAME.onnx with NAME_output_0.pb beside it. Their input is not stored: element
// i of n is i/n, as the suite's own runner makes it (onnx/backend/test/runner,
// generate_dummy_data).

func isLight(stem string) bool {
	for _, path := range []string{stem + ".onnx", stem + "_output_0.pb"} {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

func (c Case) runLight(ctx context.Context, o Options) error {
	s, err := runtime.Open(c.light+".onnx", runtime.WithThreads(o.Threads))
	if err != nil {
		return err
	}
	defer s.Close()
	inputs := map[string]onnx.Value{}
	for _, info := range s.Inputs() {
		if inputs[info.Name], err = ramp(info); err != nil {
			return err
		}
	}
	got, err := s.RunValues(ctx, inputs)
	if err != nil {
		return err
	}
	for i, info := range s.Outputs() {
		want, err := onnx.ReadValueFile(fmt.Sprintf("%s_output_%d.pb", c.light, i), info.Type)
		if err != nil {
			return err
		}
		if err := Compare(got[info.Name], want, o.Tolerance); err != nil {
			return fmt.Errorf("output %q: %w", info.Name, err)
		}
	}
	return nil
}

// ramp returns the input of a light case; axes of unknown size have one element.
func ramp(info onnx.ValueInfo) (*onnx.Tensor, error) {
	if info.Type.Kind != onnx.TensorType || info.Type.Elem != onnx.Float32 {
		return nil, fmt.Errorf("input %q of a light case must be a float32 tensor", info.Name)
	}
	shape := make([]int, len(info.Type.Shape))
	for i, d := range info.Type.Shape {
		if shape[i] = 1; d.Known() {
			shape[i] = d.Size
		}
	}
	if n, err := onnx.Elements(shape); err != nil || n > 1<<24 {
		return nil, fmt.Errorf("input %q has the shape %v", info.Name, shape)
	}
	t := onnx.NewTensor(onnx.Float32, shape...)
	values := t.Float32s()
	for i := range values {
		values[i] = float32(float64(i) / float64(len(values)))
	}
	return t, nil
}
