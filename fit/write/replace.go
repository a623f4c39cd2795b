package write

import (
	"fmt"
	"slices"

	"github.com/kcompress/kcompress/fit/discover"
	"github.com/kcompress/kcompress/kernels/butterfly"
	"github.com/kcompress/kcompress/onnx"
	"github.com/kcompress/kcompress/runtime/compact"
)

// replacing is a Replacement on its way into the graph.
type replacing struct {
	*writer
	Replacement
	chains map[string]*storedChain // by source and number of factors
}

// storedChain is a chain whose factors are initializers of the model.
type storedChain struct {
	design  butterfly.Design
	source  string
	error   float64
	weights compact.Weights
	stored  []string
}

// replace puts nodes with the chain where the layer's weight is used.
func (w *writer) replace(r Replacement) error {
	if opset := w.model.Opset(""); opset < compact.MinOpset {
		return fmt.Errorf("the model is written against opset %d, chains need %d", opset, compact.MinOpset)
	}
	if !r.Layer.Takes(r.Chain.Design()) {
		return fmt.Errorf("a chain of %s can not be written for %s", r.Chain.Design(), r.Layer.Op)
	}
	p := &replacing{writer: w, Replacement: r, chains: map[string]*storedChain{}}
	for _, u := range r.Layer.Uses {
		old := w.copies[u.Node]
		if u.Form == discover.Batched {
			part, err := w.part(u, old)
			if err != nil {
				return err
			}
			old, u.Input = part, part.Inputs[0]
		}
		node, before, after := old, []*onnx.Node(nil), []*onnx.Node(nil)
		if u.Elem != onnx.Float32 {
			node, before, after = p.inFloat32(&u, old)
		}
		nodes, err := p.nodes(u, node)
		if err != nil {
			return err
		}
		if nodes[0].Name == "" {
			nodes[0].Name = w.names.fresh(r.Layer.Name)
		}
		for i, n := range nodes {
			if n.Name == "" {
				n.Name = w.names.fresh(fmt.Sprintf("%s.%s%d", r.Layer.Name, n.Op, i+1))
			}
		}
		if err := w.put(old, slices.Concat(before, nodes, after)...); err != nil {
			return err
		}
	}
	return nil
}

// nodes returns what takes the place of the node of a use.
func (p *replacing) nodes(u discover.Use, old *onnx.Node) ([]*onnx.Node, error) {
	switch u.Form {
	case discover.Columns:
		return p.columns(u, old)
	case discover.Channels, discover.Patches:
		return p.conv(u, old)
	case discover.Spread:
		return p.convTranspose(u, old)
	case discover.Recurrent:
		return p.recurrent(u, old)
	case discover.Projected:
		return p.attention(u, old)
	}
	return p.rows(u, old)
}

// chain stores factors from to to-1 of the chain, once, and returns a node that
// applies them.
func (p *replacing) chain(name, input, output string, from, to int) (*onnx.Node, error) {
	factors := p.Chain.Factors[from:to]
	source, key := p.Layer.Fingerprint, fmt.Sprint(from, " ", to)
	c := p.chains[key]
	if c == nil {
		part := &butterfly.Chain{In: p.Chain.In, Out: p.Chain.Out, Factors: factors}
		if from > 0 {
			part.In, source = p.Chain.Factors[from-1].Rows(), p.Layer.Fingerprint+compact.PartOfChain
		}
		if to < len(p.Chain.Factors) {
			part.Out, source = p.Chain.Factors[to].Columns(), p.Layer.Fingerprint+compact.PartOfChain
		}
		c = &storedChain{design: part.Design(), source: source, error: p.Error, weights: p.options.Weights}
		p.addFunction(compact.ChainFunction(c.design, c.weights, p.model.Opset("")))
		for i, factor := range factors {
			tensors, err := compact.FactorTensors(factor, c.weights)
			if err != nil {
				return nil, err
			}
			for j, t := range tensors {
				suffix := "factor"
				if j > 0 {
					suffix = "scale"
				}
				c.stored = append(c.stored, p.store(t, fmt.Sprintf("%s.%s%d", p.Layer.Name, suffix, from+i+1)))
			}
		}
		p.chains[key] = c
	}
	n := compact.ChainNode(c.design, c.weights, c.source, c.error)
	n.Name, n.Inputs, n.Outputs = name, append([]string{input}, c.stored...), []string{output}
	return n, nil
}

// all applies the whole chain.
func (p *replacing) all(name, input, output string) (*onnx.Node, error) {
	return p.chain(name, input, output, 0, len(p.Chain.Factors))
}

// value returns a new name for a value on the way to the output of a node.
func (p *replacing) value(old *onnx.Node, what string) string {
	return p.names.fresh(old.Outputs[0] + "." + what)
}

// rows replaces a MatMul or Gemm, whose bias is added by a node of its own.
func (p *replacing) rows(u discover.Use, old *onnx.Node) ([]*onnx.Node, error) {
	chain, err := p.all(old.Name, u.Input, old.Outputs[0])
	if err != nil || old.Op != "Gemm" || len(old.Inputs) < 3 || old.Inputs[2] == "" {
		return []*onnx.Node{chain}, err
	}
	product := p.value(old, "product")
	chain.Outputs = []string{product}
	nodes := []*onnx.Node{chain}
	bias := old.Inputs[2]
	if beta := old.Float("beta", 1); beta != 1 {
		scaled := p.value(old, "bias")
		scale := p.store(onnx.Scalar(beta), old.Outputs[0]+".beta")
		nodes = append(nodes, &onnx.Node{Op: "Mul", Inputs: []string{bias, scale}, Outputs: []string{scaled}})
		bias = scaled
	}
	return append(nodes, &onnx.Node{Op: "Add", Inputs: []string{product, bias}, Outputs: []string{old.Outputs[0]}}), nil
}

// columns replaces a MatMul with the weight on the left.
func (p *replacing) columns(u discover.Use, old *onnx.Node) ([]*onnx.Node, error) {
	swap := make([]int64, u.Rank)
	for i := range swap {
		swap[i] = int64(i)
	}
	slices.Reverse(swap[u.Rank-2:])
	turned, product := p.value(old, "rows"), p.value(old, "product")
	chain, err := p.all(old.Name, turned, product)
	return []*onnx.Node{transpose(u.Input, turned, swap), chain, transpose(product, old.Outputs[0], swap)}, err
}

// recurrent gives an LSTM, GRU or RNN the last factor as its weight W, and its
// input by way of the others.
func (p *replacing) recurrent(u discover.Use, old *onnx.Node) ([]*onnx.Node, error) {
	last := len(p.Chain.Factors) - 1
	features := p.value(old, "features")
	chain, err := p.chain("", u.Input, features, 0, last)
	if err != nil {
		return nil, err
	}
	factor := p.Chain.Factors[last]
	directions := 1
	if old.Str("direction", "forward") == "bidirectional" {
		directions = 2
	}
	w := onnx.FromSlice(factor.Values, directions, factor.Rows()/directions, factor.Columns())
	n := *old
	n.Inputs = slices.Clone(old.Inputs)
	n.Inputs[0], n.Inputs[1] = features, p.store(w, p.Layer.Name+".W")
	return []*onnx.Node{chain, &n}, nil
}

func transpose(from, to string, perm []int64) *onnx.Node {
	return &onnx.Node{Op: "Transpose", Inputs: []string{from}, Outputs: []string{to}, Attrs: []onnx.Attribute{onnx.IntsAttr("perm", perm...)}}
}
