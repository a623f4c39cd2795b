package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

func buildRange(n *Node) (Kernel, error) {
	return func(c *Call) error {
		start := c.Tensor(0)
		for i := range 3 {
			if t := c.Tensor(i); t.Type != start.Type || t.Len() != 1 {
				return fmt.Errorf("input %d is %v, expected one %v", i, t, start.Type)
			}
		}
		switch start.Type {
		case onnx.Float32:
			return rangeOf[float32](c)
		case onnx.Float64:
			return rangeOf[float64](c)
		case onnx.Int16:
			return rangeOf[int16](c)
		case onnx.Int32:
			return rangeOf[int32](c)
		case onnx.Int64:
			return rangeOf[int64](c)
		case onnx.Float16, onnx.BFloat16:
			return rangeOfHalves(c)
		}
		return c.TypeError(0)
	}, n.Err()
}

// rangeLength returns max(ceil((limit-start)/delta), 0).
func rangeLength(start, limit, delta float64) (int, error) {
	n := math.Ceil((limit - start) / delta)
	if delta == 0 || math.IsNaN(n) || n > onnx.MaxElements {
		return 0, fmt.Errorf("a range from %v to %v by %v has no length", start, limit, delta)
	}
	return max(0, int(n)), nil
}

// integerRangeLength is rangeLength without the rounding of float64.
func integerRangeLength(start, limit, delta int64) (int, error) {
	switch {
	case delta == 0:
		return rangeLength(0, 0, 0)
	case delta > 0 && start >= limit, delta < 0 && start <= limit:
		return 0, nil
	}
	distance, step := uint64(limit)-uint64(start), uint64(delta)
	if delta < 0 {
		distance, step = -distance, -step
	}
	n := (distance-1)/step + 1
	if n > onnx.MaxElements {
		return 0, fmt.Errorf("a range from %v to %v by %v is too long", start, limit, delta)
	}
	return int(n), nil
}

func rangeOf[T int16 | int32 | int64 | float32 | float64](c *Call) error {
	first := func(i int) T { return onnx.View[T](c.Tensor(i))[0] }
	start, limit, delta := first(0), first(1), first(2)
	var n int
	var err error
	if c.Tensor(0).Type.IsFloat() {
		n, err = rangeLength(float64(start), float64(limit), float64(delta))
	} else {
		n, err = integerRangeLength(int64(start), int64(limit), int64(delta))
	}
	if err != nil {
		return err
	}
	y, err := c.Output(0, c.Tensor(0).Type, n)
	if err != nil {
		return err
	}
	values := onnx.View[T](y)
	for i := range values {
		values[i] = start + T(i)*delta
	}
	return nil
}

// rangeOfHalves rounds each element start + i*delta once. A length beyond what
// the type counts exactly is an error.
func rangeOfHalves(c *Call) error {
	var v [3]float64
	for i := range v {
		v[i] = float64(widen(c.Tensor(i)).Float32s()[0])
	}
	n, err := rangeLength(v[0], v[1], v[2])
	if err != nil {
		return err
	}
	y, err := c.Output(0, c.Tensor(0).Type, n)
	if err != nil {
		return err
	}
	bits := onnx.Float16Bits
	if y.Type == onnx.BFloat16 {
		bits = onnx.BFloat16Bits
	}
	values := onnx.View[uint16](y)
	for i := range values {
		values[i] = bits(float32(v[0] + float64(i)*v[2]))
	}
	return nil
}

func inferRange(_ *Node, in []Info) ([]Info, error) {
	elem := elemOf(input(in, 0))
	info := TensorInfo(elem, unknownDims(1))
	var bounds [3]onnx.Dim
	for i := range bounds {
		dims := dimsOf(input(in, i))
		if elem != onnx.Int64 || len(dims) != 1 {
			return one(info)
		}
		bounds[i] = dims[0]
	}
	start, limit, delta := bounds[0], bounds[1], bounds[2]
	switch {
	case start.Known() && limit.Known() && delta.Known() && delta.Size > 0:
		n, err := integerRangeLength(int64(start.Size), int64(limit.Size), int64(delta.Size))
		if err == nil {
			info.Type.Shape[0] = onnx.Dim{Size: n}
		}
	case start == onnx.Dim{Size: 0} && delta == onnx.Dim{Size: 1}:
		info.Type.Shape[0] = limit
	}
	return one(info)
}

func buildEyeLike(n *Node) (Kernel, error) {
	offset, to := n.Int("k", 0), onnx.DType(n.Int("dtype", 0))
	return func(c *Call) error {
		x := c.Tensor(0)
		if x.Rank() != 2 {
			return c.ShapeError(0, "two axes")
		}
		t := to
		if t == onnx.Undefined {
			t = x.Type
		}
		one, err := oneOf(t)
		if err != nil {
			return err
		}
		y, err := c.Zeroed(0, t, x.Shape...)
		if err != nil {
			return err
		}
		rows, cols := x.Shape[0], x.Shape[1]
		if offset <= -rows || offset >= cols {
			return nil
		}
		move := blockCopier(y, one, 1)
		for row := max(0, -offset); row < rows && row+offset < cols; row++ {
			move(row*cols+row+offset, 0)
		}
		return nil
	}, n.Err()
}

// oneOf returns the number 1 of a type of at least 8 bits.
func oneOf(t onnx.DType) (*onnx.Tensor, error) {
	if t.IsFloat() && (t == onnx.Float64 || t.Bits() == 32 || t.Bits() == 16) {
		return scalarLike(t, 1)
	}
	if (t.IsInteger() || t == onnx.Bool) && t.Bits() >= 8 {
		x := onnx.NewTensor(t)
		x.Raw()[0] = 1 // little-endian
		return x, nil
	}
	return nil, fmt.Errorf("element type %v is not one of numbers", t)
}

func inferEyeLike(n *Node, in []Info) ([]Info, error) {
	t := onnx.DType(n.Int("dtype", 0))
	if t == onnx.Undefined {
		t = elemOf(input(in, 0))
	}
	return one(infoLike(t, input(in, 0)))
}

func buildOneHot(n *Node) (Kernel, error) {
	axis := n.Int("axis", -1)
	return func(c *Call) error {
		indices, values := c.Tensor(0), c.Tensor(2)
		depth, err := wholeNumber(c.Tensor(1))
		if err != nil {
			return fmt.Errorf("depth: %w", err)
		}
		if depth <= 0 || depth > onnx.MaxElements {
			return fmt.Errorf("depth %d must be positive", depth)
		}
		if values.Len() != 2 || values.Rank() != 1 {
			return c.ShapeError(2, "[2]")
		}
		at, err := Axis(axis, indices.Rank()+1)
		if err != nil {
			return err
		}
		read, err := numberReader(indices)
		if err != nil {
			return fmt.Errorf("indices: %w", err)
		}
		y, err := c.Output(0, values.Type, slices.Insert(slices.Clone(indices.Shape), at, depth)...)
		if err != nil {
			return err
		}
		move := blockCopier(y, values, 1)
		for i := range y.Len() {
			move(i, 0)
		}
		inner := product(indices.Shape[at:])
		for i := range indices.Len() {
			v := math.Trunc(read(i))
			if v < 0 {
				v += float64(depth)
			}
			if v >= 0 && v < float64(depth) { // others, and NaN, are off
				move((i/inner*depth+int(v))*inner+i%inner, 1)
			}
		}
		return nil
	}, n.Err()
}

func inferOneHot(n *Node, in []Info) ([]Info, error) {
	t := elemOf(input(in, 2))
	shape, ok := shapeOf(input(in, 0))
	if !ok {
		return one(UnknownShape(t))
	}
	at, err := Axis(n.Int("axis", -1), len(shape)+1)
	if err != nil {
		return nil, err
	}
	depth := unknownDim
	if dims := dimsOf(input(in, 1)); len(dims) == 1 {
		depth = dims[0]
	}
	return one(TensorInfo(t, slices.Insert(slices.Clone(shape), at, depth)))
}
