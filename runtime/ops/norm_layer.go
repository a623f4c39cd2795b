package ops

import (
	"fmt"
	"math"

	"github.com/kcompress/kcompress/kernels/vec"
	"github.com/kcompress/kcompress/onnx"
)

// layerNorm is a LayerNormalization or RMSNormalization node: it normalises
// over the axes from axis on. Its first stage is computed in float32, or in
// float64 for float64 inputs, whatever stash_type says; stash_type gives the
// type of the outputs Mean and InvStdDev.
type layerNorm struct {
	axis    int
	epsilon float32
	stash   onnx.DType
	// rms leaves the mean in and divides by the root mean square.
	rms bool
}

func buildLayerNorm(n *Node) (Kernel, error) {
	v := &layerNorm{axis: n.Int("axis", -1), epsilon: n.Float("epsilon", 1e-5), stash: onnx.DType(n.Int("stash_type", 1))}
	if !isHalf(v.stash) && v.stash != onnx.Float32 && v.stash != onnx.Float64 {
		return nil, fmt.Errorf("stash_type is %v, expected a float type", v.stash)
	}
	return v.run, n.Err()
}

func buildRMSNorm(n *Node) (Kernel, error) {
	v := &layerNorm{axis: n.Int("axis", -1), epsilon: n.Float("epsilon", 1e-5), rms: true}
	return v.run, n.Err()
}

func (v *layerNorm) run(c *Call) error {
	x := c.Tensor(0)
	axis, err := Axis(v.axis, x.Rank())
	if err != nil {
		return err
	}
	for i := 1; i < 3; i++ {
		if t := c.Tensor(i); t != nil && !broadcastsTo(t.Shape, x.Shape) {
			return c.ShapeError(i, fmt.Sprintf("one that broadcasts to %v", x.Shape))
		}
	}
	result := x.Type
	if v.rms { // Y has the type of the scale there
		result = c.Tensor(1).Type
	}
	if x.Type == onnx.Float64 {
		return runLayerNorm(c, v, result, axis, layerNormRows[float64].rows)
	}
	return runLayerNorm(c, v, result, axis, layerNormRows[float32].fastRows)
}

// layerNormRows is the work of a layerNorm on rows of the given size.
type layerNormRows[T float] struct {
	*layerNorm
	out, in []T
	// scale and bias are one row, or as long as in; bias may be nil.
	scale, bias []T
	// means and inverses receive the statistics of each row if not nil.
	means, inverses []T
	size            int
}

func runLayerNorm[T float](c *Call, v *layerNorm, result onnx.DType, axis int, rows func(w layerNormRows[T], from, to int)) error {
	x := c.Tensor(0)
	w := layerNormRows[T]{layerNorm: v, size: sizeOf(x.Shape[axis:])}
	count := sizeOf(x.Shape[:axis])
	var ok bool
	if w.in, ok = asFloats[T](x); !ok {
		return c.TypeError(0)
	}
	if w.scale, ok = rowParameter[T](c.Tensor(1), x.Shape, axis); !ok {
		return c.TypeError(1)
	}
	if t := c.Tensor(2); t != nil {
		if w.bias, ok = rowParameter[T](t, x.Shape, axis); !ok {
			return c.TypeError(2)
		}
	}
	if c.Wants(1) || c.Wants(2) {
		w.means, w.inverses = make([]T, count), make([]T, count)
	}
	y, err := normOutput(c, result)
	if err != nil {
		return err
	}
	direct := y.Type == onnx.TypeOf[T]()
	if direct {
		w.out = onnx.View[T](y)
	} else {
		w.out = make([]T, len(w.in))
	}
	parallelOn(c, w, count, max(1, rangeWork/16/max(1, w.size)), rows)
	if !direct {
		storeAs(y, w.out)
	}
	if w.means == nil {
		return nil
	}
	shape := ones(x.Rank())
	copy(shape, x.Shape[:axis])
	for i, values := range [][]T{w.means, w.inverses} {
		if !c.Wants(i + 1) {
			continue
		}
		t, err := c.Output(i+1, v.stash, shape...)
		if err != nil {
			return err
		}
		storeAs(t, values)
	}
	return nil
}

func normOutput(c *Call, t onnx.DType) (*onnx.Tensor, error) {
	if x := c.Tensor(0); t != x.Type {
		return c.Output(0, t, x.Shape...)
	}
	return c.OutputOver(0, 0)
}

// rowParameter returns a parameter broadcast to one row of the normalised axes
// if it is the same for all rows, else to the whole shape.
func rowParameter[T float](t *onnx.Tensor, shape []int, axis int) ([]T, bool) {
	values, ok := asFloats[T](t)
	if !ok {
		return nil, false
	}
	from := t.Shape
	for len(from) > 0 && from[0] == 1 {
		from = from[1:]
	}
	if broadcastsTo(from, shape[axis:]) {
		shape = shape[axis:]
	}
	if sameShape(from, shape) {
		return values, true
	}
	full := make([]T, sizeOf(shape))
	for i := range full {
		full[i] = values[broadcastIndex(i, shape, from)]
	}
	return full, true
}

// rows normalises rows from to to-1.
func (w layerNormRows[T]) rows(from, to int) {
	for r := from; r < to; r++ {
		at := r * w.size
		in, out := w.in[at:][:w.size], w.out[at:][:w.size]
		scale, bias := w.scale[at%max(1, len(w.scale)):][:w.size], w.bias
		if bias != nil {
			bias = bias[at%max(1, len(bias)):][:w.size]
		}
		mean, inverse := w.statistics(in)
		if w.means != nil {
			w.means[r], w.inverses[r] = T(mean), T(inverse)
		}
		for i, v := range in {
			y := T((float64(v)-mean)*inverse) * scale[i]
			if bias != nil {
				y += bias[i]
			}
			out[i] = y
		}
	}
}

// fastRows is rows by the kernels of kernels/vec, for float32 whose statistics
// are not wanted.
func (w layerNormRows[T]) fastRows(from, to int) {
	in, ok := any(w.in).([]float32)
	if !ok || w.means != nil {
		w.rows(from, to)
		return
	}
	out, scale := any(w.out).([]float32), any(w.scale).([]float32)
	bias, _ := any(w.bias).([]float32)
	for r := from; r < to; r++ {
		at := r * w.size
		row, gamma, beta := in[at:][:w.size], scale[at%max(1, len(scale)):][:w.size], bias
		if w.rms {
			vec.RMSNorm(out[at:][:w.size], row, gamma, w.epsilon)
			continue
		}
		if beta != nil {
			beta = beta[at%max(1, len(beta)):][:w.size]
		}
		vec.LayerNorm(out[at:][:w.size], row, gamma, beta, w.epsilon)
	}
}

// statistics returns the mean, 0 for rms, and the inverse deviation of a row.
func (w *layerNormRows[T]) statistics(row []T) (mean, inverse float64) {
	if w.rms {
		var squares float64
		for _, v := range row {
			squares += float64(v) * float64(v)
		}
		return 0, 1 / math.Sqrt(squares/float64(len(row))+float64(w.epsilon))
	}
	mean, variance := moments(row)
	return mean, 1 / math.Sqrt(variance+float64(w.epsilon))
}

func inferLayerNorm(n *Node, in []Info) ([]Info, error) {
	infos := []Info{infoLike(elemOf(in[0]), in[0])}
	shape, ok := shapeOf(in[0])
	stash := onnx.DType(n.Int("stash_type", 1))
	axis, err := Axis(n.Int("axis", -1), len(shape))
	if !ok || err != nil {
		return append(infos, UnknownShape(stash), UnknownShape(stash))[:max(1, min(3, len(n.Outputs)))], nil
	}
	reduced := append([]onnx.Dim(nil), shape...)
	for i := axis; i < len(reduced); i++ {
		reduced[i] = onnx.Dim{Size: 1}
	}
	return append(infos, TensorInfo(stash, reduced), TensorInfo(stash, reduced))[:max(1, min(3, len(n.Outputs)))], nil
}

func inferRMSNorm(_ *Node, in []Info) ([]Info, error) {
	return []Info{infoLike(elemOf(in[1]), in[0])}, nil
}
