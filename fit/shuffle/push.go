package shuffle

import (
	"slices"

	"github.com/kcompress/kcompress/onnx"
)

// unary are the operators that treat every element alike.
var unary = []string{
	"Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Clip", "Elu", "Selu", "Celu", "Softplus", "Softsign", "Gelu", "Mish",
	"ThresholdedRelu", "Erf", "Exp", "Log", "Sqrt", "Neg", "Abs", "Reciprocal", "Floor", "Ceil", "Identity", "Dropout", "Cast",
}

// binary are those that broadcast two operands.
var binary = []string{"Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"}

// pools keep axis 1.
var pools = []string{"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LpPool", "GlobalLpPool"}

// forward lets the readers of a value take it without the permutation: they get
// x where they had y[i] = x[order[i]]. It reports whether all can.
func (p *plan) forward(value string, axis int, order []int) bool {
	if p.isBound(value) {
		return false
	}
	if p.ahead[value] {
		return true
	}
	p.ahead[value] = true
	back := inverse(order)
	for _, n := range p.readers[value] {
		if n.Domain != "" || !p.reader(n, value, axis, order, back) {
			return false
		}
	}
	return len(p.readers[value]) > 0
}

// reader is forward for one node. A constant c[i] that met y[i] has to meet
// x[order[i]]: it becomes c[back[j]] for x[j].
func (p *plan) reader(n *onnx.Node, value string, axis int, order, back []int) bool {
	only := n.Inputs[0] == value && !slices.Contains(n.Inputs[1:], value)
	switch {
	case slices.Contains(unary, n.Op) && only && len(n.Outputs) == 1:
		return p.forward(n.Outputs[0], axis, order)
	case slices.Contains(pools, n.Op) && only && axis == 1 && len(n.Outputs) == 1:
		return p.forward(n.Outputs[0], axis, order)
	case n.Op == "Flatten" && only && axis == 1 && n.Int("axis", 1) == 1:
		return p.flatten(n, order)
	case n.Op == "BatchNormalization" && only && axis == 1 && len(n.Outputs) == 1:
		return p.batchNorm(n, back) && p.forward(n.Outputs[0], axis, order)
	case n.Op == "PRelu" && only:
		return p.broadcast(n, 1, value, axis, back) && p.forward(n.Outputs[0], axis, order)
	case slices.Contains(binary, n.Op) && len(n.Inputs) == 2:
		return p.binary(n, value, axis, order, back) && p.forward(n.Outputs[0], axis, order)
	case n.Op == "Conv" && only && axis == 1:
		return p.convReads(n, order, back)
	case n.Op == "Gemm" && only && axis == 1 && n.Int("transA", 0) == 0:
		side := 0
		if n.Int("transB", 0) != 0 {
			side = 1
		}
		return p.changeWeight(n, 1, side, back)
	case n.Op == "MatMul" && only && axis == p.rank(value)-1:
		return p.changeWeight(n, 1, -2, back)
	}
	return false
}

// rank is the number of axes of a value, 0 if it is not known.
func (p *plan) rank(value string) int {
	if t := p.typeOf(value); t.HasShape {
		return len(t.Shape)
	}
	return 0
}

// flatten goes on with [batch, channels*positions]: whole blocks are permuted.
func (p *plan) flatten(n *onnx.Node, order []int) bool {
	t := p.typeOf(n.Inputs[0])
	if !t.HasShape || len(t.Shape) < 2 {
		return false
	}
	block := 1
	for _, d := range t.Shape[2:] {
		if !d.Known() || d.Size < 1 || d.Size*block > 1<<20 {
			return false
		}
		block *= d.Size
	}
	wide := make([]int, 0, len(order)*block)
	for _, from := range order {
		for k := range block {
			wide = append(wide, from*block+k)
		}
	}
	return p.forward(n.Outputs[0], 1, wide)
}

func (p *plan) batchNorm(n *onnx.Node, order []int) bool {
	for i := 1; i <= 4; i++ {
		if !p.change(n, i, 0, order) {
			return false
		}
	}
	return true
}

// broadcast permutes a constant operand along the axis of the other one.
func (p *plan) broadcast(n *onnx.Node, input int, value string, axis int, order []int) bool {
	t, rank := p.stored[n.Inputs[input]], p.rank(value)
	if t == nil || rank == 0 || t.Rank() > rank {
		return false
	}
	if at := axis - (rank - t.Rank()); at >= 0 {
		return p.change(n, input, at, order)
	}
	return true
}

// binary goes through an operator of two operands; the other one is a constant, or
// is permuted back itself.
func (p *plan) binary(n *onnx.Node, value string, axis int, order, back []int) bool {
	other := 0
	if n.Inputs[0] == value {
		other = 1
	}
	if p.comesAhead(n.Inputs[other]) {
		return true
	}
	if p.stored[n.Inputs[other]] != nil {
		return p.broadcast(n, other, value, axis, back)
	}
	name := n.Inputs[other]
	return p.rank(name) == p.rank(value) && p.sameSize(name, value, axis) && len(p.readers[name]) == 1 && p.backward(name, axis, back)
}

// comesAhead reports whether a value loses the permutation too: it is made
// element by element from one that does.
func (p *plan) comesAhead(value string) bool {
	const most = 8
	for range most {
		if p.ahead[value] {
			return true
		}
		n := p.producers[value]
		if n == nil || n.Domain != "" || !slices.Contains(unary, n.Op) {
			return false
		}
		value = n.Inputs[0]
	}
	return false
}

func (p *plan) sameSize(a, b string, axis int) bool {
	x, y := p.typeOf(a), p.typeOf(b)
	return axis < len(x.Shape) && axis < len(y.Shape) && x.Shape[axis].Known() && x.Shape[axis].Size == y.Shape[axis].Size
}

// convReads gives a Conv its input channels in another order. With one group the
// weight takes it; groups have to stay together, and their outputs are permuted
// as they are.
func (p *plan) convReads(n *onnx.Node, order, back []int) bool {
	group := int(n.Int("group", 1))
	w := p.stored[n.Inputs[1]]
	if w == nil || w.Rank() < 3 || group < 1 || w.Shape[0]%group != 0 || w.Shape[1]*group != len(order) {
		return false
	}
	if group == 1 {
		return p.changeWeight(n, 1, 1, back)
	}
	blocks, ok := blockOrder(order, w.Shape[1])
	if !ok {
		return false
	}
	// Output channels follow their groups.
	out := widen(blocks, w.Shape[0]/group)
	reversed := inverse(out)
	return p.change(n, 1, 0, reversed) && p.change(n, 2, 0, reversed) && p.forward(n.Outputs[0], 1, out)
}

// blockOrder returns the order of blocks of a permutation that moves whole blocks.
func blockOrder(order []int, size int) (blocks []int, ok bool) {
	if size < 1 || len(order)%size != 0 {
		return nil, false
	}
	for i, from := range order {
		if i%size == 0 {
			blocks = append(blocks, from/size)
		}
		if from != blocks[i/size]*size+i%size {
			return nil, false
		}
	}
	return blocks, true
}

// widen is the order of blocks as that of their elements.
func widen(blocks []int, size int) []int {
	order := make([]int, 0, len(blocks)*size)
	for _, b := range blocks {
		for k := range size {
			order = append(order, b*size+k)
		}
	}
	return order
}

// backward makes a value come out permuted: y[i] = x[order[i]]. Nobody else may
// read it.
func (p *plan) backward(value string, axis int, order []int) bool {
	n := p.producers[value]
	if n == nil || n.Domain != "" || p.isBound(value) || p.behind[value] || p.ahead[value] || !p.onlyInside(value) || n.Outputs[0] != value {
		return false
	}
	p.behind[value] = true
	single := len(n.Outputs) == 1
	switch {
	case slices.Contains(unary, n.Op) && single, slices.Contains(pools, n.Op) && axis == 1 && single:
		return p.backward(n.Inputs[0], axis, order)
	case n.Op == "BatchNormalization" && axis == 1 && single:
		return p.batchNorm(n, order) && p.backward(n.Inputs[0], axis, order)
	case n.Op == "PRelu":
		return p.broadcast(n, 1, value, axis, order) && p.backward(n.Inputs[0], axis, order)
	case slices.Contains(binary, n.Op) && len(n.Inputs) == 2:
		return p.binaryMakes(n, value, axis, order)
	case n.Op == "Conv" && axis == 1:
		return p.convMakes(n, order)
	case n.Op == "Gemm" && axis == 1:
		side := 1
		if n.Int("transB", 0) != 0 {
			side = 0
		}
		return p.changeWeight(n, 1, side, order) && p.change(n, 2, -1, order)
	case n.Op == "MatMul" && axis == p.rank(value)-1:
		return p.changeWeight(n, 1, -1, order)
	}
	return false
}

// onlyInside reports whether a value is read by one node, or by the region alone.
func (p *plan) onlyInside(value string) bool {
	readers := p.readers[value]
	return len(readers) == 1 || value == p.region.input &&
		!slices.ContainsFunc(readers, func(n *onnx.Node) bool { return !slices.Contains(p.region.nodes, n) })
}

// binaryMakes permutes both operands of an operator.
func (p *plan) binaryMakes(n *onnx.Node, value string, axis int, order []int) bool {
	for i, in := range n.Inputs {
		if p.stored[in] != nil {
			if !p.broadcast(n, i, value, axis, order) {
				return false
			}
		} else if p.rank(in) != p.rank(value) || !p.sameSize(in, value, axis) || !p.backward(in, axis, order) {
			return false
		}
	}
	return true
}

// convMakes gives the output channels of a Conv in another order.
func (p *plan) convMakes(n *onnx.Node, order []int) bool {
	group := int(n.Int("group", 1))
	w := p.stored[n.Inputs[1]]
	if w == nil || w.Rank() < 3 || group < 1 || w.Shape[0]%group != 0 || w.Shape[0] != len(order) {
		return false
	}
	if group > 1 {
		groups, ok := groupOrder(order, w.Shape[0]/group)
		if !ok || !slices.IsSorted(groups) && !p.backward(n.Inputs[0], 1, widen(groups, w.Shape[1])) {
			return false
		}
	}
	return p.changeWeight(n, 1, 0, order) && p.change(n, 2, 0, order)
}

// groupOrder returns the order of groups of a permutation that keeps the elements
// of a group together, in any order.
func groupOrder(order []int, size int) (groups []int, ok bool) {
	for i, from := range order {
		if i%size == 0 {
			groups = append(groups, from/size)
		}
		if from/size != groups[i/size] {
			return nil, false
		}
	}
	return groups, true
}
