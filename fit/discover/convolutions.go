package discover

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// conv records the kernel [filters, channels, ...] of a Conv: a matrix whose
// inputs are what it covers at one position.
func (f *finder) conv(n *onnx.Node) {
	w := f.constant(n, 1)
	if w == nil || w.Rank() < 3 {
		return
	}
	if group := n.Int("group", 1); group != 1 {
		f.skipped(n, 1, fmt.Sprintf("a convolution in %d groups: already block-diagonal, so it is kept, rounded", group))
		return
	}
	use := Use{Node: n, kernel: w.Shape[2:]}
	o := operand{node: n, input: 0, weight: 1, value: w, out: w.Shape[0], form: Patches, kernel: w.Shape[2:], rank: w.Rank()}
	if use.window().isPointwise() {
		o.form = Channels
	}
	f.dense(o)
}

// convTranspose records the kernel [channels, filters, ...] of a ConvTranspose:
// a matrix whose outputs are what one position adds to.
func (f *finder) convTranspose(n *onnx.Node) {
	w := f.constant(n, 1)
	if w == nil || w.Rank() < 3 {
		return
	}
	if group := n.Int("group", 1); group != 1 {
		f.skipped(n, 1, fmt.Sprintf("a convolution in %d groups: already block-diagonal, so it is kept, rounded", group))
		return
	}
	f.dense(operand{node: n, input: 0, weight: 1, value: w, out: w.Len() / max(1, w.Shape[0]), form: Spread, transposed: true, kernel: w.Shape[2:], rank: w.Rank()})
}

// recurrent records the weights W [directions, gates, features], which multiply
// the input of each step, and R, which multiply the state.
func (f *finder) recurrent(n *onnx.Node) {
	if w := f.constant(n, 1); w != nil && w.Rank() == 3 && f.constant(n, 0) == nil {
		f.dense(operand{node: n, input: 0, weight: 1, value: w, out: w.Shape[0] * w.Shape[1], form: Recurrent, rank: 3})
	} else {
		f.skipped(n, 1, "recurrent, with a constant input or weights that are no tensor [directions, gates, features]")
	}
	f.skipped(n, 2, "the state's weight: the operator multiplies by it inside of its loop and takes it dense, so it is kept, rounded")
}
