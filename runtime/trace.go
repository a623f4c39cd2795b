package runtime

import (
	"time"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// NodeTime is what one node of a run took.
type NodeTime struct {
	Node     *onnx.Node
	Start    time.Time
	Duration time.Duration
	// Work is what the kernel says that it did; Kernel is empty for operators
	// that have only one.
	ops.Work
	// Bytes is the size of the inputs, weights included, and of the outputs:
	// what a node that reads and writes everything once moves.
	Bytes int
	// Shape is the shape of the first output, nil if that is no tensor.
	Shape []int
}

// WithTrace calls f after every node of a run, in order. Nodes of subgraphs
// count in the node that holds them. Runs of one session at the same time call
// f at the same time.
func WithTrace(f func(NodeTime)) Option { return func(o *options) { o.trace = f } }

// traced runs the kernel of a step and reports it to the tracing function.
func (f *frame) traced(st *step, c *ops.Call) error {
	t := NodeTime{Node: st.node, Start: time.Now()}
	c.Work = &t.Work
	err := st.kernel(c)
	t.Duration = time.Since(t.Start)
	c.Work = nil
	if err != nil {
		return err
	}
	for _, values := range [][]onnx.Value{c.In, c.Out} {
		for _, v := range values {
			if x, isTensor := v.(*onnx.Tensor); isTensor {
				t.Bytes += x.Bytes()
			}
		}
	}
	if len(c.Out) > 0 {
		if y, isTensor := c.Out[0].(*onnx.Tensor); isTensor {
			t.Shape = append([]int{}, y.Shape...)
		}
	}
	f.session.options.trace(t)
	return nil
}
