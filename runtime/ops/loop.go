package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// buildLoop runs a body a number of times, while a condition holds. The body
// takes the iteration number, the condition and the states, and gives the
// condition, the states and elements of the scan outputs.
func buildLoop(n *Node) (Kernel, error) {
	body, g, err := requiredBody(n, "body")
	if err != nil {
		return nil, err
	}
	states := max(0, len(n.Inputs)-2)
	if len(g.Outputs) != 1+len(n.Outputs) || len(n.Outputs) < states {
		return nil, fmt.Errorf("body has %d outputs for %d states and %d outputs of the node", len(g.Outputs), states, len(n.Outputs))
	}
	return func(c *Call) error {
		trips, cond, err := loopBounds(c)
		if err != nil {
			return err
		}
		usesCondition := len(c.In) > 1 && c.In[1] != nil
		current := slices.Clone(c.In[min(2, len(c.In)):])
		stacks := newStacks(c, g.Outputs[1+states:])
		for i := 0; cond && (trips < 0 || i < trips); i++ {
			if err := c.Context.Err(); err != nil {
				return err
			}
			in := append([]onnx.Value{onnx.Scalar(int64(i)), onnx.Scalar(cond)}, current...)
			out, err := body.Run(c, in)
			if err != nil {
				return err
			}
			going, err := condition(out[0])
			if err != nil {
				return err
			}
			cond = going || !usesCondition
			current = out[1 : 1+states]
			if err := stacks.add(out[1+states:]); err != nil {
				return err
			}
		}
		for i, v := range current {
			c.Set(i, v)
		}
		return stacks.write(c, states)
	}, n.Err()
}

// loopBounds returns the number of iterations, -1 if it is not bounded, and
// the condition before the first.
func loopBounds(c *Call) (trips int, cond bool, err error) {
	trips, cond = -1, true
	if t := c.Tensor(0); t != nil {
		if trips, err = wholeNumber(t); err != nil {
			return 0, false, fmt.Errorf("trip count: %w", err)
		}
		trips = max(trips, 0)
	}
	if len(c.In) > 1 && c.In[1] != nil {
		cond, err = condition(c.In[1])
	}
	return trips, cond, err
}

// stacks collects the elements of scan outputs over the iterations.
type stacks struct {
	limit    int // bytes that one output may have, 0 for no limit
	infos    []onnx.ValueInfo
	elements [][]*onnx.Tensor
	bytes    []int
}

func newStacks(c *Call, infos []onnx.ValueInfo) *stacks {
	return &stacks{limit: c.limit(), infos: infos, elements: make([][]*onnx.Tensor, len(infos)), bytes: make([]int, len(infos))}
}

// add appends one element to each output.
func (s *stacks) add(values []onnx.Value) error {
	for i, v := range values {
		t, ok := v.(*onnx.Tensor)
		if !ok {
			return fmt.Errorf("scan output %d is %s, expected a tensor", i, describe(v))
		}
		if len(s.elements[i]) > 0 {
			first := s.elements[i][0]
			if t.Type != first.Type || !slices.Equal(t.Shape, first.Shape) {
				return fmt.Errorf("scan output %d is %v, %v in the first iteration", i, t, first)
			}
		}
		const header = 64 // what a tensor takes beside its elements
		s.bytes[i] += t.Bytes() + header
		if s.limit > 0 && s.bytes[i] > s.limit {
			return fmt.Errorf("scan output %d exceeds the limit of %d bytes for one tensor", i, s.limit)
		}
		s.elements[i] = append(s.elements[i], t)
	}
	return nil
}

// write makes the outputs from first on: the elements joined along a new first
// axis.
func (s *stacks) write(c *Call, first int) error {
	for i := range s.elements {
		if !c.Wants(first + i) {
			continue
		}
		t, shape := s.elementType(i)
		if !t.Valid() {
			return fmt.Errorf("scan output %d has no element type and no elements", i)
		}
		y, err := c.Output(first+i, t, append([]int{len(s.elements[i])}, shape...)...)
		if err != nil {
			return err
		}
		stackInto(y, s.elements[i])
	}
	return nil
}

// elementType returns type and shape of the elements of output i. Where there
// are none, they are as declared, with 0 for what is not known.
func (s *stacks) elementType(i int) (onnx.DType, []int) {
	if e := s.elements[i]; len(e) > 0 {
		return e[0].Type, e[0].Shape
	}
	t := s.infos[i].Type
	shape := make([]int, len(t.Shape))
	for a, d := range t.Shape {
		shape[a] = max(d.Size, 0)
	}
	return t.Elem, shape
}

// stackInto writes tensors of one shape behind each other.
func stackInto(y *onnx.Tensor, elements []*onnx.Tensor) {
	for i, e := range elements {
		copyRange(y, i*e.Len(), e, 0, e.Len())
	}
}

func inferLoop(n *Node, _ []Info) ([]Info, error) {
	states := max(0, len(n.Inputs)-2)
	g := graphAttr(n, "body")
	out := make([]Info, len(n.Outputs))
	for i := range out {
		t := declared(g, 1+i)
		switch {
		case t.Kind != onnx.TensorType:
			out[i] = Info{Type: t}
		case i < states: // shapes of states may change from one iteration to the next
			out[i] = UnknownShape(t.Elem)
		case t.HasShape:
			out[i] = TensorInfo(t.Elem, append([]onnx.Dim{unknownDim}, t.Shape...))
		default:
			out[i] = UnknownShape(t.Elem)
		}
	}
	return out, nil
}
