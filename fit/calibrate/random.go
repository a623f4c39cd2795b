package calibrate

import (
	"fmt"
	"math/rand/v2"

	"github.com/kcompress/kcompress/onnx"
)

// Random returns batches of random inputs for a model, for when there is no
// data: numbers from -1 to 1, small integers, and the given size for every
// symbol. They say little about real inputs.
func Random(inputs []onnx.ValueInfo, batches, symbolSize int, seed uint64) (*Data, error) {
	r := rand.New(rand.NewPCG(seed, 0))
	d := &Data{}
	for range batches {
		batch := map[string]*onnx.Tensor{}
		for _, info := range inputs {
			t, err := randomTensor(r, info, symbolSize)
			if err != nil {
				return nil, err
			}
			batch[info.Name] = t
		}
		d.Batches = append(d.Batches, batch)
		d.Samples += samplesOf(batch, inputs)
	}
	return d, nil
}

// maxRandomBytes bounds one random input.
const maxRandomBytes = 256 << 20

func randomTensor(r *rand.Rand, info onnx.ValueInfo, symbolSize int) (*onnx.Tensor, error) {
	if info.Type.Kind != onnx.TensorType || !info.Type.HasShape {
		return nil, fmt.Errorf("input %q has no declared shape", info.Name)
	}
	shape := make([]int, len(info.Type.Shape))
	for i, d := range info.Type.Shape {
		if shape[i] = symbolSize; d.Known() {
			shape[i] = d.Size
		}
	}
	n, err := onnx.Elements(shape)
	if err != nil || n*max(1, info.Type.Elem.Bits()/8) > maxRandomBytes {
		return nil, fmt.Errorf("input %q of shape %v is too large for random data", info.Name, shape)
	}
	switch t := info.Type.Elem; {
	case t == onnx.Bool:
		x := onnx.NewTensor(t, shape...)
		for i := range x.Raw() {
			x.Raw()[i] = byte(r.IntN(2))
		}
		return x, nil
	case t == onnx.Uint8:
		x := onnx.NewTensor(t, shape...)
		for i := range x.Raw() {
			x.Raw()[i] = byte(r.IntN(256))
		}
		return x, nil
	case t.IsInteger():
		x := onnx.NewTensor(onnx.Int64, shape...)
		for i := range x.Int64s() {
			x.Int64s()[i] = int64(r.IntN(8))
		}
		return x.ConvertTo(t)
	case t.IsFloat():
		x := onnx.NewTensor(onnx.Float32, shape...)
		for i := range x.Float32s() {
			x.Float32s()[i] = 2*r.Float32() - 1
		}
		return x.ConvertTo(t)
	}
	return nil, fmt.Errorf("input %q of type %v has no random form", info.Name, info.Type.Elem)
}
