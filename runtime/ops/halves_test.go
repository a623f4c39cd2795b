package ops

import (
	"testing"

	"github.com/kcompress/kcompress/onnx"
)

func TestThroughFloat32(t *testing.T) {
	double := throughFloat32(func(c *Call) error {
		y, err := c.Output(0, onnx.Float32, c.Tensor(0).Shape...)
		if err != nil {
			return err
		}
		for i, v := range c.Tensor(0).Float32s() {
			y.Float32s()[i] = 2 * v
		}
		return nil
	})
	for _, half := range []onnx.DType{onnx.Float16, onnx.BFloat16} {
		bits := make([]uint16, 3)
		narrow(bits, []float32{1, -2.5, 0}, half)
		c := NewCall(t.Context(), []onnx.Value{onnx.FromBits(half, bits, 3)}, 1)
		if err := double(c); err != nil {
			t.Fatal(err)
		}
		y := c.Out[0].(*onnx.Tensor)
		if y.Type != half || y.Len() != 3 {
			t.Fatalf("got %v", y)
		}
		for i, want := range []float32{2, -5, 0} {
			if got := widen(y).Float32s()[i]; got != want {
				t.Errorf("%v element %d is %g, want %g", half, i, got, want)
			}
		}
	}
}
