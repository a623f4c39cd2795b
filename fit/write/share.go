package write

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/kcompress/kcompress/onnx"
)

// shareConstants stores constants with equal type, shape and content once:
// exporters write tied weights several times.
func shareConstants(g *onnx.Graph) {
	isInput := map[string]bool{}
	for _, info := range g.Inputs {
		isInput[info.Name] = true
	}
	for _, info := range g.Outputs {
		isInput[info.Name] = true
	}
	first := map[[32]byte]string{}
	rename := map[string]string{}
	var tensors []*onnx.Tensor
	for _, t := range g.Initializers {
		if t.Bytes() < MinRounded || t.Type == onnx.String || isInput[t.Name] {
			tensors = append(tensors, t)
			continue
		}
		key := contentKey(t)
		if name, seen := first[key]; seen {
			rename[t.Name] = name
			continue
		}
		first[key] = t.Name
		tensors = append(tensors, t)
	}
	g.Initializers = tensors
	if len(rename) > 0 {
		renameInputs(g, rename)
	}
}

func contentKey(t *onnx.Tensor) [32]byte {
	h := sha256.New()
	head := []byte{byte(t.Type)}
	for _, n := range t.Shape {
		head = binary.LittleEndian.AppendUint64(head, uint64(n))
	}
	h.Write(head)
	h.Write(t.Raw())
	return [32]byte(h.Sum(nil))
}

func renameInputs(g *onnx.Graph, rename map[string]string) {
	for _, n := range g.Nodes {
		for i, in := range n.Inputs {
			if to, ok := rename[in]; ok {
				n.Inputs[i] = to
			}
		}
		for _, sub := range subgraphs(n) {
			renameInputs(sub, rename)
		}
	}
}
