package shuffle

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime"
)

// region is nodes that do nothing but permute one axis of a value:
// output[.., i, ..] = input[.., order[i], ..].
type region struct {
	nodes         []*onnx.Node // in the order of the graph
	last          *onnx.Node
	input, output string
	axis          int
	order         []int
}

// movers are the operators that move elements; shapers compute the shapes that
// they take.
var (
	movers  = []string{"Reshape", "Transpose", "Split", "Concat", "Slice", "Gather", "Identity", "Squeeze", "Unsqueeze", "Flatten"}
	shapers = []string{"Shape", "Cast", "Mul", "Div", "Add", "Sub", "Constant"}
	enders  = []string{"Reshape", "Concat", "Gather", "Transpose"}
)

// mostNodes bounds a region.
const mostNodes = 64

// region returns the nodes that end in this one and permute an axis, nil if there
// are none.
func (f *folder) region(last *onnx.Node) *region {
	if last.Domain != "" || !slices.Contains(enders, last.Op) || len(last.Outputs) != 1 {
		return nil
	}
	r := &region{last: last, output: last.Outputs[0]}
	inside := map[*onnx.Node]bool{}
	if !f.grow(r, inside, last) || r.input == "" {
		return nil
	}
	for _, n := range f.graph.Nodes {
		if inside[n] {
			r.nodes = append(r.nodes, n)
		}
	}
	for _, n := range r.nodes {
		for _, out := range n.Outputs {
			if out != r.output && (f.isBound(out) || slices.ContainsFunc(f.readers[out], func(reader *onnx.Node) bool { return !inside[reader] })) {
				return nil
			}
		}
	}
	if !f.permutes(r) {
		return nil
	}
	return r
}

// grow adds a node and what leads to it, up to the one value that is permuted.
func (f *folder) grow(r *region, inside map[*onnx.Node]bool, n *onnx.Node) bool {
	if inside[n] {
		return true
	}
	if inside[n] = true; len(inside) > mostNodes {
		return false
	}
	for _, in := range n.Inputs {
		if in == "" || in == r.input || f.stored[in] != nil && f.producers[in] == nil {
			continue
		}
		made := f.producers[in]
		if made != nil && !f.readElsewhere(in) && made.Domain == "" && (slices.Contains(movers, made.Op) || slices.Contains(shapers, made.Op)) && len(made.Subgraphs()) == 0 {
			if !f.grow(r, inside, made) {
				return false
			}
			continue
		}
		if r.input != "" {
			return false // two values
		}
		r.input = in
	}
	return true
}

// readElsewhere reports whether a value is read by a node that moves nothing.
func (f *folder) readElsewhere(value string) bool {
	return f.isBound(value) || slices.ContainsFunc(f.readers[value], func(n *onnx.Node) bool {
		return n.Domain != "" || !slices.Contains(movers, n.Op) && !slices.Contains(shapers, n.Op)
	})
}

// permutes runs the nodes on random numbers of several shapes, and finds the axis
// and its order.
func (f *folder) permutes(r *region) bool {
	t := f.typeOf(r.input)
	if t.Elem != onnx.Float32 || !t.HasShape || len(t.Shape) < 2 {
		return false
	}
	for _, free := range []int{2, 3} { // for sizes that are not known
		shape := make([]int, len(t.Shape))
		size := 1
		for i, d := range t.Shape {
			if shape[i] = d.Size; !d.Known() {
				shape[i] = free
			}
			if size *= shape[i]; size > 1<<22 || size < 1 {
				return false
			}
		}
		x := onnx.NewTensor(onnx.Float32, shape...)
		random := rand.New(rand.NewPCG(1, uint64(free)))
		for i := range x.Float32s() {
			x.Float32s()[i] = float32(random.NormFloat64())
		}
		y := f.try(r, x)
		if y == nil || !slices.Equal(y.Shape, shape) || !r.explains(x, y) {
			return false
		}
	}
	return !slices.IsSorted(r.order)
}

// try runs the nodes alone.
func (f *folder) try(r *region, x *onnx.Tensor) *onnx.Tensor {
	m := &onnx.Model{IRVersion: max(f.model.IRVersion, 4), Opsets: f.model.Opsets, Graph: &onnx.Graph{
		Name: "permutation", Nodes: r.nodes, Outputs: []onnx.ValueInfo{{Name: r.output}},
		Inputs: []onnx.ValueInfo{{Name: r.input, Type: onnx.Type{Kind: onnx.TensorType, Elem: onnx.Float32}}},
	}}
	for _, n := range r.nodes {
		for _, in := range n.Inputs {
			if t := f.stored[in]; t != nil && f.producers[in] == nil && m.Graph.Initializer(in) == nil {
				m.Graph.Initializers = append(m.Graph.Initializers, t)
			}
		}
	}
	s, err := runtime.New(m, runtime.WithThreads(1))
	if err != nil {
		return nil
	}
	defer s.Close()
	out, err := s.Run(context.Background(), map[string]*onnx.Tensor{r.input: x})
	if err != nil {
		return nil
	}
	return out[r.output]
}

// explains finds the permuted axis of y, or checks the one that is known.
func (r *region) explains(x, y *onnx.Tensor) bool {
	if r.order != nil {
		return slices.Equal(permuted(x, r.axis, r.order).Float32s(), y.Float32s())
	}
	for axis := range x.Shape {
		order := orderOf(x, y, axis)
		if order != nil && !slices.IsSorted(order) && slices.Equal(permuted(x, axis, order).Float32s(), y.Float32s()) {
			r.axis, r.order = axis, order
			return true
		}
	}
	return false
}

// orderOf guesses the order of an axis from its first elements.
func orderOf(x, y *onnx.Tensor, axis int) []int {
	inner := 1
	for _, n := range x.Shape[axis+1:] {
		inner *= n
	}
	where := map[float32]int{}
	for i := range x.Shape[axis] {
		where[x.Float32s()[i*inner]] = i
	}
	order := make([]int, x.Shape[axis])
	for i := range order {
		at, ok := where[y.Float32s()[i*inner]]
		if !ok {
			return nil
		}
		order[i] = at
	}
	if inverse(order) == nil {
		return nil
	}
	return order
}

// permuted returns t with element order[i] of an axis in place i, for any type
// of whole bytes.
func permuted(t *onnx.Tensor, axis int, order []int) *onnx.Tensor {
	width := t.Type.Bits() / 8
	for _, n := range t.Shape[axis+1:] {
		width *= n
	}
	y := onnx.NewTensor(t.Type, t.Shape...)
	from, to := t.Raw(), y.Raw()
	block := width * t.Shape[axis]
	for start := 0; start < len(from); start += block {
		for i, at := range order {
			copy(to[start+i*width:start+(i+1)*width], from[start+at*width:])
		}
	}
	return y
}

// inverse returns the inverse of a permutation, nil if it is none.
func inverse(order []int) []int {
	inverse := make([]int, len(order))
	for i := range inverse {
		inverse[i] = -1
	}
	for i, at := range order {
		if at < 0 || at >= len(order) || inverse[at] >= 0 {
			return nil
		}
		inverse[at] = i
	}
	return inverse
}
