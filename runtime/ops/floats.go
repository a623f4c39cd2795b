package ops

import (
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// inFloat32 runs a kernel on copies in float32 of the 16-bit inputs and gives
// its float32 outputs the type of input 0, except those named in keep, which
// stay float32. Kernels that take 16-bit floats as well as others call it for
// them, where throughFloat32 would be too coarse.
func inFloat32(c *Call, kernel Kernel, keep ...int) error {
	half := c.Tensor(0).Type
	inner := wideCall(c)
	if err := kernel(inner); err != nil {
		return err
	}
	for _, i := range keep {
		if i < len(inner.Out) && inner.Out[i] != nil {
			t := inner.Out[i].(*onnx.Tensor)
			y, err := c.Output(i, t.Type, t.Shape...)
			if err != nil {
				return err
			}
			copy(y.Raw(), t.Raw())
			inner.Out[i] = nil
		}
	}
	return narrowOutputs(c, inner, half)
}

// wideConstants holds the 16-bit constants among the inputs of a node in
// float32, converted once; nil for other inputs.
type wideConstants []*onnx.Tensor

func widenConstants(n *Node) wideConstants {
	var wide wideConstants
	for i, t := range n.Constants {
		if t != nil && isHalf(t.Type) {
			if wide == nil {
				wide = make(wideConstants, len(n.Constants))
			}
			wide[i] = widen(t)
		}
	}
	return wide
}

// of returns constant input i of a node in float32, nil if it is no constant
// of float32 or 16-bit floats.
func (w wideConstants) of(n *Node, i int) *onnx.Tensor {
	if i < len(w) && w[i] != nil {
		return w[i]
	}
	if t := n.Constant(i); isFloat32(t) {
		return t
	}
	return nil
}

// run is inFloat32 with the constants at hand.
func (w wideConstants) run(c *Call, kernel Kernel) error {
	call := *c
	call.In = slices.Clone(c.In)
	for i, t := range w {
		if t != nil && i < len(call.In) {
			call.In[i] = t
		}
	}
	half := c.Tensor(0).Type
	inner := wideCall(&call)
	if err := kernel(inner); err != nil {
		return err
	}
	return narrowOutputs(c, inner, half)
}

// asFloats returns the elements of a tensor of floats as T: the tensor's own
// memory if it has that type, else a copy.
func asFloats[T float](t *onnx.Tensor) ([]T, bool) {
	switch t.Type {
	case onnx.TypeOf[T]():
		return onnx.View[T](t), true
	case onnx.Float32:
		return convertFloats[T](t.Float32s()), true
	case onnx.Float64:
		return convertFloats[T](onnx.View[float64](t)), true
	case onnx.Float16, onnx.BFloat16:
		return convertFloats[T](widen(t).Float32s()), true
	}
	return nil, false
}

func convertFloats[T, F float](src []F) []T {
	dst := make([]T, len(src))
	for i, v := range src {
		dst[i] = T(v)
	}
	return dst
}

// storeAs writes src to a tensor of floats of any type.
func storeAs[T float](t *onnx.Tensor, src []T) {
	switch t.Type {
	case onnx.TypeOf[T]():
		copy(onnx.View[T](t), src)
	case onnx.Float32:
		copy(t.Float32s(), convertFloats[float32](src))
	case onnx.Float64:
		copy(onnx.View[float64](t), convertFloats[float64](src))
	case onnx.Float16, onnx.BFloat16:
		narrow(onnx.View[uint16](t), convertFloats[float32](src), t.Type)
	}
}

// sameTypes fails unless the given inputs, where present, have the element
// type of input 0.
func sameTypes(c *Call, inputs ...int) error {
	for _, i := range inputs {
		if t := c.Tensor(i); t != nil && t.Type != c.Tensor(0).Type {
			return typesDiffer(c.Tensor(0), t)
		}
	}
	return nil
}
