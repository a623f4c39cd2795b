package ops

import "github.com/kcompress/kcompress/onnx"

// unknownInfo is the Info of a value of which nothing is known.
var unknownInfo = Info{}

// elemOf returns the element type of a tensor, Undefined if it is not known.
func elemOf(in Info) onnx.DType {
	if in.Type.Kind != onnx.TensorType {
		return onnx.Undefined
	}
	return in.Type.Elem
}

// shapeOf returns the shape of a tensor and whether its rank is known.
func shapeOf(in Info) ([]onnx.Dim, bool) {
	return in.Type.Shape, in.Type.Kind == onnx.TensorType && in.Type.HasShape
}

// infoLike returns the Info of a tensor of the given element type with the
// shape of in.
func infoLike(t onnx.DType, in Info) Info {
	if t == onnx.Undefined {
		return unknownInfo
	}
	if shape, ok := shapeOf(in); ok {
		return TensorInfo(t, shape)
	}
	return UnknownShape(t)
}

// inferSame is the Infer of operators whose first output has the type and
// shape of their first input.
func inferSame(_ *Node, in []Info) ([]Info, error) {
	if len(in) == 0 {
		return nil, nil
	}
	return []Info{infoLike(elemOf(in[0]), in[0])}, nil
}

// inferSameAs is inferSame with another element type.
func inferSameAs(t onnx.DType) func(*Node, []Info) ([]Info, error) {
	return func(_ *Node, in []Info) ([]Info, error) {
		if len(in) == 0 {
			return nil, nil
		}
		return []Info{infoLike(t, in[0])}, nil
	}
}

// inferBroadcast returns the Info of a tensor of type t with the shape that
// all inputs broadcast to.
func inferBroadcast(t onnx.DType, in []Info) (Info, error) {
	if t == onnx.Undefined {
		return unknownInfo, nil
	}
	shapes := make([][]onnx.Dim, len(in))
	for i := range in {
		shape, ok := shapeOf(in[i])
		if !ok {
			return UnknownShape(t), nil
		}
		shapes[i] = shape
	}
	out, err := broadcastDims(shapes...)
	if err != nil {
		return unknownInfo, err
	}
	return TensorInfo(t, out), nil
}
