package ops

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/pool"
)

// quantNode describes a node that quantCall runs.
type quantNode struct {
	domain, op string
	opset      int
	outputs    int
	attrs      []onnx.Attribute
	// constants marks the inputs that are known at Build.
	constants []bool
	threads   int
}

// evaluate runs one node outside of a session; nil inputs are absent.
func (q quantNode) evaluate(inputs ...*onnx.Tensor) ([]*onnx.Tensor, error) {
	op := Lookup(q.domain, q.op, max(1, q.opset))
	if op == nil {
		return nil, fmt.Errorf("no operator %s of version %d", q.op, q.opset)
	}
	outputs := max(1, q.outputs)
	n := &Node{Node: &onnx.Node{Op: q.op, Domain: q.domain, Attrs: q.attrs}, Opset: q.opset}
	values := make([]onnx.Value, len(inputs))
	for i, t := range inputs {
		name, constant := "", (*onnx.Tensor)(nil)
		if t != nil {
			values[i], name = t, fmt.Sprint("input", i)
			if i < len(q.constants) && q.constants[i] {
				constant = t
			}
		}
		n.Inputs = append(n.Inputs, name)
		n.Constants = append(n.Constants, constant)
	}
	for i := range outputs {
		n.Outputs = append(n.Outputs, fmt.Sprint("output", i))
	}
	kernel, err := op.Build(n)
	if err != nil {
		return nil, err
	}
	c := NewCall(context.Background(), values, outputs)
	if q.threads > 1 {
		c.Pool = pool.New(q.threads)
		defer c.Pool.Close()
	}
	if err := kernel(c); err != nil {
		return nil, err
	}
	out := make([]*onnx.Tensor, outputs)
	for i := range out {
		out[i], _ = c.Out[i].(*onnx.Tensor)
	}
	return out, nil
}

// must is evaluate for nodes that have to run; it returns the first output.
func (q quantNode) must(t *testing.T, inputs ...*onnx.Tensor) *onnx.Tensor {
	t.Helper()
	out, err := q.evaluate(inputs...)
	if err != nil {
		t.Fatalf("%s: %v", q.op, err)
	}
	return out[0]
}

// scaleCase is a shape with one way of giving scales to it.
type scaleCase struct {
	x, scale    []int
	axis, block int
}

func (s scaleCase) attrs() []onnx.Attribute {
	return []onnx.Attribute{intAttr("axis", s.axis), intAttr("block_size", s.block)}
}

// scaleIndex returns which scale element i of x takes, by its coordinates.
func (s scaleCase) scaleIndex(i int) int {
	if len(s.scale) == 0 {
		return 0
	}
	axis := s.axis
	if axis < 0 {
		axis += len(s.x)
	}
	var axes [8]int // no allocation: this is called for every element
	index := axes[:len(s.x)]
	for d := len(s.x) - 1; d >= 0; d-- {
		index[d] = i % s.x[d]
		i /= s.x[d]
	}
	if s.block == 0 {
		return index[axis]
	}
	index[axis] /= s.block
	at := 0
	for d, v := range index {
		at = at*s.scale[d] + v
	}
	return at
}

var scaleCases = []scaleCase{
	{x: []int{}, axis: 0},
	{x: []int{40000}, axis: 0},
	{x: []int{3, 5}, axis: 1},
	{x: []int{0, 5}, axis: 1},
	{x: []int{3, 5}, scale: []int{3}, axis: 0},
	{x: []int{3, 5}, scale: []int{5}, axis: -1},
	{x: []int{2, 3, 4, 5}, scale: []int{3}, axis: 1},
	{x: []int{2, 0, 4}, scale: []int{0}, axis: 1},
	{x: []int{3, 10}, scale: []int{3, 4}, axis: 1, block: 3},
	{x: []int{10, 3}, scale: []int{4, 3}, axis: 0, block: 3},
	{x: []int{2, 7, 3}, scale: []int{2, 2, 3}, axis: -2, block: 4},
	{x: []int{7}, scale: []int{2}, axis: 0, block: 4},
	{x: []int{2, 3}, scale: []int{2, 1}, axis: 1, block: 1 << 62},
}

func size(shape []int) int {
	n, _ := onnx.Elements(shape)
	return n
}

// randomInts returns a tensor of an integer type of at most 16 bits.
func randomInts(r *rand.Rand, t onnx.DType, shape ...int) (*onnx.Tensor, []int32) {
	lo, hi, _ := quantizedRange(t)
	values := make([]int32, size(shape))
	for i := range values {
		values[i] = lo + r.Int32N(hi-lo+1)
	}
	return intTensor(t, values, shape...), values
}

func intTensor(t onnx.DType, values []int32, shape ...int) *onnx.Tensor {
	x := onnx.NewTensor(t, shape...)
	for i, v := range values {
		switch t {
		case onnx.Int8:
			onnx.View[int8](x)[i] = int8(v)
		case onnx.Uint8:
			onnx.View[uint8](x)[i] = uint8(v)
		case onnx.Int16:
			onnx.View[int16](x)[i] = int16(v)
		case onnx.Uint16:
			onnx.View[uint16](x)[i] = uint16(v)
		case onnx.Int32:
			onnx.View[int32](x)[i] = v
		default:
			packInts(x, values)
		}
	}
	return x
}

func randomFloats(r *rand.Rand, lo, hi float32, shape ...int) *onnx.Tensor {
	x := onnx.NewTensor(onnx.Float32, shape...)
	for i := range x.Float32s() {
		x.Float32s()[i] = lo + (hi-lo)*r.Float32()
	}
	return x
}

var quantizedInts = []onnx.DType{onnx.Uint8, onnx.Int8, onnx.Uint16, onnx.Int16, onnx.Uint4, onnx.Int4, onnx.Uint2, onnx.Int2}

func TestDequantizeLinearInts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, dtype := range quantizedInts {
		for _, s := range scaleCases {
			x, xs := randomInts(r, dtype, s.x...)
			zero, zeros := randomInts(r, dtype, s.scale...)
			scale := randomFloats(r, 0.01, 2, s.scale...)
			for _, domain := range []string{"", microsoft} {
				y := quantNode{domain: domain, op: "DequantizeLinear", opset: 25, attrs: s.attrs(), threads: 3}.must(t, x, scale, zero)
				for i, v := range y.Float32s() {
					at := s.scaleIndex(i)
					want := float64(xs[i]-zeros[at]) * float64(scale.Float32s()[at])
					if math.Abs(float64(v)-want) > 1e-6*math.Abs(want) {
						t.Fatalf("%v %+v element %d: got %v, want %v", dtype, s, i, v, want)
					}
				}
			}
			if y := (quantNode{op: "DequantizeLinear", opset: 25, attrs: s.attrs()}).must(t, x, scale); y.Len() > 0 && y.Float32s()[0] != float32(xs[0])*scale.Float32s()[0] {
				t.Fatalf("%v %+v without zero point: got %v", dtype, s, y.Float32s()[0])
			}
		}
	}
}

func TestQuantizeLinearInts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, dtype := range quantizedInts {
		lo, hi, _ := quantizedRange(dtype)
		for _, s := range scaleCases {
			x := randomFloats(r, -float32(hi), float32(hi), s.x...)
			zero, zeros := randomInts(r, dtype, s.scale...)
			scale := randomFloats(r, 0.3, 2, s.scale...)
			y := quantNode{op: "QuantizeLinear", opset: 25, attrs: s.attrs(), threads: 3}.must(t, x, scale, zero)
			got, err := smallInts(y)
			if err != nil || y.Type != dtype {
				t.Fatal(y, err)
			}
			for i, v := range got {
				at := s.scaleIndex(i)
				quotient := x.Float32s()[i] / scale.Float32s()[at]
				want := math.RoundToEven(float64(quotient)) + float64(zeros[at])
				want = min(max(want, float64(lo)), float64(hi))
				if float64(v) != want {
					t.Fatalf("%v %+v element %d: %v / %v + %d: got %v, want %v", dtype, s, i, x.Float32s()[i], scale.Float32s()[at], zeros[at], v, want)
				}
			}
		}
	}
}

func TestQuantizeToEdges(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		v            float32
		zero, lo, hi int32
		want         int32
	}{
		{0.5, 0, 0, 255, 0}, {1.5, 0, 0, 255, 2}, {2.5, 0, 0, 255, 2}, {-0.5, 0, -128, 127, 0},
		{-2.5, 0, -128, 127, -2}, {0.49999997, 0, 0, 255, 0}, {inf, 3, 0, 255, 255}, {-inf, 3, 0, 255, 0},
		{3e38, 0, -32768, 32767, 32767}, {65535.5, 0, 0, 65535, 65535}, {65534.5, 0, 0, 65535, 65534},
		{-65535, 65535, 0, 65535, 0}, {1e-45, 7, 0, 255, 7}, {254.5, 0, 0, 255, 254}, {255.5, 0, 0, 255, 255},
	} {
		if got := quantizeTo(c.v, c.zero, c.lo, c.hi); got != c.want {
			t.Errorf("quantizeTo(%v, %d, %d, %d) = %d, want %d", c.v, c.zero, c.lo, c.hi, got, c.want)
		}
	}
}

func TestQuantizeLinearRefuses(t *testing.T) {
	x := onnx.NewTensor(onnx.Float32, 4, 6)
	u8 := func(shape ...int) *onnx.Tensor { return onnx.NewTensor(onnx.Uint8, shape...) }
	f32 := func(shape ...int) *onnx.Tensor { return onnx.NewTensor(onnx.Float32, shape...) }
	for _, c := range []struct {
		scale, zero *onnx.Tensor
		attrs       []onnx.Attribute
	}{
		{f32(5), u8(5), nil},
		{f32(6), u8(5), nil},
		{f32(6), u8(6), []onnx.Attribute{intAttr("axis", 2)}},
		{f32(4, 3), u8(4, 3), []onnx.Attribute{intAttr("block_size", 3)}},
		{f32(4, 2), u8(4, 2), []onnx.Attribute{intAttr("block_size", -3)}},
		{f32(3, 2), u8(3, 2), []onnx.Attribute{intAttr("block_size", 3)}},
		{f32(), onnx.NewTensor(onnx.Int64), nil},
		{f32(), nil, []onnx.Attribute{intAttr("output_dtype", 7)}},
		{f32(), u8(), []onnx.Attribute{intAttr("output_dtype", 3)}},
		{f32(), nil, []onnx.Attribute{intAttr("output_dtype", 1<<40)}},
	} {
		if out, err := (quantNode{op: "QuantizeLinear", opset: 25, attrs: c.attrs}).evaluate(x, c.scale, c.zero); err == nil {
			t.Errorf("scale %v, zero point %v, attributes %+v: accepted as %v", c.scale, c.zero, c.attrs, out[0])
		}
	}
}

func TestDynamicQuantizeLinear(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, bounds := range [][2]float32{{-3, 5}, {1, 4}, {-9, -2}, {0, 0}} {
		x := randomFloats(r, bounds[0], bounds[1], 7, 9)
		out, err := quantNode{op: "DynamicQuantizeLinear", opset: 11, outputs: 3}.evaluate(x)
		if err != nil {
			t.Fatal(err)
		}
		scale, zero := out[1].Float32s()[0], onnx.View[uint8](out[2])[0]
		for i, q := range onnx.View[uint8](out[0]) {
			back := (float64(q) - float64(zero)) * float64(scale)
			if v := float64(x.Float32s()[i]); math.Abs(back-v) > 0.51*float64(scale) {
				t.Fatalf("%v: %v came back as %v with scale %v", bounds, v, back, scale)
			}
		}
	}
}
