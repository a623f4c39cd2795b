package ops

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/kcompress/kcompress/kernels/gemm"
	"github.com/kcompress/kcompress/onnx"
)

// matMulNBits is MatMulNBits: A W^T + bias for a weight [N,K] of integers of 2,
// 4 or 8 bits in blocks along K, each with a scale and a zero point.
type matMulNBits struct {
	k, n, bits, block int
}

func buildMatMulNBits(n *Node) (Kernel, error) {
	v := &matMulNBits{k: n.Int("K", 0), n: n.Int("N", 0), bits: n.Int("bits", 4), block: n.Int("block_size", 0)}
	if v.k < 1 || v.n < 1 || v.k > 1<<24 || v.n > 1<<24 {
		return nil, fmt.Errorf("attributes K and N are %d and %d, expected 1 to 2^24", v.k, v.n)
	}
	if v.block < 16 || v.block > 1<<20 || bits.OnesCount(uint(v.block)) != 1 {
		return nil, fmt.Errorf("block_size is %d, expected a power of 2 of at least 16", v.block)
	}
	if v.bits != 2 && v.bits != 4 && v.bits != 8 {
		return nil, fmt.Errorf("bits is %d, expected 2, 4 or 8", v.bits)
	}
	if n.Int("weight_prepacked", 0) != 0 {
		return nil, fmt.Errorf("weight_prepacked is %d, expected 0: prepacked weights are for other processors", n.Int("weight_prepacked", 0))
	}
	var weight *gemm.Packed
	constant := n.Constant(1) != nil && n.Constant(2) != nil && (!n.Has(3) || n.Constant(3) != nil)
	if constant {
		w, err := v.dequantize(n.Constant(1), n.Constant(2), n.Constant(3))
		if err != nil {
			return nil, err
		}
		weight = gemm.Pack(w, v.k, v.n, true)
	}
	return throughFloat32(func(c *Call) error { return v.run(c, weight) }), n.Err()
}

func (v *matMulNBits) run(c *Call, weight *gemm.Packed) error {
	a, bias := c.Tensor(0), c.Tensor(5)
	if a.Type != onnx.Float32 {
		return c.TypeError(0)
	}
	if a.Rank() == 0 || a.Shape[a.Rank()-1] != v.k {
		return c.ShapeError(0, fmt.Sprintf("a last axis of %d", v.k))
	}
	if c.Tensor(4) != nil {
		return errors.New("the input g_idx is not supported")
	}
	var biases []float32
	if bias != nil {
		if bias.Type != onnx.Float32 || bias.Len() != v.n {
			return c.ShapeError(5, fmt.Sprintf("%d elements", v.n))
		}
		biases = bias.Float32s()
	}
	if weight == nil {
		w, err := v.dequantize(c.Tensor(1), c.Tensor(2), c.Tensor(3))
		if err != nil {
			return err
		}
		weight = gemm.Pack(w, v.k, v.n, true)
	}
	shape := append([]int(nil), a.Shape...)
	shape[len(shape)-1] = v.n
	y, err := c.Output(0, onnx.Float32, shape...)
	if err != nil {
		return err
	}
	multiplyPacked(c, weight, y.Float32s(), v.n, a.Float32s(), v.k, a.Len()/v.k, withBias(biases))
	return nil
}

// dequantize returns the weight [N,K].
func (v *matMulNBits) dequantize(packed, scales, zeros *onnx.Tensor) ([]float32, error) {
	blocks := (v.k-1)/v.block + 1
	if packed.Type != onnx.Uint8 || packed.Len() != v.n*blocks*v.block*v.bits/8 {
		return nil, fmt.Errorf("the weight is %v, expected uint8[%d,%d,%d]", packed, v.n, blocks, v.block*v.bits/8)
	}
	if scales.Len() != v.n*blocks {
		return nil, fmt.Errorf("the scales have shape %v, expected [%d,%d]", scales.Shape, v.n, blocks)
	}
	scale, err := float32sOf(scales)
	if err != nil {
		return nil, err
	}
	zero, err := v.zeroPoints(zeros, blocks)
	if err != nil {
		return nil, err
	}
	w, raw := make([]float32, v.n*v.k), onnx.View[uint8](packed)
	each, mask := 8/v.bits, byte(1<<v.bits-1)
	for row := range v.n {
		for i := range v.k {
			at := row*blocks + i/v.block
			element := at*v.block + i%v.block
			q := raw[element/each] >> (element % each * v.bits) & mask
			w[row*v.k+i] = (float32(q) - zero(row, i/v.block)) * scale[at]
		}
	}
	return w, nil
}

// zeroPoints returns the function that gives the zero point of a block of a
// row: packed like the weight with rows padded to bytes, or as floats.
func (v *matMulNBits) zeroPoints(t *onnx.Tensor, blocks int) (func(row, block int) float32, error) {
	if t == nil {
		return func(int, int) float32 { return float32(int(1) << (v.bits - 1)) }, nil
	}
	if t.Type == onnx.Uint8 {
		stride := (blocks*v.bits + 7) / 8
		if t.Len() != v.n*stride {
			return nil, fmt.Errorf("the zero points have shape %v, expected [%d,%d]", t.Shape, v.n, stride)
		}
		raw, each, mask := onnx.View[uint8](t), 8/v.bits, byte(1<<v.bits-1)
		return func(row, block int) float32 {
			return float32(raw[row*stride+block/each] >> (block % each * v.bits) & mask)
		}, nil
	}
	values, err := float32sOf(t)
	if err != nil {
		return nil, err
	}
	if len(values) != v.n*blocks {
		return nil, fmt.Errorf("the zero points have shape %v, expected [%d,%d]", t.Shape, v.n, blocks)
	}
	return func(row, block int) float32 { return values[row*blocks+block] }, nil
}

func inferMatMulNBits(n *Node, in []Info) ([]Info, error) {
	shape, ok := shapeOf(in[0])
	if !ok || len(shape) == 0 {
		return []Info{UnknownShape(elemOf(in[0]))}, n.Err()
	}
	out := append([]onnx.Dim(nil), shape...)
	out[len(out)-1] = onnx.Dim{Size: n.Int("N", -1)}
	return []Info{TensorInfo(elemOf(in[0]), out)}, n.Err()
}
