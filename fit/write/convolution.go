package write

import (
	"slices"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
)

// conv replaces a Conv. A first factor of whole channels is a Conv of as many
// groups as it has blocks; the other factors are applied to the channels of its
// output, one position after the other.
func (p *replacing) conv(u discover.Use, old *onnx.Node) ([]*onnx.Node, error) {
	factors := p.Chain.Factors
	bias := ""
	if len(old.Inputs) > 2 {
		bias = old.Inputs[2]
	}
	if u.Form == discover.Channels && !(len(factors) == 2 && isBlocks(factors[0].Pattern) && factors[0].Columns() == p.Chain.In && p.endsInBlocks()) {
		return p.pointwise(u, old, bias)
	}
	filters := p.value(old, "filters")
	shape := append([]int{0, 0}, u.Kernel()...)
	first := p.groupedConv(u.Input, filters, "", factors[0], shape)
	first.Name, first.Attrs = old.Name, withGroup(old.Attrs, factors[0].A)
	if len(factors) == 2 && p.endsInBlocks() {
		second := p.groupedConv(filters, old.Outputs[0], bias, factors[1], ones(u.Rank))
		second.Attrs = withGroup(nil, factors[1].A)
		return []*onnx.Node{first, second}, nil
	}
	rest, err := p.overChannels("", u, old, filters, bias, 1, len(factors), old.Outputs[0])
	return append([]*onnx.Node{first}, rest...), err
}

// isBlocks reports whether a factor multiplies blocks of neighbouring features.
func isBlocks(p butterfly.Pattern) bool { return p.D == 1 && !p.IsGather() }

// endsInBlocks reports whether the last factor gives the outputs as they are, in
// blocks of neighbours.
func (p *replacing) endsInBlocks() bool {
	last := p.Chain.Factors[len(p.Chain.Factors)-1]
	return isBlocks(last.Pattern) && last.Rows() == p.Chain.Out
}

// groupedConv is a factor of blocks as a Conv. shape is that of the weight,
// whose first two axes are set here.
func (p *replacing) groupedConv(input, output, bias string, f butterfly.Factor, shape []int) *onnx.Node {
	kernel := 1
	for _, k := range shape[2:] {
		kernel *= k
	}
	shape = slices.Clone(shape)
	shape[0], shape[1] = f.A*f.B, f.C/kernel
	n := &onnx.Node{Op: "Conv", Inputs: []string{input, p.store(onnx.FromSlice(f.Values, shape...), p.Layer.Name+".weight")}, Outputs: []string{output}}
	if bias != "" {
		n.Inputs = append(n.Inputs, bias)
	}
	return n
}

// withGroup returns the attributes with another number of groups.
func withGroup(attrs []onnx.Attribute, group int) []onnx.Attribute {
	attrs = slices.DeleteFunc(slices.Clone(attrs), func(a onnx.Attribute) bool { return a.Name == "group" })
	if group > 1 {
		attrs = append(attrs, onnx.IntAttr("group", int64(group)))
	}
	return attrs
}

// pointwise replaces a Conv whose kernel has one element by the whole chain over
// the channels.
func (p *replacing) pointwise(u discover.Use, old *onnx.Node, bias string) ([]*onnx.Node, error) {
	input := u.Input
	var nodes []*onnx.Node
	if strides := old.Ints("strides"); slices.ContainsFunc(strides, func(s int64) bool { return s != 1 }) {
		// The largest of one element is that element.
		kernel := slices.Repeat([]int64{1}, len(strides))
		input = p.value(old, "strided")
		nodes = append(nodes, &onnx.Node{Op: "MaxPool", Inputs: []string{u.Input}, Outputs: []string{input},
			Attrs: []onnx.Attribute{onnx.IntsAttr("kernel_shape", kernel...), onnx.IntsAttr("strides", strides...)}})
	}
	rest, err := p.overChannels(old.Name, u, old, input, bias, 0, len(p.Chain.Factors), old.Outputs[0])
	return append(nodes, rest...), err
}

// overChannels applies factors from to to-1 to axis 1, and adds the bias if there
// is one.
func (p *replacing) overChannels(name string, u discover.Use, old *onnx.Node, input, bias string, from, to int, output string) ([]*onnx.Node, error) {
	last, first := channelsLast(u.Rank)
	moved, product := p.value(old, "channels_last"), p.value(old, "product")
	chain, err := p.chain(name, moved, product, from, to)
	nodes := []*onnx.Node{transpose(input, moved, last), chain}
	if bias != "" {
		sum := p.value(old, "sum")
		nodes = append(nodes, &onnx.Node{Op: "Add", Inputs: []string{product, bias}, Outputs: []string{sum}})
		product = sum
	}
	return append(nodes, transpose(product, output, first)), err
}

// channelsLast returns the axes in the order that moves axis 1 to the end, and
// those that move it back.
func channelsLast(rank int) (there, back []int64) {
	there, back = []int64{0}, []int64{0, int64(rank - 1)}
	for i := 2; i < rank; i++ {
		there, back = append(there, int64(i)), append(back, int64(i-1))
	}
	return append(there, 1), back
}

// convTranspose gives a ConvTranspose the last factor as its weight, and its
// input by way of the others.
func (p *replacing) convTranspose(u discover.Use, old *onnx.Node) ([]*onnx.Node, error) {
	factors := p.Chain.Factors
	last := len(factors) - 1
	features := p.value(old, "features")
	var nodes []*onnx.Node
	if f := factors[0]; last == 1 && isBlocks(f.Pattern) && f.Columns() == p.Chain.In {
		n := p.groupedConv(u.Input, features, "", f, ones(u.Rank))
		n.Attrs = withGroup(nil, f.A)
		nodes = append(nodes, n)
	} else {
		var err error
		if nodes, err = p.overChannels("", u, old, u.Input, "", 0, last, features); err != nil {
			return nil, err
		}
	}
	f := factors[last] // [outputs, features], of which the operator wants the transposed
	shape := []int{f.C, f.B}
	for _, k := range u.Kernel() {
		shape[1] /= k
		shape = append(shape, k)
	}
	weight := onnx.FromSlice(transposedValues(f.Values, f.B, f.C), shape...)
	n := *old
	n.Inputs = slices.Clone(old.Inputs)
	n.Inputs[0], n.Inputs[1] = features, p.store(weight, p.Layer.Name+".weight")
	return append(nodes, &n), nil
}

func ones(n int) []int { return slices.Repeat([]int{1}, n) }

func transposedValues(values []float32, rows, columns int) []float32 {
	turned := make([]float32, len(values))
	for i := range rows {
		for j := range columns {
			turned[j*rows+i] = values[i*columns+j]
		}
	}
	return turned
}
