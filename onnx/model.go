// Package onnx reads, checks and writes ONNX models.
//
// A Model is plain data: a Graph of Nodes over named values, initializers,
// model-local functions and metadata. What the types do not show (training
// information, device configurations, fields of newer versions of the
// standard) is kept and written back unchanged.
package onnx

import "github.com/kcompress/kcompress/onnx/internal/pb"

// Model is one ONNX file (ModelProto).
type Model struct {
	// Path is the file that the model was read from, or empty.
	Path            string
	IRVersion       int64
	Producer        string
	ProducerVersion string
	Domain          string
	Version         int64
	Doc             string
	// Opsets maps an operator domain to its version; "" is ai.onnx.
	Opsets    map[string]int
	Graph     *Graph
	Functions []*Function
	Metadata  []Property

	proto *pb.ModelProto // fields that are not modelled here
}

// Property is one entry of a metadata list. Lists keep their order.
type Property struct{ Key, Value string }

// Graph is a computation (GraphProto): of a model, or the body of If, Loop,
// Scan and other operators with graph attributes.
type Graph struct {
	Name    string
	Doc     string
	Inputs  []ValueInfo
	Outputs []ValueInfo
	// Nodes are in topological order.
	Nodes []*Node
	// Initializers are the constants of the graph by name, in file order; those
	// that the file stores in sparse form come last and are expanded. An
	// initializer whose name is also an input is that input's default value.
	Initializers []*Tensor
	// ValueInfos are the types that the file states for inner values.
	ValueInfos []ValueInfo
	Metadata   []Property

	proto *pb.GraphProto
}

// Node is one application of an operator (NodeProto).
type Node struct {
	Name   string
	Op     string
	Domain string // "" is ai.onnx
	// Overload selects among functions of one name (IR version 10).
	Overload string
	// Inputs and Outputs are value names; "" is an absent optional one.
	Inputs   []string
	Outputs  []string
	Attrs    []Attribute
	Doc      string
	Metadata []Property

	proto *pb.NodeProto
}

// AttrKind says which field of an Attribute holds its value. Its values are
// those of AttributeProto.AttributeType.
type AttrKind int32

// The kinds of attributes.
const (
	AttrUndefined AttrKind = 0
	AttrFloat     AttrKind = 1
	AttrInt       AttrKind = 2
	AttrString    AttrKind = 3
	AttrTensor    AttrKind = 4
	AttrGraph     AttrKind = 5
	AttrFloats    AttrKind = 6
	AttrInts      AttrKind = 7
	AttrStrings   AttrKind = 8
	AttrTensors   AttrKind = 9
	AttrGraphs    AttrKind = 10
	AttrSparse    AttrKind = 11
	AttrSparses   AttrKind = 12
	AttrType      AttrKind = 13
	AttrTypes     AttrKind = 14
)

// Attribute is a named constant of a node (AttributeProto).
type Attribute struct {
	Name string
	Kind AttrKind
	// RefName names the attribute of the enclosing function that this one
	// takes its value from; the value fields are empty then.
	RefName string
	Float   float32
	Int     int64
	// String holds bytes: operators that carry binary data use it too.
	String  string
	Tensor  *Tensor
	Graph   *Graph
	Type    *Type
	Floats  []float32
	Ints    []int64
	Strings []string
	Tensors []*Tensor
	Graphs  []*Graph
	Types   []*Type

	proto *pb.AttributeProto
}

// Function is a model-local function (FunctionProto): a node whose domain, op
// type and overload match stands for its body.
type Function struct {
	Name     string
	Domain   string
	Overload string
	Doc      string
	Inputs   []string
	Outputs  []string
	// Attributes are names without a default; Defaults have one.
	Attributes []string
	Defaults   []Attribute
	Opsets     map[string]int
	Nodes      []*Node
	Metadata   []Property

	proto *pb.FunctionProto
}

// ValueInfo is the name and type of a value.
type ValueInfo struct {
	Name string
	Type Type
	Doc  string

	proto *pb.ValueInfoProto
}

// TypeKind is the kind of a value's type.
type TypeKind int

// The kinds of types in TypeProto.
const (
	UnknownType TypeKind = iota
	TensorType
	SequenceType
	OptionalType
	MapType
	SparseTensorType
	OpaqueType
)

// Type is the type of a value (TypeProto).
type Type struct {
	Kind TypeKind
	// Elem is the element type of a tensor or sparse tensor, the key type of a map.
	Elem DType
	// Shape holds the axes of a tensor; HasShape is false where even the rank
	// is unknown.
	Shape    []Dim
	HasShape bool
	// Of is the element type of a sequence or optional, the value type of a map.
	Of *Type

	proto *pb.TypeProto
}

// Dim is the size of one axis: a number, a symbol that stands for one number
// everywhere in the graph, or unknown (Size -1 and no symbol).
type Dim struct {
	Size   int // -1 if not known
	Symbol string
}

// Known reports whether the size is a number.
func (d Dim) Known() bool { return d.Size >= 0 }
