package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// rowFunc computes one row of a binary operator. Each of a and b has the
// length of dst, or length 1 and is then repeated. dst may be a or b.
type rowFunc[A, B, R any] func(dst []R, a []A, b []B)

// pairwise computes a binary operator for one pair of element types: output 0
// of the given shape from a and b, which are broadcast to it.
type pairwise func(c *Call, shape []int, a, b *onnx.Tensor) error

// pairTypes maps the element type of the first input of a binary operator to
// its implementation.
type pairTypes map[onnx.DType]pairwise

// elementGrain is the number of elements that one thread takes at a time in
// operators that do little work for each.
const elementGrain = 1 << 14

// each returns the row function that applies f to every pair of elements.
func each[A, B, R any](f func(A, B) R) rowFunc[A, B, R] {
	return func(dst []R, a []A, b []B) {
		switch {
		case len(a) == len(dst) && len(b) == len(dst):
			for i := range dst {
				dst[i] = f(a[i], b[i])
			}
		case len(b) == 1:
			y := b[0]
			for i := range dst {
				dst[i] = f(a[i], y)
			}
		default:
			x := a[0]
			for i := range dst {
				dst[i] = f(x, b[i])
			}
		}
	}
}

// onPairs is overRows of each.
func onPairs[A, B, R onnx.Element](f func(A, B) R) pairwise { return overRows(each(f)) }

// overRows returns the implementation that applies row to every row of the
// broadcast inputs.
func overRows[A, B, R onnx.Element](row rowFunc[A, B, R]) pairwise {
	type work = pairWork[A, B, R]
	// Method values of generic types take memory each time they are formed.
	both, leftOnly, rightOnly, broadcast := work.both, work.leftOnly, work.rightOnly, work.broadcast
	return func(c *Call, shape []int, left, right *onnx.Tensor) error {
		y, err := outputOverAny(c, onnx.TypeOf[R](), shape, 0, 1)
		if err != nil {
			return err
		}
		w := work{dst: onnx.View[R](y), a: onnx.View[A](left), b: onnx.View[B](right), row: row}
		n := len(w.dst)
		switch {
		case n == 0:
		case len(w.a) == n && len(w.b) == n:
			parallelOn(c, w, n, elementGrain, both)
		case len(w.b) == 1:
			parallelOn(c, w, n, elementGrain, leftOnly)
		case len(w.a) == 1:
			parallelOn(c, w, n, elementGrain, rightOnly)
		default:
			nest := takeNest(shape, left.Shape, right.Shape)
			defer nest.give()
			w.nest = nest
			parallelOn(c, w, n, elementGrain, broadcast)
		}
		return nil
	}
}

// pairWork is a binary operator to be done in parts.
type pairWork[A, B, R any] struct {
	dst  []R
	a    []A
	b    []B
	row  rowFunc[A, B, R]
	nest *pooledNest
}

func (w pairWork[A, B, R]) both(from, to int) { w.row(w.dst[from:to], w.a[from:to], w.b[from:to]) }

func (w pairWork[A, B, R]) leftOnly(from, to int) { w.row(w.dst[from:to], w.a[from:to], w.b) }

func (w pairWork[A, B, R]) rightOnly(from, to int) { w.row(w.dst[from:to], w.a, w.b[from:to]) }

func (w pairWork[A, B, R]) broadcast(from, to int) {
	n := &w.nest.nest
	n.pairs(from, to, func(out, count, a, b int) {
		w.row(w.dst[out:out+count], rowOf(w.a, a, count, n.step(0)), rowOf(w.b, b, count, n.step(1)))
	})
}

// rowOf returns the elements of a row of an operand that begins at element at:
// count of them, or one that is repeated if step is 0.
func rowOf[T any](x []T, at, count, step int) []T {
	if step == 0 {
		return x[at : at+1]
	}
	return x[at : at+count]
}

// outputOverAny is Output 0 over the memory of the first of the given inputs
// that has this type and shape and is needed by nobody else.
func outputOverAny(c *Call, t onnx.DType, shape []int, inputs ...int) (*onnx.Tensor, error) {
	if c.Frame != nil && c.Wants(0) && t != onnx.String {
		for _, in := range inputs {
			if x := c.Tensor(in); x == nil || x.Type != t || !slices.Equal(x.Shape, shape) {
				continue
			}
			if y := c.Frame.Reuse(c, 0, in); y != nil {
				c.Out[0] = y
				return y, nil
			}
		}
	}
	return c.Output(0, t, shape...)
}

// binaryShapes gives the shape of the result of a binary operator, and the
// second input in the shape in which it takes part.
type binaryShapes func(a, b *onnx.Tensor) (out []int, aligned *onnx.Tensor, err error)

// multidirectional is the broadcasting of opset version 7 and later.
func multidirectional(a, b *onnx.Tensor) ([]int, *onnx.Tensor, error) {
	if broadcastsTo(b.Shape, a.Shape) {
		return a.Shape, b, nil
	}
	if broadcastsTo(a.Shape, b.Shape) {
		return b.Shape, b, nil
	}
	out, err := broadcastShapes(a.Shape, b.Shape)
	return out, b, err
}

// unidirectional is the broadcasting where only the second input is repeated.
func unidirectional(a, b *onnx.Tensor) ([]int, *onnx.Tensor, error) {
	out, err := broadcastShapes(a.Shape, b.Shape)
	if err == nil && !slices.Equal(out, a.Shape) {
		err = fmt.Errorf("shape %v can not be broadcast to %v", b.Shape, a.Shape)
	}
	return a.Shape, b, err
}

// legacyBroadcast is the broadcasting of opset versions 1 to 6: only the
// second input is repeated, if the attribute broadcast says so, aligned at the
// attribute axis, or else at the last axis.
func legacyBroadcast(n *Node) binaryShapes {
	broadcast, hasAxis, axis := n.Bool("broadcast", false), n.HasAttr("axis"), n.Int("axis", 0)
	return func(a, b *onnx.Tensor) ([]int, *onnx.Tensor, error) {
		if slices.Equal(a.Shape, b.Shape) {
			return a.Shape, b, nil
		}
		if !broadcast {
			return nil, nil, fmt.Errorf("shapes %v and %v differ and the attribute broadcast is not set", a.Shape, b.Shape)
		}
		if hasAxis {
			shape, err := alignAxis(a.Shape, b.Shape, axis)
			if err != nil {
				return nil, nil, err
			}
			b = b.Reshaped(shape...)
		}
		return unidirectional(a, b)
	}
}

// shapesFor returns the broadcasting of the node's opset version.
func shapesFor(n *Node) binaryShapes {
	if n.Opset < 7 {
		return legacyBroadcast(n)
	}
	return multidirectional
}

// binaryKernel returns the kernel of a binary operator whose inputs have the
// same element type.
func binaryKernel(types pairTypes, shapes binaryShapes) Kernel {
	return func(c *Call) error {
		a, b := c.Tensor(0), c.Tensor(1)
		if a.Type != b.Type {
			return fmt.Errorf("inputs have different element types, %v and %v", a.Type, b.Type)
		}
		f := types[a.Type]
		if f == nil {
			return c.TypeError(0)
		}
		out, b, err := shapes(a, b)
		if err != nil {
			return err
		}
		return f(c, out, a, b)
	}
}

// buildBinary returns the Build of a binary operator for the given types,
// and for float16 and bfloat16 if it has float32.
func buildBinary(types pairTypes) func(n *Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		k := binaryKernel(types, shapesFor(n))
		if types[onnx.Float32] != nil {
			k = throughFloat32(k)
		}
		return k, n.Err()
	}
}

// inferPairs infers a binary operator. The result has element type t, or that
// of the first input if t is Undefined.
func inferPairs(t onnx.DType) func(n *Node, in []Info) ([]Info, error) {
	return func(n *Node, in []Info) ([]Info, error) {
		if len(in) < 2 {
			return nil, nil
		}
		elem := t
		if elem == onnx.Undefined {
			elem = elemOf(in[0])
		}
		if n.Opset < 7 {
			return []Info{infoLike(elem, in[0])}, nil
		}
		out, err := inferBroadcast(elem, in[:2])
		return []Info{out}, err
	}
}

// integerPairs collects one binary operator for the integer types.
func integerPairs(
	i8 func(a, b int8) int8, i16 func(a, b int16) int16, i32 func(a, b int32) int32, i64 func(a, b int64) int64,
	u8 func(a, b uint8) uint8, u16 func(a, b uint16) uint16, u32 func(a, b uint32) uint32, u64 func(a, b uint64) uint64,
) pairTypes {
	return pairTypes{
		onnx.Int8: onPairs(i8), onnx.Int16: onPairs(i16), onnx.Int32: onPairs(i32), onnx.Int64: onPairs(i64),
		onnx.Uint8: onPairs(u8), onnx.Uint16: onPairs(u16), onnx.Uint32: onPairs(u32), onnx.Uint64: onPairs(u64),
	}
}

// withFloats adds the float types to a binary operator.
func withFloats(types pairTypes, f32 rowFunc[float32, float32, float32], f64 func(a, b float64) float64) pairTypes {
	types[onnx.Float32] = overRows(f32)
	types[onnx.Float64] = onPairs(f64)
	return types
}
