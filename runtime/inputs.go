package runtime

import (
	"fmt"
	"sort"
	"strings"

	"github.com/kcompress/kcompress/onnx"
)

// inputSet is what the caller of a run gives.
type inputSet interface {
	value(name string) (onnx.Value, bool)
	count() int
	// stranger returns a name that is none of p's inputs, if there is one.
	stranger(p *program) (string, bool)
}

type (
	tensorInputs map[string]*onnx.Tensor
	valueInputs  map[string]onnx.Value
)

func (in tensorInputs) value(name string) (onnx.Value, bool) {
	t, ok := in[name]
	return t, ok
}

func (in valueInputs) value(name string) (onnx.Value, bool) {
	v, ok := in[name]
	return v, ok
}

func (in tensorInputs) count() int { return len(in) }
func (in valueInputs) count() int  { return len(in) }

func (in tensorInputs) stranger(p *program) (string, bool) { return strangerIn(in, p) }
func (in valueInputs) stranger(p *program) (string, bool)  { return strangerIn(in, p) }

func strangerIn[V any](in map[string]V, p *program) (string, bool) {
	for name := range in {
		if !p.hasInput(name) {
			return name, true
		}
	}
	return "", false
}

// symbolSizes are the sizes that the symbols of the inputs' shapes have in a
// run, -1 for those that are not known yet, in the order of program.symbols.
type symbolSizes []int

// findSymbols lists the symbols in the shapes of the inputs.
func (p *program) findSymbols() {
	p.symbols = map[string]int{}
	for _, info := range p.inputInfos {
		for _, d := range info.Type.Shape {
			if _, seen := p.symbols[d.Symbol]; !seen && d.Symbol != "" {
				p.symbols[d.Symbol] = len(p.symbols)
			}
		}
	}
}

// checkInputs compares given inputs with what the graph declares: names, kinds
// of values, element types, ranks, fixed sizes, and that one symbol is one
// size.
func (p *program) checkInputs(inputs inputSet, sizes symbolSizes) error {
	for i := range sizes {
		sizes[i] = -1
	}
	for i := range p.inputInfos {
		info := &p.inputInfos[i]
		v, ok := inputs.value(info.Name)
		if !ok {
			return fmt.Errorf("%w: input %q is missing (the model takes %s)", ErrInput, info.Name, describeInputs(p.inputInfos))
		}
		if err := checkWhole(v); err != nil {
			return fmt.Errorf("%w: input %q %w", ErrInput, info.Name, err)
		}
		if err := p.checkKind(info, v, sizes); err != nil {
			return err
		}
	}
	if inputs.count() == len(p.inputInfos) {
		return nil
	}
	if name, ok := inputs.stranger(p); ok {
		return fmt.Errorf("%w: there is no input %q (the model takes %s)", ErrInput, name, describeInputs(p.inputInfos))
	}
	return nil
}

// checkWhole refuses values that no kernel could read: missing ones, and
// tensors with fewer elements than their shape says.
func checkWhole(v onnx.Value) error {
	switch v := v.(type) {
	case *onnx.Tensor:
		return checkElements(v)
	case *onnx.Sequence:
		if v == nil {
			return fmt.Errorf("is nil")
		}
		for i, element := range v.Values {
			if err := checkWhole(element); err != nil {
				return fmt.Errorf("has element %d, which %w", i, err)
			}
		}
		return nil
	case *onnx.Optional:
		if v == nil {
			return fmt.Errorf("is nil")
		}
		if v.Value == nil {
			return nil
		}
		return checkWhole(v.Value)
	case *onnx.Map:
		if v == nil {
			return fmt.Errorf("is nil")
		}
		if err := checkElements(v.Keys); err != nil {
			return fmt.Errorf("has keys, which %w", err)
		}
		if err := checkElements(v.Values); err != nil {
			return fmt.Errorf("has values, which %w", err)
		}
		return nil
	}
	return fmt.Errorf("is nil")
}

func checkElements(t *onnx.Tensor) error {
	if t == nil {
		return fmt.Errorf("is nil")
	}
	if !t.Type.Valid() {
		return fmt.Errorf("has no element type")
	}
	n, err := onnx.Elements(t.Shape)
	if err != nil {
		return err
	}
	if t.Type == onnx.String && len(t.Strings) != n || t.Type != onnx.String && len(t.Raw()) != onnx.RawSize(t.Type, n) {
		return fmt.Errorf("does not hold the elements of its shape %v", t.Shape)
	}
	return nil
}

// checkKind compares a value with the declared type.
func (p *program) checkKind(info *onnx.ValueInfo, v onnx.Value, sizes symbolSizes) error {
	t, isTensor := v.(*onnx.Tensor)
	switch info.Type.Kind {
	case onnx.TensorType:
		if !isTensor {
			return fmt.Errorf("%w: input %q must be a tensor", ErrInput, info.Name)
		}
		return p.checkTensor(info, t, sizes)
	case onnx.SequenceType:
		if _, ok := v.(*onnx.Sequence); !ok {
			return fmt.Errorf("%w: input %q must be a sequence", ErrInput, info.Name)
		}
	}
	return nil
}

func (p *program) checkTensor(info *onnx.ValueInfo, t *onnx.Tensor, sizes symbolSizes) error {
	if info.Type.Elem != onnx.Undefined && t.Type != info.Type.Elem {
		return fmt.Errorf("%w: input %q must be %v, got %v", ErrInput, info.Name, info.Type.Elem, t.Type)
	}
	if !info.Type.HasShape {
		return nil
	}
	if len(t.Shape) != len(info.Type.Shape) {
		return fmt.Errorf("%w: input %q must have %d axes, got shape %v", ErrInput, info.Name, len(info.Type.Shape), t.Shape)
	}
	for axis := range info.Type.Shape {
		d, size := &info.Type.Shape[axis], t.Shape[axis]
		if d.Known() && d.Size != size {
			return fmt.Errorf("%w: input %q must have size %d on axis %d, got shape %v", ErrInput, info.Name, d.Size, axis, t.Shape)
		}
		if d.Symbol == "" || d.Known() {
			continue
		}
		before := &sizes[p.symbols[d.Symbol]]
		if *before >= 0 && *before != size {
			return fmt.Errorf("%w: input %q has size %d on axis %d, but %q is %d elsewhere", ErrInput, info.Name, size, axis, d.Symbol, *before)
		}
		*before = size
	}
	return nil
}

func (p *program) hasInput(name string) bool {
	for _, info := range p.inputInfos {
		if info.Name == name {
			return true
		}
	}
	return false
}

func describeInputs(infos []onnx.ValueInfo) string {
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = fmt.Sprintf("%s %v", info.Name, info.Type.Elem)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}
