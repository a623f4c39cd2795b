package compact

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
)

// Fingerprint identifies a dense weight w [out, in] (y = w x): the sha256, in
// hexadecimal, of the two sizes as little-endian uint64 and of the values as
// little-endian float32, row by row.
func Fingerprint(w []float32, out, in int) string {
	h := sha256.New()
	var sizes [16]byte
	binary.LittleEndian.PutUint64(sizes[:8], uint64(out))
	binary.LittleEndian.PutUint64(sizes[8:], uint64(in))
	h.Write(sizes[:])
	if len(w) > 0 {
		h.Write(onnx.FromSlice(w, len(w)).Raw())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// scaleShare bounds what scales may cost: at most one byte of scales for this
// many values.
const scaleShare = 16

// scaleBytes is the size of a scale in a file, see round8Half.
const scaleBytes = 2

// scaleShape returns the finest groups of values of a factor [A, D, B, C] that
// may have a scale of their own: rows, blocks, and then coarser.
func scaleShape(p butterfly.Pattern) []int {
	for _, shape := range [][]int{{p.A, p.D, p.B, 1}, {p.A, p.D, 1, 1}, {p.A, 1, 1, 1}, {1, p.D, 1, 1}} {
		scales := shape[0] * shape[1] * shape[2]
		if scaleBytes*scales*scaleShare <= p.Values() {
			return shape
		}
	}
	return []int{1, 1, 1, 1}
}

// Round8 rounds values [shape] to int8 with symmetric float32 scales of
// scaleShape, which must have the same rank and broadcast to shape. A group of
// zeros gets the scale 1.
func Round8(values []float32, shape, scaleShape []int) (rounded []int8, scales []float32) {
	scales = largestOfGroups(values, shape, scaleShape)
	for g, m := range scales {
		scales[g] = scaleFor(m)
	}
	return divideByScales(values, scales, shape, scaleShape), scales
}

// round8Half is Round8 with scales in float16, where they fit: ok is false if
// the largest is out of the range in which float16 is precise.
func round8Half(values []float32, shape, scaleShape []int) (rounded []int8, scales *onnx.Tensor, ok bool) {
	const leastScale, mostScale = 1.0 / (1 << 12), 65504
	wide := largestOfGroups(values, shape, scaleShape)
	for g, m := range wide {
		wide[g] = m / 127
	}
	if largest := slices.Max(wide); largest < leastScale || largest > mostScale {
		return nil, nil, false
	}
	scales, err := onnx.FromSlice(wide, scaleShape...).ConvertTo(onnx.Float16)
	if err != nil {
		return nil, nil, false
	}
	// 127 times a scale of 11 bits is exact: rounding what was rounded changes
	// nothing.
	exact, err := scales.ConvertTo(onnx.Float32)
	if err != nil {
		return nil, nil, false
	}
	return divideByScales(values, exact.Float32s(), shape, scaleShape), scales, true
}

// largestOfGroups returns the largest magnitude in each group of values.
func largestOfGroups(values []float32, shape, scaleShape []int) []float32 {
	groups := 1
	for _, n := range scaleShape {
		groups *= n
	}
	largest := make([]float32, groups)
	group := groupIndex(shape, scaleShape)
	for i, v := range values {
		g := group(i)
		largest[g] = max(largest[g], float32(math.Abs(float64(v))))
	}
	return largest
}

// divideByScales returns the multiples of the scales next to the values; 0
// where the scale is 0.
func divideByScales(values, scales []float32, shape, scaleShape []int) []int8 {
	rounded := make([]int8, len(values))
	group := groupIndex(shape, scaleShape)
	for i, v := range values {
		if s := scales[group(i)]; s > 0 {
			rounded[i] = int8(max(-127, min(127, math.RoundToEven(float64(v)/float64(s)))))
		}
	}
	return rounded
}

// scaleFor returns the scale of a group whose largest value is m: m/127, moved by
// a unit in the last place where needed so that 127 times the scale has the same
// scale again. Rounding what was rounded then changes nothing.
func scaleFor(m float32) float32 {
	scale := m / 127
	for range 4 { // one step is enough in nearly all cases
		largest := scale * 127
		again := largest / 127
		if again == scale {
			break
		}
		scale = again
	}
	if scale == 0 {
		return 1
	}
	return scale
}

// groupIndex returns a function from the index of an element of shape to the
// index of its scale.
func groupIndex(shape, scaleShape []int) func(int) int {
	strides := make([]int, len(shape))
	stride := 1
	for axis := len(shape) - 1; axis >= 0; axis-- {
		if scaleShape[axis] != 1 {
			strides[axis] = stride
			stride *= scaleShape[axis]
		}
	}
	return func(i int) int {
		g := 0
		for axis := len(shape) - 1; axis >= 0; axis-- {
			g += i % shape[axis] * strides[axis]
			i /= shape[axis]
		}
		return g
	}
}

// FactorTensors returns the tensors in which a factor is stored: its values
// [A, D, B, C] and, for int8, its scales; the indexes [B*D] of a gather. It fails on values that the form can
// not hold: NaN and infinities, and for fp16 all from 65520 on.
func FactorTensors(f butterfly.Factor, w Weights) ([]*onnx.Tensor, error) {
	if f.IsGather() {
		return []*onnx.Tensor{onnx.FromSlice(slices.Clone(f.Indexes), len(f.Indexes))}, nil
	}
	shape := []int{f.A, f.D, f.B, f.C}
	if bad := onnx.FromSlice(f.Values, shape...).NonFinite(); bad > 0 {
		return nil, fmt.Errorf("%d values of the factor are NaN or infinite", bad)
	}
	switch w {
	case INT8:
		groups := scaleShape(f.Pattern)
		if rounded, scales, ok := round8Half(f.Values, shape, groups); ok {
			return []*onnx.Tensor{onnx.FromSlice(rounded, shape...), scales}, nil
		}
		rounded, scales := Round8(f.Values, shape, groups)
		return []*onnx.Tensor{onnx.FromSlice(rounded, shape...), onnx.FromSlice(scales, groups...)}, nil
	case FP16:
		t, err := onnx.FromSlice(f.Values, shape...).ConvertTo(onnx.Float16)
		if err == nil && t.NonFinite() > 0 {
			err = fmt.Errorf("%d values of the factor are too large for fp16", t.NonFinite())
		}
		return []*onnx.Tensor{t}, err
	}
	return []*onnx.Tensor{onnx.FromSlice(f.Values, shape...)}, nil
}

// tensors is the number of inputs that a factor takes in a node.
func (w Weights) tensors(p butterfly.Pattern) int {
	if w == INT8 && !p.IsGather() {
		return 2
	}
	return 1
}

// StoredBytes is the size of a chain of this design in a file.
func StoredBytes(d butterfly.Design, w Weights) int {
	n := 0
	for _, p := range d.Patterns {
		if p.IsGather() {
			n += 4 * p.Indexes()
			continue
		}
		n += p.Values() * w.DType().Bits() / 8
		if w == INT8 {
			s := scaleShape(p)
			n += scaleBytes * s[0] * s[1] * s[2] * s[3]
		}
	}
	return n
}

// ReadChain returns the chain of a node whose inputs after the first are the
// given constants.
func ReadChain(n *onnx.Node, constants []*onnx.Tensor) (*butterfly.Chain, error) {
	c, err := ReadNode(n)
	if err != nil {
		return nil, err
	}
	expected := 0
	for _, p := range c.Design.Patterns {
		expected += c.Weights.tensors(p)
	}
	if len(constants) != expected {
		return nil, fmt.Errorf("chain of %d factors has %d stored tensors, expected %d", len(c.Design.Patterns), len(constants), expected)
	}
	chain := &butterfly.Chain{In: c.Design.In, Out: c.Design.Out}
	for i, p := range c.Design.Patterns {
		count := c.Weights.tensors(p)
		f, err := readFactor(p, c.Weights, constants[:count])
		if err != nil {
			return nil, fmt.Errorf("factor %d: %w", i+1, err)
		}
		constants = constants[count:]
		chain.Factors = append(chain.Factors, f)
	}
	return chain, nil
}

func readFactor(p butterfly.Pattern, w Weights, stored []*onnx.Tensor) (f butterfly.Factor, err error) {
	for _, t := range stored {
		if t == nil {
			return f, fmt.Errorf("its values are not constant")
		}
	}
	f.Pattern = p
	if p.IsGather() {
		f.Indexes, err = readIndexes(p, stored[0])
	} else {
		f.Values, err = readValues(p, w, stored)
	}
	return f, err
}

func readIndexes(p butterfly.Pattern, t *onnx.Tensor) ([]int32, error) {
	if t.Type != onnx.Int32 || !sameShape(t.Shape, []int{p.Indexes()}) {
		return nil, fmt.Errorf("stored as %v, expected %v[%d]", t, onnx.Int32, p.Indexes())
	}
	indexes := slices.Clone(onnx.View[int32](t))
	for i, from := range indexes {
		if from < 0 || int(from) >= p.C {
			return nil, fmt.Errorf("index %d is %d, expected 0 to %d", i, from, p.C-1)
		}
	}
	return indexes, nil
}

func readValues(p butterfly.Pattern, w Weights, stored []*onnx.Tensor) ([]float32, error) {
	t := stored[0]
	shape := []int{p.A, p.D, p.B, p.C}
	if t.Type != w.DType() || !sameShape(t.Shape, shape) {
		return nil, fmt.Errorf("stored as %v, expected %v%v", t, w.DType(), shape)
	}
	f, err := t.ConvertTo(onnx.Float32)
	if err != nil {
		return nil, err
	}
	if w != INT8 {
		return f.Float32s(), nil
	}
	scale, err := stored[1].ConvertTo(onnx.Float32)
	if err != nil || !stored[1].Type.IsFloat() || len(scale.Shape) != 4 {
		return nil, fmt.Errorf("scales stored as %v", stored[1])
	}
	for axis, n := range scale.Shape {
		if n != 1 && n != shape[axis] {
			return nil, fmt.Errorf("scales of shape %v do not fit values of shape %v", scale.Shape, shape)
		}
	}
	values, scales := f.Float32s(), scale.Float32s()
	group := groupIndex(shape, scale.Shape)
	for i := range values {
		values[i] *= scales[group(i)]
	}
	return values, nil
}

func sameShape(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
