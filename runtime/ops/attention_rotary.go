package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// rotary is a RotaryEmbedding node (ai.onnx 23): it rotates pairs of elements
// of each head by angles that depend on the position
// (https://arxiv.org/abs/2104.09864).
type rotary struct {
	interleaved bool
	heads       int // of packed inputs
	size        int // number of elements of a head to rotate, 0 for all
}

func buildRotary(n *Node) (Kernel, error) {
	v := &rotary{interleaved: n.Bool("interleaved", false), heads: n.Int("num_heads", 0), size: n.Int("rotary_embedding_dim", 0)}
	return v.run, n.Err()
}

func (v *rotary) run(c *Call) error {
	x := c.Tensor(0)
	if err := sameTypes(c, 1, 2); err != nil {
		return err
	}
	switch {
	case isHalf(x.Type):
		return inFloat32(c, v.run)
	case x.Type == onnx.Float32:
		return runRotary[float32](c, v)
	case x.Type == onnx.Float64:
		return runRotary[float64](c, v)
	}
	return c.TypeError(0)
}

func runRotary[T float](c *Call, v *rotary) error {
	x := c.Tensor(0)
	batch, count, length, size, packed, err := v.sizes(c)
	if err != nil {
		return err
	}
	rotated := v.size
	if rotated == 0 {
		rotated = size
	}
	if rotated < 0 || rotated > size || rotated%2 != 0 {
		return fmt.Errorf("rotary_embedding_dim is %d, expected an even number up to the head size %d", rotated, size)
	}
	half := rotated / 2
	step, apart := 1, half // pair k is elements k*step and k*step+apart
	if v.interleaved {
		step, apart = 2, 1
	}
	position, err := rotaryPositions(c, batch, length, half)
	if err != nil {
		return err
	}
	y, err := c.Output(0, x.Type, x.Shape...)
	if err != nil {
		return err
	}
	in := headsOf(onnx.View[T](x), count, length, size, packed)
	out := headsOf(onnx.View[T](y), count, length, size, packed)
	cos, sin := onnx.View[T](c.Tensor(1)), onnx.View[T](c.Tensor(2))
	c.Parallel(batch*length, max(1, rangeWork/16/max(1, count*size)), func(from, to int) {
		for i := from; i < to; i++ {
			at := position(i) * half
			for h := range count {
				src, dst := in.from(i/length, h, i%length)[:size], out.from(i/length, h, i%length)[:size]
				for k := range half {
					a, b := src[k*step], src[k*step+apart]
					dst[k*step] = cos[at+k]*a - sin[at+k]*b
					dst[k*step+apart] = sin[at+k]*a + cos[at+k]*b
				}
				copy(dst[rotated:], src[rotated:])
			}
		}
	})
	return nil
}

// sizes reads the shape of the input, [batch, heads, length, size] or, packed,
// [batch, length, heads*size].
func (v *rotary) sizes(c *Call) (batch, count, length, size int, packed bool, err error) {
	x := c.Tensor(0)
	switch {
	case x.Rank() == 4:
		return x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], false, nil
	case x.Rank() != 3:
		return 0, 0, 0, 0, false, c.ShapeError(0, "rank 3 or 4")
	case v.heads < 1 || x.Shape[2]%v.heads != 0:
		return 0, 0, 0, 0, false, fmt.Errorf("num_heads is %d, expected a divisor of the last axis of %v", v.heads, x.Shape)
	}
	return x.Shape[0], v.heads, x.Shape[1], x.Shape[2] / v.heads, true, nil
}

// rotaryPositions checks the caches and returns the row of them that token i,
// counted over batch and sequence, uses.
func rotaryPositions(c *Call, batch, length, half int) (func(i int) int, error) {
	ids := c.Tensor(3)
	for i := 1; i < 3; i++ {
		t := c.Tensor(i)
		fits := t.Rank() == 3 && sameShape(t.Shape, []int{batch, length, half})
		if ids != nil {
			fits = t.Rank() == 2 && t.Shape[1] == half

		}
		if !fits {
			return nil, c.ShapeError(i, fmt.Sprintf("[%d,%d,%d], or [positions,%d] with position_ids", batch, length, half, half))
		}
	}
	if ids == nil {
		return func(i int) int { return i }, nil
	}
	if !sameShape(c.Tensor(1).Shape, c.Tensor(2).Shape) {
		return nil, fmt.Errorf("cos_cache and sin_cache have shapes %v and %v", c.Tensor(1).Shape, c.Tensor(2).Shape)
	}
	positions, err := IntsOf(ids)
	if err != nil {
		return nil, err
	}
	if !sameShape(ids.Shape, []int{batch, length}) {
		return nil, c.ShapeError(3, fmt.Sprint([]int{batch, length}))
	}
	for _, p := range positions {
		if rows := c.Tensor(1).Shape[0]; p < 0 || p >= rows {
			return nil, fmt.Errorf("position %d is outside of the cache of %d positions", p, rows)
		}
	}
	return func(i int) int { return positions[i] }, nil
}
