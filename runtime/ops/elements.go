package ops

import "github.com/kcompress/kcompress/onnx"

// shapeElement is what is known before a run about one shapeElement of a small integer
// or truth-value tensor that takes part in the computation of a shape.
type shapeElement struct {
	known  bool
	value  int    // if known
	symbol string // else the symbol of an axis whose size it is, or ""
}

// elementsOf returns what is known about the elements of a value of rank 0 or
// 1, nil if nothing.
func elementsOf(in Info) []shapeElement {
	if in.Const != nil {
		return constantElements(in.Const)
	}
	if in.Dims == nil {
		return nil
	}
	elements := make([]shapeElement, len(in.Dims))
	for i, d := range in.Dims {
		elements[i] = shapeElement{known: d.Known(), value: max(d.Size, 0), symbol: d.Symbol}
	}
	return elements
}

// constantElements is elementsOf for a constant of at most maxDims elements.
func constantElements(t *onnx.Tensor) []shapeElement {
	if t.Rank() > 1 || t.Len() > maxDims {
		return nil
	}
	var values []int
	if t.Type == onnx.Bool {
		for _, b := range onnx.View[bool](t) {
			values = append(values, int(truth[int64](b)))
		}
	} else {
		ints, err := IntsOf(t)
		if err != nil {
			return nil
		}
		values = ints
	}
	elements := make([]shapeElement, len(values))
	for i, v := range values {
		elements[i] = shapeElement{known: true, value: v}
	}
	return elements
}

// elementDims is the reverse of elementsOf. What a Dim can not hold, a negative
// number, is unknown there.
func elementDims(elements []shapeElement) []onnx.Dim {
	if elements == nil {
		return nil
	}
	dims := make([]onnx.Dim, len(elements))
	for i, e := range elements {
		switch {
		case e.known && e.value >= 0:
			dims[i] = onnx.Dim{Size: e.value}
		case e.known:
			dims[i] = onnx.Dim{Size: -1}
		default:
			dims[i] = onnx.Dim{Size: -1, Symbol: e.symbol}
		}
	}
	return dims
}

// repeated returns element i of elements that are broadcast to a longer row.
func repeated(elements []shapeElement, i int) shapeElement {
	if len(elements) == 1 {
		return elements[0]
	}
	return elements[i]
}

// inferArithmetic is inferPairs for an operator that computes with shapes as
// well; f gives one shapeElement of its result.
func inferArithmetic(t onnx.DType, f func(a, b shapeElement) shapeElement) func(n *Node, in []Info) ([]Info, error) {
	shapes := inferPairs(t)
	return func(n *Node, in []Info) ([]Info, error) {
		out, err := shapes(n, in)
		if elem := elemOf(in[0]); err != nil || len(out) == 0 || elem != onnx.Int64 && elem != onnx.Int32 {
			return out, err
		}
		a, b := elementsOf(in[0]), elementsOf(in[1])
		if a == nil || b == nil || len(a) != len(b) && len(a) != 1 && len(b) != 1 {
			return out, nil
		}
		size := max(len(a), len(b))
		if len(a) == 0 || len(b) == 0 {
			size = 0
		}
		elements := make([]shapeElement, size)
		for i := range elements {
			elements[i] = f(repeated(a, i), repeated(b, i))
			if v := elements[i].value; elemOf(in[0]) == onnx.Int32 && v != int(int32(v)) {
				elements[i] = shapeElement{}
			}
		}
		out[0].Dims = elementDims(elements)
		return out, nil
	}
}

// both applies f to two known elements; otherwise the result is unknown.
func both(a, b shapeElement, f func(a, b int) int) shapeElement {
	if a.known && b.known {
		return shapeElement{known: true, value: f(a.value, b.value)}
	}
	return shapeElement{}
}

// is reports whether e is known to be v.
func (e shapeElement) is(v int) bool { return e.known && e.value == v }

func addElements(a, b shapeElement) shapeElement {
	switch {
	case a.is(0):
		return b
	case b.is(0):
		return a
	}
	return both(a, b, func(a, b int) int { return a + b })
}

func subElements(a, b shapeElement) shapeElement {
	if b.is(0) {
		return a
	}
	return both(a, b, func(a, b int) int { return a - b })
}

func mulElements(a, b shapeElement) shapeElement {
	switch {
	case a.is(1):
		return b
	case b.is(1):
		return a
	}
	return both(a, b, func(a, b int) int { return a * b })
}

func divElements(a, b shapeElement) shapeElement {
	if b.is(1) {
		return a
	}
	if b.is(0) {
		return shapeElement{}
	}
	return both(a, b, func(a, b int) int { return a / b })
}

// equalElements compares sizes: 1 for equal, 0 for different. A symbol stands
// for a size, which is never negative.
func equalElements(a, b shapeElement) shapeElement {
	switch {
	case a.known && b.known:
		return shapeElement{known: true, value: int(truth[int64](a.value == b.value))}
	case a.known && a.value < 0 && b.symbol != "", b.known && b.value < 0 && a.symbol != "":
		return shapeElement{known: true}
	case !a.known && !b.known && a.symbol != "" && a.symbol == b.symbol:
		return shapeElement{known: true, value: 1}
	}
	return shapeElement{}
}
