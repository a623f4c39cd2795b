package ops

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// sequenceOps make and read sequences. Sequences are never changed once made:
// Insert and Erase give new ones that share the tensors.
var sequenceOps = []Operator{
	{Name: "SequenceConstruct", Since: 11, MinInputs: 1, MaxInputs: -1, Values: true, Build: buildSequenceConstruct, Infer: inferSequenceOfFirst},
	{Name: "SequenceEmpty", Since: 11, MaxInputs: 0, Values: true, Build: buildSequenceEmpty, Infer: inferSequenceEmpty},
	{Name: "SequenceAt", Since: 11, MinInputs: 2, MaxInputs: 2, Values: true, Build: buildSequenceAt, Infer: inferSequenceAt},
	{Name: "SequenceInsert", Since: 11, MinInputs: 2, MaxInputs: 3, Values: true, Build: buildSequenceInsert, Infer: inferIdentity},
	{Name: "SequenceErase", Since: 11, MinInputs: 1, MaxInputs: 2, Values: true, Build: buildSequenceErase, Infer: inferIdentity},
	{Name: "SequenceLength", Since: 11, MinInputs: 1, MaxInputs: 1, Values: true, Build: buildSequenceLength, Infer: inferSequenceLength},
	{Name: "SplitToSequence", Since: 11, MinInputs: 1, MaxInputs: 2, Values: true, Build: buildSplitToSequence, Infer: inferSequenceOfFirst},
	{Name: "ConcatFromSequence", Since: 11, MinInputs: 1, MaxInputs: 1, Values: true, Build: buildConcatFromSequence, Infer: inferSequenceAt},
}

// sequence returns input i, which must be a sequence.
func sequence(c *Call, i int) (*onnx.Sequence, error) {
	s, ok := c.In[i].(*onnx.Sequence)
	if !ok || s == nil {
		return nil, fmt.Errorf("input %d is %s, expected a sequence", i, describe(c.In[i]))
	}
	return s, nil
}

// held returns a value to be kept in a sequence or optional: the header of an
// input tensor belongs to the session, its elements do not (Operator.Values).
func held(v onnx.Value) onnx.Value {
	if t, ok := v.(*onnx.Tensor); ok {
		return t.Reshaped(t.Shape...)
	}
	return v
}

func buildSequenceConstruct(n *Node) (Kernel, error) {
	return func(c *Call) error {
		s := &onnx.Sequence{}
		for i := range c.In {
			t := c.Tensor(i)
			if t == nil {
				return fmt.Errorf("input %d is %s, expected a tensor", i, describe(c.In[i]))
			}
			if i == 0 {
				s.Elem = t.Type
			}
			if t.Type != s.Elem {
				return fmt.Errorf("input %d is %v, input 0 is %v", i, t.Type, s.Elem)
			}
			s.Values = append(s.Values, held(t))
		}
		c.Set(0, s)
		return nil
	}, n.Err()
}

func inferSequenceOfFirst(_ *Node, in []Info) ([]Info, error) {
	return one(sequenceInfo(elemOf(input(in, 0))))
}

func sequenceEmptyType(n *Node) onnx.DType { return onnx.DType(n.Int("dtype", int(onnx.Float32))) }

func buildSequenceEmpty(n *Node) (Kernel, error) {
	elem := sequenceEmptyType(n)
	if !elem.Valid() {
		return nil, fmt.Errorf("dtype %v is no element type", elem)
	}
	return func(c *Call) error {
		c.Set(0, &onnx.Sequence{Elem: elem})
		return nil
	}, n.Err()
}

func inferSequenceEmpty(n *Node, _ []Info) ([]Info, error) {
	return one(sequenceInfo(sequenceEmptyType(n)))
}

// sequencePosition returns the position that input i names in a sequence,
// where past allows the place behind the last.
func sequencePosition(c *Call, i, length, past int) (int, error) {
	p, err := wholeNumber(c.Tensor(i))
	if err != nil {
		return 0, fmt.Errorf("position: %w", err)
	}
	if p < -length || p >= length+past {
		return 0, fmt.Errorf("position %d is outside of a sequence of %d", p, length)
	}
	if p < 0 {
		p += length
	}
	return p, nil
}

func buildSequenceAt(n *Node) (Kernel, error) {
	return func(c *Call) error {
		s, err := sequence(c, 0)
		if err != nil {
			return err
		}
		p, err := sequencePosition(c, 1, len(s.Values), 0)
		if err != nil {
			return err
		}
		return setCopy(c, 0, s.Values[p])
	}, n.Err()
}

// setCopy makes output i a value that something else holds as well: tensors
// are copied.
func setCopy(c *Call, i int, v onnx.Value) error {
	t, ok := v.(*onnx.Tensor)
	if !ok {
		c.Set(i, v)
		return nil
	}
	y, err := c.Output(i, t.Type, t.Shape...)
	if err != nil {
		return err
	}
	copy(y.Strings, t.Strings)
	copy(y.Raw(), t.Raw())
	return nil
}

func inferSequenceAt(_ *Node, in []Info) ([]Info, error) {
	t := input(in, 0).Type
	if t.Kind != onnx.SequenceType || t.Of == nil {
		return one(unknownInfo)
	}
	return one(UnknownShape(t.Of.Elem))
}

func buildSequenceInsert(n *Node) (Kernel, error) {
	return func(c *Call) error {
		s, err := sequence(c, 0)
		if err != nil {
			return err
		}
		t := c.Tensor(1)
		if t == nil || s.Elem != onnx.Undefined && t.Type != s.Elem {
			return fmt.Errorf("input 1 is %s, expected a tensor of %v", describe(c.In[1]), s.Elem)
		}
		p := len(s.Values)
		if c.Tensor(2) != nil {
			if p, err = sequencePosition(c, 2, len(s.Values), 1); err != nil {
				return err
			}
		}
		c.Set(0, &onnx.Sequence{Elem: t.Type, Values: slices.Insert(slices.Clone(s.Values), p, held(t))})
		return nil
	}, n.Err()
}

func buildSequenceErase(n *Node) (Kernel, error) {
	return func(c *Call) error {
		s, err := sequence(c, 0)
		if err != nil {
			return err
		}
		p := len(s.Values) - 1
		if c.Tensor(1) != nil {
			if p, err = sequencePosition(c, 1, len(s.Values), 0); err != nil {
				return err
			}
		}
		if p < 0 {
			return fmt.Errorf("the sequence is empty")
		}
		c.Set(0, &onnx.Sequence{Elem: s.Elem, Values: slices.Delete(slices.Clone(s.Values), p, p+1)})
		return nil
	}, n.Err()
}

func buildSequenceLength(n *Node) (Kernel, error) {
	return func(c *Call) error {
		s, err := sequence(c, 0)
		if err != nil {
			return err
		}
		c.Set(0, onnx.Scalar(int64(len(s.Values))))
		return nil
	}, n.Err()
}

func inferSequenceLength(*Node, []Info) ([]Info, error) { return one(TensorInfo(onnx.Int64, nil)) }

func buildSplitToSequence(n *Node) (Kernel, error) {
	axis, keep := n.Int("axis", 0), n.Bool("keepdims", true)
	return func(c *Call) error {
		x := c.Tensor(0)
		if x == nil {
			return fmt.Errorf("input 0 is %s, expected a tensor", describe(c.In[0]))
		}
		at, err := Axis(axis, x.Rank())
		if err != nil {
			return err
		}
		sizes, err := sequenceSizes(c, x.Shape[at])
		if err != nil {
			return err
		}
		s := &onnx.Sequence{Elem: x.Type}
		inner := *c
		inner.Frame, inner.Wanted = nil, nil
		inner.Out = make([]onnx.Value, len(sizes))
		if err := split(&inner, x, at, sizes); err != nil {
			return err
		}
		drop := !keep && c.Tensor(1) == nil
		for _, v := range inner.Out {
			part := v.(*onnx.Tensor)
			if drop {
				part = part.Reshaped(slices.Delete(slices.Clone(part.Shape), at, at+1)...)
			}
			s.Values = append(s.Values, part)
		}
		c.Set(0, s)
		return nil
	}, n.Err()
}

// sequenceSizes returns the sizes that SplitToSequence cuts an axis into: given
// ones, or equal ones with a rest.
func sequenceSizes(c *Call, size int) ([]int, error) {
	each := 1
	if t := c.Tensor(1); t != nil {
		given, err := intsInput(c, 1)
		if err != nil {
			return nil, err
		}
		if t.Rank() > 0 {
			return splitSizes(given, true, len(given), size, false)
		}
		each = given[0]
	}
	if each < 1 {
		return nil, fmt.Errorf("split into parts of %d", each)
	}
	var sizes []int
	for from := 0; from < size; from += each {
		sizes = append(sizes, min(each, size-from))
		if each > size {
			break
		}
	}
	return sizes, nil
}

func buildConcatFromSequence(n *Node) (Kernel, error) {
	axis, newAxis := n.Int("axis", 0), n.Bool("new_axis", false)
	if !n.HasAttr("axis") {
		return nil, fmt.Errorf("attribute axis is missing")
	}
	return func(c *Call) error {
		s, err := sequence(c, 0)
		if err != nil {
			return err
		}
		if len(s.Values) == 0 {
			return fmt.Errorf("the sequence is empty")
		}
		parts := make([]*onnx.Tensor, len(s.Values))
		for i, v := range s.Values {
			t, ok := v.(*onnx.Tensor)
			if !ok {
				return fmt.Errorf("element %d is %s, expected a tensor", i, describe(v))
			}
			if newAxis {
				at, err := Axis(axis, t.Rank()+1)
				if err != nil {
					return err
				}
				t = t.Reshaped(slices.Insert(slices.Clone(t.Shape), at, 1)...)
			}
			parts[i] = t
		}
		return concat(c, 0, axis, func(i int) *onnx.Tensor { return parts[i] }, len(parts))
	}, n.Err()
}
