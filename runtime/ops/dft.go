package ops

import (
	"fmt"
	"sync/atomic"

	"github.com/kcompress/kcompress/onnx"
)

// signals holds DFT (opset 17: axis is an attribute; opset 20: axis is an
// input, and onesided with inverse is the inverse of a real transform) and
// STFT of opset 17. Complex numbers are pairs along the last axis; a last axis
// of size 1 holds real ones.
var signals = []Operator{
	{Name: "DFT", Since: 17, Until: 19, MinInputs: 1, MaxInputs: 2, Build: buildDFT, Infer: inferDFT},
	{Name: "DFT", Since: 20, MinInputs: 1, MaxInputs: 3, Build: buildDFT, Infer: inferDFT},
	{Name: "STFT", Since: 17, MinInputs: 2, MaxInputs: 4, Build: buildSTFT, Infer: inferSTFT},
}

// dft is a DFT node.
type dft struct {
	axis              int // where there is no input for it
	inverse, onesided bool
	plan              fourierCache
}

// fourierCache keeps the last transform that a node used.
type fourierCache struct{ last atomic.Pointer[fourier] }

func (f *fourierCache) of(n int) *fourier {
	if p := f.last.Load(); p != nil && p.n == n {
		return p
	}
	p := newFourier(n)
	f.last.Store(p)
	return p
}

func newDFT(n *Node) *dft {
	d := &dft{axis: -2, inverse: n.Bool("inverse", false), onesided: n.Bool("onesided", false)}
	if n.Opset < 20 {
		d.axis = n.Int("axis", 1)
	}
	return d
}

func buildDFT(n *Node) (Kernel, error) {
	d := newDFT(n)
	return throughFloat32(d.run), n.Err()
}

func inferDFT(n *Node, in []Info) ([]Info, error) {
	d := newDFT(n)
	t := elemOf(in[0])
	shape, ok := shapeOf(in[0])
	if !ok {
		return []Info{UnknownShape(t)}, n.Err()
	}
	out := append([]onnx.Dim(nil), shape...)
	if len(out) < 2 {
		return nil, fmt.Errorf("input 0 has rank %d, expected at least 2", len(out))
	}
	out[len(out)-1] = onnx.Dim{Size: 2}
	if d.onesided && d.inverse {
		out[len(out)-1].Size = 1
	}
	axis := d.axis
	if len(in) > 2 && n.Has(2) {
		if len(in[2].Dims) != 1 || !in[2].Dims[0].Known() {
			for i := range out[:len(out)-1] {
				out[i] = onnx.Dim{Size: -1}
			}
			return []Info{TensorInfo(t, out)}, n.Err()
		}
		axis = in[2].Dims[0].Size
	}
	axis, err := Axis(axis, len(out))
	if err != nil {
		return nil, err
	}
	length := out[axis]
	if len(in) > 1 && n.Has(1) {
		length = onnx.Dim{Size: -1}
		if len(in[1].Dims) == 1 {
			length = in[1].Dims[0]
		}
	}
	if d.onesided && (!d.inverse || !n.Has(1)) {
		if length.Known() && !d.inverse {
			length = onnx.Dim{Size: length.Size/2 + 1}
		} else if length.Known() {
			length = onnx.Dim{Size: max(0, 2*(length.Size-1))}
		} else {
			length = onnx.Dim{Size: -1}
		}
	}
	out[axis] = length
	return []Info{TensorInfo(t, out)}, n.Err()
}

// axisOf returns the axis that is transformed.
func (d *dft) axisOf(c *Call) (int, error) {
	x, axis := c.Tensor(0), d.axis
	if t := c.Tensor(2); t != nil {
		values, err := IntsOf(t)
		if err != nil {
			return 0, err
		}
		if len(values) != 1 {
			return 0, c.ShapeError(2, "a scalar")
		}
		axis = values[0]
	}
	if x.Rank() < 2 {
		return 0, c.ShapeError(0, "at least 2 axes")
	}
	axis, err := Axis(axis, x.Rank())
	if err == nil && axis == x.Rank()-1 {
		err = fmt.Errorf("axis %d holds the real and imaginary parts and can not be transformed", axis)
	}
	return axis, err
}

func (d *dft) run(c *Call) error {
	x := c.Tensor(0)
	axis, err := d.axisOf(c)
	if err != nil {
		return err
	}
	components := x.Shape[x.Rank()-1]
	if components != 1 && components != 2 {
		return c.ShapeError(0, "a last axis of size 1 (real) or 2 (complex)")
	}
	realOutput := d.inverse && d.onesided
	n := x.Shape[axis]
	if realOutput {
		n = max(0, 2*(n-1))
	}
	if c.Tensor(1) != nil {
		if n, err = scalarInt(c, 1); err != nil {
			return err
		}
	}
	if n == 0 && x.Len() > 0 {
		return fmt.Errorf("the length of the transform is 0, expected at least 1")
	}
	shape := append([]int(nil), x.Shape...)
	shape[axis], shape[x.Rank()-1] = n, 2
	if d.onesided && !d.inverse {
		shape[axis] = n/2 + 1
	}
	if realOutput {
		shape[x.Rank()-1] = 1
	}
	if x.Len() == 0 {
		_, err := c.Zeroed(0, x.Type, shape...)
		return err
	}
	y, err := c.Output(0, x.Type, shape...)
	if err != nil {
		return err
	}
	switch x.Type {
	case onnx.Float32:
		dftOf(c, d, onnx.View[float32](y), onnx.View[float32](x), y.Shape, x.Shape, axis, n)
	case onnx.Float64:
		dftOf(c, d, onnx.View[float64](y), onnx.View[float64](x), y.Shape, x.Shape, axis, n)
	default:
		return c.TypeError(0)
	}
	return nil
}

// dftOf transforms every line along the axis.
func dftOf[T float32 | float64](c *Call, d *dft, y, x []T, yShape, xShape []int, axis, n int) {
	rank := len(xShape)
	outer, size, inner := aroundAxis(xShape[:rank-1], axis)
	_, bins, _ := aroundAxis(yShape[:rank-1], axis)
	components, results := xShape[rank-1], yShape[rank-1]
	plan := d.plan.of(n)
	mirror, used := d.inverse && d.onesided, n
	if mirror {
		used = n/2 + 1
	}
	c.Parallel(outer*inner, max(1, 4096/n), func(from, to int) {
		line, scratch := make([]complex128, n), make([]complex128, plan.workspace())
		for i := from; i < to; i++ {
			at := i/inner*size*inner + i%inner
			readLine(line, x[at*components:], min(size, used), inner*components, components)
			if mirror {
				mirrorLine(line)
			}
			plan.transform(line, scratch, d.inverse)
			at = i/inner*bins*inner + i%inner
			writeLine(y[at*results:], line[:bins], inner*results, results)
		}
	})
}

// readLine reads count numbers of 1 or 2 components, step apart, and fills the
// rest of the line with zeros.
func readLine[T float32 | float64](line []complex128, x []T, count, step, components int) {
	for k := range count {
		re, im := float64(x[k*step]), 0.0
		if components == 2 {
			im = float64(x[k*step+1])
		}
		line[k] = complex(re, im)
	}
	clear(line[count:])
}

func writeLine[T float32 | float64](y []T, line []complex128, step, components int) {
	for k, v := range line {
		y[k*step] = T(real(v))
		if components == 2 {
			y[k*step+1] = T(imag(v))
		}
	}
}

// mirrorLine completes the first half of a spectrum to that of a real signal.
func mirrorLine(line []complex128) {
	n := len(line)
	line[0] = complex(real(line[0]), 0)
	for k := 1; k <= n/2; k++ {
		v := line[k]
		if 2*k == n {
			v = complex(real(v), 0)
		}
		line[k] = v
		line[n-k] = complex(real(v), -imag(v))
	}
}
