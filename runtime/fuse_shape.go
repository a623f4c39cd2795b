package runtime

import (
	"fmt"
	"strings"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// fuseShapes replaces the nodes that compute sizes (Shape, Gather, Unsqueeze,
// Concat and so on, as exporters write them by the dozen) by one that reads the
// sizes from the inputs of the model, where inference has found each element to
// be a number or the symbol of an input's axis. Runs check that inputs fit their
// declared shapes, symbols included. Equal results are computed once.
func fuseShapes(f *fuser) {
	if f.parent != nil {
		return // the inputs of subgraphs are not checked
	}
	at := f.symbols()
	known := map[string]int{}
	for i := range f.steps {
		st := &f.steps[i]
		if st.op == nil || st.kernel != nil || len(st.out) != 1 || st.out[0] < 0 || f.is(i, "Identity") {
			continue
		}
		slot := st.out[0]
		info := f.info(slot)
		rank := f.rank(slot)
		if info.Type.Elem != onnx.Int64 || info.Dims == nil || rank < 0 || rank > 1 || rank == 0 && len(info.Dims) != 1 || !f.program.fresh[slot] {
			continue
		}
		n, in, key, ok := dimsNode(st.node, info.Dims, rank, at)
		if !ok {
			continue
		}
		if before, computed := known[key]; computed && !f.pinned[slot] {
			f.redirect(slot, before)
			f.remove(i)
			continue
		}
		known[key] = slot
		f.replace(i, f.newStep(n, n.Op, ops.InputDims, 1, in, []int{slot}))
	}
	f.dropUnread()
}

// inputAxis is an axis of an input of the model.
type inputAxis struct{ slot, axis int }

// symbols returns for each symbol in the shapes of the inputs where it is.
func (f *fuser) symbols() map[string]inputAxis {
	at := map[string]inputAxis{}
	for i, info := range f.program.inputInfos {
		if info.Type.Kind != onnx.TensorType || !info.Type.HasShape {
			continue
		}
		for axis, d := range info.Type.Shape {
			if _, found := at[d.Symbol]; !found && d.Symbol != "" && !d.Known() {
				at[d.Symbol] = inputAxis{f.program.inputs[i], axis}
			}
		}
	}
	return at
}

// dimsNode returns the node that computes the elements, its inputs, and a text
// that is the same for all nodes with this result.
func dimsNode(like *onnx.Node, dims []onnx.Dim, rank int, at map[string]inputAxis) (n *onnx.Node, in []int, key string, ok bool) {
	var inputs, axes, values []int64
	var text strings.Builder
	fmt.Fprint(&text, rank)
	for _, d := range dims {
		a, found := at[d.Symbol]
		switch {
		case d.Known():
			inputs, axes, values = append(inputs, 0), append(axes, -1), append(values, int64(d.Size))
			fmt.Fprintf(&text, " %d", d.Size)
		case found:
			k := len(in)
			for j, slot := range in {
				if slot == a.slot {
					k = j
				}
			}
			if k == len(in) {
				in = append(in, a.slot)
			}
			inputs, axes, values = append(inputs, int64(k)), append(axes, int64(a.axis)), append(values, 0)
			fmt.Fprintf(&text, " %q", d.Symbol)
		default:
			return nil, nil, "", false
		}
	}
	scalar := int64(0)
	if rank == 0 {
		scalar = 1
	}
	n = nodeLike(like, "InputDims", len(in), 1, onnx.IntsAttr("inputs", inputs...), onnx.IntsAttr("axes", axes...), onnx.IntsAttr("values", values...), onnx.IntAttr("scalar", scalar))
	return n, in, text.String(), true
}
