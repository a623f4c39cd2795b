// Package onnxgo lets programs written for github.com/owulveryck/onnx-go run on
// the runtime of kcompress.
//
// onnx-go decodes an ONNX file into the graph of a backend, which then computes
// it (its interface backend.ComputationBackend). New returns such a backend:
//
//	b := onnxgo.New() // was: gorgonnx.NewGraph()
//	model := onnx.NewModel(b)
//	model.UnmarshalBinary(data)
//	model.SetInput(0, x)
//	b.Run()
//	outputs, err := model.GetOutputTensors()
//
// The first Run prepares a session of the runtime, which later ones use again.
//
// onnx-go does not pass on everything that a file says. What it keeps to
// itself is recovered here as far as that is possible:
//
//   - The opset version: see WithOpset.
//   - Which values are inputs, initializers or outputs: see model.go.
//   - An operator that reads one value twice, such as Mul(x, x): the graph has
//     one edge for both, so edges are recorded as they are set.
//   - SetInput(i, t) takes i for the number of a node: see Backend.Node.
//   - Names and domains of nodes are lost. The domain is the first one of
//     ai.onnx, ai.onnx.ml and com.microsoft that has the operator; errors name
//     outputs.
//
// What onnx-go can not decode does not work: graph attributes (If, Loop, Scan),
// model-local functions, external data, sparse tensors, and initializers of
// types other than bool, float, double, int32 and int64. The package runtime
// has none of these limits.
package onnxgo
