package write

import (
	"slices"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/onnx"
)

// inFloat32 returns a node like old that takes and gives float32, and the Cast
// nodes before and after it: chains compute in float32, also in models of another
// type. The weight stays as it is, since it is not used any more.
func (p *replacing) inFloat32(u *discover.Use, old *onnx.Node) (n *onnx.Node, before, after []*onnx.Node) {
	copied := *old
	copied.Inputs, copied.Outputs = slices.Clone(old.Inputs), slices.Clone(old.Outputs)
	wide := map[string]string{}
	for i, name := range old.Inputs {
		if name == "" || !isFloatInput(old, i) || i == u.WeightInput() {
			continue
		}
		if wide[name] == "" {
			wide[name] = p.names.fresh(name + ".float32")
			before = append(before, p.cast(name, wide[name], onnx.Float32))
		}
		copied.Inputs[i] = wide[name]
	}
	u.Input = wide[u.Input]
	for i, name := range old.Outputs {
		if name != "" {
			copied.Outputs[i] = p.value(old, "float32")
			after = append(after, p.cast(copied.Outputs[i], name, u.Elem))
		}
	}
	return &copied, before, after
}

// isFloatInput reports whether input i of an operator is a tensor of floats:
// lengths and masks are integers.
func isFloatInput(n *onnx.Node, i int) bool {
	switch n.Op {
	case "LSTM", "GRU", "RNN":
		return i != 4
	case "Attention":
		return i != 3
	}
	return true
}
