package write

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/kcompress/kcompress/onnx"
)

// shareConstants stores constants with equal type, shape and content once:
// exporters write tied weights several times. Where one of them is to stay
// exact, so is the one that is kept.
func shareConstants(g *onnx.Graph, exact map[string]bool) {
	fixed := boundNames(g)
	first := map[[32]byte]string{}
	rename := map[string]string{}
	var tensors []*onnx.Tensor
	for _, t := range g.Initializers {
		if !shareable(t, fixed) {
			tensors = append(tensors, t)
			continue
		}
		key := contentKey(t.Type, t.Shape, t.Raw())
		if name, seen := first[key]; seen {
			rename[t.Name] = name
			exact[name] = exact[name] || exact[t.Name]
			continue
		}
		first[key] = t.Name
		tensors = append(tensors, t)
	}
	g.Initializers = tensors
	if len(rename) > 0 {
		renameInputs(g.Nodes, rename)
	}
}

// shareTransposed stores a matrix once of which the model holds the transposed
// too: the second one becomes a Transpose of the first, which runtimes compute
// when they load the model.
func (w *writer) shareTransposed(exact map[string]bool) {
	g := w.model.Graph
	fixed := boundNames(g)
	type size struct {
		elem          onnx.DType
		rows, columns int
	}
	bySize := map[size][]*onnx.Tensor{} // those seen before
	keys := map[*onnx.Tensor][32]byte{}
	var tensors []*onnx.Tensor
	var nodes []*onnx.Node
	for _, t := range g.Initializers {
		if !shareable(t, fixed) || t.Rank() != 2 || t.Type.Bits() < 8 {
			tensors = append(tensors, t)
			continue
		}
		var same *onnx.Tensor
		if others := bySize[size{t.Type, t.Shape[1], t.Shape[0]}]; len(others) > 0 {
			turned := contentKey(t.Type, []int{t.Shape[1], t.Shape[0]}, transposed(t))
			for _, other := range others {
				if _, known := keys[other]; !known {
					keys[other] = contentKey(other.Type, other.Shape, other.Raw())
				}
				if keys[other] == turned {
					same = other
				}
			}
		}
		if same == nil {
			s := size{t.Type, t.Shape[0], t.Shape[1]}
			bySize[s] = append(bySize[s], t)
			tensors = append(tensors, t)
			continue
		}
		exact[same.Name] = exact[same.Name] || exact[t.Name]
		nodes = append(nodes, &onnx.Node{
			Name: w.names.fresh(t.Name + ".transpose"), Op: "Transpose", Inputs: []string{same.Name}, Outputs: []string{t.Name},
			Attrs: []onnx.Attribute{onnx.IntsAttr("perm", 1, 0)},
		})
	}
	g.Initializers = tensors
	g.Nodes = append(nodes, g.Nodes...)
}

// transposed returns the elements of a matrix, column by column.
func transposed(t *onnx.Tensor) []byte {
	rows, columns, width := t.Shape[0], t.Shape[1], t.Type.Bits()/8
	from := t.Raw()
	to := make([]byte, 0, len(from))
	for j := range columns {
		for i := range rows {
			at := (i*columns + j) * width
			to = append(to, from[at:at+width]...)
		}
	}
	return to
}

// boundNames are the values that callers of the model know by name: they can
// not be merged with others.
func boundNames(g *onnx.Graph) map[string]bool {
	bound := map[string]bool{}
	for _, info := range g.Inputs {
		bound[info.Name] = true
	}
	for _, info := range g.Outputs {
		bound[info.Name] = true
	}
	return bound
}

func shareable(t *onnx.Tensor, bound map[string]bool) bool {
	return t.Bytes() >= MinRounded && t.Type != onnx.String && !bound[t.Name]
}

// contentKey identifies type, shape and elements of a tensor.
func contentKey(elem onnx.DType, shape []int, raw []byte) [32]byte {
	h := sha256.New()
	head := []byte{byte(elem)}
	for _, n := range shape {
		head = binary.LittleEndian.AppendUint64(head, uint64(n))
	}
	h.Write(head)
	h.Write(raw)
	return [32]byte(h.Sum(nil))
}

// renameInputs makes nodes, and the subgraphs in them, read other values.
func renameInputs(nodes []*onnx.Node, rename map[string]string) {
	for _, n := range nodes {
		for i, in := range n.Inputs {
			if to, ok := rename[in]; ok {
				n.Inputs[i] = to
			}
		}
		for _, sub := range n.Subgraphs() {
			renameInputs(sub.Nodes, rename)
			for i := range sub.Outputs {
				if to, ok := rename[sub.Outputs[i].Name]; ok {
					sub.Outputs[i].Name = to
				}
			}
		}
	}
}
