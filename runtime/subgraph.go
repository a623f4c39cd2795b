package runtime

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/ops"
)

// subgraph is the compiled body of a control-flow node.
type subgraph struct{ program *program }

// Run implements ops.Body.
func (s subgraph) Run(c *ops.Call, inputs []onnx.Value) ([]onnx.Value, error) {
	p := s.program
	if len(inputs) != len(p.inputs) {
		return nil, fmt.Errorf("subgraph takes %d inputs, got %d", len(p.inputs), len(inputs))
	}
	outer, _ := c.Frame.(*frame)
	if outer == nil && len(p.captures) > 0 {
		return nil, fmt.Errorf("subgraph needs values of the outer graph")
	}
	f := p.session.takeFrame(p, outer)
	defer p.session.giveFrame(f)
	for i, slot := range p.inputs {
		f.setValue(slot, inputs[i])
	}
	for _, cap := range p.captures {
		f.setValue(cap.slot, outer.value(cap.outerSlot))
		f.borrowed[cap.slot] = outer.lends(cap.outerSlot)
	}
	if err := f.run(c.Context); err != nil {
		return nil, err
	}
	results := make([]onnx.Value, len(p.outputs))
	for i, slot := range p.outputs {
		results[i] = f.result(slot)
	}
	return results, nil
}
