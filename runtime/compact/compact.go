// Package compact is the file form of compressed models: how chains of
// butterfly factors and rounded weights are written as ONNX, and how they are
// read back.
//
// A chain is one node of a model-local function in the domain "kcompress". The
// body of the function is made of standard operators, so that any ONNX tool
// runs the file; the runtime recognises the node, checks that the body is the
// one that this package writes, and runs its own kernel instead.
// docs/file-format.md describes the form.
package compact

import (
	"fmt"
	"strings"

	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
)

const (
	// Domain is the domain of the functions.
	Domain = "kcompress"
	// Version is the version of the form, and of the domain's operator set.
	Version = 1
	// MinIRVersion is the first IR version with model-local functions.
	MinIRVersion = 8
	// MinOpset is the first version of ai.onnx that the bodies can be written
	// for: before, Mul and Add do not broadcast by themselves.
	MinOpset = 7
)

// Weights is how the values of a layer are stored.
type Weights string

// The forms of stored values.
const (
	FP32 Weights = "fp32"
	FP16 Weights = "fp16"
	INT8 Weights = "int8"
)

// ParseWeights returns the form with that name.
func ParseWeights(name string) (Weights, error) {
	switch w := Weights(name); w {
	case FP32, FP16, INT8:
		return w, nil
	}
	return "", fmt.Errorf("unknown form of weights %q: use fp32, fp16 or int8", name)
}

// DType returns the element type of stored values.
func (w Weights) DType() onnx.DType {
	switch w {
	case FP16:
		return onnx.Float16
	case INT8:
		return onnx.Int8
	}
	return onnx.Float32
}

// Keys of the metadata of a compact model.
const (
	MetadataProducer = "kcompress.producer" // program and version that wrote it
	MetadataWeights  = "kcompress.weights"  // fp32, fp16 or int8
)

// StoredAs returns how the values of a compact model are stored; ok is false if
// kcompress did not write the model.
func StoredAs(m *onnx.Model) (w Weights, ok bool) {
	for _, p := range m.Metadata {
		if p.Key == MetadataWeights {
			w, err := ParseWeights(p.Value)
			return w, err == nil
		}
	}
	return "", false
}

// Attributes of a chain node.
const (
	attrPatterns = "patterns" // a, b, c, d of each factor, first applied first
	attrIn       = "in"       // features of the input
	attrOut      = "out"      // features of the output
	attrWeights  = "weights"  // fp32, fp16 or int8
	attrSource   = "source"   // sha256 of the weight that the chain replaces
	attrError    = "error"    // relative error of the chain against that weight
)

// PartOfChain ends the source of a chain node that holds only some factors of
// the chain that replaces a weight: an operator beside it holds the others.
const PartOfChain = "/part"

// Recognised ends the source of a chain node that was put in the place of a
// weight without loss (package fit/recognise).
const Recognised = "/exact"

// IsExact reports whether the chain was put in the place of a weight without
// loss.
func (n Node) IsExact() bool { return strings.HasSuffix(n.Source, Recognised) }

var chainAttributes = []string{attrPatterns, attrIn, attrOut, attrWeights, attrSource, attrError}

// IsChain reports whether n is a chain node by its name and attributes.
func IsChain(n *onnx.Node) bool {
	if n.Domain != Domain || !strings.HasPrefix(n.Op, "Chain_") {
		return false
	}
	for _, a := range n.Attrs {
		if a.Name == attrPatterns && a.Kind == onnx.AttrInts {
			return true
		}
	}
	return false
}

// Node is what the attributes of a chain node say.
type Node struct {
	Design  butterfly.Design
	Weights Weights
	// Source is the sha256, in hexadecimal, of the weight that the chain
	// replaces (see Fingerprint).
	Source string
	// Error is the relative error with which the chain was fitted.
	Error float64
}

// ReadNode returns the attributes of a chain node.
func ReadNode(n *onnx.Node) (Node, error) {
	var c Node
	for _, a := range n.Attrs {
		switch a.Name {
		case attrPatterns:
			if len(a.Ints)%4 != 0 || len(a.Ints) == 0 {
				return c, fmt.Errorf("attribute patterns has %d numbers, not four for each factor", len(a.Ints))
			}
			for i := 0; i < len(a.Ints); i += 4 {
				p := a.Ints[i : i+4]
				c.Design.Patterns = append(c.Design.Patterns, butterfly.Pattern{A: int(p[0]), B: int(p[1]), C: int(p[2]), D: int(p[3])})
			}
		case attrIn:
			c.Design.In = int(a.Int)
		case attrOut:
			c.Design.Out = int(a.Int)
		case attrWeights:
			c.Weights = Weights(a.String)
		case attrSource:
			c.Source = a.String
		case attrError:
			c.Error = float64(a.Float)
		}
	}
	if _, err := ParseWeights(string(c.Weights)); err != nil {
		return c, err
	}
	return c, c.Design.Validate()
}

// FunctionName names the function of chains of a design. Chains of one design
// and form share a function.
func FunctionName(d butterfly.Design, w Weights) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Chain_%s_%d_%d", w, d.In, d.Out)
	for _, p := range d.Patterns {
		fmt.Fprintf(&b, "_%dx%dx%dx%d", p.A, p.B, p.C, p.D)
	}
	return b.String()
}
