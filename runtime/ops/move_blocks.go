package ops

import (
	"github.com/kcompress/kcompress/onnx"
)

// blockCopier returns a function that copies block s of src to block d of dst,
// where a block is n consecutive elements. Both tensors have the same element
// type of at least 8 bits, or hold strings.
func blockCopier(dst, src *onnx.Tensor, n int) func(d, s int) {
	if src.Type == onnx.String {
		return func(d, s int) { copy(dst.Strings[d*n:(d+1)*n], src.Strings[s*n:(s+1)*n]) }
	}
	size := n * src.Type.Bits() / 8
	to, from := dst.Raw(), src.Raw()
	switch {
	case n != 1:
	case size == 4:
		to, from := onnx.View[uint32](dst), onnx.View[uint32](src)
		return func(d, s int) { to[d] = from[s] }
	case size == 8:
		to, from := onnx.View[uint64](dst), onnx.View[uint64](src)
		return func(d, s int) { to[d] = from[s] }
	}
	return func(d, s int) { copy(to[d*size:(d+1)*size], from[s*size:(s+1)*size]) }
}

// fill sets every element of dst to the only element of value.
func fill(dst, value *onnx.Tensor) {
	if dst.Type == onnx.String {
		for i := range dst.Strings {
			dst.Strings[i] = value.Strings[0]
		}
		return
	}
	to, from := dst.Raw(), value.Raw()
	if bits := dst.Type.Bits(); bits < 8 {
		repeatBits(to, from[0], bits)
		return
	}
	if len(to) == 0 {
		return
	}
	// Each round doubles what is filled.
	for n := copy(to, from); n < len(to); n *= 2 {
		copy(to[n:], to[:n])
	}
}

// repeatBits fills packed elements of the given width with the lowest one of code.
func repeatBits(to []byte, code byte, bits int) {
	code &= 1<<bits - 1
	for shift := bits; shift < 8; shift *= 2 {
		code |= code << shift
	}
	for i := range to {
		to[i] = code
	}
}

// wholeBytes lets a kernel that moves elements without looking at them work on
// the packed types of 2 and 4 bits: it hands it the elements one a byte.
// Outputs of type uint8 are packed again.
func wholeBytes(kernel Kernel) Kernel {
	return func(c *Call) error {
		x := c.Tensor(0)
		if x == nil || x.Type.Bits() >= 8 || x.Type == onnx.String {
			return kernel(c)
		}
		inner := *c
		inner.In = make([]onnx.Value, len(c.In))
		inner.Out = make([]onnx.Value, len(c.Out))
		if c.Frame != nil {
			inner.Frame = heapFrame{c.Frame}
		}
		for i := range c.In {
			inner.In[i] = c.In[i]
			if t := c.Tensor(i); t != nil && t.Type == x.Type {
				inner.In[i] = unpackBits(t)
			}
		}
		if err := kernel(&inner); err != nil {
			return err
		}
		for i := range inner.Out {
			y := inner.outTensor(i)
			if y == nil || !c.Wants(i) {
				continue
			}
			if y.Type != onnx.Uint8 {
				c.Set(i, y)
				continue
			}
			out, err := c.Output(i, x.Type, y.Shape...)
			if err != nil {
				return err
			}
			packBits(out, onnx.View[uint8](y))
		}
		return nil
	}
}

// outTensor returns output i if it is a tensor.
func (c *Call) outTensor(i int) *onnx.Tensor {
	t, _ := c.Out[i].(*onnx.Tensor)
	return t
}

// unpackBits returns the codes of a packed tensor, one a byte.
func unpackBits(t *onnx.Tensor) *onnx.Tensor {
	out := onnx.NewTensor(onnx.Uint8, t.Shape...)
	bits := t.Type.Bits()
	per, mask := 8/bits, byte(1<<bits-1)
	raw := t.Raw()
	for i, codes := 0, onnx.View[uint8](out); i < len(codes); i++ {
		codes[i] = raw[i/per] >> (i % per * bits) & mask
	}
	return out
}

// packBits writes codes, one a byte, to a packed tensor.
func packBits(t *onnx.Tensor, codes []uint8) {
	bits := t.Type.Bits()
	per, mask := 8/bits, byte(1<<bits-1)
	raw := t.Raw()
	clear(raw)
	for i, code := range codes {
		raw[i/per] |= code & mask << (i % per * bits)
	}
}

// copyRange copies n elements from position s of src to position d of dst, for
// every element type.
func copyRange(dst *onnx.Tensor, d int, src *onnx.Tensor, s, n int) {
	if src.Type == onnx.String {
		copy(dst.Strings[d:d+n], src.Strings[s:s+n])
		return
	}
	bits := src.Type.Bits()
	if bits >= 8 {
		width := bits / 8
		copy(dst.Raw()[d*width:(d+n)*width], src.Raw()[s*width:(s+n)*width])
		return
	}
	per, mask := 8/bits, byte(1<<bits-1)
	to, from := dst.Raw(), src.Raw()
	for i := range n {
		code := from[(s+i)/per] >> ((s + i) % per * bits) & mask
		shift := (d + i) % per * bits
		to[(d+i)/per] = to[(d+i)/per]&^(mask<<shift) | code<<shift
	}
}
