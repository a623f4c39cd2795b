package ops

import (
	"fmt"

	"github.com/kcompress/kcompress/onnx"
)

// buildScan8 is Scan of opset 8: the first input holds optional lengths, and
// states and scan inputs have a batch axis in front, over which the scan is
// repeated. Scan outputs shorter than the longest are filled up with zeros.
func buildScan8(n *Node) (Kernel, error) {
	s, err := newScanner(n, len(n.Inputs)-1)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		for i := 1; i < len(c.In); i++ {
			if x := c.Tensor(i); x == nil || x.Rank() < 1 || i > s.states && x.Rank() < 2 {
				return fmt.Errorf("input %d is %s, which has no batch and time axes", i, describe(c.In[i]))
			}
		}
		batch, time := c.Tensor(1).Shape[0], c.Tensor(s.states + 1).Shape[1]
		lengths, err := scanLengths(c, s, batch, time)
		if err != nil {
			return err
		}
		finals := newStacks(c, s.graph.Outputs)
		outputs := make([]*stacks, batch)
		for b := range batch {
			var states []onnx.Value
			var inputs []*onnx.Tensor
			for i := range s.states {
				states = append(states, stepOf(c.Tensor(1+i), b))
			}
			for i := range s.inputs {
				inputs = append(inputs, stepOf(c.Tensor(1+s.states+i), b))
			}
			results, out, err := s.run(c, states, inputs, lengths[b])
			if err != nil {
				return err
			}
			if err := finals.add(results); err != nil {
				return err
			}
			outputs[b] = out
		}
		finals.elements = finals.elements[:s.states]
		if err := finals.write(c, 0); err != nil {
			return err
		}
		return s.writeBatch(c, outputs, time)
	}, n.Err()
}

// scanLengths checks the sizes of batch and time and returns the length of
// each sample.
func scanLengths(c *Call, s *scanner, batch, time int) ([]int, error) {
	for i := 1; i < len(c.In); i++ {
		x := c.Tensor(i)
		if x.Shape[0] != batch || i > s.states && x.Shape[1] != time {
			return nil, c.ShapeError(i, fmt.Sprintf("batch %d and time %d", batch, time))
		}
	}
	lengths := make([]int, batch)
	for i := range lengths {
		lengths[i] = time
	}
	if c.Tensor(0) == nil {
		return lengths, nil
	}
	given, err := intsInput(c, 0)
	if err != nil {
		return nil, err
	}
	if len(given) != batch {
		return nil, c.ShapeError(0, fmt.Sprint([]int{batch}))
	}
	for i, l := range given {
		if l < 0 || l > time {
			return nil, fmt.Errorf("length %d is outside of a time axis of %d", l, time)
		}
		lengths[i] = l
	}
	return lengths, nil
}

// writeBatch makes the scan outputs [batch, time, ...].
func (s *scanner) writeBatch(c *Call, outputs []*stacks, time int) error {
	for i := range s.outputAxes {
		if !c.Wants(s.states + i) {
			continue
		}
		t, shape := s.graph.Outputs[s.states+i].Type.Elem, []int(nil)
		for _, out := range outputs {
			if len(out.elements[i]) > 0 || shape == nil {
				t, shape = out.elementType(i)
			}
		}
		if !t.Valid() {
			return fmt.Errorf("scan output %d has no element type and no elements", i)
		}
		y, err := c.Zeroed(s.states+i, t, append([]int{len(outputs), time}, shape...)...)
		if err != nil {
			return err
		}
		size := product(shape)
		for b, out := range outputs {
			for k, e := range out.elements[i] {
				if e.Type != t || e.Len() != size {
					return fmt.Errorf("scan output %d is %v in one sample and %v%v in another", i, e, t, shape)
				}
				copyRange(y, (b*time+k)*size, e, 0, size)
			}
		}
	}
	return nil
}
