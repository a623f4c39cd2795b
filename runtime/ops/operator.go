// Package ops holds the operators that the runtime runs, a file for each
// family. Each file lists its operators in a variable that table.go collects:
// that table is the only place where operators are looked up.
package ops

import (
	"github.com/kcompress/kcompress/onnx"
)

// Operator describes one operator over the range of opset versions in which
// its definition is the same to the implementation.
type Operator struct {
	// Domain is "" for ai.onnx.
	Domain string
	Name   string
	// Since is the first opset version it is for; 0 counts as 1. The entry
	// with the largest Since that is not above the model's version is used.
	Since int
	// Until is the last version, 0 if it is still current.
	Until int
	// MinInputs and MaxInputs bound the number of inputs; MaxInputs -1 is no
	// bound. The first MinInputs inputs are always present when a kernel runs.
	MinInputs, MaxInputs int
	// Values marks operators that take or give sequences, optionals or maps.
	// For all others the runtime makes sure that inputs are tensors.
	Values bool
	// Views marks those of them that keep no reference to a tensor but in a view
	// of it that they give out (Call.Alias): they get it without a copy.
	Views bool
	// Random marks operators whose result must not be folded at load.
	Random bool
	// Build reads the attributes, prepares constant inputs and returns the
	// kernel. It is called once for each node when a session is made.
	Build func(n *Node) (Kernel, error)
	// Infer gives what can be said of the outputs before a run. It may be nil.
	Infer func(n *Node, in []Info) ([]Info, error)
}

// Kernel computes one node: it reads the inputs of the call and sets its
// outputs. It must not keep or change inputs, and may be called by several
// goroutines at once.
type Kernel func(c *Call) error

// Info is what is known about a value before a run.
type Info struct {
	// Type is the type with the shape as far as it is known.
	Type onnx.Type
	// Const is the value itself where it does not depend on the inputs.
	Const *onnx.Tensor
	// Dims holds the elements of a small integer tensor (a shape, or a part
	// of one) that are known as numbers or as symbols; nil if not.
	Dims []onnx.Dim
}

// TensorInfo returns the Info of a tensor of known shape.
func TensorInfo(t onnx.DType, shape []onnx.Dim) Info {
	return Info{Type: onnx.Type{Kind: onnx.TensorType, Elem: t, Shape: shape, HasShape: true}}
}

// UnknownShape returns the Info of a tensor of which only the type is known.
func UnknownShape(t onnx.DType) Info {
	return Info{Type: onnx.Type{Kind: onnx.TensorType, Elem: t}}
}
