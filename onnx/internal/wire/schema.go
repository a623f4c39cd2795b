package wire

import (
	"unsafe"

	"github.com/kcompress/kcompress/onnx/internal/pb"
)

// fieldKind says what a field costs in memory once it is decoded.
type fieldKind uint8

const (
	plain        fieldKind = iota // a string, bytes, a scalar or an unknown field
	nested                        // a message
	aliased                       // bytes that alias the file
	packedVarint                  // repeated integers
	packedFixed                   // repeated floats or doubles
)

// field describes one field of a message; the zero value is a plain field.
type field struct {
	kind fieldKind
	msg  Message
}

// Message names a message type of the schema.
type Message uint8

// The message types that a file can start with, and those inside them.
const (
	Model Message = iota
	Tensor
	SparseTensor
	Sequence
	Optional
	Map
	graph
	node
	attribute
	function
	valueInfo
	typeProto
	tensorType
	wrapperType
	mapType
	shape
	dimension
	trainingInfo
	annotation
	entry
	opset
	nodeDevice
	sharding
	shardedDim
	simpleShardedDim
	intIntList
	device
	leaf
)

// maxField is the largest field number of the schema.
const maxField = 26

// message holds the size in memory of a decoded message and its fields by number.
type message struct {
	size   uintptr
	fields [maxField + 1]field
}

func in(m Message) field { return field{nested, m} }

var ints, floats, raw = field{kind: packedVarint}, field{kind: packedFixed}, field{kind: aliased}

// schema repeats of onnx.proto what decides about memory and nesting.
var schema = [...]message{
	Model: {unsafe.Sizeof(pb.ModelProto{}), [maxField + 1]field{
		7: in(graph), 8: in(opset), 14: in(entry), 20: in(trainingInfo), 25: in(function), 26: in(device)}},
	Tensor: {unsafe.Sizeof(pb.TensorProto{}), [maxField + 1]field{
		1: ints, 3: in(leaf), 4: floats, 5: ints, 7: ints, 9: raw, 10: floats, 11: ints, 13: in(entry), 16: in(entry)}},
	SparseTensor: {unsafe.Sizeof(pb.SparseTensorProto{}), [maxField + 1]field{1: in(Tensor), 2: in(Tensor), 3: ints}},
	Sequence: {unsafe.Sizeof(pb.SequenceProto{}), [maxField + 1]field{
		3: in(Tensor), 4: in(SparseTensor), 5: in(Sequence), 6: in(Map), 7: in(Optional)}},
	Optional: {unsafe.Sizeof(pb.OptionalProto{}), [maxField + 1]field{
		3: in(Tensor), 4: in(SparseTensor), 5: in(Sequence), 6: in(Map), 7: in(Optional)}},
	Map: {unsafe.Sizeof(pb.MapProto{}), [maxField + 1]field{3: ints, 5: in(Sequence)}},
	graph: {unsafe.Sizeof(pb.GraphProto{}), [maxField + 1]field{
		1: in(node), 5: in(Tensor), 15: in(SparseTensor), 11: in(valueInfo), 12: in(valueInfo), 13: in(valueInfo),
		14: in(annotation), 16: in(entry)}},
	node: {unsafe.Sizeof(pb.NodeProto{}), [maxField + 1]field{5: in(attribute), 9: in(entry), 10: in(nodeDevice)}},
	attribute: {unsafe.Sizeof(pb.AttributeProto{}), [maxField + 1]field{
		5: in(Tensor), 6: in(graph), 22: in(SparseTensor), 14: in(typeProto), 7: floats, 8: ints,
		10: in(Tensor), 11: in(graph), 23: in(SparseTensor), 15: in(typeProto)}},
	function: {unsafe.Sizeof(pb.FunctionProto{}), [maxField + 1]field{
		11: in(attribute), 7: in(node), 9: in(opset), 12: in(valueInfo), 14: in(entry)}},
	valueInfo: {unsafe.Sizeof(pb.ValueInfoProto{}), [maxField + 1]field{2: in(typeProto), 4: in(entry)}},
	typeProto: {unsafe.Sizeof(pb.TypeProto{}), [maxField + 1]field{
		1: in(tensorType), 4: in(wrapperType), 5: in(mapType), 9: in(wrapperType), 8: in(tensorType), 7: in(leaf)}},
	tensorType:   {unsafe.Sizeof(pb.TypeProto_Tensor{}), [maxField + 1]field{2: in(shape)}},
	wrapperType:  {unsafe.Sizeof(pb.TypeProto_Sequence{}), [maxField + 1]field{1: in(typeProto)}},
	mapType:      {unsafe.Sizeof(pb.TypeProto_Map{}), [maxField + 1]field{2: in(typeProto)}},
	shape:        {unsafe.Sizeof(pb.TensorShapeProto{}), [maxField + 1]field{1: in(dimension)}},
	dimension:    {unsafe.Sizeof(pb.TensorShapeProto_Dimension{}), [maxField + 1]field{}},
	trainingInfo: {unsafe.Sizeof(pb.TrainingInfoProto{}), [maxField + 1]field{1: in(graph), 2: in(graph), 3: in(entry), 4: in(entry)}},
	annotation:   {unsafe.Sizeof(pb.TensorAnnotation{}), [maxField + 1]field{2: in(entry)}},
	entry:        {unsafe.Sizeof(pb.StringStringEntryProto{}), [maxField + 1]field{}},
	opset:        {unsafe.Sizeof(pb.OperatorSetIdProto{}), [maxField + 1]field{}},
	nodeDevice:   {unsafe.Sizeof(pb.NodeDeviceConfigurationProto{}), [maxField + 1]field{2: in(sharding)}},
	sharding: {unsafe.Sizeof(pb.ShardingSpecProto{}), [maxField + 1]field{
		2: ints, 3: in(intIntList), 4: in(shardedDim)}},
	shardedDim:       {unsafe.Sizeof(pb.ShardedDimProto{}), [maxField + 1]field{2: in(simpleShardedDim)}},
	simpleShardedDim: {unsafe.Sizeof(pb.SimpleShardedDimProto{}), [maxField + 1]field{}},
	intIntList:       {unsafe.Sizeof(pb.IntIntListEntryProto{}), [maxField + 1]field{2: ints}},
	device:           {unsafe.Sizeof(pb.DeviceConfigurationProto{}), [maxField + 1]field{}},
	leaf:             {64, [maxField + 1]field{}},
}
