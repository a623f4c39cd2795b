package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

func inferSTFT(n *Node, in []Info) ([]Info, error) {
	t := elemOf(in[0])
	shape, ok := shapeOf(in[0])
	if !ok || len(shape) < 2 {
		return []Info{UnknownShape(t)}, n.Err()
	}
	unknown := onnx.Dim{Size: -1}
	frames, bins, length := unknown, unknown, unknown
	switch {
	case len(in) > 3 && n.Has(3):
		if len(in[3].Dims) == 1 {
			length = in[3].Dims[0]
		}
	case len(in) > 2 && n.Has(2):
		if window, ok := shapeOf(in[2]); ok && len(window) == 1 {
			length = window[0]
		}
	}
	if length.Known() {
		bins.Size = length.Size
		if n.Bool("onesided", true) {
			bins.Size = length.Size/2 + 1
		}
		if step := in[1].Dims; len(step) == 1 && step[0].Size > 0 && shape[1].Size >= length.Size {
			frames.Size = 1 + (shape[1].Size-length.Size)/step[0].Size
		}
	}
	return []Info{TensorInfo(t, []onnx.Dim{shape[0], frames, bins, {Size: 2}})}, n.Err()
}

// buildSTFT is the short-time Fourier transform: frames of a signal [batch,
// length, 1 or 2], frame_step apart, times the window.
func buildSTFT(n *Node) (Kernel, error) {
	onesided, plan := n.Bool("onesided", true), &fourierCache{}
	return throughFloat32(func(c *Call) error { return runSTFT(c, onesided, plan) }), n.Err()
}

func runSTFT(c *Call, onesided bool, plan *fourierCache) error {
	x, window := c.Tensor(0), c.Tensor(2)
	if x.Rank() == 2 { // a real signal without its last axis
		x = x.Reshaped(x.Shape[0], x.Shape[1], 1)
	}
	if x.Rank() != 3 || x.Shape[2] != 1 && x.Shape[2] != 2 {
		return c.ShapeError(0, "[batch, length, 1 or 2]")
	}
	step, err := scalarInt(c, 1)
	if err != nil {
		return err
	}
	if step == 0 {
		return fmt.Errorf("frame_step is 0, expected at least 1")
	}
	length, err := frameLength(c, window)
	if err != nil {
		return err
	}
	if length > x.Shape[1] {
		return fmt.Errorf("frames of %d points do not fit a signal of %d", length, x.Shape[1])
	}
	bins := length
	if onesided {
		bins = length/2 + 1
	}
	y, err := c.Output(0, x.Type, x.Shape[0], 1+(x.Shape[1]-length)/step, bins, 2)
	if err != nil {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		stftOf(c, onnx.View[float32](y), onnx.View[float32](x), viewOrNil[float32](window), y.Shape, x.Shape, step, plan.of(length))
	case onnx.Float64:
		stftOf(c, onnx.View[float64](y), onnx.View[float64](x), viewOrNil[float64](window), y.Shape, x.Shape, step, plan.of(length))
	default:
		return c.TypeError(0)
	}
	return nil
}

// frameLength returns the number of points of a frame: input 3, else the
// length of the window.
func frameLength(c *Call, window *onnx.Tensor) (int, error) {
	length := 0
	if window != nil {
		if window.Rank() != 1 {
			return 0, c.ShapeError(2, "one axis")
		}
		if window.Type != c.Tensor(0).Type {
			return 0, c.TypeError(2)
		}
		length = window.Len()
	}
	if c.Tensor(3) != nil {
		given, err := scalarInt(c, 3)
		if err != nil {
			return 0, err
		}
		if window != nil && given != length {
			return 0, fmt.Errorf("frame_length is %d but the window has %d points", given, length)
		}
		length = given
	}
	if length == 0 {
		return 0, fmt.Errorf("the frame length is 0 or not given: a window or frame_length of at least 1 is needed")
	}
	return length, nil
}

func stftOf[T float32 | float64](c *Call, y, x, window []T, yShape, xShape []int, step int, plan *fourier) {
	frames, bins, components := yShape[1], yShape[2], xShape[2]
	c.Parallel(yShape[0]*frames, max(1, 4096/plan.n), func(from, to int) {
		line, scratch := make([]complex128, plan.n), make([]complex128, plan.workspace())
		for i := from; i < to; i++ {
			at := (i/frames*xShape[1] + i%frames*step) * components
			readLine(line, x[at:], plan.n, components, components)
			for k, w := range window {
				line[k] *= complex(float64(w), 0)
			}
			plan.transform(line, scratch, false)
			writeLine(y[i*bins*2:], line[:bins], 2, 2)
		}
	})
}
