package runtime

import (
	"unsafe"

	"github.com/kcompress/kcompress/onnx"
)

// owned returns a value that shares no memory with the session or with inputs.
// Tensors are so already: frame.result sees to it.
func owned(v onnx.Value) onnx.Value {
	switch v := v.(type) {
	case *onnx.Sequence:
		c := &onnx.Sequence{Elem: v.Elem, Values: make([]onnx.Value, len(v.Values))}
		for i, element := range v.Values {
			c.Values[i] = copyOf(element)
		}
		return c
	case *onnx.Optional:
		if v.Value == nil {
			return &onnx.Optional{}
		}
		return &onnx.Optional{Value: copyOf(v.Value)}
	case *onnx.Map:
		return &onnx.Map{Keys: v.Keys.Clone(), Values: v.Values.Clone()}
	}
	return v
}

func copyOf(v onnx.Value) onnx.Value {
	if t, isTensor := v.(*onnx.Tensor); isTensor {
		return t.Clone()
	}
	return owned(v)
}

// stringHeader is the memory that a string takes beside its bytes.
const stringHeader = 16

// memoryOf returns about how many bytes a tensor takes.
func memoryOf(t *onnx.Tensor) int {
	return t.Bytes() + stringHeader*len(t.Strings)
}

// memoryOfValue returns about how many bytes a value takes.
func memoryOfValue(v onnx.Value) int {
	const header = 100 // of an element of a sequence
	switch v := v.(type) {
	case *onnx.Tensor:
		return memoryOf(v)
	case *onnx.Sequence:
		n := 0
		for _, element := range v.Values {
			n += header + memoryOfValue(element)
		}
		return n
	case *onnx.Optional:
		if v.Value != nil {
			return memoryOfValue(v.Value)
		}
	case *onnx.Map:
		return memoryOf(v.Keys) + memoryOf(v.Values)
	}
	return 0
}

// sharesMemory reports whether t lies in the memory of one of the values.
func sharesMemory(t *onnx.Tensor, values []onnx.Value) bool {
	for _, v := range values {
		other, isTensor := v.(*onnx.Tensor)
		if !isTensor {
			continue
		}
		if t.Type == onnx.String {
			if len(t.Strings) > 0 && unsafe.SliceData(t.Strings) == unsafe.SliceData(other.Strings) {
				return true
			}
		} else if len(t.Raw()) > 0 && unsafe.SliceData(t.Raw()) == unsafe.SliceData(other.Raw()) {
			return true
		}
	}
	return false
}

// storedBytes returns the bytes of all tensors that the model holds.
func storedBytes(m *onnx.Model) int {
	n := storedIn(m.Graph.Nodes)
	for _, t := range m.Graph.Initializers {
		n += memoryOf(t)
	}
	for _, f := range m.Functions {
		n += storedIn(f.Nodes)
	}
	return n
}

func storedIn(nodes []*onnx.Node) int {
	bytes := 0
	for _, n := range nodes {
		for i := range n.Attrs {
			if t := n.Attrs[i].Tensor; t != nil {
				bytes += memoryOf(t)
			}
		}
		for _, g := range n.Subgraphs() {
			for _, t := range g.Initializers {
				bytes += memoryOf(t)
			}
			bytes += storedIn(g.Nodes)
		}
	}
	return bytes
}
