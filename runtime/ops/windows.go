package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/onnx"
)

// windows holds the window functions of opset 17: HannWindow, HammingWindow
// and BlackmanWindow. Each is a sum of cosines over `size` points, of a period
// of size (periodic) or of size-1 (symmetric).
var windows = []Operator{
	{Name: "HannWindow", Since: 17, MinInputs: 1, MaxInputs: 1, Build: buildWindow(0.5, 0.5, 0), Infer: inferWindow},
	{Name: "HammingWindow", Since: 17, MinInputs: 1, MaxInputs: 1, Build: buildWindow(25.0/46, 21.0/46, 0), Infer: inferWindow},
	{Name: "BlackmanWindow", Since: 17, MinInputs: 1, MaxInputs: 1, Build: buildWindow(0.42, 0.5, 0.08), Infer: inferWindow},
}

// buildWindow is a window a - b cos(2 pi i/period) + d cos(4 pi i/period).
func buildWindow(a, b, d float64) func(n *Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		t, periodic := outputDatatype(n), n.Bool("periodic", true)
		return func(c *Call) error {
			size, err := scalarInt(c, 0)
			if err != nil {
				return err
			}
			y, err := c.Output(0, t, size)
			if err != nil {
				return err
			}
			period := float64(size)
			if !periodic {
				period--
			}
			values := make([]float64, size)
			for i := range values {
				values[i] = 1 // a window of one point
				if period > 0 {
					turn := 2 * math.Pi * float64(i) / period
					values[i] = a - b*math.Cos(turn) + d*math.Cos(2*turn)
				}
			}
			return storeNumbers(y, values)
		}, n.Err()
	}
}

// outputDatatype returns the attribute output_datatype, float32 by default.
func outputDatatype(n *Node) onnx.DType {
	if t := typeAttr(n, "output_datatype"); t != onnx.Undefined {
		return t
	}
	return onnx.Float32
}

func inferWindow(n *Node, in []Info) ([]Info, error) {
	size := onnx.Dim{Size: -1}
	if len(in[0].Dims) == 1 {
		size = in[0].Dims[0]
	}
	return []Info{TensorInfo(outputDatatype(n), []onnx.Dim{size})}, n.Err()
}

// scalarInt returns input i, which holds one integer of at least 0.
func scalarInt(c *Call, i int) (int, error) {
	values, err := IntsOf(c.Tensor(i))
	if err != nil {
		return 0, err
	}
	if len(values) != 1 {
		return 0, c.ShapeError(i, "a scalar")
	}
	if values[0] < 0 {
		return 0, fmt.Errorf("input %d is %d, expected at least 0", i, values[0])
	}
	return values[0], nil
}

// scalarFloat returns input i, which holds one real number.
func scalarFloat(c *Call, i int) (float64, error) {
	t := c.Tensor(i)
	if t.Len() != 1 {
		return 0, c.ShapeError(i, "a scalar")
	}
	if t.Type == onnx.Float64 {
		return onnx.View[float64](t)[0], nil
	}
	values, err := float32sOf(t)
	if err != nil {
		return 0, err
	}
	return float64(values[0]), nil
}
