package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// scanner holds the attributes of Scan.
type scanner struct {
	body           Body
	graph          *onnx.Graph
	states, inputs int
	// For each scan input and output: the axis and whether it runs backwards.
	inputAxes, outputAxes       []int
	inputReversed, outputRevers []bool
}

func newScanner(n *Node, nodeInputs int) (*scanner, error) {
	body, g, err := requiredBody(n, "body")
	if err != nil {
		return nil, err
	}
	s := &scanner{body: body, graph: g, inputs: n.Int("num_scan_inputs", 0)}
	s.states = nodeInputs - s.inputs
	outputs := len(n.Outputs) - s.states
	if s.inputs < 1 || s.states < 0 || outputs < 0 {
		return nil, fmt.Errorf("num_scan_inputs %d does not fit %d inputs and %d outputs", s.inputs, nodeInputs, len(n.Outputs))
	}
	if len(g.Inputs) < nodeInputs || len(g.Outputs) != len(n.Outputs) {
		return nil, fmt.Errorf("body has %d inputs and %d outputs, expected %d and %d", len(g.Inputs), len(g.Outputs), nodeInputs, len(n.Outputs))
	}
	reversed := "scan_input_directions"
	if n.Opset == 8 {
		reversed = "directions"
	}
	if s.inputReversed, err = directions(n, reversed, s.inputs); err != nil {
		return nil, err
	}
	if s.outputRevers, err = directions(n, "scan_output_directions", outputs); err != nil {
		return nil, err
	}
	if s.inputAxes, err = scanAxes(n, "scan_input_axes", s.inputs); err != nil {
		return nil, err
	}
	s.outputAxes, err = scanAxes(n, "scan_output_axes", outputs)
	return s, err
}

func scanAxes(n *Node, name string, count int) ([]int, error) {
	axes := n.Ints(name)
	if axes == nil {
		axes = make([]int, count)
	}
	if len(axes) != count {
		return nil, fmt.Errorf("%s has %d entries, expected %d", name, len(axes), count)
	}
	return axes, n.Err()
}

func directions(n *Node, name string, count int) ([]bool, error) {
	values, err := scanAxes(n, name, count)
	reversed := make([]bool, count)
	for i, v := range values {
		reversed[i] = v == 1
		if v != 0 && v != 1 {
			return nil, fmt.Errorf("%s holds %d, expected 0 or 1", name, v)
		}
	}
	return reversed, err
}

// run scans inputs, whose first axis is time, and returns the final states and
// what was collected of the outputs.
func (s *scanner) run(c *Call, states []onnx.Value, inputs []*onnx.Tensor, length int) ([]onnx.Value, *stacks, error) {
	out := newStacks(c, s.graph.Outputs[s.states:])
	for t := range length {
		if err := c.Context.Err(); err != nil {
			return nil, nil, err
		}
		in := slices.Clone(states)
		for i, x := range inputs {
			at := t
			if s.inputReversed[i] {
				at = length - 1 - t
			}
			in = append(in, stepOf(x, at))
		}
		results, err := s.body.Run(c, in)
		if err != nil {
			return nil, nil, err
		}
		states = results[:s.states]
		if err := out.add(results[s.states:]); err != nil {
			return nil, nil, err
		}
	}
	for i, reversed := range s.outputRevers {
		if reversed {
			slices.Reverse(out.elements[i])
		}
	}
	return states, out, nil
}

// stepOf returns the part of x at position at of its first axis. It shares the
// memory of x where the type allows it.
func stepOf(x *onnx.Tensor, at int) *onnx.Tensor {
	shape := x.Shape[1:]
	n := product(shape)
	if x.Type == onnx.String {
		return onnx.FromStrings(x.Strings[at*n:(at+1)*n], shape...)
	}
	if width := x.Type.Bits() / 8; width > 0 {
		if row, err := onnx.FromRaw(x.Type, shape, x.Raw()[at*n*width:(at+1)*n*width]); err == nil {
			return row
		}
	}
	row := onnx.NewTensor(x.Type, shape...)
	copyRange(row, 0, x, at*n, n)
	return row
}

// moved returns x with one axis moved, x itself if it stays.
func moved(c *Call, x *onnx.Tensor, from, to int) *onnx.Tensor {
	if from == to {
		return x
	}
	order := make([]int, x.Rank())
	for i := range order {
		order[i] = i
	}
	order = slices.Insert(slices.Delete(order, from, from+1), to, from)
	shape := make([]int, len(order))
	for i, axis := range order {
		shape[i] = x.Shape[axis]
	}
	if x.Type.Bits() < 8 && x.Type != onnx.String {
		codes := onnx.NewTensor(onnx.Uint8, shape...)
		transpose(c, codes, unpackBits(x), x.Shape, order)
		y := onnx.NewTensor(x.Type, shape...)
		packBits(y, onnx.View[uint8](codes))
		return y
	}
	y := onnx.NewTensor(x.Type, shape...)
	transpose(c, y, x, x.Shape, order)
	return y
}

// scanInputs returns the scan inputs with time as their first axis, and the
// number of steps.
func (s *scanner) scanInputs(c *Call, first int) (inputs []*onnx.Tensor, length int, err error) {
	for i, axis := range s.inputAxes {
		x := c.Tensor(first + i)
		if x == nil {
			return nil, 0, fmt.Errorf("scan input %d is %s, expected a tensor", i, describe(c.In[first+i]))
		}
		at, err := Axis(axis, x.Rank())
		if err != nil {
			return nil, 0, fmt.Errorf("scan input %d: %w", i, err)
		}
		if i > 0 && x.Shape[at] != length {
			return nil, 0, fmt.Errorf("scan input %d has %d steps, input 0 has %d", i, x.Shape[at], length)
		}
		length = x.Shape[at]
		inputs = append(inputs, moved(c, x, at, 0))
	}
	return inputs, length, nil
}

// buildScan is Scan of opset 9 and later.
func buildScan(n *Node) (Kernel, error) {
	s, err := newScanner(n, len(n.Inputs))
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		inputs, length, err := s.scanInputs(c, s.states)
		if err != nil {
			return err
		}
		states, out, err := s.run(c, c.In[:s.states], inputs, length)
		if err != nil {
			return err
		}
		for i, v := range states {
			c.Set(i, v)
		}
		if err := out.write(c, s.states); err != nil {
			return err
		}
		for i, axis := range s.outputAxes {
			y := c.outTensor(s.states + i)
			if y == nil {
				continue
			}
			at, err := Axis(axis, y.Rank())
			if err != nil {
				return fmt.Errorf("scan output %d: %w", i, err)
			}
			if at != 0 {
				c.Set(s.states+i, moved(c, y, 0, at))
			}
		}
		return nil
	}, n.Err()
}

func inferScan(n *Node, _ []Info) ([]Info, error) {
	g := graphAttr(n, "body")
	out := make([]Info, len(n.Outputs))
	for i := range out {
		out[i] = UnknownShape(declared(g, i).Elem)
	}
	return out, nil
}
