package write

import (
	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/onnx"
)

// attention replaces Attention of com.microsoft by the chain, which projects the
// input to queries, keys and values, and MultiHeadAttention of the same domain.
func (p *replacing) attention(u discover.Use, old *onnx.Node) ([]*onnx.Node, error) {
	projected := p.value(old, "projected")
	chain, err := p.all("", u.Input, projected)
	if err != nil {
		return nil, err
	}
	sizes := old.Ints("qkv_hidden_sizes")
	if len(sizes) != 3 {
		each := int64(p.Chain.Out / 3)
		sizes = []int64{each, each, each}
	}
	parts := []string{p.value(old, "query"), p.value(old, "key"), p.value(old, "value")}
	split := &onnx.Node{Op: "Split", Inputs: []string{projected}, Outputs: parts, Attrs: []onnx.Attribute{onnx.IntAttr("axis", -1)}}
	if p.model.Opset("") < 13 { // the sizes are an input since then
		split.Attrs = append(split.Attrs, onnx.IntsAttr("split", sizes...))
	} else {
		split.Inputs = append(split.Inputs, p.store(onnx.FromSlice(sizes, 3), old.Outputs[0]+".sizes"))
	}
	given := func(i int) string {
		if i < len(old.Inputs) {
			return old.Inputs[i]
		}
		return ""
	}
	n := &onnx.Node{Name: old.Name, Op: "MultiHeadAttention", Domain: old.Domain, Outputs: old.Outputs[:1],
		Inputs: append(parts, given(2), given(3), given(5))}
	for len(n.Inputs) > 0 && n.Inputs[len(n.Inputs)-1] == "" {
		n.Inputs = n.Inputs[:len(n.Inputs)-1]
	}
	for _, a := range old.Attrs {
		switch a.Name {
		case "num_heads", "unidirectional", "scale", "mask_filter_value":
			n.Attrs = append(n.Attrs, a)
		}
	}
	return []*onnx.Node{chain, split, n}, nil
}
